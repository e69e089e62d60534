// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/system_error.hpp>

namespace enfilade {

/// Closes a connection whose fate no longer matters: an error of closing has no remedy.
template <class Stream>
void close_quietly(Stream& stream) noexcept {
  try {
    stream.close();
  } catch (const boost::system::system_error&) {
  }
}

}  // namespace enfilade
