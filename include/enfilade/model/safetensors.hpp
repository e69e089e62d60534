// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#ifndef ENFILADE_MAX_SAFETENSORS_HEADER
#define ENFILADE_MAX_SAFETENSORS_HEADER (16u << 20)
#endif
#ifndef ENFILADE_MAX_SAFETENSORS_TENSORS
#define ENFILADE_MAX_SAFETENSORS_TENSORS 100000
#endif

namespace enfilade {

/// The header of a safetensors file: which tensors it holds, and where.
///
/// Everything is checked before anything is used, so that whoever holds a header may trust it: the
/// types are known, no product of a shape overflows, each tensor's bytes are as many as its type and
/// shape say, and the tensors tile the data section without overlap and without a hole.
///
/// Source: the format's description in github.com/huggingface/safetensors.
class safetensors_header {
 public:
  /// One tensor: `begin` and `end` count bytes from the start of the data section.
  struct tensor {
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  static constexpr std::size_t max_bytes = ENFILADE_MAX_SAFETENSORS_HEADER;
  static constexpr std::size_t max_tensors = ENFILADE_MAX_SAFETENSORS_TENSORS;
  static constexpr std::size_t max_rank = 8;

  /// A tensor is an object of one text and two arrays, and nothing is nested deeper; beside the
  /// tensors there may be metadata.
  static constexpr detail::json_limits limits{
      max_bytes, 4, max_tensors*(6 + max_rank) + detail::json_limits{}.max_values};

  /// Reads the JSON text of a header whose data section has `data_size` bytes.
  ///
  /// Throws `failure`: `model_header_invalid`, or `model_dtype` for an unknown type; `where` names
  /// `file` and the tensor.
  static safetensors_header parse(std::string_view json, std::uint64_t data_size,
                                  const std::string& file) {
    safetensors_header header;
    header.read(json, data_size, file);
    return header;
  }

  /// The tensor of that name; null where there is none.
  const tensor* find(std::string_view name) const {
    const auto at = tensors_.find(name);
    return at == tensors_.end() ? nullptr : &at->second;
  }

  std::size_t size() const noexcept { return tensors_.size(); }

  /// `[768, 2304]`, for messages.
  static std::string describe(const std::vector<std::uint64_t>& shape) {
    std::string text = "[";
    for (const std::uint64_t extent : shape) {
      if (text.size() > 1) text += ", ";
      text += std::to_string(extent);
    }
    return text + ']';
  }

  /// A name out of a file, fit for a message: a file must not write to somebody's terminal.
  static std::string printable(std::string_view name) {
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    });
    return plain && !name.empty() && name.size() <= 100 ? std::string{name} : "(unprintable)";
  }

 private:
  [[noreturn]] static void refuse(const std::string& where, const std::string& what) {
    throw failure(errc::model_header_invalid, where + ": " + what);
  }

  void read(std::string_view text, std::uint64_t data_size, const std::string& file) {
    if (text.empty() || text.front() != '{') refuse(file, "the header does not begin with {");
    std::string complaint;
    const auto parsed = detail::parse_bounded(text, errc::model_header_invalid, limits, &complaint);
    if (!parsed) refuse(file, complaint);
    if (parsed->size() > max_tensors) refuse(file, "more tensors than allowed");

    for (const auto& [name, json] : parsed->items()) {
      const std::string where = file + ": " + printable(name);
      if (name == "__metadata__") {
        if (!json.is_object()) refuse(where, "not an object");
        continue;
      }
      tensors_.emplace(name, read_tensor(json, data_size, where));
    }
    check_tiling(data_size, file);
  }

  static tensor read_tensor(const nlohmann::json& json, std::uint64_t data_size,
                            const std::string& where) {
    if (!json.is_object() || json.size() != 3 || !json.contains("dtype") ||
        !json.contains("shape") || !json.contains("data_offsets"))
      refuse(where, "not an object of dtype, shape and data_offsets");
    if (!json["dtype"].is_string()) refuse(where, "dtype is not a text");
    tensor t;
    t.dtype = json["dtype"].get<std::string>();
    t.shape = read_numbers(json["shape"], where, "shape");
    const std::vector<std::uint64_t> offsets =
        read_numbers(json["data_offsets"], where, "data_offsets");
    if (t.shape.size() > max_rank) refuse(where, "shape has too many dimensions");
    if (offsets.size() != 2) refuse(where, "data_offsets are not two numbers");
    t.begin = offsets[0];
    t.end = offsets[1];
    if (t.begin > t.end || t.end > data_size)
      refuse(where, "data_offsets " + describe(offsets) + " leave the data section of " +
                        std::to_string(data_size) + " bytes");

    std::uint64_t bytes = bytes_of_dtype(t.dtype, where);
    for (const std::uint64_t extent : t.shape) {
      if (extent != 0 && bytes > std::numeric_limits<std::uint64_t>::max() / extent)
        refuse(where, "shape " + describe(t.shape) + " overflows");
      bytes *= extent;
    }
    if (bytes != t.end - t.begin)
      refuse(where, "shape " + describe(t.shape) + " of " + t.dtype + " needs " +
                        std::to_string(bytes) + " bytes, data_offsets hold " +
                        std::to_string(t.end - t.begin));
    return t;
  }

  static std::vector<std::uint64_t> read_numbers(const nlohmann::json& json,
                                                 const std::string& where, const char* field) {
    if (!json.is_array()) refuse(where, field + std::string{" is not an array"});
    std::vector<std::uint64_t> numbers;
    for (const nlohmann::json& number : json) {
      if (!number.is_number_unsigned()) refuse(where, field + std::string{" has a non-number"});
      numbers.push_back(number.get<std::uint64_t>());
    }
    return numbers;
  }

  static std::uint64_t bytes_of_dtype(std::string_view dtype, const std::string& where) {
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 15> known{{{"BOOL", 1},
                                                                                {"U8", 1},
                                                                                {"I8", 1},
                                                                                {"F8_E4M3", 1},
                                                                                {"F8_E5M2", 1},
                                                                                {"U16", 2},
                                                                                {"I16", 2},
                                                                                {"F16", 2},
                                                                                {"BF16", 2},
                                                                                {"U32", 4},
                                                                                {"I32", 4},
                                                                                {"F32", 4},
                                                                                {"U64", 8},
                                                                                {"I64", 8},
                                                                                {"F64", 8}}};
    for (const auto& [name, bytes] : known)
      if (name == dtype) return bytes;
    throw failure(errc::model_dtype, where + ": unknown dtype " + printable(dtype));
  }

  void check_tiling(std::uint64_t data_size, const std::string& file) const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const auto& [name, t] : tensors_) ranges.emplace_back(t.begin, t.end);
    std::ranges::sort(ranges);
    std::uint64_t reached = 0;
    for (const auto& [begin, end] : ranges) {
      if (begin < reached) refuse(file, "tensors overlap at byte " + std::to_string(begin));
      if (begin > reached) refuse(file, "no tensor at byte " + std::to_string(reached));
      reached = end;
    }
    if (reached != data_size) refuse(file, "no tensor at byte " + std::to_string(reached));
  }

  std::map<std::string, tensor, std::less<>> tensors_;
};

}  // namespace enfilade
