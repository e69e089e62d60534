// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/test_authority.hpp"

/// Nitro documents for rules that real ones cannot show: any field may be wrong, and the signature
/// is right all the same, under a root that was made for this test.
namespace test {

namespace cbor {

/// The first byte of an item and its argument, in the shortest form.
inline bytes head(unsigned major, std::uint64_t value) {
  if (value < 24) return {static_cast<std::byte>(major << 5 | value)};
  const int size = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x100000000 ? 4 : 8;
  bytes out{static_cast<std::byte>(major << 5 | (size == 1   ? 24U
                                                 : size == 2 ? 25U
                                                 : size == 4 ? 26U
                                                             : 27U))};
  for (int i = size; i-- != 0;) out.push_back(static_cast<std::byte>(value >> (8 * i)));
  return out;
}

inline bytes number(std::uint64_t value) { return head(0, value); }
inline bytes null() { return {std::byte{0xF6}}; }
inline bytes string(const bytes& content) { return joined({head(2, content.size()), content}); }
inline bytes filled(std::size_t size, std::byte fill = std::byte{1}) {
  return string(bytes(size, fill));
}
inline bytes text(std::string_view characters) {
  const auto view = enfilade::detail::bytes_of(characters);
  return joined({head(3, view.size()), bytes(view.begin(), view.end())});
}
inline bytes array(const std::vector<bytes>& elements) {
  return joined({head(4, elements.size()), joined(elements)});
}
inline bytes map(const std::vector<std::pair<bytes, bytes>>& entries) {
  bytes out = head(5, entries.size());
  for (const auto& [key, value] : entries) out = joined({out, key, value});
  return out;
}

}  // namespace cbor

/// The payload of a document, field by field as encoded; `set` changes one, `drop` leaves it out.
class nitro_fields {
 public:
  nitro_fields() {
    set("module_id", cbor::text("i-0123456789abcdef0-enc0123456789abcdef"));
    set("digest", cbor::text("SHA384"));
    set("timestamp", cbor::number(1'717'200'000'000));  // 2024-06-01T00:00:00Z
    set("pcrs", pcrs(16));
    set("certificate", cbor::filled(639));
    set("cabundle", cbor::array({cbor::filled(533), cbor::filled(700)}));
    set("public_key", cbor::null());
    set("user_data", cbor::filled(64));
    set("nonce", cbor::null());
  }

  static bytes pcrs(std::size_t count, std::byte fill = std::byte{7}) {
    std::vector<std::pair<bytes, bytes>> all;
    for (std::size_t i = 0; i != count; ++i)
      all.emplace_back(cbor::number(i), cbor::filled(48, fill));
    return cbor::map(all);
  }

  nitro_fields& set(std::string_view key, bytes value) {
    const auto at = std::ranges::find(all_, key, [](const auto& field) { return field.first; });
    if (at == all_.end()) {
      all_.emplace_back(key, std::move(value));
    } else {
      at->second = std::move(value);
    }
    return *this;
  }
  nitro_fields& drop(std::string_view key) {
    std::erase_if(all_, [key](const auto& field) { return field.first == key; });
    return *this;
  }

  bytes encoded() const {
    std::vector<std::pair<bytes, bytes>> all;
    for (const auto& [key, value] : all_) all.emplace_back(cbor::text(key), value);
    return cbor::map(all);
  }

 private:
  std::vector<std::pair<std::string, bytes>> all_;
};

/// A hypervisor with an authority of its own: root, one issuer, and the key that signs documents.
/// All certificates are those of 2024 unless a test spoils one and calls `issue`.
class nitro_maker {
 public:
  nitro_maker() {
    root_fields.subject = name("root");
    root_fields.extensions = {authority(), signs_certificates_and_lists()};
    issuer_fields.subject = name("issuer");
    issuer_fields.extensions = {authority("020100"), signs_certificates_and_lists()};
    leaf_fields.issuer = name("issuer");
    root_fields.key_info = root_key_.key_info();
    issuer_fields.key_info = issuer_key_.key_info();
    leaf_fields.key_info = leaf_key_.key_info();
    issue();
  }

  certificate_fields root_fields;
  certificate_fields issuer_fields;
  certificate_fields leaf_fields;

  /// Makes the certificates of the fields and puts them into `fields`.
  void issue() {
    root_ = root_fields.signed_by(root_key_);
    fields.set("cabundle", cbor::array({cbor::string(root_),
                                        cbor::string(issuer_fields.signed_by(root_key_))}));
    fields.set("certificate", cbor::string(leaf_fields.signed_by(issuer_key_)));
  }

  nitro_fields fields;

  const bytes& root() const { return root_; }

  /// The COSE message of `fields`, with these headers.
  bytes document(std::string_view protected_header = "a1013822",
                 std::string_view unprotected = "a0") const {
    const bytes payload = fields.encoded();
    const bytes signed_bytes =
        joined({hex("846a5369676e617475726531"), cbor::string(hex(protected_header)),
                cbor::string({}), cbor::string(payload)});
    const auto halves = enfilade::read_der_signature<48>(leaf_key_.sign(signed_bytes));
    return joined({hex("84"), cbor::string(hex(protected_header)), hex(unprotected),
                   cbor::string(payload), cbor::string({halves->begin(), halves->end()})});
  }

 private:
  signing_key root_key_;
  signing_key issuer_key_;
  signing_key leaf_key_;
  bytes root_;
};

}  // namespace test
