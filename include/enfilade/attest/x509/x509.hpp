// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/attest/x509/x509_signature.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace enfilade {

/// What a key may be used for (RFC 5280 §4.2.1.3), as bits of `x509_certificate::key_usage`.
enum class x509_usage : std::uint16_t {
  digital_signature = 1 << 0,
  certificate_signing = 1 << 5,
  revocation_signing = 1 << 6,
};

namespace detail {

inline constexpr object_identifier basic_constraints{2, 5, 29, 19};
inline constexpr object_identifier key_usage{2, 5, 29, 15};

/// One Extension (RFC 5280 §4.1).
struct x509_extension {
  byte_span oid;
  bool critical;
  byte_span value;
};

inline judged<x509_extension> read_x509_extension(der_reader& from) noexcept {
  auto fields = from.sequence();
  if (!fields) return fields.error();
  const auto oid = fields->oid();
  if (!oid) return oid.error();
  const auto critical = fields->flag();
  if (!critical) return critical.error();
  const auto value = fields->octet_string();
  if (!value) return value.error();
  if (const auto end = fields->end(); !end) return end.error();
  return x509_extension{*oid, *critical, *value};
}

/// Checks a list of extensions, given as the content of its SEQUENCE: between one and `most`, each
/// name once, and none critical unless `understood(extension)` says so, which is asked for each.
template <class Understood>
judged<void> read_x509_extensions(byte_span list, std::size_t most, Understood&& understood) {
  if (list.empty()) return x509_malformed("x509.extensions_empty");
  std::size_t count = 0;
  for (der_reader all{list}; !all.empty(); ++count) {
    if (count == most) return x509_malformed("x509.too_many_extensions");
    const auto extension = read_x509_extension(all);
    if (!extension) return extension.error();
    der_reader earlier{list};
    for (std::size_t i = 0; i != count; ++i)
      if (std::ranges::equal(read_x509_extension(earlier)->oid, extension->oid))
        return x509_malformed("x509.extension_twice");
    const judged<bool> known = understood(*extension);
    if (!known) return known.error();
    if (!*known && extension->critical) return x509_unsupported("x509.critical_extension");
  }
  return {};
}

/// The value of the extension of this name in a list that `read_x509_extensions` has checked.
inline std::optional<byte_span> find_x509_extension(byte_span list,
                                                    const object_identifier& name) noexcept {
  for (der_reader all{list}; !all.empty();) {
    const auto extension = read_x509_extension(all);
    if (!extension) return std::nullopt;
    if (name == extension->oid) return extension->value;
  }
  return std::nullopt;
}

/// A Name (RFC 5280 §4.1.2.4), whole: sets of an attribute or more, whose values are not looked at.
inline judged<byte_span> read_x509_name(der_reader& from) noexcept {
  const auto name = from.element(der_tag::sequence);
  if (!name) return name.error();
  for (der_reader sets{name->content}; !sets.empty();) {
    auto set = sets.enter(der_tag::set);
    if (!set || set->empty()) return x509_malformed("x509.name");
    while (!set->empty()) {
      auto attribute = set->sequence();
      if (!attribute || !attribute->oid() || !attribute->any() || !attribute->end())
        return x509_malformed("x509.name");
    }
  }
  return name->whole;
}

/// What surrounds everything that is signed by X.509: content, algorithm, signature.
struct x509_signed {
  byte_span content;        ///< with tag and length: what the signature is over
  der_reader fields;        ///< what is inside of it
  byte_span algorithm_der;  ///< the AlgorithmIdentifier behind the content, whole
  x509_algorithm algorithm;
  byte_span signature;
};

inline judged<x509_signed> read_x509_signed(byte_span der) noexcept {
  der_reader outer{der};
  auto parts = outer.sequence();
  if (!parts) return parts.error();
  const auto content = parts->element(der_tag::sequence);
  if (!content) return content.error();
  const auto identifier = parts->element(der_tag::sequence);
  if (!identifier) return identifier.error();
  const auto signature = parts->bit_string();
  if (!signature) return signature.error();
  if (!parts->end() || !outer.end()) return x509_malformed("x509.trailing_bytes");
  const auto algorithm = read_x509_algorithm(identifier->whole);
  if (!algorithm) return algorithm.error();
  return x509_signed{content->whole, der_reader{content->content}, identifier->whole, *algorithm,
                     *signature};
}

}  // namespace detail

/// An X.509 certificate (RFC 5280, version 3), read from bytes that a stranger chose.
///
/// `parse` says that the bytes are a certificate of the narrow kind that the makers of TEEs issue,
/// and nothing about who issued it: that is the business of `x509_chain`. It is a set of views: the
/// bytes must outlive it.
///
/// | expression                                | is                                               |
/// |-------------------------------------------|--------------------------------------------------|
/// | `C::parse(der)`, `C::parse(der, known)`   | `judged<C>`                                      |
/// | `c.der()`, `c.signed_part()`              | the whole; what the signature is over            |
/// | `c.serial()`                              | big-endian, no zero in front; AMD's may be 0     |
/// | `c.issuer()`, `c.subject()`               | names in DER, to be compared as bytes            |
/// | `c.not_before()`, `c.not_after()`         | both ends included, seconds since 1970           |
/// | `c.public_key()`, `c.key_info()`          | the key; its SubjectPublicKeyInfo in DER         |
/// | `c.algorithm()`, `c.signature()`          | how it is signed                                 |
/// | `c.is_authority()`, `c.path_length()`     | basicConstraints; none where it has no limit     |
/// | `c.key_usage()`, `c.may(usage)`           | the bits, if any; whether it has that one        |
/// | `c.extension(name)`                       | `optional`: the bytes inside the OCTET STRING    |
///
/// Refused as `errc::attest_malformed`: everything that is not DER, more than `max_size` bytes, more
/// than `max_extensions` extensions or one twice, two algorithm fields that differ, a serial number
/// that is negative or above 20 bytes, an empty issuer, an end before the beginning. Refused as
/// `errc::attest_unsupported_format`: other versions, algorithms and keys than `x509_signature.hpp`
/// reads, and critical extensions other than basicConstraints, keyUsage and those `known` to the
/// caller, who then has to look at them. The rules are named `x509.*` and `der.*`.
///
/// Not looked at: what the attributes of names are, and the values of all other extensions; AMD's
/// are not even DER. Whoever asks for one reads it.
class x509_certificate {
 public:
  static constexpr std::size_t max_size = 4096;      ///< bytes; the longest real one has 1683
  static constexpr std::size_t max_extensions = 20;  ///< the most that a real one has is 11

  static judged<x509_certificate> parse(detail::byte_span der,
                                        std::span<const object_identifier> known = {}) {
    if (der.size() > max_size) return detail::x509_malformed("x509.too_long");
    auto parts = detail::read_x509_signed(der);
    if (!parts) return parts.error();
    der_reader& fields = parts->fields;

    auto version = fields.enter(context_tag(0));
    if (!version) return detail::x509_unsupported("x509.version");
    const auto number = version->number();
    if (!number || !version->end() || *number != 2)  // v3
      return detail::x509_unsupported("x509.version");

    const auto serial = fields.magnitude();
    if (!serial) return serial.error();
    if (serial->size() > 20) return detail::x509_malformed("x509.serial_too_long");

    const auto algorithm = fields.element(der_tag::sequence);
    if (!algorithm) return algorithm.error();
    if (!std::ranges::equal(algorithm->whole, parts->algorithm_der))
      return detail::x509_malformed("x509.algorithms_differ");

    const auto issuer = detail::read_x509_name(fields);
    if (!issuer) return issuer.error();
    if (issuer->size() == 2)
      return detail::x509_malformed("x509.issuer_empty");  // an empty SEQUENCE

    auto validity = fields.sequence();
    if (!validity) return validity.error();
    const auto not_before = validity->time();
    if (!not_before) return not_before.error();
    const auto not_after = validity->time();
    if (!not_after) return not_after.error();
    if (!validity->end() || *not_after < *not_before)
      return detail::x509_malformed("x509.validity");

    const auto subject = detail::read_x509_name(fields);
    if (!subject) return subject.error();

    const auto key_info = fields.element(der_tag::sequence);
    if (!key_info) return key_info.error();

    // The unique identifiers of version 2 could stand here; nobody uses them.
    x509_extensions found;
    if (!fields.empty()) {
      auto wrapper = fields.enter(context_tag(3));
      if (!wrapper) return wrapper.error();
      const auto list = wrapper->element(der_tag::sequence);
      if (!list) return list.error();
      if (!wrapper->end() || !fields.end()) return detail::x509_malformed("x509.trailing_bytes");
      const auto read = read_extensions(list->content, known);
      if (!read) return read.error();
      found = *read;
    }

    // The point is checked last: it is the only step here that costs anything.
    const auto key = read_x509_key(key_info->whole);
    if (!key) return key.error();

    x509_certificate certificate{*key};
    certificate.der_ = der;
    certificate.signed_part_ = parts->content;
    certificate.serial_ = *serial;
    certificate.issuer_ = *issuer;
    certificate.subject_ = *subject;
    certificate.not_before_ = *not_before;
    certificate.not_after_ = *not_after;
    certificate.key_info_ = key_info->whole;
    certificate.algorithm_ = parts->algorithm;
    certificate.signature_ = parts->signature;
    certificate.extensions_ = found;
    return certificate;
  }

  /// A certificate of bytes that are gone at once would be views of nothing.
  static judged<x509_certificate> parse(std::vector<std::byte>&&,
                                        std::span<const object_identifier> = {}) = delete;

  detail::byte_span der() const noexcept { return der_; }
  detail::byte_span signed_part() const noexcept { return signed_part_; }
  detail::byte_span serial() const noexcept { return serial_; }
  detail::byte_span issuer() const noexcept { return issuer_; }
  detail::byte_span subject() const noexcept { return subject_; }
  std::chrono::sys_seconds not_before() const noexcept { return not_before_; }
  std::chrono::sys_seconds not_after() const noexcept { return not_after_; }
  const x509_public_key& public_key() const noexcept { return public_key_; }
  detail::byte_span key_info() const noexcept { return key_info_; }
  x509_algorithm algorithm() const noexcept { return algorithm_; }
  detail::byte_span signature() const noexcept { return signature_; }

  /// Whether it says that its key may belong to somebody who issues certificates.
  bool is_authority() const noexcept { return extensions_.is_authority; }

  /// How many authorities may stand between it and the last certificate of a chain.
  std::optional<std::uint64_t> path_length() const noexcept { return extensions_.path_length; }

  /// The bits of keyUsage; nothing where the certificate has none, which is no limit.
  std::optional<std::uint16_t> key_usage() const noexcept { return extensions_.key_usage; }

  /// Whether keyUsage is there and has this bit.
  bool may(x509_usage usage) const noexcept {
    return (extensions_.key_usage.value_or(0) & static_cast<unsigned>(usage)) != 0;
  }

  std::optional<detail::byte_span> extension(const object_identifier& name) const noexcept {
    return detail::find_x509_extension(extensions_.list, name);
  }

  /// Whether it names itself as its issuer, as roots do.
  bool is_self_issued() const noexcept { return std::ranges::equal(issuer_, subject_); }

 private:
  struct x509_extensions {
    detail::byte_span list;
    bool is_authority = false;
    std::optional<std::uint64_t> path_length;
    std::optional<std::uint16_t> key_usage;
  };

  explicit x509_certificate(const x509_public_key& key) : public_key_(key) {}

  static judged<x509_extensions> read_extensions(detail::byte_span list,
                                                 std::span<const object_identifier> known) {
    x509_extensions found;
    found.list = list;
    const auto read = detail::read_x509_extensions(
        list, max_extensions, [&](const detail::x509_extension& extension) -> judged<bool> {
          if (detail::basic_constraints == extension.oid)
            return read_basic_constraints(extension.value, found);
          if (detail::key_usage == extension.oid) return read_key_usage(extension.value, found);
          return std::ranges::any_of(
              known, [&](const object_identifier& name) { return name == extension.oid; });
        });
    if (!read) return read.error();
    return found;
  }

  static judged<bool> read_basic_constraints(detail::byte_span value, x509_extensions& found) {
    der_reader outer{value};
    auto fields = outer.sequence();
    if (!fields) return fields.error();
    const auto authority = fields->flag();
    if (!authority) return authority.error();
    found.is_authority = *authority;
    if (!fields->empty()) {
      const auto length = fields->number();
      if (!length) return length.error();
      if (!*authority)
        return detail::x509_malformed("x509.path_length_of_no_authority");  // RFC 5280 §4.2.1.9
      found.path_length = *length;
    }
    if (!fields->end() || !outer.end()) return detail::x509_malformed("x509.basic_constraints");
    return true;
  }

  static judged<bool> read_key_usage(detail::byte_span value, x509_extensions& found) {
    der_reader outer{value};
    const auto bits = outer.named_bits();
    if (!bits) return bits.error();
    if (*bits == 0 || !outer.end())
      return detail::x509_malformed("x509.key_usage");  // §4.2.1.3: at least one
    found.key_usage = *bits;
    return true;
  }

  detail::byte_span der_;
  detail::byte_span signed_part_;
  detail::byte_span serial_;
  detail::byte_span issuer_;
  detail::byte_span subject_;
  std::chrono::sys_seconds not_before_;
  std::chrono::sys_seconds not_after_;
  x509_public_key public_key_;
  detail::byte_span key_info_;
  x509_algorithm algorithm_ = x509_algorithm::ecdsa_sha256;
  detail::byte_span signature_;
  x509_extensions extensions_;
};

}  // namespace enfilade
