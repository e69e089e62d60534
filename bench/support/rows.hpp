// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Samples of one figure: what is quoted is the median, and how far the others lie.
class samples {
 public:
  void add(double value) { values_.push_back(value); }

  double median() const {
    std::vector<double> sorted = values_;
    std::ranges::sort(sorted);
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  double least() const { return std::ranges::min(values_); }
  double most() const { return std::ranges::max(values_); }
  std::size_t count() const { return values_.size(); }
  const std::vector<double>& values() const { return values_; }

  /// Each of these divided by its partner, taken in the same round: drift of the machine cancels.
  friend samples operator/(const samples& a, const samples& b) {
    samples ratios;
    for (std::size_t i = 0; i != std::min(a.count(), b.count()); ++i)
      ratios.add(a.values_[i] / b.values_[i]);
    return ratios;
  }

 private:
  std::vector<double> values_;
};

/// One row of a benchmark's output. `floor` is what the hardware allows and `peer` what another way
/// of doing it takes, both measured in the same rounds.
class row {
 public:
  row(std::string suite, std::string name, nlohmann::json params, std::string unit)
      : json_{{"suite", std::move(suite)}, {"name", std::move(name)}, {"params", std::move(params)},
              {"unit", std::move(unit)},   {"floor", nullptr},        {"ratio", nullptr},
              {"peer", nullptr},           {"peer_ratio", nullptr}} {}

  row& value(const samples& of) {
    json_["value"] = of.median();
    json_["min"] = of.least();
    json_["max"] = of.most();
    json_["n"] = of.count();
    return *this;
  }
  /// `ratio` is the median of the paired ratios of `of` to `lowest`.
  row& floor(const samples& of, const samples& lowest) {
    json_["floor"] = lowest.median();
    json_["ratio"] = (of / lowest).median();
    return *this;
  }
  row& peer(const samples& of, const samples& other) {
    json_["peer"] = other.median();
    json_["peer_ratio"] = (of / other).median();
    return *this;
  }

  /// One line of JSON on stdout, for bench/run.sh.
  void print() const { std::cout << json_.dump() << std::endl; }

 private:
  nlohmann::json json_;
};

}  // namespace bench
