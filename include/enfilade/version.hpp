// SPDX-License-Identifier: Apache-2.0
#pragma once

#define ENFILADE_VERSION_MAJOR 0
#define ENFILADE_VERSION_MINOR 1
#define ENFILADE_VERSION_PATCH 0

#include <string_view>

namespace enfilade {

/// The version of the library, as `find_package(enfilade)` knows it.
inline constexpr std::string_view version = "0.1.0";

}  // namespace enfilade
