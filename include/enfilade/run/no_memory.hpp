// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

namespace enfilade::detail {

/// What is told where there is no memory to make a failure that says more. Made beforehand; copies
/// of it need no memory.
inline const failure no_memory{errc::process_out_of_memory, ""};

/// What is told of an exception that is no `failure`.
inline const failure defect{errc::internal, ""};

}  // namespace enfilade::detail
