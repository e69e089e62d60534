// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>

#include <cryptopp/eccrypto.h>
#include <cryptopp/oids.h>
#include <cryptopp/osrng.h>
#include <cryptopp/sha.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Certificates for rules that real evidence cannot show: DER written by hand, so that every field
/// may be wrong, and signed by keys that live as long as the test.
namespace test {

using bytes = std::vector<std::byte>;

inline bytes hex(std::string_view text) { return *enfilade::detail::from_hex(text); }

inline bytes joined(const std::vector<bytes>& parts) {
  bytes all;
  for (const bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// One element of DER: a tag, the length, and the parts one after the other.
inline bytes der(unsigned tag, const std::vector<bytes>& parts) {
  const bytes content = joined(parts);
  bytes out{static_cast<std::byte>(tag)};
  const std::size_t size = content.size();
  if (size >= 0x80) out.push_back(static_cast<std::byte>(size < 0x100 ? 0x81 : 0x82));
  if (size >= 0x100) out.push_back(static_cast<std::byte>(size >> 8));
  out.push_back(static_cast<std::byte>(size));
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

inline bytes text(unsigned tag, std::string_view characters) {
  const auto view = enfilade::detail::bytes_of(characters);
  return der(tag, {bytes{view.begin(), view.end()}});
}

/// An INTEGER from 0 on.
inline bytes integer(std::uint64_t value) {
  bytes digits;
  do {
    digits.insert(digits.begin(), static_cast<std::byte>(value));
    value >>= 8;
  } while (value != 0);
  if ((digits.front() & std::byte{0x80}) != std::byte{0})
    digits.insert(digits.begin(), std::byte{});
  return der(2, {digits});
}

/// A Name of one attribute, the common name.
inline bytes name(std::string_view common) {
  return der(0x30, {der(0x31, {der(0x30, {hex("0603550403"), text(0x0C, common)})})});
}

inline bytes utc_time(std::string_view digits) { return text(0x17, digits); }

/// An Extension of the name whose encoding is `oid`, in hexadecimal without tag and length.
inline bytes extension(std::string_view oid, const bytes& value, bool critical = false) {
  std::vector<bytes> fields{der(6, {hex(oid)})};
  if (critical) fields.push_back(hex("0101ff"));
  fields.push_back(der(4, {value}));
  return der(0x30, fields);
}

inline bytes authority(std::string_view path_length = "") {
  return extension("551d13", der(0x30, {hex("0101ff"), hex(path_length)}), true);
}
inline bytes no_authority() { return extension("551d13", hex("3000"), true); }
inline bytes usage(std::string_view bit_string) {
  return extension("551d0f", hex(bit_string), true);
}
inline bytes signs_certificates_and_lists() { return usage("03020106"); }
inline bytes signs_documents() { return usage("03020780"); }

inline CryptoPP::RandomNumberGenerator& key_randomness() {
  static CryptoPP::AutoSeededRandomPool pool;
  return pool;
}

/// The signature whose r and s are the halves of these bytes, in the form of X.509.
inline bytes signature_der(const bytes& halves) {
  const auto number = [](bytes digits) {
    while (digits.size() > 1 && digits.front() == std::byte{0}) digits.erase(digits.begin());
    if ((digits.front() & std::byte{0x80}) != std::byte{0})
      digits.insert(digits.begin(), std::byte{0});
    return der(2, {digits});
  };
  const auto middle = halves.begin() + static_cast<std::ptrdiff_t>(halves.size() / 2);
  return der(0x30, {number({halves.begin(), middle}), number({middle, halves.end()})});
}

/// A key of P-384 that was made for this test, and its signatures.
class signing_key {
 public:
  signing_key() { key_.Initialize(key_randomness(), CryptoPP::ASN1::secp384r1()); }

  /// ecdsa-with-SHA384.
  static bytes algorithm() { return hex("300a06082a8648ce3d040303"); }

  bytes point() const {
    CryptoPP::ECDSA<CryptoPP::ECP, CryptoPP::SHA384>::PublicKey key;
    key_.MakePublicKey(key);
    bytes out(97, std::byte{4});
    const auto& q = key.GetPublicElement();
    q.x.Encode(reinterpret_cast<CryptoPP::byte*>(out.data() + 1), 48);
    q.y.Encode(reinterpret_cast<CryptoPP::byte*>(out.data() + 49), 48);
    return out;
  }

  bytes key_info() const {
    return der(0x30, {hex("301006072a8648ce3d020106052b81040022"), der(3, {hex("00"), point()})});
  }

  /// In the form of X.509.
  bytes sign(std::span<const std::byte> message) const {
    CryptoPP::ECDSA<CryptoPP::ECP, CryptoPP::SHA384>::Signer signer{key_};
    bytes halves(96);
    signer.SignMessage(key_randomness(), reinterpret_cast<const CryptoPP::byte*>(message.data()),
                       message.size(), reinterpret_cast<CryptoPP::byte*>(halves.data()));
    return signature_der(halves);
  }

 private:
  CryptoPP::ECDSA<CryptoPP::ECP, CryptoPP::SHA384>::PrivateKey key_;
};

/// The fields of a certificate, each as it will stand in it: a good leaf, until a test spoils one.
struct certificate_fields {
  bytes version = hex("a003020102");
  bytes serial = integer(1);
  bytes algorithm = signing_key::algorithm();
  bytes issuer = name("root");
  bytes not_before = utc_time("240101000000Z");
  bytes not_after = utc_time("241231235959Z");
  bytes subject = name("leaf");
  bytes key_info;
  std::vector<bytes> extensions{no_authority(), signs_documents()};
  bytes behind_extensions;
  bytes outer_algorithm = signing_key::algorithm();

  bytes signed_part() const {
    const bytes list = extensions.empty() ? bytes{} : der(0xA3, {der(0x30, {joined(extensions)})});
    return der(0x30, {version, serial, algorithm, issuer, der(0x30, {not_before, not_after}),
                      subject, key_info, list, behind_extensions});
  }

  template <class Key>
  bytes signed_by(const Key& key) const {
    const bytes content = signed_part();
    return der(0x30, {content, outer_algorithm, der(3, {hex("00"), key.sign(content)})});
  }
};

/// The fields of a list of revoked certificates: a good one of the root, that revokes number 7.
struct crl_fields {
  bytes version = integer(1);
  bytes algorithm = signing_key::algorithm();
  bytes issuer = name("root");
  bytes this_update = utc_time("240601000000Z");
  bytes next_update = utc_time("240701000000Z");
  bytes revoked = der(0x30, {der(0x30, {integer(7), utc_time("240501000000Z")})});
  bytes extensions = der(0xA0, {der(0x30, {extension("551d14", integer(3))})});
  bytes outer_algorithm = signing_key::algorithm();

  template <class Key>
  bytes signed_by(const Key& key) const {
    const bytes content =
        der(0x30, {version, algorithm, issuer, this_update, next_update, revoked, extensions});
    return der(0x30, {content, outer_algorithm, der(3, {hex("00"), key.sign(content)})});
  }
};

}  // namespace test
