// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compute/matrix.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade {

/// Who multiplies: every arithmetic step of a model, and nothing of its structure.
///
/// A model's block says which step comes when; a compute policy does the step. Nothing else reads a
/// weight, so a policy may keep them in another form, or never see them in the clear. It is trusted
/// with activations and weights; it sends nothing, keeps nothing of a request, and allocates
/// nothing after it was made.
///
/// | expression                          | meaning, with shapes                                      |
/// |-------------------------------------|-----------------------------------------------------------|
/// | `C::name`                           | how the plan calls it: `f32`                              |
/// | `C{}`                               | uses one thread                                           |
/// | `c.set_threads(n)`                  | threads of this process that may work on one product      |
/// | `c.gather(ids, table, y)`           | row i of y (rows, n) = row ids[i] of table (any, n)       |
/// | `c.linear(x, w, b, y)`              | y (rows, out) = x (rows, in) · w (in, out) + b (out)      |
/// | `c.project(x, w, y)`                | y (rows, out) = x (rows, in) · wᵀ, with w (out, in)       |
/// | `c.layer_norm(x, g, b, epsilon, y)` | each row of y (rows, n) = x normalised, · g (n) + b (n)   |
/// | `c.gelu(x)`                         | x (rows, n) = GELU(x), the tanh form                      |
/// | `c.add(x, y)`                       | y (rows, n) += x (rows, n)                                |
/// | `c.attend(q, k, v, scratch, y)`     | y (rows, d) = softmax(q kᵀ / √d) · v, with k, v (seen, d) |
///
/// In `attend` the rows of q are the last of the `seen` positions: row i sees the keys up to and
/// including `seen - rows + i`. `scratch` has at least one row and at least `seen` columns.
///
/// Shapes are the caller's promise; a policy does not check them. Rows of x and y are contiguous in
/// all but `attend`. Results depend on values and shapes only, never on where a buffer lies.
///
/// Models: `CpuF32`, `Reference`.
template <class C>
concept compute = std::default_initializable<C> && std::movable<C> &&
    requires(C c, matrix<const float> in, std::span<const float> vector, float epsilon,
             std::span<const std::uint32_t> ids, matrix<float> out, unsigned threads) {
  { C::name } -> std::convertible_to<std::string_view>;
  typename C::policy_role;
  { c.set_threads(threads) } -> std::same_as<void>;
  { c.gather(ids, in, out) } -> std::same_as<void>;
  { c.linear(in, in, vector, out) } -> std::same_as<void>;
  { c.project(in, in, out) } -> std::same_as<void>;
  { c.layer_norm(in, vector, vector, epsilon, out) } -> std::same_as<void>;
  { c.gelu(out) } -> std::same_as<void>;
  { c.add(in, out) } -> std::same_as<void>;
  { c.attend(in, in, in, out, out) } -> std::same_as<void>;
};

}  // namespace enfilade
