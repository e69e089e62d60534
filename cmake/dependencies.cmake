# SPDX-License-Identifier: Apache-2.0
#
# Finds what enfilade::enfilade links. Included by the project and, installed, by its package
# configuration, so that both ask for the same things.
#
# find_package and nothing else: whoever wants downloads brings a dependency provider.
# Never xtensor::optimize: it adds -march=native, and a measured binary must be the same on every
# machine that builds it.
include(CMakeFindDependencyMacro)

find_dependency(Boost 1.81 CONFIG)
find_dependency(CryptoPP 8.7)
find_dependency(Threads)
find_dependency(nlohmann_json)
find_dependency(xtensor)

# xtensor-blas looks for a BLAS itself, so it must be told first which one.
set(_enfilade_blas "${BLA_VENDOR}")
if(NOT BLA_VENDOR)
  set(BLA_VENDOR OpenBLAS)
endif()
find_dependency(BLAS)
find_dependency(xtensor-blas)
set(BLA_VENDOR "${_enfilade_blas}")
unset(_enfilade_blas)
