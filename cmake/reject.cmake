# SPDX-License-Identifier: Apache-2.0
#
# enfilade_add_reject_test(<file.cpp>)
#
# A file in tests/reject/ must fail to compile for the reason that its first line names
# ("// reject: E01 layers-gap"): one error, with that tag, on a line between its #else and #endif.
# It must compile once -DFIXED is given, so that it cannot fail for some other reason, such as a
# missing include. A second line ("// flags: -DNDEBUG") adds flags.
#
# The tests run the compiler of the build by itself and not through the build tool, so that they
# run beside each other. The headers are compiled once, into ${CMAKE_CURRENT_BINARY_DIR}/reject.

set(ENFILADE_REJECT_RUNNER "${CMAKE_CURRENT_LIST_DIR}/run_reject.cmake")
set(ENFILADE_REJECT_FLAGS "${CMAKE_CXX20_STANDARD_COMPILE_OPTION}" "-I${PROJECT_SOURCE_DIR}/include")
foreach(dependency IN ITEMS Boost::headers CryptoPP::CryptoPP xtensor)
  get_target_property(_directories ${dependency} INTERFACE_INCLUDE_DIRECTORIES)
  if(_directories)
    list(TRANSFORM _directories PREPEND "-I")
    list(APPEND ENFILADE_REJECT_FLAGS ${_directories})
  endif()
endforeach()
list(REMOVE_DUPLICATES ENFILADE_REJECT_FLAGS)

# Both compilers take prelude.hpp.gch in place of prelude.hpp where a file says -include prelude.hpp.
set(ENFILADE_REJECT_PRELUDE "${CMAKE_CURRENT_BINARY_DIR}/reject/prelude.hpp")
file(CONFIGURE OUTPUT ${ENFILADE_REJECT_PRELUDE}
  CONTENT "#include \"${CMAKE_CURRENT_SOURCE_DIR}/reject/prelude.hpp\"\n")
add_custom_command(OUTPUT ${ENFILADE_REJECT_PRELUDE}.gch
  COMMAND ${CMAKE_CXX_COMPILER} ${ENFILADE_REJECT_FLAGS} -x c++-header ${ENFILADE_REJECT_PRELUDE}
          -o ${ENFILADE_REJECT_PRELUDE}.gch -MD -MF ${ENFILADE_REJECT_PRELUDE}.d
          -MT ${ENFILADE_REJECT_PRELUDE}.gch
  DEPENDS ${ENFILADE_REJECT_PRELUDE}
  DEPFILE ${ENFILADE_REJECT_PRELUDE}.d
  COMMENT "Precompiling the headers of the reject tests"
  VERBATIM)
add_custom_target(reject-prelude ALL DEPENDS ${ENFILADE_REJECT_PRELUDE}.gch)

function(enfilade_add_reject_test source)
  cmake_path(GET source STEM name)
  file(STRINGS ${source} lines LIMIT_COUNT 2)
  list(GET lines 0 first)
  list(GET lines 1 second)
  if(NOT first MATCHES "^// reject: (E[0-9][0-9] .*)$")
    message(FATAL_ERROR "${source}: the first line must be '// reject: E<nn> <slug>'")
  endif()
  set(tag "${CMAKE_MATCH_1}")

  # Other flags, other macros: then the precompiled headers do not apply.
  set(flags ${ENFILADE_REJECT_FLAGS})
  if(second MATCHES "^// flags: (.*)$")
    separate_arguments(own UNIX_COMMAND "${CMAKE_MATCH_1}")
    list(APPEND flags ${own})
  else()
    list(APPEND flags -include ${ENFILADE_REJECT_PRELUDE})
  endif()

  add_test(NAME reject.${name}.broken
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${source} "-DTAG=${tag}" -P ${ENFILADE_REJECT_RUNNER} --
            ${CMAKE_CXX_COMPILER} ${flags} -fsyntax-only ${source})
  add_test(NAME reject.${name}.fixed
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} -Werror -Wall -Wextra -DFIXED -fsyntax-only ${source})
  set_tests_properties(reject.${name}.broken reject.${name}.fixed PROPERTIES LABELS reject)
endfunction()
