// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>

#include <cryptopp/algparam.h>
#include <cryptopp/argnames.h>
#include <cryptopp/cryptlib.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <typeinfo>

namespace enfilade::detail {

/// Hands Crypto++ the IV that goes with a key. `SetKeyWithIV` allocates what it hands over; a change
/// of keys, in the middle of a session, must not depend on memory that may not be there.
class iv_parameter final : public CryptoPP::NameValuePairs {
 public:
  explicit iv_parameter(std::span<const std::byte, 12> iv) noexcept
      : iv_(octets(iv.data()), iv.size()) {}

  bool GetVoidValue(const char* name, const std::type_info& type, void* value) const override {
    if (std::strcmp(name, CryptoPP::Name::IV()) != 0 ||
        type != typeid(CryptoPP::ConstByteArrayParameter))
      return false;
    *static_cast<CryptoPP::ConstByteArrayParameter*>(value) = iv_;
    return true;
  }

 private:
  CryptoPP::ConstByteArrayParameter iv_;
};

}  // namespace enfilade::detail
