// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/statistics.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

namespace {

using enfilade::statistics;

std::vector<double> one_to(int last) {
  std::vector<double> samples(static_cast<std::size_t>(last));
  std::iota(samples.rbegin(), samples.rend(), 1.0);  // the largest first
  return samples;
}

TEST_SUITE("run/statistics") {
  TEST_CASE("the average is the arithmetic mean") {
    CHECK(statistics{{3, 1, 2}}.average() == 2);
    CHECK(statistics{one_to(100)}.average() == doctest::Approx(50.5));
  }

  TEST_CASE("a percentile is the nearest rank, whatever the order of the samples") {
    const statistics hundred{one_to(100)};
    CHECK(hundred.count() == 100);
    CHECK(hundred.percentile(50) == 50);
    CHECK(hundred.percentile(95) == 95);
    CHECK(hundred.percentile(99) == 99);
    CHECK(hundred.percentile(100) == 100);
    CHECK(hundred.percentile(0.5) == 1);
  }

  TEST_CASE("a percentile of few samples is one of them") {
    const statistics few{one_to(19)};
    CHECK(few.percentile(50) == 10);
    CHECK(few.percentile(95) == 19);
    CHECK(few.percentile(99) == 19);
    CHECK(statistics{{7}}.percentile(1) == 7);
    CHECK(statistics{{7}}.percentile(99) == 7);
  }

  TEST_CASE("an odd number of samples has its middle one as median") {
    CHECK(statistics{{9, 1, 5}}.percentile(50) == 5);
  }

  TEST_CASE("no sample gives 0 and not something that is no number") {
    const statistics none{{}};
    CHECK(none.count() == 0);
    CHECK(none.average() == 0);
    CHECK(none.percentile(99) == 0);
  }
}

}  // namespace
