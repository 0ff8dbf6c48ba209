#include "dataplane/forwarder/local_messages.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>

#include "dataplane/base/rng.h"

namespace garrison::forwarder {
namespace {

using Offer = LocalMessages::Offer;

Header header(std::uint64_t sequence) { return {SeqNum(sequence), 2, TrafficClass::bounded}; }
Bytes content(std::uint64_t sequence) { return to_bytes(as_bytes("message " + std::to_string(sequence))); }

class LocalMessagesTest : public ::testing::Test {
 protected:
  Offer offer(std::uint16_t server, std::uint64_t sequence) { return offer(server, sequence, content(sequence)); }
  Offer offer(std::uint16_t server, std::uint64_t sequence, const Bytes& message) {
    return messages.offer(ServerId(server), header(sequence), message);
  }
  std::vector<std::uint64_t> sent() {
    std::vector<std::uint64_t> sequences;
    while (const std::optional<Departure> departure = messages.next()) {
      sequences.push_back(departure->header.sequence.value());
      EXPECT_EQ(departure->message, content(sequences.back()));
    }
    return sequences;
  }
  using Sequences = std::vector<std::uint64_t>;

  DropCounters drops;
  LocalMessages messages{{.n = 4, .f = 1, .threshold = 2, .window = 4}, drops};
};

TEST_F(LocalMessagesTest, a_message_leaves_once_so_many_servers_have_presented_it) {
  offer(0, 1);
  EXPECT_EQ(sent(), Sequences());
  offer(2, 1);
  EXPECT_EQ(sent(), Sequences({1}));
  offer(1, 1);
  offer(3, 1);
  EXPECT_EQ(sent(), Sequences());
  EXPECT_EQ(drops.get(DropReason::forwarder_over), 2U);
}

TEST_F(LocalMessagesTest, a_server_counts_once) {
  offer(0, 1);
  offer(0, 1);
  EXPECT_EQ(sent(), Sequences());
  EXPECT_EQ(drops.get(DropReason::forwarder_repeated), 1U);
}

TEST_F(LocalMessagesTest, copies_count_only_when_header_and_content_are_the_same) {
  offer(0, 1, content(7));
  offer(1, 1);
  static_cast<void>(messages.offer(ServerId(2), {SeqNum(1), 4, TrafficClass::bounded}, content(1)));
  static_cast<void>(messages.offer(ServerId(3), {SeqNum(1), 2, TrafficClass::timely}, content(1)));
  EXPECT_EQ(sent(), Sequences());
}

TEST_F(LocalMessagesTest, messages_leave_in_the_order_of_their_numbers) {
  for (const std::uint64_t sequence : {1, 2, 3}) offer(0, sequence);
  offer(1, 2);
  offer(1, 3);  // 1 was passed by one server, and may still come from the others
  EXPECT_EQ(sent(), Sequences());
  offer(2, 1);
  EXPECT_EQ(sent(), Sequences({1, 2, 3}));
}

TEST_F(LocalMessagesTest, what_is_beyond_the_window_is_put_off_until_the_others_have_caught_up) {
  for (const std::uint64_t sequence : {1, 2, 3, 4}) EXPECT_EQ(offer(0, sequence), Offer::taken);
  EXPECT_EQ(offer(0, 5), Offer::later);
  EXPECT_FALSE(messages.may_take(SeqNum(5)));
  offer(1, 1);
  EXPECT_EQ(sent(), Sequences({1}));
  EXPECT_TRUE(messages.may_take(SeqNum(5)));
  EXPECT_EQ(offer(0, 5), Offer::taken);
  for (const std::uint64_t sequence : {2, 3, 4, 5}) offer(2, sequence);
  EXPECT_EQ(sent(), Sequences({2, 3, 4, 5}));
}

TEST_F(LocalMessagesTest, servers_that_jump_ahead_take_no_number_from_the_others) {
  EXPECT_EQ(offer(3, std::numeric_limits<std::uint64_t>::max() - 1), Offer::later);
  EXPECT_EQ(sent(), Sequences());
  offer(0, 1);
  EXPECT_EQ(sent(), Sequences());
  offer(1, 1);
  EXPECT_EQ(sent(), Sequences({1}));
}

TEST_F(LocalMessagesTest, a_number_that_too_few_servers_can_still_present_is_given_up) {
  offer(0, 1);
  offer(1, 2);
  offer(2, 2);
  EXPECT_EQ(sent(), Sequences({2}));  // 3 is silent, and would be enough alone; but it may be faulty
  EXPECT_EQ(messages.given_up(), 1U);
  EXPECT_EQ(drops.get(DropReason::forwarder_given_up), 1U);
}

TEST_F(LocalMessagesTest, a_forwarder_that_starts_late_finds_its_place) {
  EXPECT_EQ(offer(0, 5'000'000'000), Offer::later);
  EXPECT_EQ(sent(), Sequences());
  EXPECT_EQ(offer(3, 9'000'000'000), Offer::later);
  EXPECT_EQ(sent(), Sequences());
  EXPECT_EQ(messages.last_sent(), SeqNum(4'999'999'999));  // f + 1 have passed what is below
  EXPECT_EQ(offer(0, 5'000'000'000), Offer::taken);
  EXPECT_EQ(offer(1, 5'000'000'000), Offer::taken);
  EXPECT_EQ(sent(), Sequences({5'000'000'000}));
}

TEST_F(LocalMessagesTest, hostile_headers_are_dropped) {
  EXPECT_EQ(offer(0, std::numeric_limits<std::uint64_t>::max()), Offer::taken);
  EXPECT_EQ(offer(0, 1, Bytes(kMaxMessageBytes + 1)), Offer::taken);
  EXPECT_EQ(drops.get(DropReason::forwarder_malformed), 2U);
  EXPECT_EQ(messages.contents(), 0U);
  EXPECT_EQ(messages.expected_of(ServerId(0)), SeqNum(1));
}

// Correct servers present every number in order, each at its own pace; f present anything.
class Site {
 public:
  Site(std::size_t f, std::size_t threshold, std::uint64_t seed)
      : config_{.n = 3 * f + 1, .f = f, .threshold = threshold, .window = 8}, rng_(seed), messages_(config_, drops_) {}

  void step() {
    const ServerId server(static_cast<std::uint16_t>(rng_.below(config_.n)));
    if (server.index() < config_.f) {
      lie(server);
    } else {
      const std::uint64_t sequence = presented_[server.index()] + 1;
      if (sequence <= kNumbers && messages_.offer(server, header(sequence), content(sequence)) == Offer::taken) {
        ++presented_[server.index()];
      }
    }
    while (const std::optional<Departure> departure = messages_.next()) {
      EXPECT_EQ(departure->header, header(++sent_));
      EXPECT_EQ(departure->message, content(sent_));
    }
    EXPECT_LE(messages_.contents(), (config_.f + 1) * config_.window);
    EXPECT_EQ(messages_.given_up(), 0U);
  }
  [[nodiscard]] bool done() const { return sent_ == kNumbers; }

 private:
  static constexpr std::uint64_t kNumbers = 60;

  void lie(ServerId server) {
    const std::uint64_t next = messages_.expected_of(server).value();
    const std::uint64_t sequence = rng_.below(50) == 0 ? next + rng_.below(20) : next;
    const Bytes message = rng_.below(2) == 0 ? content(sequence) : content(sequence + 1000);
    static_cast<void>(messages_.offer(server, header(sequence), message));
  }

  LocalMessages::Config config_;
  Rng rng_;
  DropCounters drops_;
  LocalMessages messages_;
  std::map<std::size_t, std::uint64_t> presented_;
  std::uint64_t sent_ = 0;
};

TEST(LocalMessagesRandomTest, faulty_servers_neither_block_nor_fill_nor_forge) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::size_t f = 1 + seed % 3;
    Site site(f, f + 1 + seed % (f + 1), seed);
    for (std::size_t steps = 0; steps < 20'000 && !site.done(); ++steps) site.step();
    EXPECT_TRUE(site.done()) << seed;
  }
}

}  // namespace
}  // namespace garrison::forwarder
