# SPDX-License-Identifier: Apache-2.0
#
# enfilade_add_stages(<name> SOURCE stage.cpp STAGES <count>
#                     [CLIENT client.cpp] [DEFINITIONS <definition>...] [LIBRARIES <target>...]
#                     [EXCLUDE_FROM_ALL])
#
# One small program per stage of a topology: <name>-stage0, <name>-stage1, ..., each SOURCE compiled
# with -DSTAGE=<i>, and, where CLIENT is given, <name>-client. DEFINITIONS and LIBRARIES go to all of
# them; with EXCLUDE_FROM_ALL they are only built when asked for by name.
#
# A stage is measured, and its measurement is pinned by its peers. So these targets are built to come
# out byte for byte the same on every machine with the same compiler and packages: no path of the
# build machine, no kernel chosen for the processor that compiled it, unused sections dropped.
function(enfilade_add_stages name)
  cmake_parse_arguments(PARSE_ARGV 1 arg
    "EXCLUDE_FROM_ALL" "SOURCE;CLIENT;STAGES" "DEFINITIONS;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "enfilade_add_stages(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SOURCE OR NOT "${arg_STAGES}" MATCHES "^[1-9][0-9]*$")
    message(FATAL_ERROR "enfilade_add_stages(${name}): SOURCE <file> and STAGES <count> are needed")
  endif()

  set(targets "")
  math(EXPR last "${arg_STAGES} - 1")
  foreach(i RANGE ${last})
    add_executable(${name}-stage${i} ${arg_SOURCE})
    target_compile_definitions(${name}-stage${i} PRIVATE STAGE=${i})
    list(APPEND targets ${name}-stage${i})
  endforeach()
  if(arg_CLIENT)
    add_executable(${name}-client ${arg_CLIENT})
    list(APPEND targets ${name}-client)
  endif()

  get_target_property(headers enfilade::enfilade HEADER_DIRS)
  foreach(target IN LISTS targets)
    target_link_libraries(${target} PRIVATE enfilade::enfilade ${arg_LIBRARIES})
    target_compile_definitions(${target} PRIVATE ${arg_DEFINITIONS})
    target_compile_options(${target} PRIVATE
      -ffunction-sections -fdata-sections
      "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=." "-ffile-prefix-map=${CMAKE_BINARY_DIR}=."
      "-ffile-prefix-map=${headers}=include"
      $<$<CONFIG:Release>:-O2>)
    target_link_options(${target} PRIVATE
      LINKER:--gc-sections LINKER:--as-needed LINKER:--build-id=sha1)
    set_target_properties(${target} PROPERTIES
      CXX_EXTENSIONS OFF BUILD_RPATH_USE_ORIGIN ON EXCLUDE_FROM_ALL ${arg_EXCLUDE_FROM_ALL})
  endforeach()
endfunction()
