// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <stdexcept>
#include <string>

namespace test {

/// The error and the place of what `action` throws; throws itself where it throws no `failure`.
struct failure_of {
  enfilade::error_code code;
  std::string where;

  template <class Action>
  explicit failure_of(Action action) {
    try {
      action();
    } catch (const enfilade::failure& caught) {
      code = caught.code();
      where = caught.where();
      return;
    }
    throw std::logic_error{"nothing failed"};
  }

  bool says(const std::string& text) const { return where.find(text) != std::string::npos; }
};

}  // namespace test
