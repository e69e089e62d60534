// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/device_thread.hpp>
#include <enfilade/transport/asio.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// How long a desk waits for what, and how many may wait for it.
struct desk_limits {
  /// For one piece of evidence, made or judged. What takes longer will not come back: a device hangs.
  std::chrono::nanoseconds budget = std::chrono::seconds{5};
  /// The same while a program starts: the first quote of a machine takes longer, and nobody waits.
  std::chrono::nanoseconds at_start = std::chrono::seconds{30};
  /// Handshakes that wait for their turn: those of a full door (`admission_limits`), and as many that
  /// this program began itself.
  std::size_t waiting = 128;
  /// What is under way when the program ends is given so long; what hangs is left behind.
  std::chrono::nanoseconds at_end = std::chrono::seconds{1};
};

/// The time of day, by the machine's clock. In a TEE that is what its host says.
inline std::chrono::sys_seconds time_of_day() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// The one place of a program where evidence is made and judged: it knows what time it is, what the
/// operator has fetched, and which authorities were found good before.
///
/// Where the attester takes time, all of it is done on a thread of its own, one at a time, so that
/// links are served meanwhile; where it does not, at once, without a hand-over. Several executors
/// may share a desk. Keep it as long as anybody asks it.
///
/// | error                          | of the desk itself                                          |
/// |--------------------------------|-------------------------------------------------------------|
/// | `errc::attest_device_failed`   | the TEE's device hangs, since just now or for some time      |
/// | `errc::stage_overloaded`       | too many wait for their turn                                |
/// | `errc::transport_timeout`      | the caller's `patience` is over                             |
template <attester Attester>
class attestation_desk {
 public:
  using attester_type = Attester;
  using clock = std::chrono::sys_seconds (*)();
  using duration = std::chrono::nanoseconds;

  explicit attestation_desk(endorsements given = {}, clock now = time_of_day,
                            const desk_limits& limits = {})
      : books_(std::make_shared<books>(std::move(given))), now_(now), limits_(limits) {}
  attestation_desk(const attestation_desk&) = delete;
  attestation_desk& operator=(const attestation_desk&) = delete;

  /// The desk of whoever brings none, without files: one for the whole program. It is never
  /// destroyed, because its thread may be busy when the program ends.
  static std::shared_ptr<attestation_desk> common() {
    static const auto* const one =
        new std::shared_ptr<attestation_desk>{std::make_shared<attestation_desk>()};
    return *one;
  }

  /// `own.prepare()`: once, before the first `attest`. For the start of a program: it blocks.
  result<void> prepare(std::shared_ptr<const Attester> own) {
    const auto work = std::make_shared<preparing>(std::move(own));
    if (const result<void> done = at_start(work); !done) return done;
    return work->prepared;
  }

  /// What `own` would have a peer believe of this program, as `measure` says. It blocks as well.
  ///
  /// A TEE in debug mode is measured, too: whether that will do is for the peers to say.
  judged<claims> measure(std::shared_ptr<const Attester> own) {
    const std::array<std::byte, 64> nobody{};
    const auto made = std::make_shared<making>(std::move(own), nobody);
    if (const result<void> done = at_start(made); !done)
      return refusal{static_cast<errc>(done.error().value()), "measure.attest"};
    if (!made->made)
      return refusal{static_cast<errc>(made->made.error().value()), "measure.attest"};
    const appraisal terms{now_(), books_->given, &books_->known, true};
    const auto found = std::make_shared<judging>(*made->made, nobody, terms, books_);
    if (const result<void> done = at_start(found); !done)
      return refusal{static_cast<errc>(done.error().value()), "measure.verify"};
    return std::move(*found->found);
  }

  /// Evidence of `own` for one session; `patience` is how long the caller can wait.
  asio::awaitable<result<std::vector<std::byte>>> attest(std::shared_ptr<const Attester> own,
                                                         report_data_view data,
                                                         duration patience = longest) {
    if constexpr (Attester::takes_time) {
      const auto work = std::make_shared<making>(std::move(own), data);
      const result<void> done = co_await thread_.perform(work, limits_.budget, patience);
      if (!done) co_return done.error();
      co_return std::move(work->made);
    } else {
      const std::scoped_lock alone{books_->lock};
      co_return own->attest(data);
    }
  }

  /// What `evidence` says, if it is genuine, made for `data`, and of the program that `wanted`
  /// demands. `detail` is told the rule or the demand that is not met.
  asio::awaitable<result<claims>> judge(detail::byte_span evidence, report_data_view data,
                                        const expectations& wanted, std::string& detail,
                                        duration patience = longest) {
    const appraisal terms = wanted.terms(now_(), books_->given, &books_->known);
    std::optional<judged<claims>> found;
    if constexpr (Attester::takes_time) {
      const auto work = std::make_shared<judging>(evidence, data, terms, books_);
      const result<void> done = co_await thread_.perform(work, limits_.budget, patience);
      if (!done) {
        detail = "its evidence was not judged";
        co_return done.error();
      }
      found = std::move(work->found);
    } else {
      const std::scoped_lock alone{books_->lock};
      found = Attester::verify(evidence, data, terms);
    }
    if (!*found) {
      detail = found->error().rule;
      co_return found->error().code;
    }
    (*found)->judged_at = terms.now;
    if (const result<void> met = wanted.check(**found, &detail); !met) co_return met.error();
    co_return *std::move(*found);
  }

 private:
  static constexpr duration longest = duration::max();

  // What judging needs beside the evidence: it lives as long as anybody judges.
  struct books {
    explicit books(endorsements files) : given(std::move(files)) {}
    const endorsements given;
    known_signatures known;
    std::mutex lock;  // where there is no thread of their own
  };

  // Work owns all that it touches, for it may come back when nobody waits for it any more.
  struct preparing {
    explicit preparing(std::shared_ptr<const Attester> a) : own(std::move(a)) {}
    void operator()() { prepared = own->prepare(); }
    std::shared_ptr<const Attester> own;
    result<void> prepared;
  };
  struct making {
    making(std::shared_ptr<const Attester> a, report_data_view d) : own(std::move(a)) {
      std::ranges::copy(d, data.begin());
    }
    void operator()() { made = own->attest(data); }
    std::shared_ptr<const Attester> own;
    std::array<std::byte, 64> data;
    result<std::vector<std::byte>> made = errc::internal;
  };
  struct judging {
    judging(detail::byte_span e, report_data_view d, const appraisal& t, std::shared_ptr<books> b)
        : evidence(e.begin(), e.end()), terms(t), with(std::move(b)) {
      std::ranges::copy(d, data.begin());
    }
    void operator()() { found = Attester::verify(evidence, data, terms); }
    std::vector<std::byte> evidence;
    std::array<std::byte, 64> data;
    appraisal terms;
    std::shared_ptr<books> with;  // what `terms` refer to
    std::optional<judged<claims>> found;
  };

  template <class Work>
  result<void> at_start(const std::shared_ptr<Work>& work) {
    if constexpr (Attester::takes_time) {
      return thread_.call(work, limits_.at_start);
    } else {
      const std::scoped_lock alone{books_->lock};
      (*work)();
      return {};
    }
  }

  std::shared_ptr<books> books_;
  clock now_;
  desk_limits limits_;
  device_thread thread_{limits_.waiting, limits_.at_end};
};

}  // namespace enfilade
