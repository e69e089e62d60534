// SPDX-License-Identifier: Apache-2.0
//
// The vectors that the RFCs of the link's algorithms print, in full.
#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/hkdf.hpp>
#include <enfilade/cipher/sign.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using detail::bytes_of;
using detail::to_hex;

std::vector<std::byte> hex(std::string_view text) { return *detail::from_hex(text); }

template <std::size_t N>
std::array<std::byte, N> fixed(std::string_view text) {
  const std::vector<std::byte> bytes = hex(text);
  REQUIRE(bytes.size() == N);
  std::array<std::byte, N> out{};
  std::ranges::copy(bytes, out.begin());
  return out;
}

Key<32> key_of(std::string_view text) { return Key<32>{fixed<32>(text)}; }

std::vector<std::byte> counting(int first, int last) {
  std::vector<std::byte> bytes;
  for (int b = first; b <= last; ++b) bytes.push_back(static_cast<std::byte>(b));
  return bytes;
}

TEST_SUITE("conformance/rfc_vectors") {
  TEST_CASE("RFC 8439 §2.8.2: ChaCha20-Poly1305 seals the text about sunscreen") {
    std::string text =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    const std::span<std::byte> body = std::as_writable_bytes(std::span{text});
    const std::string plain = text;
    const auto header = hex("50515253c0c1c2c3c4c5c6c7");
    ChaChaPoly cipher{key_of("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
                      fixed<12>("070000004041424344454647")};
    std::array<std::byte, 16> tag{};
    cipher.seal(0, header, body, tag);
    CHECK(to_hex(body) ==
          "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e"
          "8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c"
          "9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
          "86cec64b6116");
    CHECK(to_hex(tag) == "1ae10b594f09e26a7e902ecbd0600691");
    CHECK(cipher.open(0, header, body, tag));
    CHECK(text == plain);
  }

  TEST_CASE("RFC 8439 A.5: ChaCha20-Poly1305 opens the text about drafts") {
    auto body =
        hex("64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18"
            "755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce"
            "98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e"
            "2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e9"
            "9040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04"
            "b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a10"
            "73a6727627097a1049e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d"
            "6c6f2c29a6ad5cb4022b02709b");
    ChaChaPoly cipher{key_of("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
                      fixed<12>("000000000102030405060708")};
    CHECK(cipher.open(0, hex("f33388860000000000004e91"), body,
                      fixed<16>("eead9d67890cbb22392336fea1851f38")));
    const std::string_view text{reinterpret_cast<const char*>(body.data()), body.size()};
    CHECK(text ==
          "Internet-Drafts are draft documents valid for a maximum of six months and may be "
          "updated, replaced, or obsoleted by other documents at any time. It is inappropriate to "
          "use Internet-Drafts as reference material or to cite them other than as "
          "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d");
  }

  TEST_CASE("RFC 7748 §5.2: X25519 of two scalars and points") {
    const auto multiple = [](std::string_view scalar, std::string_view point) {
      const auto shared = AgreementKey{key_of(scalar)}.agree(fixed<32>(point));
      REQUIRE(shared.has_value());
      return to_hex(shared->view());
    };
    CHECK(multiple("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                   "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c") ==
          "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    CHECK(multiple("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                   "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493") ==
          "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
  }

  TEST_CASE("RFC 7748 §5.2: X25519 iterated once and a thousand times") {
    std::array<std::byte, 32> scalar{std::byte{9}};
    std::array<std::byte, 32> point = scalar;
    for (int i = 0; i != 1000; ++i) {
      const auto shared = AgreementKey{Key<32>{scalar}}.agree(point);
      REQUIRE(shared.has_value());
      point = scalar;
      std::ranges::copy(shared->view(), scalar.begin());
      if (i == 0)
        CHECK(to_hex(scalar) == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    CHECK(to_hex(scalar) == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  }

  TEST_CASE("RFC 7748 §6.1: Alice and Bob agree") {
    const AgreementKey alice{
        key_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")};
    const AgreementKey bob{
        key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")};
    CHECK(to_hex(alice.public_key()) ==
          "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    CHECK(to_hex(bob.public_key()) ==
          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    constexpr std::string_view shared =
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    CHECK(to_hex(alice.agree(bob.public_key())->view()) == shared);
    CHECK(to_hex(bob.agree(alice.public_key())->view()) == shared);
  }

  TEST_CASE("RFC 5869 A.1: HKDF-SHA-256, the basic case") {
    const Key<32> key = hkdf_extract(counting(0x00, 0x0c), std::vector(22, std::byte{0x0b}));
    CHECK(to_hex(key.view()) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    CHECK(to_hex(hkdf_expand<42>(key.view(), counting(0xf0, 0xf9)).view()) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  }

  TEST_CASE("RFC 5869 A.2: HKDF-SHA-256 with longer inputs and outputs") {
    const Key<32> key = hkdf_extract(counting(0x60, 0xaf), counting(0x00, 0x4f));
    CHECK(to_hex(key.view()) == "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
    CHECK(to_hex(hkdf_expand<82>(key.view(), counting(0xb0, 0xff)).view()) ==
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
          "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  }

  TEST_CASE("RFC 5869 A.3: HKDF-SHA-256 without salt and info") {
    const Key<32> key = hkdf_extract({}, std::vector(22, std::byte{0x0b}));
    CHECK(to_hex(key.view()) == "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    CHECK(to_hex(hkdf_expand<42>(key.view(), {}).view()) ==
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  }

  TEST_CASE("RFC 8032 §7.1: Ed25519 signs and verifies its five messages") {
    struct vector {
      std::string_view seed, public_key;
      std::vector<std::byte> message;
      std::string_view signature;
    };
    const auto abc = sha512(bytes_of("abc"));
    const std::vector<vector> vectors{
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
         {},
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", hex("72"),
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", hex("af82"),
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
        {"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
         "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
         hex("08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264b"
             "f09efe12ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996"
             "d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d658675fc6ea534e0810a4432"
             "826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efcb8550ee3a5e1998bd177e93a"
             "7363c344fe6b199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b3b310da9"
             "03401aa62100ab5d1a36553e06203b33890cc9b832f79ef80560ccb9a39ce767967ed628"
             "c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206b"
             "e6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
             "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2d17ba70e"
             "b6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24554119a831a9aad6"
             "079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f27088d78b7e883c8759d2c4f5c6"
             "5adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089b"
             "eccf80cfe2df16a2cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80"
             "c3414a8d0859dc65a46128bab27af87a71314f318c782b23ebfe808b82b0ce26401d2e22"
             "f04d83d1255dc51addd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2"
             "af58429ec96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
             "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30"
             "c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb"
             "3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34dff7310fdc82aebfd904b01e1d"
             "c54b2927094b2db68d6f903b68401adebf5a7e08d78ff4ef5d63653a65040cf9bfd4aca7"
             "984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab47b57f7f7276c"
             "d419c17a3ca8e1b939ae49e488acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d"
             "5011fd2dcc5600a32ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504cc"
             "c493d97e6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
             "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b50d334ba7"
             "7c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1369546868a7f3a45"
             "a96768d40fd9d03412c091c6315cf4fde7cb68606937380db2eaaa707b4c4185c32eddcd"
             "d306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8ca"
             "c60c905c15fc910840b94c00a0b9d0"),
         "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
         "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"},
        {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
         "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
         {abc.begin(), abc.end()},
         "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
         "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
    };
    for (const vector& v : vectors) {
      CAPTURE(v.public_key);
      const SigningKey key{key_of(v.seed)};
      CHECK(to_hex(key.public_key()) == v.public_key);
      CHECK(to_hex(key.sign(v.message)) == v.signature);
      CHECK(verify_signature(fixed<32>(v.public_key), v.message, fixed<64>(v.signature)));
    }
  }
}

}  // namespace
