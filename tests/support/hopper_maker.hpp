// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/detail/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "support/test_authority.hpp"

/// Reports of Hopper GPUs for rules that real ones cannot show: any field may be wrong, and the
/// signature is right all the same, under a root that was made for this test.
namespace test {

inline bytes le(std::uint64_t value, std::size_t size) {
  bytes out;
  for (std::size_t i = 0; i != size; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
  return out;
}

/// A report, part by part as encoded, without its signature: a good one, until a test spoils it.
struct hopper_fields {
  bytes request_head = hex("11e001ff");
  bytes nonce = bytes(32, std::byte{0x4E});
  bytes request_slot = hex("00");
  bytes response_head = hex("11600000");
  std::vector<bytes> blocks = all_blocks(64);
  std::uint64_t block_count = 64;
  std::uint64_t record_length = 64 * 55;
  bytes device_nonce = bytes(32, std::byte{0x6E});
  std::vector<std::pair<unsigned, bytes>> fields{
      {6, hex("009f009601000000")},     {14, hex("b1030000")},   {15, hex("383832000000000000")},
      {16, hex("3000000000")},          {17, hex("3130313000")}, {18, hex("3032303000")},
      {3, hex("3535302e39302e303700")}, {12, bytes(256)},        {11, hex("55")},
      {20, bytes(48, std::byte{0xF1})}, {21, hex("aa")}};
  bytes behind_fields;

  static bytes block(std::size_t index, std::byte fill) {
    return joined({le(index, 1), hex("013300013000"), bytes(48, fill)});
  }
  static std::vector<bytes> all_blocks(std::size_t count) {
    std::vector<bytes> all;
    for (std::size_t i = 1; i <= count; ++i) all.push_back(block(i, static_cast<std::byte>(i)));
    return all;
  }

  /// Changes a field, adds one that was not there, or takes one away.
  hopper_fields& set(unsigned type, bytes value) {
    for (auto& [known, old] : fields)
      if (known == type) {
        old = std::move(value);
        return *this;
      }
    fields.emplace_back(type, std::move(value));
    return *this;
  }
  hopper_fields& drop(unsigned type) {
    std::erase_if(fields, [type](const auto& field) { return field.first == type; });
    return *this;
  }
  /// The blocks, with a count and a length that are right.
  hopper_fields& with_blocks(std::vector<bytes> all) {
    blocks = std::move(all);
    block_count = blocks.size();
    record_length = joined(blocks).size();
    return *this;
  }

  bytes opaque() const {
    std::vector<bytes> all;
    for (const auto& [type, value] : fields)
      all.push_back(joined({le(type, 2), le(value.size(), 2), value}));
    all.push_back(behind_fields);
    return joined(all);
  }

  bytes signed_part() const {
    return joined({request_head, nonce, request_slot, response_head, le(block_count, 1),
                   le(record_length, 3), joined(blocks), device_nonce, le(opaque().size(), 2),
                   opaque()});
  }
};

/// What stands in a certificate of firmware: which one it is.
inline bytes device_id(const bytes& digest = bytes(48, std::byte{0xF1}),
                       std::string_view algorithm = "0609608648016503040202",
                       std::uint64_t version = 1) {
  return der(0x30, {integer(version), der(0x30, {hex("0500")}),
                    der(0x30, {hex(algorithm), der(4, {digest})})});
}

/// A GPU with an authority of its own: root, the authority of its kind, the chip, and the firmware
/// whose key signs reports. All certificates are those of 2024 unless a test spoils one and calls
/// `issue`.
class hopper_maker {
 public:
  hopper_maker() {
    root_fields.subject = name("root");
    root_fields.extensions = {authority(), signs_certificates_and_lists()};
    kind_fields.subject = name("kind");
    kind_fields.extensions = {authority(), signs_certificates_and_lists()};
    chip_fields.issuer = name("kind");
    chip_fields.subject = name("chip");
    chip_fields.serial = integer(0x4143);
    chip_fields.extensions = {authority(), signs_certificates_and_lists()};
    leaf_fields.issuer = name("chip");
    leaf_fields.extensions = {signs_documents(), extension("678105050401", device_id())};
    root_fields.key_info = root_key_.key_info();
    kind_fields.key_info = kind_key_.key_info();
    chip_fields.key_info = chip_key_.key_info();
    leaf_fields.key_info = leaf_key_.key_info();
    issue();
  }

  certificate_fields root_fields;
  certificate_fields kind_fields;
  certificate_fields chip_fields;
  certificate_fields leaf_fields;

  /// Makes the certificates of the fields.
  void issue() {
    root = root_fields.signed_by(root_key_);
    certificates = {leaf_fields.signed_by(chip_key_), chip_fields.signed_by(kind_key_),
                    kind_fields.signed_by(root_key_)};
  }

  hopper_fields fields;
  bytes root;
  std::vector<bytes> certificates;  ///< leaf first, without the root

  std::vector<enfilade::detail::byte_span> path() const {
    return {certificates.begin(), certificates.end()};
  }

  bytes report() const {
    const bytes content = fields.signed_part();
    const auto halves = enfilade::read_der_signature<48>(leaf_key_.sign(content));
    return joined({content, bytes(halves->begin(), halves->end())});
  }

  /// For chains that are shorter than those of NVIDIA.
  const signing_key& root_key() const { return root_key_; }

 private:
  signing_key root_key_;
  signing_key kind_key_;
  signing_key chip_key_;
  signing_key leaf_key_;
};

}  // namespace test
