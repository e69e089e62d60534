// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/attestation_desk.hpp>
#include <enfilade/run/client.hpp>
#include <enfilade/run/compute_thread.hpp>
#include <enfilade/run/stage_engine.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace enfilade {

namespace detail {

/// An address of this machine that nobody uses: any port, or a name that is counted up.
template <transport T>
typename T::endpoint unused_endpoint() {
  static std::atomic<unsigned> counter = 0;
  const std::string address = T::name == "loopback"
                                  ? "loopback:local-pipeline-" + std::to_string(counter++)
                                  : std::string{T::name} + ":127.0.0.1:0";
  const result<typename T::endpoint> at = T::parse(address);
  if (!at) throw failure(at.error(), address);
  return *at;
}

}  // namespace detail

/// All stages of a deployment in one process: for a first look, for tests and benchmarks.
///
/// Every link is a real one: sealed, attested, over the transports that the deployment names
/// (`Loopback` or `Tcp`). What this lacks is the point of the library: one process is one room, so
/// nobody in it is protected from anybody else. It is in use as long as an executor runs, so it must
/// not be destroyed before that; and the executors must still be there when it is.
///
///     local_pipeline<Split> rooms{executor, "models/atlas"};
///     auto model = co_await rooms.dial();
template <class Deployment>
class local_pipeline {
 public:
  using executors = std::array<asio::any_io_executor, Deployment::stage_count>;
  using desk_type = attestation_desk<typename Deployment::attester>;

  /// All stages on one executor. Each computes on a thread of its own, or `where` says otherwise;
  /// all evidence is made and judged at `desk`.
  local_pipeline(asio::any_io_executor executor, const std::filesystem::path& model_directory,
                 load_options how = {}, compute_on where = compute_on::own_thread,
                 std::shared_ptr<desk_type> desk = desk_type::common())
      : local_pipeline(same_for_all(executor), model_directory, how, where, std::move(desk)) {}

  /// Each stage on its own single-threaded executor, none of which may run yet.
  local_pipeline(const executors& each, const std::filesystem::path& model_directory,
                 load_options how = {}, compute_on where = compute_on::own_thread,
                 std::shared_ptr<desk_type> desk = desk_type::common())
      : executors_(each), desk_(std::move(desk)) {
    build<Deployment::stage_count - 1>(model_directory, how, where);
    open(std::make_index_sequence<Deployment::stage_count>{});
  }
  local_pipeline(const local_pipeline&) = delete;
  local_pipeline& operator=(const local_pipeline&) = delete;

  /// A client of these rooms, which has checked stage 0 against its own measurement.
  asio::awaitable<Client<Deployment>> dial() const {
    const auto& first = std::get<0>(rooms_);
    std::string address = Deployment::door::format(first.door->local());
    return Client<Deployment>::dial(std::move(address), first.measured, nullptr, {}, desk_);
  }

  /// An expectations file that pins every room as it is, for `Client::check_rooms`.
  expectations_file expected() const {
    std::vector<std::pair<std::string, std::string>> entries;
    std::apply(
        [&entries](const auto&... each) {
          (entries.emplace_back(stage_role(entries.size()), each.measured.canonical()), ...);
        },
        rooms_);
    return *expectations_file::parse(expectations_json(entries));
  }

 private:
  template <class Stage>
  struct room {
    using attester_type = typename Stage::deployment::attester;
    std::unique_ptr<typename Stage::upstream::listener> door;
    std::shared_ptr<const attester_type> own;
    expectations measured;  // what the neighbours pin
    std::unique_ptr<stage_server<Stage>> stage;
    std::unique_ptr<accept_loop<typename Stage::upstream::listener, stage_server<Stage>>> loop;
    std::optional<compute_thread> computing;  // the last, so that it ends before what it works with
  };

  template <std::size_t... I>
  static std::tuple<room<typename Deployment::template stage<I>>...> rooms_of(
      std::index_sequence<I...>);

  // From the last stage to the first, so that each knows the measurement of the one below.
  template <std::size_t I>
  void build(const std::filesystem::path& directory, const load_options& how, compute_on where) {
    using stage_type = typename Deployment::template stage<I>;
    const asio::any_io_executor executor = executors_[I];
    auto& here = std::get<I>(rooms_);
    stage_engine<stage_type> engine{stage_engine<stage_type>::model_type::load(directory, how)};
    std::optional<tokenizer> text;
    if constexpr (stage_type::embeds) text = load_tokenizer(directory);
    expectations of_next;
    if constexpr (!stage_type::has_head) of_next = std::get<I + 1>(rooms_).measured;
    here.own = own_attester(engine, text, of_next);
    here.measured = pins_of(here.own);
    here.door = std::make_unique<typename stage_type::upstream::listener>(
        executor, detail::unused_endpoint<typename stage_type::upstream>());
    expectations above = expectations::anyone();
    if constexpr (I != 0) above = measured_like(here.own);
    if (where == compute_on::own_thread) here.computing.emplace();
    here.stage = make_stage<stage_type>(
        executor, std::move(engine), std::move(text), here.own, std::move(above),
        here.computing ? here.computing->executor() : asio::any_io_executor{}, link_limits{},
        desk_);
    if constexpr (!stage_type::has_head) {
      const auto& below = std::get<I + 1>(rooms_);
      set_next<stage_type>(executor, *here.stage, below.door->local(), here.own, of_next,
                           link_limits{}, desk_);
    }
    here.loop = std::make_unique<
        accept_loop<typename stage_type::upstream::listener, stage_server<stage_type>>>(
        executor, *here.door, *here.stage, stage_role(I));
    if constexpr (I != 0) build<I - 1>(directory, how, where);
  }

  // Only once all rooms are there: what is spawned refers to them.
  template <std::size_t... I>
  void open(std::index_sequence<I...>) {
    (asio::co_spawn(executors_[I], std::get<I>(rooms_).loop->run(), asio::detached), ...);
  }

  static executors same_for_all(const asio::any_io_executor& executor) {
    executors all;
    all.fill(executor);
    return all;
  }

  // Registers of the hardware can speak for one stage only, so they are left alone (`prepare`).
  template <class Attester>
  claims claims_of(const std::shared_ptr<const Attester>& own) const {
    judged<claims> measured = desk_->measure(own);
    if (!measured)
      throw failure(measured.error().code, "this process: " + std::string{measured.error().rule});
    return *std::move(measured);
  }

  template <class Attester>
  expectations pins_of(const std::shared_ptr<const Attester>& own) const {
    const claims measured = claims_of(own);
    return *expectations::pinned(std::string{measured.attester}, measured.values);
  }

  // The stage above is this very program and was told other registers, but for the plan.
  template <class Attester>
  expectations measured_like(const std::shared_ptr<const Attester>& own) const {
    const claims measured = claims_of(own);
    registers program = measured.values;
    for (const std::string_view told : {"weights", "tokenizer", "next"})
      std::erase_if(program, [told](const auto& one) { return one.first == told; });
    return *expectations::pinned(std::string{measured.attester}, std::move(program));
  }

  executors executors_;
  std::shared_ptr<desk_type> desk_;
  decltype(rooms_of(std::make_index_sequence<Deployment::stage_count>{})) rooms_;
};

}  // namespace enfilade
