// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

// The steps that are not products, four floats at a time. Vectors are written out, in the form that
// g++ and clang share, because g++ 12 leaves these loops scalar at every level of optimisation. Four
// floats are what each x86-64 has, so a binary needs no choice at run time; and sums are taken in a
// fixed order, so their bits depend neither on the compiler nor on where a buffer lies.
namespace enfilade::detail {

using floats4 [[gnu::vector_size(16)]] = float;
using ints4 [[gnu::vector_size(16)]] = std::int32_t;

inline floats4 all(float value) noexcept { return floats4{value, value, value, value}; }

inline floats4 load4(const float* from) noexcept {
  floats4 v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

/// The first `count` of four, and `rest` in place of the others.
inline floats4 load_some(const float* from, std::size_t count, float rest) noexcept {
  floats4 v = all(rest);
  std::memcpy(&v, from, count * sizeof(float));
  return v;
}

/// e^x within a relative error of 2e-7 for x in [-87, 88]; x outside is moved to the nearer end.
///
/// e^x = 2^n e^r with |r| <= ln(2)/2. The Taylor polynomial of degree 7 is off by at most
/// r^8/8! < 6e-9 there, so the error is that of rounding. ln(2) is split in two, so that n times its
/// upper part is exact.
inline floats4 exp4(floats4 x) noexcept {
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_upper = 0.693359375F;  // 355/512
  constexpr float ln2_lower = -2.12194440e-4F;
  const floats4 rounds = all(12582912.0F);  // 1.5 * 2^23: adding it leaves no place for a fraction
  x = x < all(-87.0F) ? all(-87.0F) : x;
  x = x > all(88.0F) ? all(88.0F) : x;
  const floats4 n = (x * log2_e + rounds) - rounds;
  const floats4 r = (x - n * ln2_upper) - n * ln2_lower;
  floats4 p = r * (1.0F / 5040.0F) + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const ints4 exponent = (__builtin_convertvector(n, ints4) + 127) << 23;
  return p * std::bit_cast<floats4>(exponent);
}

/// GELU in its tanh form, within 1e-6 max(1, |x|): x/2 (1 + tanh u) is x / (1 + e^-2u).
inline floats4 gelu4(floats4 x) noexcept {
  constexpr float sqrt_2_over_pi = 0.797884561F;
  const floats4 u = (x + x * x * x * 0.044715F) * sqrt_2_over_pi;
  return x / (exp4(u * -2.0F) + 1.0F);
}

/// y_i = step(x_i), for as many as x has. `y` may be `x`.
template <class Step>
void each4(std::span<const float> x, float* y, Step step) noexcept {
  std::size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    const floats4 v = step(load4(x.data() + i));
    std::memcpy(y + i, &v, sizeof v);
  }
  if (const std::size_t left = x.size() - i; left != 0) {
    const floats4 v = step(load_some(x.data() + i, left, 0.0F));
    std::memcpy(y + i, &v, left * sizeof(float));
  }
}

/// What `join` makes of all elements; `rest` is what it leaves things as they are with.
template <class Join>
float fold4(std::span<const float> x, float rest, Join join) noexcept {
  floats4 a = all(rest), b = a, c = a, d = a;
  std::size_t i = 0;
  for (; i + 16 <= x.size(); i += 16) {
    a = join(a, load4(x.data() + i));
    b = join(b, load4(x.data() + i + 4));
    c = join(c, load4(x.data() + i + 8));
    d = join(d, load4(x.data() + i + 12));
  }
  for (; i + 4 <= x.size(); i += 4) a = join(a, load4(x.data() + i));
  if (i != x.size()) a = join(a, load_some(x.data() + i, x.size() - i, rest));
  a = join(join(a, b), join(c, d));
  a = join(a, floats4{a[2], a[3], a[0], a[1]});
  return join(a, floats4{a[1], a[0], a[3], a[2]})[0];
}

inline float sum4(std::span<const float> x) noexcept {
  return fold4(x, 0.0F, [](floats4 a, floats4 b) { return a + b; });
}

/// The largest of the elements, of which there is at least one.
inline float max4(std::span<const float> x) noexcept {
  return fold4(x, x[0], [](floats4 a, floats4 b) { return a < b ? b : a; });
}

/// The product of two rows of one length.
inline float dot4(const float* x, const float* w, std::size_t size) noexcept {
  floats4 a = all(0), b = a, c = a, d = a;
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    a += load4(x + i) * load4(w + i);
    b += load4(x + i + 4) * load4(w + i + 4);
    c += load4(x + i + 8) * load4(w + i + 8);
    d += load4(x + i + 12) * load4(w + i + 12);
  }
  for (; i + 4 <= size; i += 4) a += load4(x + i) * load4(w + i);
  if (i != size) a += load_some(x + i, size - i, 0.0F) * load_some(w + i, size - i, 0.0F);
  a = (a + b) + (c + d);
  return (a[0] + a[1]) + (a[2] + a[3]);
}

/// y = (x - mean) / sqrt(variance + epsilon) · gain + bias, all of one length.
inline void layer_norm_row(std::span<const float> x, std::span<const float> gain,
                           std::span<const float> bias, float epsilon,
                           std::span<float> y) noexcept {
  const auto n = static_cast<float>(x.size());
  const float mean = sum4(x) / n;
  // The squares lie in y for a moment; the variance is theirs, not a difference of large numbers.
  each4(x, y.data(), [mean](floats4 v) { return (v - mean) * (v - mean); });
  const float scale = 1.0F / std::sqrt(sum4(y) / n + epsilon);
  each4(x, y.data(), [mean, scale](floats4 v) { return (v - mean) * scale; });
  for (std::size_t i = 0; i != y.size(); ++i) y[i] = y[i] * gain[i] + bias[i];
}

/// x = softmax(scale · x), over a whole span that is not empty; `scale` is positive.
inline void softmax_row(std::span<float> x, float scale) noexcept {
  const float top = max4(x);
  each4(x, x.data(), [top, scale](floats4 v) { return exp4((v - top) * scale); });
  const float share = 1.0F / sum4(x);
  each4(x, x.data(), [share](floats4 v) { return v * share; });
}

}  // namespace enfilade::detail
