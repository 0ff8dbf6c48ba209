// Both lanes between live servers.
#include "dataplane/wire/chunk.h"
#include "tests/unit/link/network.h"

namespace garrison::link::testing {
namespace {

std::vector<std::uint64_t> numbers(const std::vector<Message>& messages, ServerId from, TrafficClass traffic) {
  std::vector<std::uint64_t> out;
  for (const Message& message : messages) {
    if (message.from == from && message.traffic == traffic) out.push_back(load_le<std::uint64_t>(message.bytes.data()));
  }
  return out;
}

std::vector<std::uint64_t> up_to(std::uint64_t last) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t i = 1; i <= last; ++i) out.push_back(i);
  return out;
}

TEST(LanesTest, bounded_messages_arrive_once_in_order_and_whole_through_loss_duplication_and_reordering) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    Network net(3, small_config(), seed);
    net.weather = {.loss = 300'000, .duplication = 100'000, .delay = microseconds(50), .jitter = microseconds(300)};
    std::vector<Bytes> sent;
    for (std::uint64_t i = 1; i <= 60; ++i) {
      sent.push_back(text(i, net.rng.below(4) == 0 ? net.rng.between(1400, 16 * 1024) : net.rng.between(8, 600)));
      for (std::size_t from = 0; from < 3; ++from) net.submit(from, sent.back(), ServerSet::all(3));
      if (i % 7 == 0) net.run(milliseconds(2));
    }
    net.run(seconds(60));
    for (std::size_t to = 0; to < 3; ++to) {
      EXPECT_EQ(net.outstanding(to), 0U);
      for (std::size_t from = 0; from < 3; ++from) {
        if (from == to) continue;
        ASSERT_EQ(numbers(net.received(to), server(from), TrafficClass::bounded), up_to(60)) << "seed " << seed;
      }
      for (const Message& message : net.received(to)) {
        EXPECT_EQ(message.bytes, sent[load_le<std::uint64_t>(message.bytes.data()) - 1]);
      }
      EXPECT_EQ(net.dropped(to, DropReason::chunk_malformed), 0U);
      EXPECT_EQ(net.dropped(to, DropReason::frame_bad_tag), 0U);
      EXPECT_EQ(net.slab(to).slots_in_use(), 0U);
    }
  }
}

TEST(LanesTest, a_calm_network_needs_no_retransmission_and_goes_quiet) {
  Network net(2);
  for (std::uint64_t i = 1; i <= 200; ++i) net.submit(0, text(i, 500), ServerSet::all(2));
  net.run(seconds(1));
  const PeerStats stats = net.group(0).stats(server(1));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::bounded), up_to(200));
  EXPECT_EQ(stats.frames_lost, 0U);
  EXPECT_EQ(stats.chunks_retransmitted, 0U);
  EXPECT_EQ(stats.messages_acked, 200U);
  EXPECT_EQ(stats.in_flight_bytes, 0U);
  EXPECT_EQ(stats.queue_bytes, 0U);
  EXPECT_EQ(net.group(1).stats(server(0)).frames_missing, 0U);
  EXPECT_GT(stats.srtt, microseconds(99));
  EXPECT_LT(stats.srtt, milliseconds(2));
  EXPECT_EQ(net.group(0).next_wakeup(), Instant::never());
  EXPECT_EQ(net.drops(0).total() + net.drops(1).total(), 0U);
  const std::uint64_t frames = net.frames(0);
  EXPECT_LT(frames, 100U) << "small messages share frames";
  net.run(seconds(100));
  EXPECT_EQ(net.frames(0), frames);
}

// What a hole needs is sent before what lies behind it, for which the receiver has no memory left.
TEST(LanesTest, after_heavy_loss_a_receiver_that_is_full_gets_soon_what_fills_its_first_hole) {
  ChannelConfig config = small_config();
  config.window_messages = 256;
  config.window_bytes = 256 * 1024;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Network net(2, config, seed, 64 * 1024);
    net.run(seconds(1));
    for (std::uint64_t i = 1; i <= 200; ++i) net.submit(0, text(i, 1200), ServerSet::only(server(1)));
    net.weather.loss = 700'000;
    net.run(milliseconds(500));
    net.weather.loss = 0;
    net.run(seconds(2));
    EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::bounded), up_to(200)) << "seed " << seed;
    EXPECT_GT(net.dropped(1, DropReason::chunk_no_slot), 0U);
  }
}

TEST(LanesTest, timely_goes_before_queued_bounded) {
  Network net(3);
  net.run(seconds(1));
  for (std::uint64_t i = 1; i <= 10; ++i) net.submit(0, text(i, 8000), ServerSet::only(server(1)));
  net.submit(0, text(11, 100), ServerSet::only(server(2)), TrafficClass::timely);
  net.submit(0, text(12, 100), ServerSet::only(server(1)), TrafficClass::timely);
  for (int i = 0; i < 2; ++i) {
    const auto frame = net.pull(0);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->traffic, TrafficClass::timely);
    net.push(frame->to.index(), frame->bytes);
  }
  EXPECT_EQ(net.pull(0)->traffic, TrafficClass::bounded);
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::timely), std::vector<std::uint64_t>{12});
  EXPECT_EQ(numbers(net.received(2), server(0), TrafficClass::timely), std::vector<std::uint64_t>{11});
}

TEST(LanesTest, peers_take_turns) {
  Network net(3);
  net.run(seconds(1));
  for (std::uint64_t i = 1; i <= 4; ++i) net.submit(0, text(i, 8000), ServerSet::all(3));
  std::array<int, 3> frames{};
  for (int i = 0; i < 10; ++i) ++frames[net.pull(0)->to.index()];
  EXPECT_EQ(frames[1], 5);
  EXPECT_EQ(frames[2], 5);
}

TEST(LanesTest, a_newer_timely_message_replaces_an_unsent_one_with_its_key) {
  Network net(2);
  net.run(seconds(1));
  net.submit(0, text(1, 50), ServerSet::all(2), TrafficClass::timely, 5);
  net.submit(0, text(2, 50), ServerSet::all(2), TrafficClass::timely, 6);
  net.submit(0, text(3, 50), ServerSet::all(2), TrafficClass::timely, 5);
  net.submit(0, text(4, 50), ServerSet::all(2), TrafficClass::timely, 0);
  net.submit(0, text(5, 50), ServerSet::all(2), TrafficClass::timely, 0);
  EXPECT_EQ(net.outstanding(0), 4U) << "the handle of the replaced one is free at once";
  net.run(seconds(1));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::timely), (std::vector<std::uint64_t>{3, 2, 4, 5}));
  EXPECT_EQ(net.dropped(0, DropReason::timely_superseded), 1U);
  EXPECT_EQ(net.outstanding(0), 0U);
}

TEST(LanesTest, a_full_timely_queue_gives_up_its_oldest) {
  Network net(2);
  for (std::uint64_t i = 1; i <= 70; ++i) net.submit(0, text(i, 50), ServerSet::all(2), TrafficClass::timely);
  EXPECT_EQ(net.dropped(0, DropReason::timely_superseded), 6U);
  net.run(seconds(1));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::timely).front(), 7U);
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::timely).size(), 64U);
}

TEST(LanesTest, two_copies_survive_the_loss_of_every_other_frame_and_are_delivered_once) {
  ChannelConfig config = small_config();
  config.timely_copies = 2;
  Network net(2, config);
  net.run(seconds(1));
  const Bytes large = text(1, 5000);  // four fragments
  net.submit(0, large, ServerSet::all(2), TrafficClass::timely);
  for (std::uint64_t i = 2; i <= 5; ++i) net.submit(0, text(i, 100), ServerSet::all(2), TrafficClass::timely);
  std::vector<Bytes> frames;
  while (const auto frame = net.pull(0)) frames.push_back(frame->bytes);
  ASSERT_EQ(frames.size(), 12U);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i < 4 ? i % 2 == 0 : i < 8 ? i % 2 == 1 : i % 2 == 0) net.push(1, frames[i]);
  }
  net.push(1, frames[9]);
  net.push(1, frames[11]);
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::timely), up_to(5));
  EXPECT_EQ(net.received(1).front().bytes, large);
  EXPECT_EQ(net.drops(1).total(), 0U) << "copies are no drops";
  net.collect(0);
  EXPECT_EQ(net.outstanding(0), 0U);
}

TEST(LanesTest, a_peer_that_is_heard_again_is_not_kept_waiting) {
  Network net(2);
  net.run(seconds(1));
  net.cut = [](ServerId, ServerId) { return true; };
  net.submit(0, text(1, 50), ServerSet::all(2));
  net.run(milliseconds(2300));  // sent again ever more rarely: next in about a second
  net.cut = nullptr;
  net.submit(1, text(2, 50), ServerSet::all(2), TrafficClass::timely);
  net.run(milliseconds(150));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::bounded), up_to(1));
}

TEST(LanesTest, timely_is_not_sent_again) {
  Network net(2);
  net.run(seconds(1));
  net.cut = [](ServerId, ServerId) { return true; };
  net.submit(0, text(1, 50), ServerSet::all(2), TrafficClass::timely);
  net.run(seconds(1));
  net.cut = nullptr;
  net.run(seconds(10));
  EXPECT_TRUE(net.received(1).empty());
  EXPECT_EQ(net.outstanding(0), 0U);
}

TEST(LanesTest, an_unfinished_timely_message_is_evicted_by_newer_ones) {
  Network net(2);
  net.run(seconds(1));
  for (std::uint64_t i = 1; i <= 5; ++i) {  // the second of two fragments of each is lost
    net.submit(0, text(i, 2000), ServerSet::all(2), TrafficClass::timely);
    net.push(1, net.pull(0)->bytes);
    ASSERT_TRUE(net.pull(0));
  }
  EXPECT_EQ(net.dropped(1, DropReason::timely_superseded), 1U);
  EXPECT_EQ(net.slab(1).slots_in_use(), 4U);
  net.collect(0);
}

TEST(LanesTest, only_what_was_accepted_is_acknowledged_and_it_gets_through_when_memory_is_free_again) {
  ChannelConfig config = small_config();
  Network net(2, config, 1, 2 * config.max_message_bytes);
  net.keep_delivered_slots = true;
  for (std::uint64_t i = 1; i <= 6; ++i) net.submit(0, text(i, 16 * 1024), ServerSet::all(2));
  net.run(seconds(2));
  EXPECT_EQ(net.received(1).size(), 2U);
  EXPECT_GT(net.dropped(1, DropReason::chunk_no_slot), 0U);
  EXPECT_LT(net.dropped(1, DropReason::chunk_no_slot), 2000U) << "not at the rate of the network";
  EXPECT_EQ(net.group(0).stats(server(1)).messages_acked, 2U);
  // TIMELY has a quota of its own.
  net.submit(0, text(7, 100), ServerSet::all(2), TrafficClass::timely);
  net.run(milliseconds(1));
  EXPECT_EQ(net.received(1).back().traffic, TrafficClass::timely);
  net.keep_delivered_slots = false;
  for (const SlotRef slot : net.held) net.slab(1).free(slot);
  net.run(seconds(5));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::bounded), up_to(6));
  EXPECT_EQ(net.outstanding(0), 0U);
}

TEST(LanesTest, messages_behind_a_hole_leave_memory_for_the_hole) {
  ChannelConfig config = small_config();
  Network net(2, config, 1, 3 * config.max_message_bytes);
  net.run(seconds(1));
  const Bytes first = text(1, 12 * 1024);
  net.submit(0, first, ServerSet::all(2));
  while (net.pull(0)) {
  }
  for (std::uint64_t i = 2; i <= 12; ++i) net.submit(0, text(i, 3 * 1024), ServerSet::all(2));
  net.run(seconds(5));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::bounded), up_to(12));
}

TEST(LanesTest, a_full_next_ring_leaves_messages_where_they_are) {
  Network net(2);
  net.taking = false;
  for (std::uint64_t i = 1; i <= 3; ++i) net.submit(0, text(i, 100), ServerSet::all(2));
  net.submit(0, text(4, 100), ServerSet::all(2), TrafficClass::timely);
  net.run(seconds(1));
  ASSERT_NE(net.group(1).peek_delivered(), nullptr);
  EXPECT_EQ(net.group(1).peek_delivered()->traffic, TrafficClass::timely);
  EXPECT_EQ(net.group(1).peek_delivered(TrafficClass::bounded)->traffic, TrafficClass::bounded);
  EXPECT_EQ(net.slab(1).slots_in_use(), 4U);
}

TEST(LanesTest, an_overflowing_peer_lags_and_recovers_without_hurting_the_others) {
  Network net(3);
  net.run(seconds(1));
  net.cut = [](ServerId from, ServerId to) { return from == server(1) || to == server(1); };
  for (std::uint64_t i = 1; i <= 300; ++i) {
    net.submit(0, text(i, 100), ServerSet::all(3));
    net.run(milliseconds(1));
  }
  EXPECT_EQ(net.group(0).lagging(), ServerSet::only(server(1)));
  EXPECT_EQ(numbers(net.received(2), server(0), TrafficClass::bounded), up_to(300));
  EXPECT_EQ(net.dropped(0, DropReason::peer_lagging), 300U);
  EXPECT_EQ(net.outstanding(0), 0U) << "nothing is held for a peer that lags";
  net.run(seconds(3600));
  net.cut = nullptr;
  net.run(seconds(2));
  EXPECT_TRUE(net.group(0).lagging().empty());
  const std::uint64_t episodes = net.group(0).stats(server(1)).lagging_episodes;
  EXPECT_EQ(episodes, 1U);
  net.received(1).clear();
  for (std::uint64_t i = 1; i <= 20; ++i) net.submit(0, text(i, 3000), ServerSet::all(3));
  net.run(seconds(5));
  EXPECT_EQ(numbers(net.received(1), server(0), TrafficClass::bounded), up_to(20));
}

TEST(LanesTest, a_peer_that_is_back_need_not_wait_until_every_frame_of_what_was_given_up_has_timed_out) {
  ChannelConfig config = small_config();
  config.window_bytes = 256 * 1024;  // some 200 frames, two of which time out at a time
  config.window_messages = 128;
  Network net(2, config);
  net.run(seconds(1));
  net.cut = [](ServerId, ServerId) { return true; };
  for (std::uint64_t i = 1; i <= 128; ++i) net.submit(0, text(i, 2'000), ServerSet::all(2));
  net.run(milliseconds(10));
  EXPECT_GT(net.group(0).stats(server(1)).in_flight_bytes, 250'000U);
  for (std::uint64_t i = 1; i <= 300; ++i) net.submit(0, text(i, 2'000), ServerSet::all(2));
  EXPECT_EQ(net.group(0).lagging(), ServerSet::only(server(1)));
  net.run(seconds(5));
  net.cut = nullptr;
  net.run(seconds(3));
  EXPECT_TRUE(net.group(0).lagging().empty());
}

TEST(LanesTest, giving_up_in_the_middle_of_messages_leaves_both_sides_consistent) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Network net(2, small_config(), seed);
    net.weather = {.loss = 200'000, .duplication = 50'000, .delay = milliseconds(5), .jitter = milliseconds(10)};
    net.run(seconds(2));
    std::uint64_t number = 0;
    for (int burst = 0; burst < 10; ++burst) {
      for (int i = 0; i < 150; ++i) net.submit(0, text(++number, net.rng.between(8, 9000)), ServerSet::all(2));
      net.run(milliseconds(static_cast<std::int64_t>(net.rng.below(400))));
    }
    net.run(seconds(60));
    ASSERT_GT(net.group(0).stats(server(1)).lagging_episodes, 0U);
    ASSERT_TRUE(net.group(0).lagging().empty());
    EXPECT_EQ(net.outstanding(0), 0U);
    EXPECT_EQ(net.slab(1).slots_in_use(), 0U);
    EXPECT_EQ(net.dropped(1, DropReason::chunk_malformed), 0U);
    net.submit(0, text(++number, 5000), ServerSet::all(2));
    net.run(seconds(5));
    const auto got = numbers(net.received(1), server(0), TrafficClass::bounded);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_EQ(std::adjacent_find(got.begin(), got.end()), got.end());
    EXPECT_EQ(got.back(), number);
  }
}

TEST(LanesTest, every_byte_is_sent_once_when_nothing_is_lost) {
  Network net(2);
  std::uint64_t data_bytes = 0;
  net.tap = [&](ServerId from, const Network::Frame& frame) {
    wire::FrameHeader header;
    ASSERT_FALSE(wire::parse_frame_header(frame.bytes, header));
    if (from != server(0) || header.kind != wire::FrameKind::channel) return;
    Reader in(wire::frame_content(frame.bytes));
    while (!in.done()) {
      const auto type = wire::read_chunk_type(in);
      ASSERT_TRUE(type);
      if (*type == wire::ChunkType::ack) (void)wire::read_ack(in);
      if (*type == wire::ChunkType::bounded) data_bytes += wire::read_data(in, TrafficClass::bounded).bytes.size();
      ASSERT_TRUE(in.ok());
    }
  };
  std::uint64_t submitted = 0;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const Bytes message = text(i, net.rng.between(8, 10'000));
    submitted += message.size();
    net.submit(0, message, ServerSet::all(2));
    net.submit(1, message, ServerSet::all(2));
  }
  net.run(seconds(5));
  EXPECT_EQ(data_bytes, submitted);
}

}  // namespace
}  // namespace garrison::link::testing
