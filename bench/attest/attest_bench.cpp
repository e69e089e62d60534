// SPDX-License-Identifier: Apache-2.0

// Milliseconds that it takes to verify evidence, with nothing known and with its authorities known,
// beside the signatures in it alone, measured in the same rounds; and which part of it takes how much.
// Evidence is made by the makers of the tests; where the real one is there, it is measured as well.
// One line of JSON a figure (bench/run.sh attest).

#include "../support/rows.hpp"

#include <enfilade/attest/cose/cose.hpp>
#include <enfilade/attest/nitro/nitro_verifier.hpp>
#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/tdx/tdx_verifier.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_signature.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <tests/support/evidence_files.hpp>
#include <tests/support/nitro_maker.hpp>
#include <tests/support/snp_maker.hpp>
#include <tests/support/tdx_maker.hpp>

#include <time.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace enfilade;
using detail::byte_span;

namespace {

using test::bytes;

/// Milliseconds of processor time that this thread has used: verifying computes and never waits, so
/// others on the machine are not measured with it.
double thread_milliseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

/// The milliseconds of one `work()`, averaged over a few; throws where it says false, so that nothing
/// is measured but evidence that is accepted.
template <class Work>
double time_of(Work work) {
  constexpr int times = 8;
  const double start = thread_milliseconds();
  for (int i = 0; i != times; ++i)
    if (!work()) throw std::runtime_error{"the evidence was refused"};
  return (thread_milliseconds() - start) / times;
}

/// A signature by an authority, as a verifier asked for it; with bytes of its own, so that it can be
/// checked again when the verifier's are gone.
struct seen_signature {
  bytes issuer;
  x509_algorithm algorithm;
  bytes message;
  bytes signature;

  bool check() const {
    return x509_signature_check{}(*x509_certificate::parse(issuer), algorithm, message, signature)
        .has_value();
  }
};

/// Checks signatures and keeps what it was asked, each once.
class recording_check {
 public:
  recording_check(std::vector<seen_signature>& seen, known_signatures& known)
      : seen_(&seen), known_(&known) {}
  judged<void> operator()(const x509_certificate& issuer, x509_algorithm algorithm,
                          byte_span message, byte_span signature) {
    const auto digest = known_signatures::digest_of(issuer, algorithm, message, signature);
    if (known_->contains(digest)) return {};
    known_->insert(digest);
    const auto copy = [](byte_span view) { return bytes(view.begin(), view.end()); };
    seen_->push_back({copy(issuer.der()), algorithm, copy(message), copy(signature)});
    return check_(issuer, algorithm, message, signature);
  }

 private:
  std::vector<seen_signature>* seen_;
  known_signatures* known_;
  x509_signature_check check_;
};

/// Measures one piece of evidence. `verify(check)` is whether it is accepted; `own()` is whether the
/// one signature that is new in each evidence is good, alone.
template <class Verify, class Own>
void measure(int rounds, const char* platform, const char* evidence, Verify verify, Own own) {
  std::vector<seen_signature> by_authorities;
  known_signatures known;
  if (!verify(recording_check{by_authorities, known})) throw std::runtime_error{"refused"};

  bench::samples cold, warm, all_signatures, own_signature, own_share, chain_share, rest_share;
  bench::samples warm_rest;
  for (int i = -1; i != rounds; ++i) {  // the first round warms up
    const double with_nothing = time_of([&] {
      known_signatures fresh;  // a list's issuer is a chain's issuer, too: each is computed once
      return verify(remembering_check{&fresh});
    });
    const double with_known = time_of([&] { return verify(remembering_check{&known}); });
    const double alone = time_of(own);
    const double chain = time_of([&] {
      for (const seen_signature& one : by_authorities)
        if (!one.check()) return false;
      return true;
    });
    if (i < 0) continue;
    cold.add(with_nothing), warm.add(with_known);
    own_signature.add(alone), all_signatures.add(alone + chain);
    own_share.add(100 * alone / with_nothing);
    chain_share.add(100 * chain / with_nothing);
    rest_share.add(100 * (with_nothing - alone - chain) / with_nothing);
    warm_rest.add(100 * (with_known - alone) / with_known);
  }

  const auto params = [&](const char* authorities, std::size_t signatures) {
    return nlohmann::json{{"platform", platform},
                          {"evidence", evidence},
                          {"authorities", authorities},
                          {"signatures", signatures}};
  };
  const std::size_t count = by_authorities.size() + 1;
  bench::row{"attest", "verify", params("new", count), "ms"}
      .value(cold)
      .floor(cold, all_signatures)
      .print();
  bench::row{"attest", "verify", params("known", 1), "ms"}
      .value(warm)
      .floor(warm, own_signature)
      .print();
  const auto share = [&](const char* authorities, const char* of, const bench::samples& percent) {
    const nlohmann::json what{
        {"platform", platform}, {"evidence", evidence}, {"authorities", authorities}, {"of", of}};
    bench::row{"attest", "share", what, "%"}.value(percent).print();
  };
  share("new", "authorities' signatures", chain_share);
  share("new", "evidence's signature", own_share);
  share("new", "all else", rest_share);
  share("known", "all else", warm_rest);
}

void measure_nitro(int rounds, const char* evidence, byte_span root, const bytes& document,
                   std::chrono::sys_seconds now) {
  const auto message = read_cose_sign1(document);
  const auto fields = read_nitro_document(message->payload);
  const auto leaf = x509_certificate::parse(fields->certificate);
  const auto key = std::get<curve_point<P384>>(leaf->public_key());
  nitro_options options;
  options.allow_debug = true;
  measure(
      rounds, "nitro", evidence,
      [&](auto check) {
        return detail::nitro_verifier{root, now, options}.verify(document, check).steps.accepted();
      },
      [&] { return verify_cose(*message, key); });
}

void measure_snp(int rounds, const char* evidence, const detail::snp_root_set& roots,
                 const bytes& document, const std::vector<bytes>& certificates,
                 const std::vector<bytes>& lists, std::chrono::sys_seconds now) {
  const std::vector<byte_span> given(certificates.begin(), certificates.end());
  const std::vector<byte_span> revoked(lists.begin(), lists.end());
  const auto report = read_snp_report(document);
  const auto leaf = x509_certificate::parse(certificates.front());
  const auto key = std::get<curve_point<P384>>(leaf->public_key());
  measure(
      rounds, "sev-snp", evidence,
      [&](auto check) {
        return detail::snp_verifier{roots, now, {}}
            .verify(document, {given, revoked}, check)
            .steps.accepted();
      },
      [&] { return verify_signature<P384>(key, report->signed_part, report->signature); });
}

void measure_tdx(int rounds, const char* evidence, byte_span root, const bytes& document,
                 const tdx_endorsements* collateral, std::chrono::sys_seconds now) {
  // What a quote signs is signed by a key of P-256: any signature with one takes as long.
  const test::p256_key signer;
  const bytes message = bytes(document.begin(), document.begin() + 632);
  const bytes signature = signer.sign_raw(message);
  const bytes encoded = signer.key_info();
  const auto key = curve_point<P256>::from_key_info(encoded);
  const tdx_options options;
  measure(
      rounds, "tdx", evidence,
      [&](auto check) {
        return detail::tdx_verifier{root, collateral, now, options}
            .verify(document, check)
            .steps.accepted();
      },
      [&] {
        return verify_signature<P256>(*key, message,
                                      std::span<const std::byte, 64>{signature.data(), 64});
      });
}

void measure_made(int rounds) {
  const auto now = test::utc("2024-06-10T00:00:00Z");
  const test::nitro_maker enclave;
  measure_nitro(rounds, "made", enclave.root(), enclave.document(), now);

  const test::snp_maker guest;
  detail::snp_root_set roots = detail::amd_roots();
  roots[0] = guest.root();
  measure_snp(rounds, "made, no RSA", roots, guest.document(), guest.certificates, {guest.list()},
              now);

  const test::tdx_maker domain;
  const tdx_endorsements collateral = domain.endorsements();
  const bytes quote = domain.quote();
  measure_tdx(rounds, "made", domain.root(), quote, nullptr, now);
  measure_tdx(rounds, "made, collateral", domain.root(), quote, &collateral, now);
}

void measure_real(int rounds, const std::filesystem::path& folder) {
  measure_nitro(rounds, "real", nitro_root_g1(),
                test::read_bytes(folder / "nitro" / "derived" / "dstack_2025.cose"),
                test::utc("2025-12-25T16:04:19Z"));

  const auto snp = folder / "sev-snp";
  std::vector<bytes> certificates =
      test::pem_certificates(test::read_file(snp / "amd-roots" / "ask_ark_milan.pem"));
  certificates.insert(certificates.begin(),
                      test::read_bytes(snp / "derived" / "virtee_milan_v2.vcek.der"));
  measure_snp(rounds, "real", detail::amd_roots(),
              test::read_bytes(snp / "derived" / "virtee_milan_v2.report.bin"), certificates,
              {test::read_bytes(snp / "derived" / "ark_milan.crl.der")},
              test::utc("2025-06-01T00:00:00Z"));

  const auto tdx = folder / "tdx";
  const bytes quote = test::read_bytes(tdx / "derived" / "phala_v4.quote");
  const auto now = test::utc("2025-07-01T00:00:00Z");
  const auto collateral =
      read_tdx_collateral(test::read_file(tdx / "dcap-qvl" / "tdx_quote_collateral.json"));
  if (!collateral) throw std::runtime_error{std::string{collateral.error().rule}};
  measure_tdx(rounds, "real", intel_sgx_root(), quote, nullptr, now);
  measure_tdx(rounds, "real, collateral", intel_sgx_root(), quote, &*collateral, now);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  measure_made(rounds);
  const char* const named = std::getenv("ENFILADE_TEST_DATA");
  const std::filesystem::path data = named != nullptr ? named : ENFILADE_DEFAULT_TEST_DATA;
  if (std::filesystem::is_directory(data)) measure_real(rounds, data / "attestation");
}
