// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/detail/utf8.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

/// How much of a CBOR document is looked at before it is refused.
struct cbor_limits {
  std::size_t max_bytes = 64 * 1024;   ///< of the whole document
  std::size_t max_depth = 16;          ///< of arrays and maps inside each other; at most 16
  std::size_t max_items = 4096;        ///< of any kind, each key and each value being one
  std::size_t max_string = 16 * 1024;  ///< bytes of one byte string or text
};

/// The data items that evidence is made of.
enum class cbor_kind : std::uint8_t {
  unsigned_number,
  negative_number,
  bytes,
  text,
  array,
  map,
  boolean,
  null,
};

namespace detail {

/// One item of a document, in the order in which they stand there.
struct cbor_node {
  cbor_kind kind;
  bool indefinite = false;   // an array or map that a break ends
  std::uint32_t span = 1;    // nodes of this item, its own and those of all that is inside
  std::uint32_t count = 0;   // elements of an array, entries of a map
  std::uint64_t number = 0;  // of a number: what stands behind its first byte; 1 for true
  byte_span content;         // of a string
  byte_span encoding;        // the whole item
};

}  // namespace detail

/// One data item of a `cbor_document`, which it looks into and must not outlive.
///
/// Every question has an answer for every item: nothing where it is of another kind.
///
/// | expression                | is                    | of                                       |
/// |---------------------------|-----------------------|------------------------------------------|
/// | `v.kind()`                | `cbor_kind`           | any                                      |
/// | `v.unsigned_number()`     | `optional<uint64_t>`  | a number from 0                          |
/// | `v.number()`              | `optional<int64_t>`   | a number of that range                   |
/// | `v.bytes()`, `v.text()`   | `optional` of a view  | a byte string; a text, which is UTF-8    |
/// | `v.boolean()`             | `optional<bool>`      | true or false                            |
/// | `v.is_null()`             | `bool`                | any                                      |
/// | `v.size()`                | `size_t`              | elements of an array, entries of a map   |
/// | `v.elements()`            | range of `cbor_value` | an array; empty for the others           |
/// | `v.entries()`             | range of pairs        | a map: key and value                     |
/// | `v.find("key")`, `v.find(1)` | `optional<cbor_value>` | a map                                |
/// | `v.is_indefinite()`       | `bool`                | an array or map that a break ends        |
/// | `v.encoding()`            | `byte_span`           | the item's own bytes                     |
class cbor_value {
 public:
  template <bool Pairs>
  class range;

  explicit cbor_value(const detail::cbor_node& node) noexcept : node_(&node) {}

  cbor_kind kind() const noexcept { return node_->kind; }

  std::optional<std::uint64_t> unsigned_number() const noexcept {
    if (kind() != cbor_kind::unsigned_number) return std::nullopt;
    return node_->number;
  }
  std::optional<std::int64_t> number() const noexcept {
    if (node_->number >> 63 != 0) return std::nullopt;
    const auto n = static_cast<std::int64_t>(node_->number);
    if (kind() == cbor_kind::unsigned_number) return n;
    if (kind() == cbor_kind::negative_number) return -1 - n;
    return std::nullopt;
  }
  std::optional<detail::byte_span> bytes() const noexcept {
    if (kind() != cbor_kind::bytes) return std::nullopt;
    return node_->content;
  }
  std::optional<std::string_view> text() const noexcept {
    if (kind() != cbor_kind::text) return std::nullopt;
    return std::string_view{reinterpret_cast<const char*>(node_->content.data()),
                            node_->content.size()};
  }
  std::optional<bool> boolean() const noexcept {
    if (kind() != cbor_kind::boolean) return std::nullopt;
    return node_->number == 1;
  }
  bool is_null() const noexcept { return kind() == cbor_kind::null; }
  bool is_indefinite() const noexcept { return node_->indefinite; }
  std::size_t size() const noexcept { return node_->count; }
  detail::byte_span encoding() const noexcept { return node_->encoding; }

  range<false> elements() const noexcept;
  range<true> entries() const noexcept;

  std::optional<cbor_value> find(std::string_view key) const noexcept;
  std::optional<cbor_value> find(std::int64_t key) const noexcept;

 private:
  const detail::cbor_node* node_;
};

/// The elements of an array, or the pairs of a map.
template <bool Pairs>
class cbor_value::range {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = std::conditional_t<Pairs, std::pair<cbor_value, cbor_value>, cbor_value>;

    explicit iterator(const detail::cbor_node* at = nullptr) noexcept : at_(at) {}

    value_type operator*() const noexcept {
      if constexpr (Pairs) {
        return {cbor_value{*at_}, cbor_value{*(at_ + at_->span)}};
      } else {
        return cbor_value{*at_};
      }
    }
    iterator& operator++() noexcept {
      at_ += at_->span;
      if constexpr (Pairs) at_ += at_->span;
      return *this;
    }
    iterator operator++(int) noexcept {
      const iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(iterator, iterator) = default;

   private:
    const detail::cbor_node* at_;
  };

  range(const detail::cbor_node* first, const detail::cbor_node* end) noexcept
      : first_(first), end_(end) {}
  iterator begin() const noexcept { return iterator{first_}; }
  iterator end() const noexcept { return iterator{end_}; }

 private:
  const detail::cbor_node* first_;
  const detail::cbor_node* end_;
};

inline cbor_value::range<false> cbor_value::elements() const noexcept {
  if (kind() != cbor_kind::array) return {nullptr, nullptr};
  return {node_ + 1, node_ + node_->span};
}
inline cbor_value::range<true> cbor_value::entries() const noexcept {
  if (kind() != cbor_kind::map) return {nullptr, nullptr};
  return {node_ + 1, node_ + node_->span};
}
inline std::optional<cbor_value> cbor_value::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : entries())
    if (name.text() == key) return value;
  return std::nullopt;
}
inline std::optional<cbor_value> cbor_value::find(std::int64_t key) const noexcept {
  for (const auto& [name, value] : entries())
    if (name.number() == key) return value;
  return std::nullopt;
}

/// A whole CBOR document (RFC 8949): one data item that was read, checked and taken apart.
///
///     const auto document = cbor_document::read(bytes);
///     if (!document) return document.error();            // attest_malformed and the rule
///     const auto id = document->root().find("module_id");
///
/// It looks into the bytes that it was read from; they must outlive it.
///
/// The reader takes what evidence is made of, in one encoding each, so that two readers cannot
/// understand one document differently:
/// - numbers, lengths and counts in their shortest form (§4.2.1);
/// - byte strings and texts of a known length, texts of valid UTF-8 (indefinite strings: refused);
/// - arrays and maps of a known length or with a break, as the Nitro hypervisor writes them;
/// - keys that are numbers, byte strings or texts, each once in its map, in any order;
/// - true, false and null. Tags, floats, undefined and other simple values: refused, and with the
///   tags big numbers.
///
/// It recurses nowhere, keeps 64 bytes or so for each item, and asks for their memory only as they
/// come: a length that stands for more than the document holds is refused before it is used.
class cbor_document {
 public:
  static judged<cbor_document> read(detail::byte_span bytes, const cbor_limits& limits = {});

  cbor_value root() const noexcept { return cbor_value{nodes_.front()}; }

 private:
  class reader;
  cbor_document() = default;

  std::vector<detail::cbor_node> nodes_;
};

class cbor_document::reader {
 public:
  reader(detail::byte_span bytes, const cbor_limits& limits) : all_(bytes), limits_(limits) {}

  judged<cbor_document> read() {
    if (all_.size() > limits_.max_bytes) return refused("cbor.document_too_long");
    do {
      if (const std::string_view rule = step(); !rule.empty()) return refused(rule);
    } while (open_ != 0);
    if (at_ != all_.size()) return refused("cbor.trailing_bytes");
    return std::move(out_);
  }

 private:
  static constexpr std::size_t deepest = 16;
  static constexpr std::uint64_t until_break = ~std::uint64_t{0};

  // An array or map whose end was not reached yet.
  struct container {
    std::uint32_t node;
    std::size_t begin;   // where its encoding begins
    std::uint64_t left;  // items to come, keys and values; until_break where nobody knows
    std::uint32_t items = 0;
  };

  static refusal refused(std::string_view rule) { return {errc::attest_malformed, rule}; }

  /// Reads one item or one break. Returns the rule that was broken; empty where all is well.
  std::string_view step() {
    if (at_ == all_.size()) return "cbor.truncated";
    const std::size_t begin = at_;
    const auto first = std::to_integer<unsigned>(all_[at_++]);
    if (first == 0xFF) return end_by_break();

    const unsigned major = first >> 5;
    const unsigned low = first & 31;
    std::uint64_t argument = low;
    bool indefinite = false;
    if (low >= 28 && low <= 30) return "cbor.reserved_length";
    if (low == 31) {
      if (major == 2 || major == 3) return "cbor.indefinite_string";
      if (major != 4 && major != 5) return "cbor.reserved_length";
      indefinite = true;
    } else if (major < 6) {
      if (const std::string_view rule = read_argument(low, argument); !rule.empty()) return rule;
    }

    detail::cbor_node node{};
    node.indefinite = indefinite;
    const bool is_key = open_ != 0 && in_map() && top().items % 2 == 0;
    switch (major) {
      case 0:
      case 1:
        node.kind = major == 0 ? cbor_kind::unsigned_number : cbor_kind::negative_number;
        node.number = argument;
        break;
      case 2:
      case 3:
        node.kind = major == 2 ? cbor_kind::bytes : cbor_kind::text;
        if (argument > limits_.max_string) return "cbor.string_too_long";
        if (argument > all_.size() - at_) return "cbor.truncated";
        node.content = all_.subspan(at_, static_cast<std::size_t>(argument));
        at_ += node.content.size();
        if (major == 3 && !detail::is_utf8({reinterpret_cast<const char*>(node.content.data()),
                                            node.content.size()}))
          return "cbor.not_utf8";
        break;
      case 4:
      case 5: {
        if (is_key) return "cbor.key_kind";
        node.kind = major == 4 ? cbor_kind::array : cbor_kind::map;
        const std::uint64_t each = major == 4 ? 1 : 2;
        // An item takes a byte at least.
        if (!indefinite && argument > (all_.size() - at_) / each) return "cbor.truncated";
        if (open_ == std::min(deepest, limits_.max_depth)) return "cbor.too_deep";
        if (const std::string_view rule = add(node, begin); !rule.empty()) return rule;
        stack_[open_++] = {static_cast<std::uint32_t>(out_.nodes_.size() - 1), begin,
                           indefinite ? until_break : argument * each};
        return close_the_full();
      }
      case 6:
        return "cbor.tag";
      default:
        if (low >= 25 && low <= 27) return "cbor.float";
        if (low < 20 || low > 22) return "cbor.simple_value";
        if (is_key) return "cbor.key_kind";
        node.kind = low == 22 ? cbor_kind::null : cbor_kind::boolean;
        node.number = low == 21 ? 1 : 0;
    }
    if (const std::string_view rule = add(node, begin); !rule.empty()) return rule;
    return close_the_full();
  }

  std::string_view read_argument(unsigned low, std::uint64_t& argument) {
    if (low < 24) return {};
    const std::size_t size = std::size_t{1} << (low - 24);
    if (size > all_.size() - at_) return "cbor.truncated";
    argument = 0;
    for (std::size_t i = 0; i != size; ++i)
      argument = argument << 8 | std::to_integer<std::uint64_t>(all_[at_++]);
    // What half as many bytes could hold, or the first byte itself, is written too long.
    const bool too_long = size == 1 ? argument < 24 : argument >> (size * 4) == 0;
    return too_long ? "cbor.not_minimal" : std::string_view{};
  }

  container& top() { return stack_[open_ - 1]; }
  bool in_map() { return out_.nodes_[top().node].kind == cbor_kind::map; }

  std::string_view add(detail::cbor_node& node, std::size_t begin) {
    if (out_.nodes_.size() == limits_.max_items) return "cbor.too_many_items";
    node.encoding = all_.subspan(begin, at_ - begin);
    out_.nodes_.push_back(node);
    if (open_ != 0) {
      ++top().items;
      if (top().left != until_break) --top().left;
    }
    return {};
  }

  std::string_view end_by_break() {
    if (open_ == 0 || top().left != until_break) return "cbor.stray_break";
    if (in_map() && top().items % 2 != 0) return "cbor.key_without_value";
    top().left = 0;
    return close_the_full();
  }

  std::string_view close_the_full() {
    while (open_ != 0 && top().left == 0) {
      const container done = top();
      detail::cbor_node& node = out_.nodes_[done.node];
      node.span = static_cast<std::uint32_t>(out_.nodes_.size()) - done.node;
      node.encoding = all_.subspan(done.begin, at_ - done.begin);
      const bool is_map = node.kind == cbor_kind::map;
      node.count = is_map ? done.items / 2 : done.items;
      if (is_map && has_duplicates(node)) return "cbor.duplicate_key";
      --open_;
    }
    return {};
  }

  // Keys have one encoding, so equal keys are equal bytes. Sorted, not searched one by one: nobody
  // can choose keys that make this slow.
  bool has_duplicates(const detail::cbor_node& map) {
    keys_.clear();
    for (const auto& [key, value] : cbor_value{map}.entries()) {
      const detail::byte_span bytes = key.encoding();
      keys_.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    std::ranges::sort(keys_);
    return std::ranges::adjacent_find(keys_) != keys_.end();
  }

  detail::byte_span all_;
  cbor_limits limits_;
  std::size_t at_ = 0;
  std::size_t open_ = 0;
  std::array<container, deepest> stack_{};
  std::vector<std::string_view> keys_;
  cbor_document out_;
};

inline judged<cbor_document> cbor_document::read(detail::byte_span bytes,
                                                 const cbor_limits& limits) {
  return reader{bytes, limits}.read();
}

}  // namespace enfilade
