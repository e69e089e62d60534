// SPDX-License-Identifier: Apache-2.0
#pragma once

// A pipeline of two stages over any transport, and clients that prove themselves to it.

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/client.hpp>
#include <enfilade/run/stage_engine.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>

#include "support/captured.hpp"
#include "unit/run/letters.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace test {

/// The letters model in two rooms: every link, the client's too, is carried by `T`.
template <class T, class Cipher = AesGcm>
using two_rooms =
    typename Pipeline<Embed<Layers<0, 1>>, Relay<T>, Layers<1, 3>, LmHead>::template of<
        Letters>::template with<Cipher, insecure::Mock, Reference, T>;

/// What proves the client: stage 0 lets nobody else in, so each link is attested both ways.
inline std::shared_ptr<const insecure::Mock> client_program() {
  registers told;
  std::array<std::byte, 32> value{};
  value.fill(std::byte{'c'});
  told.emplace_back("binary", Measurement{value});
  return std::make_shared<const insecure::Mock>(std::move(told));
}

inline expectations pinned_to(const insecure::Mock& own) {
  const claims measured = *measure(own);
  return *expectations::pinned(std::string{measured.attester}, measured.values);
}

/// Both stages of `Deployment` and their doors, on one executor. They are in use as long as that
/// runs.
template <class Deployment>
class rooms {
 public:
  using first = typename Deployment::template stage<0>;
  using last = typename Deployment::template stage<1>;
  using transport_type = typename Deployment::door;
  using listener = typename transport_type::listener;

  explicit rooms(const asio::any_io_executor& executor, std::size_t slots = 2) {
    load_options how;
    how.slots = slots;
    stage_engine<first> above{stage_engine<first>::model_type::load(letters(), how)};
    stage_engine<last> below{stage_engine<last>::model_type::load(letters(), how)};
    std::optional<tokenizer> text = load_tokenizer(letters());
    const std::optional<tokenizer> no_text;
    const auto own_below = own_attester(below, no_text, expectations{});
    const expectations of_below = pinned_to(*own_below);
    const auto own_above = own_attester(above, text, of_below);
    measured_ = pinned_to(*own_above);
    behind_ = *expectations_file::parse(R"({"enfilade": "expectations/1", "roles": {"stage 1": )" +
                                        of_below.canonical() + "}}");

    stage_door_ = std::make_unique<listener>(executor, fresh());
    client_door_ = std::make_unique<listener>(executor, fresh());
    stage_1_ = make_stage<last>(executor, std::move(below), std::nullopt, own_below, measured_);
    stage_0_ = make_stage<first>(executor, std::move(above), std::move(text), own_above,
                                 pinned_to(*client_program()));
    set_next<first>(executor, *stage_0_, stage_door_->local(), own_above, of_below);
    loop_1_ = std::make_unique<accept_loop<listener, stage_server<last>>>(executor, *stage_door_,
                                                                          *stage_1_, "stage 1");
    loop_0_ = std::make_unique<accept_loop<listener, stage_server<first>>>(executor, *client_door_,
                                                                           *stage_0_, "stage 0");
    asio::co_spawn(executor, loop_1_->run(), asio::detached);
    asio::co_spawn(executor, loop_0_->run(), asio::detached);
  }
  rooms(const rooms&) = delete;
  rooms& operator=(const rooms&) = delete;

  asio::awaitable<Client<Deployment>> dial() const {
    std::string address = transport_type::format(client_door_->local());
    return Client<Deployment>::dial(std::move(address), measured_, client_program());
  }

  /// What a client demands of the room behind stage 0: it is as it is.
  const expectations_file& behind_stage_0() const noexcept { return behind_; }

 private:
  static typename transport_type::endpoint fresh() {
    static int count = 0;
    const std::string address =
        std::string{transport_type::name} + ":room-" + std::to_string(count++);
    return *transport_type::parse(address);
  }

  expectations measured_;
  expectations_file behind_;
  std::unique_ptr<listener> stage_door_;
  std::unique_ptr<listener> client_door_;
  std::unique_ptr<stage_server<last>> stage_1_;
  std::unique_ptr<stage_server<first>> stage_0_;
  std::unique_ptr<accept_loop<listener, stage_server<last>>> loop_1_;
  std::unique_ptr<accept_loop<listener, stage_server<first>>> loop_0_;
};

/// How one client's visit ended.
struct visit {
  std::size_t rooms = 0;  // that proved themselves, besides stage 0
  answer heard;
  bool over = false;
  bool left = false;  // it said goodbye
  error_code code;    // why it ended before
  std::string where;
  std::string nameless;  // what it threw, where that was no `failure`

  /// Both rooms, the whole answer and a goodbye.
  bool succeeded() const {
    return left && rooms == 1 && heard.ended && !heard.code && nameless.empty();
  }

  /// The name of its failure: of the dialogue, or of the request.
  error_code failed_with() const { return code ? code : heard.code; }

  /// Success, or a failure of the taxonomy that says what happened; `internal` does not.
  bool ended_well() const {
    if (!over || !nameless.empty()) return false;
    if (succeeded()) return true;
    const error_code why = failed_with();
    return why && why.category() == enfilade::error_category() && why != errc::internal;
  }

  std::string told() const {
    if (!over) return "not over";
    if (!nameless.empty()) return nameless;
    return succeeded() ? "success" : failed_with().message() + " (" + where + heard.where + ")";
  }
};

/// Dials, makes the other room prove itself, asks, hears the answer and leaves.
template <class Deployment>
asio::awaitable<void> pay_a_visit(const rooms<Deployment>& to, request question, visit& seen) {
  try {
    auto model = co_await to.dial();
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const appraisal today{now};
    const auto proved = co_await model.check_rooms(to.behind_stage_0(), today);
    seen.rooms = proved.size();
    co_await ask(model, std::move(question), seen.heard);
    co_await model.close();
    seen.left = true;
  } catch (const failure& f) {
    seen.code = f.code();
    seen.where = f.where();
  } catch (const boost::system::system_error& e) {
    seen.nameless = e.what();
    seen.code = e.code();
  } catch (const std::exception& e) {
    seen.nameless = e.what();
  }
  seen.over = true;
}

inline ids some_prompt() { return {10, 200, 30, 45}; }

}  // namespace test
