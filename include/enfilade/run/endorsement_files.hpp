// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/attest/x509/pem.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/options.hpp>

#include <cstddef>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

inline constexpr std::size_t max_endorsement_file = std::size_t{1} << 20;  ///< bytes
inline constexpr std::size_t max_endorsement_count = 64;  ///< certificates and lists together

namespace detail {

/// The whole file. Throws `failure`: `errc::usage` where it cannot be read, `errc::attest_malformed`
/// where it is longer than any that is meant.
inline std::string read_endorsement_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(max_endorsement_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  // A directory opens, and then gives nothing but an error.
  if (file.bad() || (!file.eof() && text.empty()))
    throw failure(errc::usage, path + ": cannot be read");
  if (text.size() > max_endorsement_file)
    throw failure(errc::attest_malformed, path + ": longer than 1 MiB");
  return text;
}

/// Puts a certificate or a list of revoked ones where it belongs: the first field of what is signed
/// tells them apart, which is a [0] in one and an INTEGER in the other.
inline judged<void> sort_in(std::vector<std::byte> der, endorsements& into) {
  if (into.certificates.size() + into.revocation_lists.size() == max_endorsement_count)
    return refusal{errc::attest_malformed, "endorsements.too_many"};
  const auto parts = read_x509_signed(der);
  if (!parts) return parts.error();
  if (parts->fields.next_is(der_tag::integer)) {
    if (const auto list = x509_crl::parse(der); !list) return list.error();
    into.revocation_lists.push_back(std::move(der));
  } else {
    if (const auto one = x509_certificate::parse(der); !one) return one.error();
    into.certificates.push_back(std::move(der));
  }
  return {};
}

/// One file of `--certs`: blocks of PEM with one label, or DER.
inline judged<void> sort_in_file(std::string_view content, endorsements& into) {
  if (!content.starts_with("-----")) {
    const byte_span der = bytes_of(content);
    return sort_in({der.begin(), der.end()}, into);
  }
  const bool is_list = content.starts_with("-----BEGIN X509 CRL-----");
  auto blocks = read_pem(content, is_list ? pem_label::revocation_list : pem_label::certificate);
  if (!blocks) return blocks.error();
  for (std::vector<std::byte>& der : *blocks)
    if (const judged<void> sorted = sort_in(std::move(der), into); !sorted) return sorted;
  return {};
}

}  // namespace detail

/// Reads what an operator has fetched: `certificates` are files with certificates or lists of
/// revoked ones, in PEM or DER, which their content tells; `collateral` is Intel's JSON.
///
/// Throws `failure`, with the file and the rule as `where`, for one that cannot be read or is none of
/// these: that is found out at the start of a program and not with its first peer. Whether anything in
/// them is genuine or of today is not looked at here, for no evidence depends on it yet.
inline endorsements load_endorsements(const std::vector<std::string>& certificates,
                                      const std::optional<std::string>& collateral) {
  endorsements given;
  for (const std::string& path : certificates) {
    const judged<void> read = detail::sort_in_file(detail::read_endorsement_file(path), given);
    if (!read) throw failure(read.error().code, path + ": " + std::string{read.error().rule});
  }
  if (collateral) {
    given.tdx_collateral = detail::read_endorsement_file(*collateral);
    const auto read = read_tdx_collateral(given.tdx_collateral);
    if (!read)
      throw failure(read.error().code, *collateral + ": " + std::string{read.error().rule});
  }
  return given;
}

/// The options that name these files; none for a deployment that has no use for them.
template <class Attester>
std::vector<option> endorsement_options() {
  if constexpr (takes_endorsements<Attester>)
    return {
        option{"--certs", "FILE", "AMD's certificates, lists of revoked ones; repeatable", true},
        option{"--collateral", "FILE", "Intel's collateral, JSON"}};
  else
    return {};
}

/// The files that a command line names with `endorsement_options`.
template <class Attester>
endorsements endorsements_from([[maybe_unused]] const options& given) {
  if constexpr (takes_endorsements<Attester>)
    return load_endorsements(given.all("--certs"), given.find("--collateral"));
  else
    return {};
}

}  // namespace enfilade
