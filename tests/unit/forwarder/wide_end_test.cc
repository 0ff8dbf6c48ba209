#include "dataplane/forwarder/wide_end.h"

#include <gtest/gtest.h>

#include <map>

#include "dataplane/forwarder/presented_queue.h"

namespace garrison::forwarder {
namespace {

constexpr ForwarderId kA{SiteId(0), Role::primary};
constexpr ForwarderId kABackup{SiteId(0), Role::backup};
constexpr ForwarderId kB{SiteId(1), Role::primary};
constexpr ForwarderId kC{SiteId(2), Role::primary};

// Forwarders on a network without loss or delay.
class WideEndTest : public ::testing::Test {
 protected:
  struct End {
    std::unique_ptr<Forwarder> forwarder;
    std::unique_ptr<WideEnd> wide;
    bool crashed = false;
  };

  WideEndTest() {
    for (const ForwarderId id : {kA, kABackup, kB, kC}) start(id, 1);
  }

  void start(ForwarderId id, std::uint64_t incarnation) {
    const Forwarder::Config config{.role = id.role,
                                   .local = {.n = 4, .f = 1, .threshold = 2, .window = 8},
                                   .remote = {.n = 4, .f = 1, .collect_after = 2, .sites = 3, .queue = 8}};
    WideEnd::Config wide{.system = SystemId(1), .self = id, .incarnation = Incarnation(incarnation), .peers = {}};
    for (const ForwarderId peer : {kA, kABackup, kB, kC}) {
      if (!(peer == id)) wide.peers.push_back({peer, crypto::SecretBytes(Bytes(32, 9))});
    }
    End& end = ends[id];
    end.wide.reset();
    end.forwarder = std::make_unique<Forwarder>(config, now);
    end.wide = std::make_unique<WideEnd>(wide, *end.forwarder);
    end.crashed = false;
  }

  // Servers of A present to both of its forwarders.
  void present(std::uint64_t sequence, std::uint64_t destinations, std::size_t size = 5000) {
    for (const ForwarderId id : {kA, kABackup}) {
      for (std::uint16_t server = 0; server < 2; ++server) {
        static_cast<void>(ends[id].forwarder->offer(ServerId(server),
                                                    {SeqNum(sequence), destinations, TrafficClass::bounded},
                                                    Bytes(size, static_cast<std::uint8_t>(sequence))));
      }
    }
  }

  void run_for(Duration duration) {
    for (const Instant end = now + duration; now < end; now = now + milliseconds(10)) {
      for (auto& [id, from] : ends) {
        while (const auto out = from.crashed ? std::nullopt : from.wide->next(now)) {
          End& to = ends[out->to];
          if (!to.crashed) to.wide->on_datagram(now, out->datagram);
        }
      }
    }
  }

  // What one server of `at` has got, as the first bytes of messages.
  std::vector<int> got(ForwarderId at) {
    std::vector<int> all;
    while (const auto arrival = ends[at].forwarder->remote().next(ServerId(0))) {
      all.push_back(arrival->message.empty() ? -1 : arrival->message[0]);
      ends[at].forwarder->remote().written(ServerId(0), arrival->source, arrival->number);
    }
    return all;
  }
  using All = std::vector<int>;

  Instant now{seconds(50).ns()};
  std::map<ForwarderId, End> ends;
};

TEST_F(WideEndTest, a_message_arrives_once_at_each_destination) {
  present(1, 0b110);
  present(2, 0b100);
  run_for(seconds(2));
  EXPECT_EQ(got(kB), All({1}));
  EXPECT_EQ(got(kC), All({1, 2}));
  EXPECT_EQ(got(kA), All());
}

TEST_F(WideEndTest, destinations_that_there_are_not_are_left_out) {
  present(1, ~std::uint64_t{0});
  run_for(milliseconds(100));
  EXPECT_EQ(got(kB), All({1}));
  EXPECT_EQ(got(kA), All());
}

TEST_F(WideEndTest, the_backup_takes_over_and_is_answered_until_the_primary_is_back) {
  present(1, 0b010);
  run_for(milliseconds(100));
  ends[kA].crashed = true;
  present(2, 0b010);
  run_for(seconds(1));
  EXPECT_EQ(got(kB), All({1, 2}));

  const auto answer = [&](std::uint64_t sequence) {
    for (std::uint16_t server = 0; server < 2; ++server) {
      static_cast<void>(ends[kB].forwarder->offer(ServerId(server), {SeqNum(sequence), 0b001, TrafficClass::timely},
                                                  Bytes(3, static_cast<std::uint8_t>(sequence))));
    }
    run_for(milliseconds(100));
  };
  answer(1);
  EXPECT_EQ(got(kABackup), All({1}));
  start(kA, 2);
  run_for(seconds(1));
  answer(2);
  EXPECT_EQ(got(kA), All({2}));
}

TEST_F(WideEndTest, strangers_are_dropped) {
  DropCounters& drops = ends[kB].forwarder->drops();
  ends[kB].wide->on_datagram(now, Bytes(200));
  DatagramSender stranger({SiteId(9), Role::primary}, Incarnation(1), crypto::SecretBytes(Bytes(32, 1)), 100);
  ends[kB].wide->on_datagram(now, stranger.cut(TrafficClass::timely, {}).front());
  EXPECT_EQ(drops.get(DropReason::frame_unknown_peer), 2U);
  DatagramSender forger(kA, Incarnation(9), crypto::SecretBytes(Bytes(32, 1)), 100);
  ends[kB].wide->on_datagram(now, forger.cut(TrafficClass::timely, {}).front());
  EXPECT_EQ(drops.get(DropReason::forwarder_bad_tag), 1U);
}

TEST(PresentedQueueTest, what_was_presented_is_presented_again_on_a_new_session_as_far_as_it_is_kept) {
  PresentedQueue queue(3);
  const auto push = [&](std::uint64_t sequence) {
    return queue.push({{SeqNum(sequence), 1, TrafficClass::timely}, {}});
  };
  const auto present = [&] {
    const std::uint64_t sequence = queue.next()->header.sequence.value();
    queue.presented();
    return sequence;
  };
  EXPECT_TRUE(push(1));
  EXPECT_TRUE(push(2));
  EXPECT_EQ(present(), 1U);
  EXPECT_EQ(present(), 2U);
  EXPECT_EQ(queue.next(), nullptr);
  EXPECT_TRUE(push(3));
  EXPECT_TRUE(push(4));
  EXPECT_EQ(present(), 3U);
  queue.rewind();
  EXPECT_EQ(present(), 2U);
  EXPECT_TRUE(push(5));
  EXPECT_FALSE(push(6)) << "3 was not presented on this session";
  EXPECT_EQ(present(), 4U);
}

}  // namespace
}  // namespace garrison::forwarder
