// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/tdx_quote.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::hex;
using test::tdx_maker;

refusal malformed(std::string_view rule) { return {errc::attest_malformed, rule}; }
refusal unsupported(std::string_view rule) { return {errc::attest_unsupported_format, rule}; }
const refusal none{};

/// Why the quote is refused; `none` where it is read.
refusal why(const bytes& quote) {
  const auto read = read_tdx_quote(quote);
  return read ? none : read.error();
}
template <class Spoil>
refusal why_with(Spoil spoil) {
  tdx_maker maker;
  spoil(maker);
  return why(maker.quote());
}

bytes copy(detail::byte_span bytes_there) { return {bytes_there.begin(), bytes_there.end()}; }

TEST_SUITE("attest/tdx_quote") {
  TEST_CASE("a quote of version 4 says what stands in it") {
    const tdx_maker maker;
    const bytes quote = maker.quote();
    const auto read = read_tdx_quote(quote);
    REQUIRE(read.has_value());
    CHECK(read->version == 4);
    CHECK_FALSE(read->is_tdx_15);
    CHECK(read->signed_part.size() == 48 + 584);
    CHECK(copy(read->tee_tcb_svn) == hex("05010300000000000000000000000000"));
    CHECK(copy(read->mrseam) == bytes(48, std::byte{0x0F}));
    CHECK(copy(read->mrsignerseam) == bytes(48));
    CHECK(copy(read->seam_attributes) == bytes(8));
    CHECK(read->td_attributes == 0x10000000);
    CHECK(read->xfam == 0x602E7);
    int digit = 0x10;
    for (const auto& part : {read->mrtd, read->mrconfigid, read->mrowner, read->mrownerconfig,
                             read->rtmrs[0], read->rtmrs[1], read->rtmrs[2], read->rtmrs[3]})
      CHECK(copy(part) == bytes(48, static_cast<std::byte>(digit++)));
    CHECK(copy(read->report_data.first(48)) == bytes(48, std::byte{0x18}));
    CHECK(read->report_data.size() == 64);
    CHECK(read->tee_tcb_svn2.empty());
    CHECK(read->mrservicetd.empty());
    CHECK(copy(read->attestation_key) == maker.attestation_key.point());
    CHECK(read->qe.isvprodid == 2);
    CHECK(read->qe.isvsvn == 6);
    CHECK(read->qe.whole.size() == 384);
    CHECK(copy(read->qe.mrsigner.first(2)) == hex("dc9e"));
    CHECK(copy(read->qe.attributes.first(1)) == hex("15"));
    CHECK(copy(read->qe_authentication) == maker.authentication);
    CHECK(read->certificates == maker.certificates);
    CHECK(read->trailing_bytes == 0);
  }

  TEST_CASE("a quote of version 5 says how its body is made") {
    tdx_maker maker;
    maker.version = 5;
    const bytes first = maker.quote();
    const auto read = read_tdx_quote(first);
    REQUIRE(read.has_value());
    CHECK(read->version == 5);
    CHECK_FALSE(read->is_tdx_15);
    CHECK(read->signed_part.size() == 54 + 584);
    CHECK(copy(read->mrtd) == bytes(48, std::byte{0x10}));

    maker.become_tdx_15();
    const bytes second = maker.quote();
    const auto newer = read_tdx_quote(second);
    REQUIRE(newer.has_value());
    CHECK(newer->is_tdx_15);
    CHECK(newer->signed_part.size() == 54 + 648);
    CHECK(copy(newer->tee_tcb_svn2) == hex("06010300000000000000000000000000"));
    CHECK(copy(newer->mrservicetd) == bytes(48, std::byte{0x77}));
  }

  TEST_CASE("quotes of SGX are refused by their name") {
    CHECK(why_with([](tdx_maker& m) { m.version = 3; }) == unsupported("quote.sgx_version_3"));
    CHECK(why_with([](tdx_maker& m) { m.tee = 0; }) == unsupported("quote.sgx"));
    CHECK(why_with([](tdx_maker& m) {
            m.version = 5;
            m.body_type = 1;
          }) == unsupported("quote.sgx"));
  }

  TEST_CASE("other versions, TEEs, keys and vendors are not supported") {
    for (const int version : {0, 1, 2, 6, 0x400})
      CHECK(why_with([&](tdx_maker& m) { m.version = static_cast<std::uint16_t>(version); }) ==
            unsupported("quote.version"));
    CHECK(why_with([](tdx_maker& m) { m.tee = 0x80; }) == unsupported("quote.tee_type"));
    CHECK(why_with([](tdx_maker& m) { m.tee = 0x81000000; }) == unsupported("quote.tee_type"));
    for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0, 1, 3})
      CHECK(why_with([&](tdx_maker& m) { m.key_type = type; }) ==
            unsupported("quote.attestation_key_type"));
    CHECK(why_with([](tdx_maker& m) { m.vendor.back() ^= std::byte{1}; }) ==
          unsupported("quote.qe_vendor"));
  }

  TEST_CASE("a body has the size of its type") {
    const auto with = [](std::uint16_t type, std::size_t size) {
      return why_with([&](tdx_maker& m) {
        m.version = 5;
        m.body_type = type;
        m.body.resize(size);
      });
    };
    CHECK(with(2, 584) == none);
    CHECK(with(3, 648) == none);
    CHECK(with(2, 648) == malformed("quote.body_size"));
    CHECK(with(3, 584) == malformed("quote.body_size"));
    CHECK(with(4, 648) == unsupported("quote.body_type"));
    CHECK(with(0, 584) == unsupported("quote.body_type"));
  }

  // Else the platform's certificates would have to come from somebody else, and nothing would tie
  // them to the quote.
  TEST_CASE("the quote holds the quoting enclave's report, and that holds the certificates") {
    for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0, 1, 2, 3, 4, 5, 7})
      CHECK(why_with([&](tdx_maker& m) { m.outer_type = type; }) ==
            unsupported("quote.certification_type"));
    for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0, 1, 2, 3, 4, 6, 7})
      CHECK(why_with([&](tdx_maker& m) { m.inner_type = type; }) ==
            unsupported("quote.qe_certification_type"));
  }

  TEST_CASE("lengths say what is there, neither more nor less") {
    for (const std::uint32_t more : {1U, 0xFFFFFFFFU, 0x7FFFFFFFU, 0x80000000U}) {
      CAPTURE(more);
      CHECK(why_with([&](tdx_maker& m) { m.more_body = more; }) == none);  // not in version 4
      CHECK(why_with([&](tdx_maker& m) {
              m.version = 5;
              m.more_body = more;
            }) == malformed("quote.body_size"));
      CHECK(why_with([&](tdx_maker& m) { m.more_signature = more; }) ==
            malformed(more == 0xFFFFFFFFU ? "quote.signature_size" : "quote.signature_truncated"));
      CHECK(why_with([&](tdx_maker& m) { m.more_certification = more; }) ==
            malformed("quote.signature_size"));
      CHECK(why_with([&](tdx_maker& m) { m.more_certificates = more; }) ==
            malformed("quote.certification_size"));
    }
    // A signature that claims a trailing byte as its own.
    CHECK(why_with([](tdx_maker& m) {
            m.trailing = bytes(1);
            m.more_signature = 1;
          }) == malformed("quote.signature_size"));
  }

  TEST_CASE("a signature that is too short for its parts is refused by which") {
    const tdx_maker maker;
    const bytes good = maker.quote();
    const auto cut = [&](std::size_t size) {
      bytes quote{good.begin(), good.begin() + 48 + 584};
      quote = test::joined({quote, test::little_endian(static_cast<std::uint32_t>(size))});
      quote.insert(quote.end(), good.begin() + 636,
                   good.begin() + 636 + static_cast<std::ptrdiff_t>(size));
      if (size >= 134)
        tdx_maker::put(quote, 636 + 130,
                       test::little_endian(static_cast<std::uint32_t>(size - 134)));
      return why(quote);
    };
    CHECK(cut(0) == malformed("quote.signature_size"));
    CHECK(cut(133) == malformed("quote.signature_size"));
    CHECK(cut(134) == malformed("quote.certification_size"));
    CHECK(cut(134 + 384 + 64 + 1) == malformed("quote.certification_size"));
    CHECK(cut(134 + 384 + 64 + 2 + 32 + 5) == malformed("quote.certification_size"));
    CHECK(cut(134 + 384 + 64 + 2 + 32 + 6) == malformed("quote.certification_size"));
  }

  TEST_CASE("what the quoting enclave adds has at most 1 KiB, the certificates 8 KiB") {
    CHECK(why_with([](tdx_maker& m) { m.authentication.clear(); }) == none);
    CHECK(why_with([](tdx_maker& m) { m.authentication.resize(1024); }) == none);
    CHECK(why_with([](tdx_maker& m) { m.authentication.resize(1025); }) ==
          malformed("quote.qe_authentication_size"));
    CHECK(why_with([](tdx_maker& m) { m.certificates.resize(8192, 'A'); }) == none);
    CHECK(why_with([](tdx_maker& m) { m.certificates.resize(8193, 'A'); }) ==
          malformed("quote.certificates_size"));
  }

  TEST_CASE("one zero behind the certificates belongs to them") {
    tdx_maker maker;
    const std::string text = maker.certificates;
    maker.certificates += '\0';
    const bytes quote = maker.quote();
    const auto read = read_tdx_quote(quote);
    REQUIRE(read.has_value());
    CHECK(read->certificates == text);
    maker.certificates += '\0';
    const bytes twice = maker.quote();
    CHECK(read_tdx_quote(twice)->certificates == text + '\0');  // the reader of PEM refuses it
  }

  TEST_CASE("bytes behind the quote are counted") {
    tdx_maker maker;
    maker.trailing = bytes(3000, std::byte{1});
    const bytes quote = maker.quote();
    const auto read = read_tdx_quote(quote);
    REQUIRE(read.has_value());
    CHECK(read->trailing_bytes == 3000);
    CHECK(read->certificates == maker.certificates);
  }

  TEST_CASE("every truncation is refused by what is cut") {
    for (const bool newer : {false, true}) {
      tdx_maker maker;
      if (newer) maker.become_tdx_15();
      const bytes quote = maker.quote();
      const std::size_t body = newer ? 54 + 648 : 48 + 584;
      for (std::size_t size = 0; size != quote.size(); ++size) {
        CAPTURE(size);
        CHECK(why({quote.begin(), quote.begin() + static_cast<std::ptrdiff_t>(size)}) ==
              malformed(size < 48     ? "quote.header_truncated"
                        : size < body ? "quote.body_truncated"
                                      : "quote.signature_truncated"));
      }
    }
  }
}

}  // namespace
