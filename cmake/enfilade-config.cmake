# SPDX-License-Identifier: Apache-2.0
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
include("${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake")
if(DEFINED enfilade_FOUND AND NOT enfilade_FOUND)
  return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/enfilade-targets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/stages.cmake")
