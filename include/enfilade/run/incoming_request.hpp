// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/model/shape.hpp>
#include <enfilade/model/tokenizer.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/wire/message.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// What a client asks of stage 0, out of the link's buffer, which the next message overwrites.
class incoming_request {
 public:
  explicit incoming_request(const message& asked)
      : id(asked.header.request),
        most(static_cast<std::size_t>(asked.header.value)),
        wants_logits((asked.header.flags & message_flag_logits) != 0) {
    if (asked.header.dtype == message_dtype::u8) {
      const auto bytes = asked.as<char>();
      text = std::string{bytes.data(), bytes.size()};
    } else {
      const auto ids = asked.as<std::uint32_t>();
      tokens.assign(ids.begin(), ids.end());
    }
  }

  /// The prompt as token ids that `M` can compute; `words` is null where there is no tokenizer.
  ///
  /// Throws `failure`: the `request_*` errors. Nothing of the prompt is in them.
  template <model M>
  std::vector<std::uint32_t> prompt_for(const tokenizer* words) const {
    std::vector<std::uint32_t> ids = tokens;
    if (text) {
      if (words == nullptr)
        throw failure(errc::request_invalid, "this stage has no tokenizer; send ids");
      auto encoded = words->encode(*text, special_tokens::as_text, M::context);
      if (!encoded) throw failure(encoded.error(), "prompt");
      ids = *std::move(encoded);
    }
    if (ids.empty()) throw failure(errc::request_empty, "prompt");
    if (std::ranges::max(ids) >= M::vocab)
      throw failure(errc::request_invalid, "a token id is not below " + std::to_string(M::vocab));
    if (most == 0) throw failure(errc::request_invalid, "max_tokens is 0");
    // The last token made is never fed back, so it needs no position.
    if (ids.size() > M::context || most > M::context - ids.size() + 1)
      throw failure(errc::request_too_long, std::to_string(ids.size()) + " prompt tokens and " +
                                                std::to_string(most) + " new ones, context " +
                                                std::to_string(M::context));
    return ids;
  }

  std::uint64_t id;
  std::size_t most;
  bool wants_logits;
  std::optional<std::string> text;
  std::vector<std::uint32_t> tokens;
};

}  // namespace enfilade
