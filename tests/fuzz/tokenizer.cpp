// SPDX-License-Identifier: Apache-2.0
// Contract: whatever the bytes, reading tokenizer files throws nothing but `failure`, and a
// tokenizer that exists encodes any text without a fault and decodes it to the same text.
//
// The first byte chooses what the rest is: a tokenizer.json, a merges.txt, or a text.
#include <enfilade/model/tokenizer.hpp>

#include "../support/small_tokenizer.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace enfilade;

void require(bool holds) {
  if (!holds) std::abort();
}

const tokenizer& small() {
  static const tokenizer made{tokenizer_files::from_json(
      test::small_tokenizer({{"a", "a"}, {"aa", "aa"}, {"Ġ", "a"}, {"b", "aa"}, {"Ã", "©"}})
          .dump())};
  return made;
}

void check_text(const tokenizer& t, std::string_view text) {
  for (const auto special : {special_tokens::as_text, special_tokens::recognise}) {
    const auto ids = t.encode(text, special);
    require(ids.has_value() == detail::is_utf8(text));
    if (ids) require(t.decode(*ids) == text);
    if (ids && special == special_tokens::as_text)
      for (const std::uint32_t id : *ids) require(!t.is_special(id));
  }
}

void check_stream(std::string_view bytes) {
  utf8_stream whole;
  std::string text = whole.push(bytes);
  text += whole.finish();
  require(detail::is_utf8(text));
  require(!detail::is_utf8(bytes) || text == bytes);
  utf8_stream single;
  std::string again;
  for (const char byte : bytes) again += single.push({&byte, 1});
  require((again += single.finish()) == text);
}

template <class Read>
void check_files(Read read, std::string_view bytes) {
  try {
    check_text(tokenizer{read()}, bytes);
  } catch (const failure&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0]) {
    case 'j':
      check_files([&] { return tokenizer_files::from_json(bytes); }, bytes);
      break;
    case 'm': {
      static const std::string vocab = test::small_tokenizer({{"a", "b"}})["model"]["vocab"].dump();
      check_files([&] { return tokenizer_files::from_vocab_and_merges(vocab, bytes); }, bytes);
      break;
    }
    default:
      check_text(small(), bytes);
      check_stream(bytes);
  }
  return 0;
}
