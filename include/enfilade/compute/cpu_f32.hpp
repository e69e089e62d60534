// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/role.hpp>
#include <enfilade/compute/compute.hpp>
#include <enfilade/compute/elementwise.hpp>
#include <enfilade/compute/matrix.hpp>

// <sys/ioctl.h>, which Asio includes, defines a macro that is a template parameter in xtensor-blas.
#pragma push_macro("NCC")
#undef NCC
#include <xtensor-blas/xblas.hpp>
#include <xtensor/xadapt.hpp>
#pragma pop_macro("NCC")

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// <cblas.h> declares this too, but cannot stand in one translation unit with xtensor-blas.
extern "C" void openblas_set_num_threads(int threads);

namespace enfilade {

namespace detail {

// Views that xtensor-blas takes as they are: contiguous, row-major, of static rank.
template <class T>
auto blas_vector(matrix<T> m) {
  return xt::adapt<xt::layout_type::row_major>(m.data(), m.columns(), xt::no_ownership(),
                                               std::array<std::size_t, 1>{m.columns()});
}
template <class T>
auto blas_matrix(matrix<T> m) {
  return xt::adapt<xt::layout_type::row_major>(m.data(), m.rows() * m.columns(), xt::no_ownership(),
                                               std::array<std::size_t, 2>{m.rows(), m.columns()});
}

}  // namespace detail

/// Weights and activations in f32 on the CPU, multiplied by OpenBLAS through xtensor-blas.
///
/// Model of `compute`. Several rows go through gemm, in one pass over the weights; one row goes
/// through gemv, since gemm takes 2 to 5 times as long for it, or through a loop where the weights
/// lie in rows of outputs. OpenBLAS picks its kernels by CPUID at run time, so the binary is the
/// same for every machine. The number of threads belongs to the process, not to one object.
class CpuF32 {
 public:
  using policy_role = role::compute;
  static constexpr std::string_view name = "f32";

  CpuF32() noexcept { set_threads(1); }

  void set_threads(unsigned threads) noexcept {
    threads_ = static_cast<int>(std::clamp(threads, 1U, 64U));
    openblas_set_num_threads(threads_);
  }

  void gather(std::span<const std::uint32_t> ids, matrix<const float> table,
              matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != ids.size(); ++i)
      std::ranges::copy(table.row(ids[i]), y.row(i).begin());
  }

  void linear(matrix<const float> x, matrix<const float> w, std::span<const float> b,
              matrix<float> y) const {
    // The bias is put there first, and the product is added to it.
    for (std::size_t i = 0; i != y.rows(); ++i) std::copy(b.begin(), b.end(), y.row(i).begin());
    const auto weights = detail::blas_matrix(w);
    if (x.rows() == 1) {
      auto sum = detail::blas_vector(y);
      xt::blas::gemv(weights, detail::blas_vector(x), sum, true, 1.0F, 1.0F);
    } else {
      auto sum = detail::blas_matrix(y);
      xt::blas::gemm(detail::blas_matrix(x), weights, sum, false, false, 1.0F, 1.0F);
    }
  }

  void project(matrix<const float> x, matrix<const float> w, matrix<float> y) const {
    const auto weights = detail::blas_matrix(w);
    if (x.rows() > 1) {
      auto product = detail::blas_matrix(y);
      xt::blas::gemm(detail::blas_matrix(x), weights, product, false, true);
    } else if (threads_ > 1) {
      auto product = detail::blas_vector(y);
      xt::blas::gemv(weights, detail::blas_vector(x), product);
    } else {
      dot_rows(x, w, y);
    }
  }

  void layer_norm(matrix<const float> x, std::span<const float> gain, std::span<const float> bias,
                  float epsilon, matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != x.rows(); ++i)
      detail::layer_norm_row(x.row(i), gain, bias, epsilon, y.row(i));
  }

  void gelu(matrix<float> x) const noexcept {
    for (std::size_t i = 0; i != x.rows(); ++i)
      detail::each4(x.row(i), x.row(i).data(), detail::gelu4);
  }

  void add(matrix<const float> x, matrix<float> y) const noexcept {
    for (std::size_t i = 0; i != x.rows(); ++i) {
      const std::span<const float> from = x.row(i);
      const std::span<float> to = y.row(i);
      for (std::size_t j = 0; j != to.size(); ++j) to[j] += from[j];
    }
  }

  void attend(matrix<const float> q, matrix<const float> k, matrix<const float> v,
              matrix<float> scratch, matrix<float> y) const {
    const float scale = 1.0F / std::sqrt(static_cast<float>(q.columns()));
    const one_thread guard{threads_};
    // As many rows at a time as the scratch holds, so that the keys after them are not multiplied.
    for (std::size_t first = 0; first < q.rows(); first += scratch.rows()) {
      const std::size_t rows = std::min(scratch.rows(), q.rows() - first);
      const std::size_t seen = k.rows() - q.rows() + first + rows;
      const matrix<float> scores{scratch.data(), rows, seen, scratch.stride()};
      multiply(q.some_rows(first, rows), k.some_rows(0, seen), true, scores);
      for (std::size_t i = 0; i != rows; ++i) {
        const std::size_t visible = seen - rows + i + 1;
        detail::softmax_row(scores.row(i).first(visible), scale);
        std::ranges::fill(scores.row(i).subspan(visible), 0.0F);
      }
      multiply(scores, v.some_rows(0, seen), false, y.some_rows(first, rows));
    }
  }

 private:
  // One head is too little work to share: waking a thread for it costs more than it saves.
  class one_thread {
   public:
    explicit one_thread(int threads) noexcept : threads_(threads) {
      if (threads_ > 1) openblas_set_num_threads(1);
    }
    ~one_thread() {
      if (threads_ > 1) openblas_set_num_threads(threads_);
    }
    one_thread(const one_thread&) = delete;
    one_thread& operator=(const one_thread&) = delete;

   private:
    int threads_;
  };

  /// y = x · wᵀ for one row: OpenBLAS's gemv of that orientation falls short of the memory's speed
  /// by a third on some CPUs, and this loop does not (decision note 030).
  static void dot_rows(matrix<const float> x, matrix<const float> w, matrix<float> y) noexcept {
    for (std::size_t i = 0; i != w.rows(); ++i)
      y.data()[i] = detail::dot4(x.data(), w.row(i).data(), w.columns());
  }

  /// y = a · b, or a · bᵀ. Strided, which xt::blas would copy: so this calls the layer below it.
  static void multiply(matrix<const float> a, matrix<const float> b, bool transpose_b,
                       matrix<float> y) {
    using cxxblas::Transpose;
    const auto as_int = [](std::size_t n) { return static_cast<int>(n); };
    if (a.rows() == 1 && transpose_b)
      dot_rows(a, b, y);
    else if (a.rows() == 1)
      cxxblas::gemv<int>(cxxblas::StorageOrder::RowMajor, Transpose::Trans, as_int(b.rows()),
                         as_int(b.columns()), 1.0F, b.data(), as_int(b.stride()), a.data(), 1, 0.0F,
                         y.data(), 1);
    else
      cxxblas::gemm<int>(cxxblas::StorageOrder::RowMajor, Transpose::NoTrans,
                         transpose_b ? Transpose::Trans : Transpose::NoTrans, as_int(a.rows()),
                         as_int(y.columns()), as_int(a.columns()), 1.0F, a.data(),
                         as_int(a.stride()), b.data(), as_int(b.stride()), 0.0F, y.data(),
                         as_int(y.stride()));
  }

  int threads_ = 1;
};

static_assert(compute<CpuF32>);

}  // namespace enfilade
