// The encoded state of a core: what is read, what is refused. That a core goes on from it is for all tests that run
// with HAND_OVER (twins.h).
#include <gtest/gtest.h>

#include <string_view>

#include "tests/unit/prime/harness.h"

namespace garrison::prime {
namespace {

class StateTest : public ::testing::Test {
 protected:
  // In the middle of things: a new view, requests under way, messages lost.
  StateTest() : net_(4, 1, 5) {
    net_.lose = [](std::size_t from, std::size_t to, const message::VerifiedMessage& message) {
      return from == 0 || (to == 2 && message.type() == message::MessageType::PoRequest);
    };
    for (std::uint32_t i = 0; i < 12; ++i) net_.submit(1 + i % 3, i % 8);
    net_.run(seconds(2));
    for (std::uint32_t i = 0; i < 6; ++i) net_.submit(1 + i % 3, i % 8);
    for (int i = 0; i < 40; ++i) net_.deliver_one();
  }
  [[nodiscard]] std::unique_ptr<Prime> load(ByteView state) {
    return loaded(net_.core(2), state, net_.keys().validator());
  }

  Network net_;
};

TEST_F(StateTest, what_is_read_is_written_as_it_was) {
  for (std::size_t i = 0; i < 4; ++i) {
    const Bytes state = saved(net_.core(i));
    const std::unique_ptr<Prime> core = loaded(net_.core(i), state, net_.keys().validator());
    ASSERT_NE(core, nullptr);
    EXPECT_TRUE(saved(*core) == state);
  }
  EXPECT_GT(net_.core(2).status().view, View(0));
}

TEST_F(StateTest, different_states_are_different_bytes) { EXPECT_FALSE(saved(net_.core(1)) == saved(net_.core(2))); }

TEST_F(StateTest, a_state_that_is_cut_short_is_refused) {
  const Bytes state = saved(net_.core(2));
  for (std::size_t size = 0; size < state.size(); size += 1 + state.size() / 150) {
    EXPECT_EQ(load(ByteView(state).first(size)), nullptr) << size << " of " << state.size();
  }
  Bytes longer = state;
  longer.push_back(0);
  EXPECT_EQ(load(longer), nullptr);
}

TEST_F(StateTest, a_state_of_a_site_of_another_size_is_refused) {
  Network larger(7, 2);
  EXPECT_EQ(loaded(larger.core(0), saved(net_.core(2)), larger.keys().validator()), nullptr);
}

TEST_F(StateTest, altered_bytes_are_refused_or_read_and_never_more) {
  const Bytes state = saved(net_.core(2));
  Rng rng(3);
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    Bytes bad = state;
    for (std::uint64_t n = rng.between(1, 3); n > 0; --n) {
      bad[rng.below(bad.size())] = static_cast<std::uint8_t>(rng.below(4) == 0 ? 0xff : rng.below(256));
    }
    if (const std::unique_ptr<Prime> core = load(bad); core == nullptr) ++refused;
  }
  EXPECT_GT(refused, 20U);
}

TEST_F(StateTest, a_message_in_a_state_has_the_structure_that_validation_asks_for) {
  const auto read = [&](ByteView message) {
    const Bytes state = ordering::StateWriter().put(std::uint32_t{1}).blob(message).take();
    return ordering::StateReader(state, net_.keys().validator(), 1).get<Stored>();
  };
  const Bytes summary = net_.keys().sign(server(1), message::PoSummary{std::vector<SeqNum>(4)});
  ASSERT_NE(read(summary), nullptr);
  EXPECT_EQ(read(summary)->get().server(), server(1));
  EXPECT_EQ(read(net_.keys().sign(server(1), message::PoSummary{std::vector<SeqNum>(5)})), nullptr)
      << "of five servers";
  const ByteView content = ByteView(summary).first(message::decode_envelope(summary)->content_bytes);
  EXPECT_EQ(read(content), nullptr) << "without a signature, which nobody would look at";
}

}  // namespace
}  // namespace garrison::prime
