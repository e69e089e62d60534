// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>
#include <enfilade/compose/inspect.hpp>
#include <enfilade/detail/constexpr_sha256.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace enfilade {

struct Tcp;  // transport/tcp.hpp; only its name is needed here

namespace detail {

/// How the plan calls a model or a policy.
template <class T>
inline constexpr std::string_view name_of = T::name;

// The default door is named without including its header.
template <>
inline constexpr std::string_view name_of<Tcp> = "tcp";

/// Counts the characters of a text, so that the next pass can write it into an array.
struct text_counter {
  std::size_t size = 0;
  constexpr void put(char) { ++size; }
};

template <std::size_t Size>
struct text_writer {
  std::array<char, Size> text{};
  std::size_t size = 0;
  constexpr void put(char c) { text[size++] = c; }
};

template <class Out>
constexpr void put_text(Out& out, std::string_view text) {
  for (const char c : text) out.put(c);
}

template <class Out>
constexpr void put_number(Out& out, std::uint64_t value) {
  std::array<char, 20> digits{};  // 2^64 has 20 digits
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count != 0) out.put(digits[--count]);
}

template <class Out>
constexpr void put_line(Out& out, std::string_view key, std::string_view value) {
  put_text(out, key);
  out.put(' ');
  put_text(out, value);
  out.put('\n');
}

template <class Out>
constexpr void put_line(Out& out, std::string_view key, std::uint64_t value) {
  put_text(out, key);
  out.put(' ');
  put_number(out, value);
  out.put('\n');
}

template <class Out>
constexpr void put_parts(Out& out, const diagnose::inspected* parts, std::size_t count) {
  put_line(out, "stage", std::uint64_t{0});
  std::uint64_t stage = 0;
  for (std::size_t i = 0; i != count; ++i) {
    const part_facts& facts = parts[i].facts;
    if (facts.cuts) {
      put_line(out, facts.name, facts.carrier);
      put_line(out, "stage", ++stage);
      continue;
    }
    put_text(out, "part ");
    put_text(out, facts.name);
    if (facts.runs_layers) {
      out.put(' ');
      put_number(out, facts.first);
      out.put(' ');
      put_number(out, facts.last);
    }
    out.put('\n');
  }
}

/// The canonical text of a deployment: one fact a line, in one fixed order, so that two programs
/// have the same plan exactly where they were built from the same deployment. The number in the
/// first line changes whenever this function does.
template <class Deployment, class Out>
constexpr void put_plan(Out& out, const diagnose::inspected* parts, std::size_t count) {
  using M = typename Deployment::model;
  put_line(out, "enfilade-plan", std::uint64_t{1});
  put_line(out, "model", M::name);
  // Two models of one shape may still compute differently.
  if constexpr (requires { M::architecture::model_type; })
    put_line(out, "architecture", M::architecture::model_type);
  put_line(out, "layers", M::layers);
  put_line(out, "hidden", M::hidden);
  put_line(out, "heads", M::heads);
  put_line(out, "vocab", M::vocab);
  put_line(out, "context", M::context);
  put_line(out, "intermediate", M::intermediate);
  // The bits of the float: its decimal digits would depend on who prints them.
  put_line(out, "layer-norm-epsilon-bits", std::bit_cast<std::uint32_t>(M::layer_norm_epsilon));
  put_line(out, "cipher", name_of<typename Deployment::cipher>);
  put_line(out, "attester", name_of<typename Deployment::attester>);
  put_line(out, "compute", name_of<typename Deployment::compute>);
  put_line(out, "door", name_of<typename Deployment::door>);
  put_parts(out, parts, count);
}

template <class Deployment, class... Parts>
constexpr auto write_plan() {
  constexpr const auto& parts = diagnose::all_facts<Parts...>;
  constexpr std::size_t size = [] {
    text_counter counter;
    put_plan<Deployment>(counter, parts.data(), parts.size());
    return counter.size;
  }();
  text_writer<size> writer;
  put_plan<Deployment>(writer, parts.data(), parts.size());
  return writer.text;
}

template <class Deployment, class... Parts>
inline constexpr auto plan_text = write_plan<Deployment, Parts...>();

template <class Deployment, class... Parts>
inline constexpr std::string_view plan_of{plan_text<Deployment, Parts...>.data(),
                                          plan_text<Deployment, Parts...>.size()};

template <class Deployment, class... Parts>
inline constexpr std::array<std::byte, 32> plan_digest_of =
    constexpr_sha256(plan_of<Deployment, Parts...>);

}  // namespace detail

}  // namespace enfilade
