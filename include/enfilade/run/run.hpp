// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/tokenizer.hpp>
#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/admission.hpp>
#include <enfilade/run/attestation_desk.hpp>
#include <enfilade/run/compute_thread.hpp>
#include <enfilade/run/endorsement_files.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/run/options.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/run/progress.hpp>
#include <enfilade/run/stage_engine.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace enfilade {

namespace detail {

template <class Stage>
std::vector<option> stage_options() {
  std::vector<option> known{
      option{"--listen", "ADDR", "where the upstream neighbour dials"},
      option{"--model", "DIR", "config.json, *.safetensors and tokenizer files"},
      option{"--expect", "FILE", "whom to trust: docs/guide/attest.md"},
      option{"--threads", "N", "threads that multiply (default 1)"},
      option{"--slots", "N", "sequences at the same time (default 4)"},
      option{"--per-source", "N", "connections of one address, CID or user (default 32)"},
      option{"--copy-weights", "", "hold weights in own memory; a file that changes has no effect"},
      option{"--measure", "", "print this stage's entry of an expectations file and end"}};
  if constexpr (!Stage::has_head)
    known.insert(known.begin() + 1, option{"--next", "ADDR", "where the next stage is reached"});
  const auto files = endorsement_options<typename Stage::deployment::attester>();
  const auto behind_expect = std::ranges::find(known, "--expect", &option::name) + 1;
  known.insert(behind_expect, files.begin(), files.end());
  return known;
}

/// What the expectations file says of a role.
inline expectations look_up(const options& given, const std::string& role) {
  const std::string path = given.require("--expect");
  const result<expectations> found = expectations_file::load(path).role(role);
  if (!found) throw failure(found.error(), path + ": " + role);
  return *found;
}

inline load_options how_to_load(const options& given) {
  load_options how;
  how.threads = static_cast<unsigned>(given.number("--threads", how.threads, 1, 64));
  how.slots = given.number("--slots", how.slots, 1, 1024);
  if (given.has("--copy-weights")) how.storage = weight_storage::copied;
  return how;
}

template <class Stage>
stage_engine<Stage> load_engine(const std::string& directory, const load_options& how,
                                std::string_view who) {
  progress_line progress{who, "reading weights"};
  return stage_engine<Stage>{stage_engine<Stage>::model_type::load(directory, how, progress)};
}

/// The desk of a program: with the files that its operator named.
template <class Deployment>
auto open_desk(const options& given) {
  using attester = typename Deployment::attester;
  return std::make_shared<attestation_desk<attester>>(endorsements_from<attester>(given));
}

/// What vouches for this program, ready to: `own_attester`, told to the hardware as well.
template <class Stage>
auto prepared_attester(attestation_desk<typename Stage::deployment::attester>& desk,
                       const stage_engine<Stage>& engine, const std::optional<tokenizer>& text,
                       const expectations& of_next) {
  const auto own = own_attester(engine, text, of_next);
  if (const result<void> prepared = desk.prepare(own); !prepared)
    throw failure(prepared.error(), "own evidence");
  return own;
}

/// Prints what this stage will prove. What it demands of the next one is part of that, so stages
/// are measured from the last to the first, each with the entries of those below it.
template <class Stage>
int measure_stage(const options& given, std::string_view who) {
  expectations of_next;
  if constexpr (!Stage::has_head) of_next = look_up(given, stage_role(Stage::index + 1));
  const auto desk = open_desk<typename Stage::deployment>(given);
  const std::string directory = given.require("--model");
  const stage_engine<Stage> engine = load_engine<Stage>(directory, how_to_load(given), who);
  std::optional<tokenizer> text;
  if constexpr (Stage::embeds) text = load_tokenizer(directory);
  const auto measured = desk->measure(prepared_attester<Stage>(*desk, engine, text, of_next));
  if (!measured)
    throw failure(measured.error().code, "own evidence: " + std::string{measured.error().rule});
  const std::string line =
      "\"" + stage_role(Stage::index) + "\": " + expectations::describe(*measured) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  return 0;
}

template <transport T>
typename T::endpoint address(const options& given, std::string_view name) {
  const std::string text = given.require(name);
  const result<typename T::endpoint> at = T::parse(text);
  if (!at) throw failure(at.error(), std::string{name} + " " + text);
  return *at;
}

/// Where the next stage is; nothing in the last one.
template <class Stage>
auto next_address(const options& given) {
  if constexpr (Stage::has_head)
    return std::monostate{};
  else
    return address<typename Stage::downstream>(given, "--next");
}

template <class Stage>
asio::awaitable<void> reach_next(stage_server<Stage>& stage, std::string who, std::string here) {
  if constexpr (!Stage::has_head) co_await stage.next->connect_when_up(who);
  say(who, "ready at " + here);
}

/// How long a stopping stage still runs, so that its clients hear of it.
inline constexpr std::chrono::milliseconds time_to_say_so{200};

/// Lets a stage that stops tell its clients: those that wait for the step under way after it.
inline asio::awaitable<void> take_leave(asio::io_context& io, asio::any_io_executor computing) {
  const auto nothing = [] {};
  co_await perform(computing, nothing);
  asio::steady_timer grace{io, time_to_say_so};
  co_await grace.async_wait(asio::use_awaitable);
  io.stop();
}

/// A stage from its command line to its last connection.
template <class Stage>
int serve_stage(const options& given, const std::string& who) {
  using upstream = typename Stage::upstream;
  // Everything that can be wrong without reading weights is refused first.
  const auto here = address<upstream>(given, "--listen");
  const auto next = next_address<Stage>(given);
  const expectations of_upstream = look_up(given, upstream_role(Stage::index));
  expectations of_next;
  if constexpr (!Stage::has_head) of_next = look_up(given, stage_role(Stage::index + 1));
  const load_options how = how_to_load(given);
  admission_limits limits;
  limits.per_source = given.number("--per-source", limits.per_source, 1, limits.known);
  const std::string directory = given.require("--model");
  const auto desk = open_desk<typename Stage::deployment>(given);

  asio::io_context io{1};
  const asio::any_io_executor executor = io.get_executor();
  typename upstream::listener door{executor, here};
  say(who, "listening at " + upstream::format(door.local()));

  stage_engine<Stage> engine = load_engine<Stage>(directory, how, who);
  std::optional<tokenizer> text;
  if constexpr (Stage::embeds) text = load_tokenizer(directory);
  const auto own = prepared_attester<Stage>(*desk, engine, text, of_next);
  std::unique_ptr<stage_server<Stage>> stage;
  compute_thread computing;  // after the stage: it ends before what it computes with
  stage = make_stage<Stage>(executor, std::move(engine), std::move(text), own, of_upstream,
                            computing.executor(), link_limits{}, desk);
  if constexpr (!Stage::has_head)
    set_next<Stage>(executor, *stage, next, own, of_next, link_limits{}, desk);

  asio::signal_set stop{io, SIGINT, SIGTERM};
  stop.async_wait([&](const error_code& error, int) {
    if (error) return;
    say(who, "stopped by a signal");
    bool clients_wait = false;
    if constexpr (Stage::embeds) clients_wait = stage->stop();
    if (!clients_wait) return io.stop();
    asio::co_spawn(io, take_leave(io, computing.executor()), asio::detached);
  });
  const auto or_end = [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  };
  // Peers are let in while the next stage is still awaited: a request then learns what is missing.
  accept_loop loop{executor, door, *stage, who, limits};
  asio::co_spawn(io, loop.run(), or_end);
  asio::co_spawn(io, reach_next<Stage>(*stage, who, upstream::format(door.local())), or_end);
  io.run();
  return 0;
}

}  // namespace detail

/// The `main` of a stage: one binary, one enclave.
///
///     int main(int argc, char** argv) { return enfilade::run<Split::stage<STAGE>>(argc, argv); }
///
/// Listens, reads its own layers' weights, tells the TEE what it read, connects to the next stage, and
/// serves until SIGINT or SIGTERM; then the step under way is computed to its end. "ready" on stderr
/// says that requests can be answered. `--help` lists the options; docs/errors.md the exit codes.
template <class Stage>
int run(int argc, const char* const* argv) {
  static_assert(cipher<typename Stage::deployment::cipher>);
  static_assert(attester<typename Stage::deployment::attester>);
  static_assert(compute<typename Stage::deployment::compute>);
  static_assert(transport<typename Stage::upstream>);
  const std::string who = stage_role(Stage::index);
  return run_program(who, "One stage of the deployment\n" + std::string{Stage::deployment::plan()},
                     detail::stage_options<Stage>(), argc, argv, [&who](const options& given) {
                       return given.has("--measure") ? detail::measure_stage<Stage>(given, who)
                                                     : detail::serve_stage<Stage>(given, who);
                     });
}

}  // namespace enfilade
