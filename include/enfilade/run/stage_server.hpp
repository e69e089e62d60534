// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/expectations.hpp>
#include <enfilade/model/tokenizer.hpp>
#include <enfilade/run/attestation_desk.hpp>
#include <enfilade/run/compute_thread.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/first_stage.hpp>
#include <enfilade/run/inner_stage.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/run/stage_engine.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace enfilade {

/// What serves a stage's upstream connections: `serve(stream)`, as `accept_loop` asks.
template <class Stage>
using stage_server = std::conditional_t<Stage::embeds, first_stage<Stage>, inner_stage<Stage>>;

/// A stage ready to serve. `own` proves it to its neighbours, `upstream` judges who connects;
/// `text` is for the first stage alone.
///
/// `computing` is where it computes: `compute_thread::executor()`, of a thread that ends before the
/// stage does; or nothing for `executor` itself, which hears nothing while it computes. `desk` is
/// where evidence is made and judged; or nothing for the program's common one.
template <class Stage>
std::unique_ptr<stage_server<Stage>> make_stage(
    asio::any_io_executor executor, stage_engine<Stage> engine, std::optional<tokenizer> text,
    std::shared_ptr<const typename Stage::deployment::attester> own, expectations upstream,
    asio::any_io_executor computing = {}, const link_limits& limits = {},
    std::shared_ptr<attestation_desk<typename Stage::deployment::attester>> desk = nullptr) {
  if (!computing) computing = executor;
  link_terms<typename Stage::deployment> terms{link_end::downstream, Stage::index, std::move(own),
                                               std::move(upstream),  limits,       std::move(desk)};
  if constexpr (Stage::embeds)
    return std::make_unique<first_stage<Stage>>(executor, std::move(computing), std::move(engine),
                                                std::move(text), std::move(terms));
  else
    return std::make_unique<inner_stage<Stage>>(executor, std::move(computing), std::move(engine),
                                                std::move(terms));
}

/// Tells `stage` where the next one is and whom to trust there. Nothing is dialled yet.
template <class Stage>
requires(!Stage::has_head) void set_next(
    asio::any_io_executor executor, stage_server<Stage>& stage,
    typename Stage::downstream::endpoint at,
    std::shared_ptr<const typename Stage::deployment::attester> own, expectations downstream,
    const link_limits& limits = {},
    std::shared_ptr<attestation_desk<typename Stage::deployment::attester>> desk = nullptr) {
  link_terms<typename Stage::deployment> terms{
      link_end::upstream,    Stage::index + 1, std::move(own),
      std::move(downstream), limits,           std::move(desk)};
  stage.next = std::make_unique<typename stage_server<Stage>::next_type>(executor, std::move(at),
                                                                         std::move(terms), stage);
}

}  // namespace enfilade
