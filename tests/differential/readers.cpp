// SPDX-License-Identifier: Apache-2.0
//
// The readers of evidence, for somebody who compares them with other readers (differential.py).
//
// On stdin, one after the other: a letter, the length of what follows (4 bytes, little-endian), and
// that. On stdout, a line for each: "refused RULE", or "read" and what was read, as name=value.
//
//   c  a certificate
//   l  a list of revocations; before it a number of serial numbers and, each behind a byte of
//      length, themselves: which of them are revoked
//   b  CBOR
//   s  a COSE_Sign1 message; before it, behind two bytes of length, the SubjectPublicKeyInfo of a key
//   v  a certificate; before it, behind two bytes of length, that of its issuer: is it signed?
#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/attest/cose/cose.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>
#include <enfilade/attest/x509/x509_signature.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace enfilade;
using detail::byte_span;

struct named_extension {
  std::string_view dotted;
  object_identifier name;
};

// Asked for by name, as verifiers do.
constexpr std::array extensions{
    named_extension{"2.5.29.14", {2, 5, 29, 14}},
    named_extension{"2.5.29.15", {2, 5, 29, 15}},
    named_extension{"2.5.29.17", {2, 5, 29, 17}},
    named_extension{"2.5.29.19", {2, 5, 29, 19}},
    named_extension{"2.5.29.31", {2, 5, 29, 31}},
    named_extension{"2.5.29.35", {2, 5, 29, 35}},
    named_extension{"1.2.840.113741.1.13.1", {1, 2, 840, 113741, 1, 13, 1}},
    named_extension{"1.3.6.1.4.1.3704.1.3.1", {1, 3, 6, 1, 4, 1, 3704, 1, 3, 1}},
    named_extension{"1.3.6.1.4.1.3704.1.4", {1, 3, 6, 1, 4, 1, 3704, 1, 4}},
    named_extension{"2.23.133.5.4.1", {2, 23, 133, 5, 4, 1}},
};

/// The first bytes, behind as many bytes of length; ends the program where there are not so many.
byte_span take(byte_span& from, std::size_t digits) {
  const auto check = [&](std::size_t size) {
    if (from.size() < size) std::exit(2);
  };
  check(digits);
  std::size_t size = 0;
  for (std::size_t i = 0; i != digits; ++i)
    size |= std::to_integer<std::size_t>(from[i]) << (8 * i);
  check(digits + size);
  const byte_span out = from.subspan(digits, size);
  from = from.subspan(digits + size);
  return out;
}

std::string refused(const refusal& why) { return "refused " + std::string{why.rule}; }

/// "read a=1 b=2", as it grows.
class answer {
 public:
  answer& add(std::string_view name, std::string_view value) {
    text_.append(" ").append(name).append("=").append(value);
    return *this;
  }
  answer& add(std::string_view name, byte_span value) {
    return add(name, std::string_view{detail::to_hex(value)});
  }
  answer& add(std::string_view name, std::int64_t value) {
    return add(name, std::string_view{std::to_string(value)});
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_ = "read";
};

std::string certificate(byte_span der) {
  const auto read = x509_certificate::parse(der);
  if (!read) return refused(read.error());
  answer out;
  out.add("serial", read->serial())
      .add("issuer", read->issuer())
      .add("subject", read->subject())
      .add("not_before", read->not_before().time_since_epoch().count())
      .add("not_after", read->not_after().time_since_epoch().count())
      .add("key", read->key_info())
      .add("algorithm", static_cast<std::int64_t>(read->algorithm()))
      .add("signed_part", read->signed_part())
      .add("signature", read->signature())
      .add("authority", read->is_authority());
  if (read->path_length())
    out.add("path_length", std::string_view{std::to_string(*read->path_length())});
  if (read->key_usage()) out.add("key_usage", std::int64_t{*read->key_usage()});
  for (const named_extension& one : extensions)
    if (const auto value = read->extension(one.name)) out.add(one.dotted, *value);
  return out.text();
}

std::string list(byte_span input) {
  if (input.empty()) std::exit(2);
  std::vector<byte_span> serials(std::to_integer<std::size_t>(input[0]));
  input = input.subspan(1);
  for (byte_span& serial : serials) serial = take(input, 1);
  const auto read = x509_crl::parse(input);
  if (!read) return refused(read.error());
  std::string revoked;
  for (const byte_span serial : serials) revoked.push_back(read->revokes(serial) ? '1' : '0');
  return answer{}
      .add("issuer", read->issuer())
      .add("this_update", read->this_update().time_since_epoch().count())
      .add("next_update", read->next_update().time_since_epoch().count())
      .add("revoked", std::string_view{revoked})
      .text();
}

/// A data item as a text: numbers, b"hex", t"hex", [a,b], {a:b}, true, false, null; a break is "*".
void append(std::string& out, cbor_value value) {  // no deeper than `cbor_limits` has it
  const auto all = [&](char open, char close, auto items, auto each) {
    out.push_back(open);
    if (value.is_indefinite()) out.push_back('*');
    bool first = true;
    for (const auto& item : items) {
      if (!first) out.push_back(',');
      first = false;
      each(item);
    }
    out.push_back(close);
  };
  switch (value.kind()) {
    case cbor_kind::unsigned_number:
      out += std::to_string(*value.unsigned_number());
      break;
    case cbor_kind::negative_number:
      out += value.number() ? std::to_string(*value.number()) : "below";
      break;
    case cbor_kind::bytes:
      out += "b\"" + detail::to_hex(*value.bytes()) + '"';
      break;
    case cbor_kind::text:
      out += "t\"" + detail::to_hex(detail::bytes_of(*value.text())) + '"';
      break;
    case cbor_kind::array:
      all('[', ']', value.elements(), [&](cbor_value item) { append(out, item); });
      break;
    case cbor_kind::map:
      all('{', '}', value.entries(), [&](const auto& entry) {
        append(out, entry.first);
        out.push_back(':');
        append(out, entry.second);
      });
      break;
    case cbor_kind::boolean:
      out += *value.boolean() ? "true" : "false";
      break;
    case cbor_kind::null:
      out += "null";
      break;
  }
}

std::string cbor(byte_span bytes) {
  const auto read = cbor_document::read(bytes);
  if (!read) return refused(read.error());
  std::string text;
  append(text, read->root());
  return answer{}.add("value", std::string_view{text}).text();
}

std::string cose(byte_span input) {
  const byte_span key_info = take(input, 2);
  const auto read = read_cose_sign1(input);
  if (!read) return refused(read.error());
  const auto key = read_x509_key(key_info);
  if (!key) std::exit(2);
  const bool verified = std::visit(
      [&](const auto& point) {
        if constexpr (requires { verify_cose(*read, point); }) return verify_cose(*read, point);
        return false;
      },
      *key);
  return answer{}
      .add("algorithm", static_cast<std::int64_t>(read->algorithm))
      .add("protected", read->protected_header)
      .add("unprotected", read->unprotected)
      .add("payload", read->payload)
      .add("signature", read->signature)
      .add("verified", std::int64_t{verified})
      .text();
}

std::string signed_by(byte_span input) {
  const auto issuer = x509_certificate::parse(take(input, 2));
  if (!issuer) std::exit(2);
  const auto read = x509_certificate::parse(input);
  if (!read) return refused(read.error());
  const bool verified = verify_x509_signature(issuer->public_key(), read->algorithm(),
                                              read->signed_part(), read->signature());
  return answer{}.add("verified", std::int64_t{verified}).text();
}

}  // namespace

int main() {
  std::array<char, 5> head;
  std::vector<char> body;
  while (std::cin.read(head.data(), head.size())) {
    body.resize(detail::load_le<std::uint32_t>(std::as_bytes(std::span{head}).data() + 1));
    if (!std::cin.read(body.data(), static_cast<std::streamsize>(body.size()))) return 2;
    const byte_span input = std::as_bytes(std::span{body});
    switch (head[0]) {
      case 'c':
        std::cout << certificate(input) << '\n';
        break;
      case 'l':
        std::cout << list(input) << '\n';
        break;
      case 'b':
        std::cout << cbor(input) << '\n';
        break;
      case 's':
        std::cout << cose(input) << '\n';
        break;
      case 'v':
        std::cout << signed_by(input) << '\n';
        break;
      default:
        return 2;
    }
  }
  return 0;
}
