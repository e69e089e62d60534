// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/compose/explain.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/detail/nth.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

/// Two places of a list; equal where there is nothing to tell of them.
struct alike_pair {
  std::size_t first = 0;
  std::size_t second = 0;
};

/// The first two of these that have one name, or one format of evidence.
template <class... As>
consteval alike_pair find_alike() {
  const std::array<std::string_view, sizeof...(As)> names{As::name...};
  const std::array<std::uint16_t, sizeof...(As)> formats{As::format...};
  for (std::size_t j = 1; j < names.size(); ++j)
    for (std::size_t i = 0; i != j; ++i)
      if (names[i] == names[j] || formats[i] == formats[j]) return {i, j};
  return {};
}

/// "any-of-nitro-sev-snp"
template <class... As>
struct any_of_name {
  static constexpr std::string_view start = "any-of";

  static constexpr auto text = [] {
    std::array<char, start.size() + (0 + ... + (1 + std::string_view{As::name}.size()))> out{};
    auto at = std::ranges::copy(start, out.begin()).out;
    const auto put = [&at](std::string_view name) {
      *at++ = '-';
      at = std::ranges::copy(name, at).out;
    };
    (put(As::name), ...);
    return out;
  }();
  static constexpr std::string_view view{text.data(), text.size()};
};

template <class A>
inline constexpr bool says_insecure = false;
template <class A>
requires requires { requires A::insecure; }
inline constexpr bool says_insecure<A> = true;

}  // namespace detail

namespace diagnose {

template <class... As>
struct explain_alternatives {
  static constexpr bool given() {
    constexpr detail::alike_pair alike = detail::find_alike<As...>();
    if constexpr (alike.first == alike.second)
      return true;
    else
      return alternatives_alike<detail::nth<alike.first, As...>,
                                detail::nth<alike.second, As...>>::given();
  }
};

template <class... As>
concept alternatives_explained = explain_alternatives<As...>::given();

}  // namespace diagnose

/// One of several attesters, for a fleet that mixes platforms: one deployment, one plan, and each
/// machine attests as it can.
///
/// Model of `attester`. At run time the first attests whose device the machine has; that it has
/// none at all is `errc::attest_device_unavailable`. Evidence says which one it is of:
///
///     u16 format, evidence of that alternative
///
/// in little-endian order, and `verify` is that of the alternative. Claims carry its name, so
/// expectations are said for each platform, as alternatives. Whoever trusts one of them trusts what
/// it proves and no more: the weakest that expectations accept is what a pipeline is worth.
///
/// Names and formats are different (E23). `insecure` where one alternative is (E11).
template <attester... As>
requires(sizeof...(As) != 0) && diagnose::alternatives_explained<As...> class AnyOf {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = detail::any_of_name<As...>::view;
  static constexpr std::uint16_t format = 0x100;
  static constexpr bool takes_time = (As::takes_time || ...);
  static constexpr bool takes_endorsements = (enfilade::takes_endorsements<As> || ...);
  static constexpr bool insecure = (detail::says_insecure<As> || ...);

  static constexpr std::size_t max_size = 64 * 1024;

  explicit AnyOf(const registers& told = {}) : all_(As{told}...) {}

  /// Prepares all whose device the machine may have: which one attests is known when it does.
  result<void> prepare() const {
    result<void> answer = errc::attest_device_unavailable;
    const auto try_one = [&answer](const auto& one) {
      const result<void> prepared = one.prepare();
      if (!prepared && prepared.error() == errc::attest_device_unavailable) return true;
      answer = prepared;
      return prepared.has_value();
    };
    std::apply([&](const As&... ones) { (void)(try_one(ones) && ...); }, all_);
    return answer;
  }

  result<std::vector<std::byte>> attest(report_data_view data) const {
    result<std::vector<std::byte>> answer = errc::attest_device_unavailable;
    const auto try_one = [&]<class A>(const A& one) {
      answer = shown_by(one, data);
      return answer.has_value() || answer.error() != errc::attest_device_unavailable;
    };
    std::apply([&](const As&... ones) { (void)(try_one(ones) || ...); }, all_);
    return answer;
  }

  /// The rules of the alternative, and before them `any_of.size` (`errc::attest_malformed`) and
  /// `any_of.format` (`errc::attest_unsupported_format`).
  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal& terms) {
    if (evidence.size() < 2 || evidence.size() > max_size)
      return refusal{errc::attest_malformed, "any_of.size"};
    const auto found = detail::load_le<std::uint16_t>(evidence.data());
    judged<claims> answer = refusal{errc::attest_unsupported_format, "any_of.format"};
    const auto try_one = [&]<class A>(std::type_identity<A>) {
      if (found != A::format) return false;
      answer = A::verify(evidence.subspan(2), data, terms);
      return true;
    };
    (void)(try_one(std::type_identity<As>{}) || ...);
    return answer;
  }

 private:
  template <class A>
  static result<std::vector<std::byte>> shown_by(const A& one, report_data_view data) {
    const auto inner = one.attest(data);
    if (!inner) return inner.error();
    if (inner->size() > max_size - 2) return errc::internal;
    std::vector<std::byte> out(2);
    detail::store_le(out.data(), static_cast<std::uint16_t>(A::format));
    out.insert(out.end(), inner->begin(), inner->end());
    return out;
  }

  std::tuple<As...> all_;
};

}  // namespace enfilade
