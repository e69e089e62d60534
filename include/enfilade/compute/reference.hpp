// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/role.hpp>
#include <enfilade/compute/compute.hpp>
#include <enfilade/compute/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade {

/// The plain loops: what the other compute policies are compared with.
///
/// Model of `compute`. Each formula stands as it is written in the paper, sums are taken in double
/// precision, and nothing is clever. Much slower than `CpuF32`; needs no library.
struct Reference {
  using policy_role = role::compute;
  static constexpr std::string_view name = "reference";

  void set_threads(unsigned) noexcept {}  // one, always

  void gather(std::span<const std::uint32_t> ids, matrix<const float> table,
              matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != ids.size(); ++i)
      std::ranges::copy(table.row(ids[i]), y.row(i).begin());
  }

  void linear(matrix<const float> x, matrix<const float> w, std::span<const float> b,
              matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != x.rows(); ++i) {
      for (std::size_t j = 0; j != w.columns(); ++j) {
        double sum = b[j];
        for (std::size_t k = 0; k != w.rows(); ++k) sum += double{x.row(i)[k]} * w.row(k)[j];
        y.row(i)[j] = static_cast<float>(sum);
      }
    }
  }

  void project(matrix<const float> x, matrix<const float> w, matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != x.rows(); ++i)
      for (std::size_t j = 0; j != w.rows(); ++j)
        y.row(i)[j] = static_cast<float>(dot(x.row(i), w.row(j)));
  }

  void layer_norm(matrix<const float> x, std::span<const float> gain, std::span<const float> bias,
                  float epsilon, matrix<float> y) const noexcept {
    const auto n = static_cast<double>(x.columns());
    for (std::size_t i = 0; i != x.rows(); ++i) {
      double mean = 0;
      for (const float v : x.row(i)) mean += v / n;
      double variance = 0;
      for (const float v : x.row(i)) variance += (v - mean) * (v - mean) / n;
      const double deviation = std::sqrt(variance + double{epsilon});
      for (std::size_t j = 0; j != x.columns(); ++j)
        y.row(i)[j] = static_cast<float>((x.row(i)[j] - mean) / deviation * gain[j] + bias[j]);
    }
  }

  void gelu(matrix<float> x) const noexcept {
    constexpr double sqrt_2_over_pi = 0.79788456080286535588;
    for (std::size_t i = 0; i != x.rows(); ++i) {
      for (float& element : x.row(i)) {
        const double v = element;
        const double u = sqrt_2_over_pi * (v + 0.044715 * v * v * v);
        element = static_cast<float>(0.5 * v * (1 + std::tanh(u)));
      }
    }
  }

  void add(matrix<const float> x, matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != x.rows(); ++i)
      for (std::size_t j = 0; j != x.columns(); ++j) y.row(i)[j] += x.row(i)[j];
  }

  void attend(matrix<const float> q, matrix<const float> k, matrix<const float> v,
              matrix<float> scratch, matrix<float> y) const noexcept {
    const double root = std::sqrt(static_cast<double>(q.columns()));
    const std::size_t before = k.rows() - q.rows();
    for (std::size_t i = 0; i != q.rows(); ++i) {
      const std::span<float> weights = scratch.row(0).first(before + i + 1);
      for (std::size_t t = 0; t != weights.size(); ++t)
        weights[t] = static_cast<float>(dot(q.row(i), k.row(t)) / root);
      const double top = *std::max_element(weights.begin(), weights.end());
      double total = 0;
      for (const float w : weights) total += std::exp(w - top);
      for (float& w : weights) w = static_cast<float>(std::exp(w - top) / total);
      for (std::size_t j = 0; j != v.columns(); ++j) {
        double sum = 0;
        for (std::size_t t = 0; t != weights.size(); ++t) sum += double{weights[t]} * v.row(t)[j];
        y.row(i)[j] = static_cast<float>(sum);
      }
    }
  }

 private:
  static double dot(std::span<const float> a, std::span<const float> b) noexcept {
    double sum = 0;
    for (std::size_t k = 0; k != a.size(); ++k) sum += double{a[k]} * b[k];
    return sum;
  }
};

static_assert(compute<Reference>);

}  // namespace enfilade
