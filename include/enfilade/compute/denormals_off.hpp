// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <xmmintrin.h>

namespace enfilade {

/// While one lives, this thread takes denormal floats for zero, in operands and results.
///
/// A model's activations decay into denormals now and then, and the CPU handles those 2 to 3 times
/// slower than other numbers (docs/concepts/compute.md). What is lost lies below 1.2e-38. It is a
/// guard and not a setting of the thread, because the same thread also runs code that is not ours.
class denormals_off {
 public:
  denormals_off() noexcept : before_(_mm_getcsr()) { _mm_setcsr(before_ | flush | operands); }
  ~denormals_off() { _mm_setcsr(before_); }

  denormals_off(const denormals_off&) = delete;
  denormals_off& operator=(const denormals_off&) = delete;

 private:
  static constexpr unsigned flush = 0x8000;     // FTZ: results
  static constexpr unsigned operands = 0x0040;  // DAZ: operands

  unsigned before_;
};

}  // namespace enfilade
