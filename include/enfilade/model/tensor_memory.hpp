// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/aligned_buffer.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/checkpoint.hpp>
#include <enfilade/model/safetensors.hpp>
#include <enfilade/model/weight_file.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace enfilade {

/// Where a stage's weights lie.
enum class weight_storage {
  mapped,  ///< In the file, mapped: several stages on one machine share the page cache.
  copied,  ///< In private memory: whoever can write the file later cannot change the weights.
};

/// A tensor by the name and the shape that the compiled model gives it.
struct wanted_tensor {
  std::string name;
  std::vector<std::uint64_t> shape;
};

/// The f32 tensors that somebody wants of a checkpoint, and no byte of another one.
///
/// Mapped are the pages of these tensors only; a page that holds the end of one tensor and the
/// beginning of its neighbour is the only place where something else can be seen. Tensors that do
/// not lie at a multiple of four, as in files written before the format aligned its header, are
/// copied.
class tensor_memory {
 public:
  /// Throws `failure`: `model_tensor_missing`, `model_dtype`, `model_shape_mismatch`, and what
  /// opening a file throws; `where` names the file and the tensor.
  tensor_memory(checkpoint& from, const std::vector<wanted_tensor>& wanted,
                weight_storage storage) {
    std::vector<checkpoint::place> places;
    for (const wanted_tensor& tensor : wanted) places.push_back(checked(from, tensor));

    data_.resize(wanted.size());
    std::vector<std::size_t> to_map;
    std::vector<std::size_t> to_copy;
    for (std::size_t i = 0; i != places.size(); ++i) {
      const bool aligned = begin_of(places[i]) % alignof(float) == 0;
      (storage == weight_storage::mapped && aligned ? to_map : to_copy).push_back(i);
    }
    map(places, to_map);
    copy(places, to_copy);
  }

  /// The i-th wanted tensor, in row-major order.
  std::span<const float> operator[](std::size_t i) const noexcept { return data_[i]; }

  std::size_t size() const noexcept { return data_.size(); }

  /// The mapped pages, for whoever wants to know what of a file is in memory.
  const std::vector<mapped_range>& mapped() const noexcept { return mapped_; }

 private:
  static checkpoint::place checked(checkpoint& from, const wanted_tensor& tensor) {
    const checkpoint::place found = from.find(tensor.name);
    const std::string where = found.file->name() + ": " + tensor.name;
    if (found.tensor->dtype != "F32")
      throw failure(errc::model_dtype, where + ": is " + found.tensor->dtype + ", not F32");
    if (found.tensor->shape != tensor.shape)
      throw failure(errc::model_shape_mismatch,
                    where + ": compiled " + safetensors_header::describe(tensor.shape) +
                        ", file has " + safetensors_header::describe(found.tensor->shape));
    return found;
  }

  static std::uint64_t begin_of(const checkpoint::place& place) {
    return place.file->position_of(*place.tensor);
  }
  static std::uint64_t bytes_of(const checkpoint::place& place) {
    return place.tensor->end - place.tensor->begin;
  }

  void map(const std::vector<checkpoint::place>& places, std::vector<std::size_t> wanted) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::ranges::sort(wanted, {}, [&](std::size_t i) {
      return std::tuple{places[i].file->name(), begin_of(places[i])};
    });
    for (std::size_t next = 0; next != wanted.size();) {
      // One mapping for neighbours: tensors that share a page or lie on adjacent ones.
      const weight_file& file = *places[wanted[next]].file;
      const std::uint64_t begin = begin_of(places[wanted[next]]) / page * page;
      std::uint64_t end = begin;
      const std::size_t first = next;
      for (; next != wanted.size(); ++next) {
        const checkpoint::place& place = places[wanted[next]];
        if (place.file != &file || begin_of(place) / page * page > (end + page - 1) / page * page)
          break;
        end = begin_of(place) + bytes_of(place);
      }
      mapped_.push_back(file.map(begin, end));
      for (std::size_t i = first; i != next; ++i) {
        const checkpoint::place& place = places[wanted[i]];
        const std::byte* at = mapped_.back().data() + (begin_of(place) - begin);
        data_[wanted[i]] = {reinterpret_cast<const float*>(at), bytes_of(place) / sizeof(float)};
      }
    }
  }

  void copy(const std::vector<checkpoint::place>& places, const std::vector<std::size_t>& wanted) {
    constexpr std::size_t line = detail::aligned_buffer::alignment;
    const auto rounded = [&](std::size_t i) {
      return (bytes_of(places[i]) + line - 1) / line * line;
    };
    std::size_t total = 0;
    for (const std::size_t i : wanted) total += rounded(i);
    copied_.at_least(total);

    std::size_t at = 0;
    for (const std::size_t i : wanted) {
      const std::span<std::byte> to = copied_.bytes(at, bytes_of(places[i]));
      places[i].file->read(begin_of(places[i]), to);
      data_[i] = {reinterpret_cast<const float*>(to.data()), to.size() / sizeof(float)};
      at += rounded(i);
    }
  }

  std::vector<mapped_range> mapped_;
  detail::aligned_buffer copied_;
  std::vector<std::span<const float>> data_;
};

}  // namespace enfilade
