// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace enfilade::detail {

template <std::size_t I, class T>
struct indexed {};

template <class Indices, class... Ts>
struct indexer;

template <std::size_t... I, class... Ts>
struct indexer<std::index_sequence<I...>, Ts...> : indexed<I, Ts>... {};

template <std::size_t I, class T>
std::type_identity<T> nth_of(const indexed<I, T>&);

/// The type at `I` of a list. One class a list and one overload resolution a look-up, so that the
/// instantiations do not grow with `I`.
template <std::size_t I, class... Ts>
using nth = typename decltype(nth_of<I>(
    std::declval<const indexer<std::index_sequence_for<Ts...>, Ts...>&>()))::type;

}  // namespace enfilade::detail
