// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace enfilade {

/// Average and nearest-rank percentiles of a set of times.
///
/// The p-th percentile is the smallest sample that at least p per cent of all samples do not
/// exceed (nearest rank); with 19 samples p95 is therefore the largest one, and says so.
class statistics {
 public:
  explicit statistics(std::vector<double> samples) : samples_(std::move(samples)) {
    std::ranges::sort(samples_);
  }

  std::size_t count() const noexcept { return samples_.size(); }

  /// Arithmetic mean; 0 where there is no sample.
  double average() const noexcept {
    if (samples_.empty()) return 0;
    return std::accumulate(samples_.begin(), samples_.end(), 0.0) /
           static_cast<double>(samples_.size());
  }

  /// The nearest-rank percentile, `p` in (0, 100]; 0 where there is no sample.
  double percentile(double p) const noexcept {
    if (samples_.empty()) return 0;
    const double rank = std::ceil(p / 100.0 * static_cast<double>(samples_.size()));
    const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
    return samples_[std::min(index, samples_.size() - 1)];
  }

 private:
  std::vector<double> samples_;
};

}  // namespace enfilade
