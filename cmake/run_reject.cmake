# SPDX-License-Identifier: Apache-2.0
#
# cmake -DSOURCE=<file.cpp> -DTAG="E01 layers-gap" -P run_reject.cmake -- <compiler> <arguments>...
#
# Fails unless the compiler prints exactly one error, the error has the tag, and the output points
# at a line between the #else and the #endif of the file.
set(command "")
set(beyond FALSE)
foreach(i RANGE ${CMAKE_ARGC})
  if(beyond)
    list(APPEND command "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(beyond TRUE)
  endif()
endforeach()

# One language for all: the compilers translate "error:".
set(ENV{LC_ALL} C)
execute_process(COMMAND ${command} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(code EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles")
endif()
string(REGEX MATCHALL "error: " errors "${output}")
list(LENGTH errors count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${count} errors where one is promised:\n${output}")
endif()
if(NOT output MATCHES "error: [^\n]*\\[${TAG}\\] [^\n]* Fix: [^\n]*\\(docs/diagnostics\\.md#E[0-9][0-9]\\)")
  message(FATAL_ERROR "the error is not [${TAG}], a sentence, a fix and a link:\n${output}")
endif()

# What the documentation shows is what the compiler says: files with a region for it are its samples.
file(READ ${SOURCE} text)
if(text MATCHES "//\\[wrong")
  string(REGEX MATCH "\\[${TAG}\\] [^\n]*\\(docs/diagnostics\\.md#E[0-9][0-9]\\)" said "${output}")
  file(READ "${CMAKE_CURRENT_LIST_DIR}/../docs/diagnostics.md" page)
  string(REGEX REPLACE "[ \n]+" " " page "${page}")
  string(FIND "${page}" "${said}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "docs/diagnostics.md does not show this text:\n${said}")
  endif()
endif()

string(REGEX REPLACE "[^\n]*;[^\n]*" "x" text "${text}")  # a semicolon splits a list,
string(REGEX REPLACE "\\[|\\]" "x" text "${text}")        # and a lone bracket joins one
string(REPLACE "\n" ";" lines "${text}")
set(number 0)
set(wrong FALSE)
set(shown FALSE)
foreach(line IN LISTS lines)
  math(EXPR number "${number} + 1")
  if(line STREQUAL "#else")
    set(wrong TRUE)
  elseif(line STREQUAL "#endif")
    set(wrong FALSE)
  endif()
  if(wrong)
    string(FIND "${output}" "${SOURCE}:${number}:" at)
    if(NOT at EQUAL -1)
      set(shown TRUE)
    endif()
  endif()
endforeach()
if(NOT shown)
  message(FATAL_ERROR "the error does not lead to the wrong line of ${SOURCE}:\n${output}")
endif()
