// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/inner_stage.hpp>

#include "building.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::building;
using test::ids;
using test::Letters;
using test::scored;
using test::Three;
using test::Two;

using rows = std::vector<float>;

/// The hidden states that stage 0 of `Deployment` hands on, computed without any link.
template <class Deployment>
class true_stage_0 {
 public:
  rows after(const ids& tokens) {
    rows hidden(tokens.size() * Letters::hidden);  // (rows, hidden)
    engine_.embed(tokens, position_, hidden);
    engine_.run(slot_, hidden, tokens.size(), position_);
    position_ += tokens.size();
    return hidden;
  }

 private:
  using stage = typename Deployment::template stage<0>;
  stage_engine<stage> engine_{stage_engine<stage>::model_type::load(test::letters())};
  std::uint32_t slot_ = *engine_.acquire();
  std::size_t position_ = 0;
};

struct told {
  message_header header;
  std::string text;
  rows logits;
};

/// An upstream neighbour of stage 1 that a test moves by hand.
template <class Deployment>
class upstream {
 public:
  using link_type = enfilade::link<Loopback::stream, AesGcm>;

  explicit upstream(building<Deployment>& rooms) : rooms_(rooms) { rooms.finish(connect()); }

  /// Sends rows of slot `slot`; everything may be wrong about it.
  void send(std::uint32_t slot, std::uint64_t request, std::size_t position, const rows& hidden,
            std::size_t width = Letters::hidden) {
    rooms_.finish(sending(slot, request, position, hidden, width));
  }
  void release(std::uint32_t slot, std::uint64_t request) {
    message_header header;
    header.kind = message_kind::release;
    header.slot = slot;
    header.request = request;
    rooms_.finish(link->send(header));
  }
  /// What stage 1 says next; nothing where it ended the link.
  std::optional<told> hear() {
    std::optional<told> heard;
    rooms_.finish(receive(heard));
    return heard;
  }

  std::shared_ptr<link_type> link;

 private:
  asio::awaitable<void> connect() {
    auto stream = co_await Loopback::dial(rooms_.io.get_executor(),
                                          rooms_.template room_of<1>().door->local());
    link_terms<Deployment> terms{link_end::upstream, 1, nullptr, expectations::anyone()};
    link = co_await establish<link_type>(std::move(stream), std::move(terms), "stage 1");
  }

  asio::awaitable<void> sending(std::uint32_t slot, std::uint64_t request, std::size_t position,
                                const rows& hidden, std::size_t width) {
    message_header header;
    header.kind = message_kind::activation;
    header.dtype = message_dtype::f32;
    header.rank = 2;
    header.flags = message_flag_logits;
    header.slot = slot;
    header.position = static_cast<std::uint32_t>(position);
    header.request = request;
    header.shape[0] = static_cast<std::uint32_t>(hidden.size() / width);
    header.shape[1] = static_cast<std::uint32_t>(width);
    header.payload_size = hidden.size() * sizeof(float);
    const std::span<float> room = link->template prepare_as<float>(hidden.size());
    std::copy(hidden.begin(), hidden.end(), room.begin());
    co_await link->send(header);
  }

  asio::awaitable<void> receive(std::optional<told>& heard) {
    try {
      const std::optional<message> answer = co_await link->receive();
      if (!answer) co_return;
      heard.emplace();
      heard->header = answer->header;
      if (answer->header.dtype == message_dtype::u8) {
        const auto chars = answer->template as<char>();
        heard->text.assign(chars.begin(), chars.end());
      } else {
        const auto scores = answer->template as<float>();
        heard->logits.assign(scores.begin(), scores.end());
      }
    } catch (const failure&) {
      heard.reset();
    }
  }

  building<Deployment>& rooms_;
};

template <class Deployment>
struct one_slot : building<Deployment> {
  one_slot() : building<Deployment>(building<Deployment>::same(1)) {}
};

const ids abc{'a', 'b', 'c'};

void is_failure(const std::optional<told>& heard, errc cause, const std::string& text) {
  REQUIRE(heard);
  CHECK(heard->header.kind == message_kind::failure);
  CHECK(heard->header.value == static_cast<std::uint64_t>(cause));
  CHECK(heard->header.stage == 1);
  CHECK(heard->text == text);
}

template <class Deployment>
void continues_sequences() {
  building<Deployment> rooms;
  const test::answer whole = rooms.ask(scored(abc, 3));
  upstream<Deployment> above{rooms};
  true_stage_0<Deployment> stage_0;
  above.send(7, 99, 0, stage_0.after(abc));
  for (std::size_t i = 0; i != 3; ++i) {
    const auto heard = above.hear();
    REQUIRE(heard);
    CHECK(heard->header.kind == message_kind::token);
    CHECK(heard->header.slot == 7);  // the upstream's own number
    CHECK(heard->header.request == 99);
    CHECK(heard->header.position == 3 + i);
    CHECK(heard->header.busy_ns > 0);
    CHECK(heard->header.value == whole.tokens[i]);
    CHECK(heard->logits == whole.logits[i]);
    above.send(7, 99, 3 + i, stage_0.after({whole.tokens[i]}));
  }
}

TEST_SUITE("run/inner_stage") {
  TEST_CASE("activations come in, tokens and scores go out, bit for bit those of the pipeline") {
    SUBCASE("in the last stage") { continues_sequences<Two>(); }
    SUBCASE("in the middle one") { continues_sequences<Three>(); }
  }

  TEST_CASE("two neighbours that use the same slot number do not meet") {
    building<Two> rooms;
    upstream<Two> left{rooms};
    upstream<Two> right{rooms};
    true_stage_0<Two> of_left;
    true_stage_0<Two> of_right;
    const test::answer alone = rooms.ask(scored(abc, 2));
    const test::answer other = rooms.ask(scored({'x', 'y'}, 2));
    left.send(0, 1, 0, of_left.after(abc));
    right.send(0, 1, 0, of_right.after({'x', 'y'}));
    CHECK(right.hear()->logits == other.logits[0]);
    CHECK(left.hear()->logits == alone.logits[0]);
    left.send(0, 1, 3, of_left.after({alone.tokens[0]}));
    right.send(0, 1, 2, of_right.after({other.tokens[0]}));
    CHECK(left.hear()->logits == alone.logits[1]);
    CHECK(right.hear()->logits == other.logits[1]);
  }

  TEST_CASE("a stage whose slots are all taken says so, and has one again after a release") {
    one_slot<Two> rooms;
    upstream<Two> above{rooms};
    const rows hidden = true_stage_0<Two>{}.after(abc);
    above.send(0, 1, 0, hidden);
    const auto first = above.hear();
    above.send(1, 2, 0, hidden);
    is_failure(above.hear(), errc::stage_overloaded, "stage 1");
    above.release(0, 1);
    above.send(1, 2, 0, hidden);
    CHECK_MESSAGE(above.hear()->logits == first->logits, "and it holds nothing of the one before");
  }

  TEST_CASE("what does not continue a sequence is refused, and harms no sequence") {
    building<Two> rooms;
    upstream<Two> above{rooms};
    true_stage_0<Two> stage_0;
    const test::answer whole = rooms.ask(scored(abc, 2));
    above.send(0, 5, 0, stage_0.after(abc));
    CHECK(above.hear()->logits == whole.logits[0]);
    const rows row(Letters::hidden, 0.5F);
    const std::string out_of_sequence = "stage 1, an activation out of its sequence";
    SUBCASE("a step too far") {
      above.send(0, 5, 4, row);
      is_failure(above.hear(), errc::request_invalid, out_of_sequence);
    }
    SUBCASE("a step back") {
      above.send(0, 5, 2, row);
      is_failure(above.hear(), errc::request_invalid, out_of_sequence);
    }
    SUBCASE("the beginning again") {
      above.send(0, 5, 0, row);
      is_failure(above.hear(), errc::request_invalid, out_of_sequence);
    }
    SUBCASE("another request in the slot") {
      above.send(0, 6, 3, row);
      is_failure(above.hear(), errc::request_invalid, out_of_sequence);
    }
    SUBCASE("rows of another width") {
      above.send(0, 5, 3, row, Letters::hidden / 2);
      is_failure(above.hear(), errc::request_invalid, out_of_sequence);
    }
    SUBCASE("more rows than the context has") {
      above.send(0, 5, 3, rows(Letters::hidden * 62));
      is_failure(above.hear(), errc::request_invalid, out_of_sequence);
    }
    SUBCASE("a slot that nobody began") {
      above.send(3, 5, 3, row);
      is_failure(above.hear(), errc::request_invalid, "stage 1");
    }
    above.send(0, 5, 3, stage_0.after({whole.tokens[0]}));
    CHECK(above.hear()->logits == whole.logits[1]);
  }

  TEST_CASE("releasing what is not there is nothing") {
    one_slot<Two> rooms;
    upstream<Two> above{rooms};
    above.release(0, 1);
    above.release(4'000'000'000, 1);
    above.send(0, 1, 0, true_stage_0<Two>{}.after(abc));
    CHECK(above.hear()->header.kind == message_kind::token);
  }

  TEST_CASE("a neighbour that sends what only clients send loses its link and its slots") {
    one_slot<Two> rooms;
    const test::quiet said{stderr};
    upstream<Two> odd{rooms};
    odd.send(0, 1, 0, true_stage_0<Two>{}.after(abc));
    odd.hear();
    message_header header;
    header.kind = message_kind::cancel;
    rooms.finish(odd.link->send(header));
    CHECK_FALSE(odd.hear());
    CHECK(said.text() == "stage 1: " + describe(failure(errc::frame_unexpected, "stage 0")) + "\n");
    CHECK(rooms.ask(scored(abc, 2)).ended);
  }

  template <class Deployment>
  void gives_slots_back(bool politely) {
    one_slot<Deployment> rooms;
    const test::quiet said{stderr};
    {
      upstream<Deployment> above{rooms};
      above.send(0, 1, 0, true_stage_0<Deployment>{}.after(abc));
      above.hear();
      if (politely) rooms.finish(above.link->close());
    }
    rooms.settle();
    CHECK(rooms.ask(scored(abc, 2)).ended);  // its one slot is free, on the stage below as well
    CHECK(said.text().empty() == politely);
  }

  TEST_CASE("a neighbour that leaves gives its slots back") {
    SUBCASE("saying goodbye") { gives_slots_back<Two>(true); }
    SUBCASE("just like that") { gives_slots_back<Two>(false); }
    SUBCASE("saying goodbye to a middle stage") { gives_slots_back<Three>(true); }
    SUBCASE("leaving a middle stage just like that") { gives_slots_back<Three>(false); }
  }

  TEST_CASE("answers for a neighbour that has left do not cost the link below") {
    building<Three> rooms;
    const test::quiet said{stderr};
    CHECK(rooms.ask(scored(abc, 2)).ended);
    CHECK(rooms.host_above<2>().connections() == 1);
    {
      upstream<Three> above{rooms};
      const rows hidden = true_stage_0<Three>{}.after(abc);
      // So many that answers come up while the stage still reads, and finds nobody to tell.
      for (std::uint32_t slot = 0; slot != 4; ++slot) above.send(slot, slot + 1, 0, hidden);
    }
    rooms.settle();
    CHECK(rooms.ask(scored(abc, 2)).ended);
    CHECK_MESSAGE(rooms.host_above<2>().connections() == 1, "no new handshake");
  }

  TEST_CASE("a stage that is lost below is told to whoever has work there") {
    building<Three> rooms;
    const test::quiet said{stderr};
    upstream<Three> above{rooms};
    above.send(2, 8, 0, true_stage_0<Three>{}.after(abc));
    CHECK(above.hear()->header.kind == message_kind::token);
    rooms.host_above<2>().cut();
    const auto lost = above.hear();
    REQUIRE(lost);
    CHECK(lost->header.kind == message_kind::failure);
    CHECK(lost->header.value == static_cast<std::uint64_t>(errc::stage_lost));
    CHECK(lost->header.stage == 2);
    CHECK(lost->header.slot == 2);
    CHECK(lost->header.request == 8);
    CHECK(lost->text.find("stage 2 at ") == 0);
  }
}

}  // namespace
