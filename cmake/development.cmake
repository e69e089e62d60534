# SPDX-License-Identifier: Apache-2.0
#
# What this repository's own targets (tests, examples, benchmarks) get and a user never does.

# enfilade-dev-warnings: warnings stay off the interface, since a user's compiler is not ours.
add_library(enfilade-dev-warnings INTERFACE)
target_compile_options(enfilade-dev-warnings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror
  # g++ 12 warns of overlapping copies in its own operator+(const char*, string&&): GCC bug 105651.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ENFILADE_CCACHE ccache)
  mark_as_advanced(ENFILADE_CCACHE)
  if(ENFILADE_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${ENFILADE_CCACHE}")
  endif()
endif()
