# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/enfilade)
install(TARGETS enfilade EXPORT enfilade-targets FILE_SET HEADERS)
install(EXPORT enfilade-targets NAMESPACE enfilade:: DESTINATION ${package_dir})
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/enfilade-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  cmake/enfilade-config.cmake
  cmake/dependencies.cmake
  cmake/FindCryptoPP.cmake
  cmake/stages.cmake
  "${CMAKE_CURRENT_BINARY_DIR}/enfilade-config-version.cmake"
  DESTINATION ${package_dir})
