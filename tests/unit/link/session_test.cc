// Lives of servers, and frames that must not count.
#include "dataplane/wire/chunk.h"
#include "tests/unit/link/network.h"

namespace garrison::link::testing {
namespace {

// What server `src` would send, made by hand.
struct Forge {
  ServerId src = server(0);
  ServerId dst = server(1);
  Incarnation src_incarnation{1};
  Incarnation dst_incarnation{1};

  [[nodiscard]] Bytes frame(std::uint64_t counter, ByteView content) const {
    Bytes bytes(wire::kFrameOverheadBytes + content.size());
    wire::write_frame_header(bytes, {.kind = wire::FrameKind::channel,
                                     .length = static_cast<std::uint16_t>(bytes.size()),
                                     .src_site = kSite,
                                     .src_server = src,
                                     .dst_site = kSite,
                                     .dst_server = dst,
                                     .port_sequence = 1,
                                     .counter = counter});
    std::copy(content.begin(), content.end(), bytes.begin() + wire::kFrameHeaderBytes);
    const Direction direction{.system = kSystem, .src_site = kSite, .src = src, .dst_site = kSite, .dst = dst};
    crypto::FrameKey key(derive_frame_key(shared(src, dst), direction, src_incarnation, dst_incarnation).view());
    const crypto::Tag tag = key.seal(counter, wire::frame_authenticated(bytes));
    std::copy(tag.begin(), tag.end(), bytes.end() - 16);
    return bytes;
  }
  [[nodiscard]] Bytes chunk(std::uint64_t counter, std::uint64_t sequence, std::uint32_t total, std::uint32_t offset,
                            std::size_t size, TrafficClass traffic = TrafficClass::bounded) const {
    const Bytes body(size, 0x55);
    Bytes content(wire::kDataChunkHeaderBytes + size);
    Writer out(content);
    wire::write(out, wire::DataChunk{
                         .traffic = traffic, .sequence = sequence, .total = total, .offset = offset, .bytes = body});
    return frame(counter, content);
  }
};

constexpr std::uint64_t kFar = 100'000;  // a counter that no frame of a test reaches

TEST(SessionTest, hello_frame_has_golden_bytes_under_its_own_key) {
  Network net(2);
  const auto hello = net.pull(0);
  ASSERT_TRUE(hello);
  const Bytes golden = {'G', 'R', 1, 1, 72, 0, 0, 0, 3, 0, 0, 0, 3, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
                        0,   0,   0, 0, 1,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(equal(wire::frame_authenticated(hello->bytes), golden));
  const Direction direction{
      .system = kSystem, .src_site = kSite, .src = server(0), .dst_site = kSite, .dst = server(1)};
  crypto::HmacKey key(derive_hello_key(shared(server(0), server(1)), direction).view());
  EXPECT_TRUE(key.verify(golden, wire::frame_tag(hello->bytes)));
}

TEST(SessionTest, keys_differ_by_everything_that_they_name) {
  const crypto::SecretBytes secret = shared(server(0), server(1));
  const Direction direction{
      .system = kSystem, .src_site = kSite, .src = server(0), .dst_site = kSite, .dst = server(1)};
  std::set<Bytes> keys;
  const auto add = [&](const Direction& way, std::uint64_t src, std::uint64_t dst) {
    keys.insert(to_bytes(derive_frame_key(secret, way, Incarnation(src), Incarnation(dst)).view()));
  };
  add(direction, 1, 2);
  add(direction, 2, 1);
  add(direction.reversed(), 1, 2);
  add({.system = SystemId(1), .src_site = kSite, .src = server(0), .dst_site = kSite, .dst = server(1)}, 1, 2);
  add({.system = kSystem, .src_site = SiteId(1), .src = server(0), .dst_site = SiteId(1), .dst = server(1)}, 1, 2);
  EXPECT_EQ(keys.size(), 5U);
}

TEST(SessionTest, two_servers_establish_within_two_round_trips_and_then_are_quiet) {
  Network net(2);
  net.run(microseconds(200));
  EXPECT_EQ(net.group(0).established(), ServerSet::only(server(1)));
  EXPECT_EQ(net.group(1).established(), ServerSet::only(server(0)));
  net.run(seconds(10));
  EXPECT_LE(net.frames(0), 4U);
  EXPECT_EQ(net.group(0).next_wakeup(), Instant::never());
}

TEST(SessionTest, hellos_to_a_silent_peer_slow_down_to_their_longest_period) {
  Network net(2);
  net.cut = [](ServerId, ServerId) { return true; };
  net.run(seconds(100));
  const std::uint64_t sent = net.frames(0);
  EXPECT_GE(sent, 1000U);
  EXPECT_LE(sent, 1008U);
}

TEST(SessionTest, replayed_hellos_are_answered_at_a_bounded_rate) {
  Network net(2);
  const Bytes hello = net.pull(1)->bytes;
  net.push(0, hello);
  net.run(seconds(1));
  const std::uint64_t before = net.frames(0);
  for (int i = 0; i < 10'000; ++i) {
    net.push(0, hello);
    net.run(microseconds(10));
  }
  EXPECT_LE(net.frames(0) - before, 6U);  // one per hello_period
  EXPECT_FALSE(net.group(0).established().empty());
}

TEST(SessionTest, a_restarted_server_gets_what_was_not_acknowledged_from_the_start_of_the_new_session) {
  Network net(2);
  net.run(seconds(1));
  net.submit(0, text(1, 3000), ServerSet::all(2));
  net.submit(1, text(1, 3000), ServerSet::all(2));
  net.run(seconds(1));
  net.cut = [](ServerId, ServerId) { return true; };
  for (std::uint64_t i = 2; i <= 30; ++i) net.submit(0, text(i, 3000), ServerSet::all(2));
  net.run(milliseconds(100));
  net.start(1);
  net.received(1).clear();
  net.cut = nullptr;
  net.submit(1, text(9, 100), ServerSet::all(2));
  net.run(seconds(5));
  ASSERT_EQ(net.received(1).size(), 29U);
  for (std::uint64_t i = 0; i < 29; ++i) EXPECT_EQ(net.received(1)[i].bytes, text(i + 2, 3000));
  EXPECT_EQ(net.received(0).back().bytes, text(9, 100));
  EXPECT_EQ(net.group(0).stats(server(1)).incarnation, Incarnation(2));
  EXPECT_EQ(net.group(0).stats(server(1)).sessions, 2U);
  EXPECT_EQ(net.outstanding(0), 0U);
}

TEST(SessionTest, what_was_unfinished_is_dropped_when_the_session_ends) {
  Network net(2);
  net.run(seconds(1));
  net.submit(0, text(1, 3000), ServerSet::all(2));
  net.submit(0, text(2, 3000), ServerSet::all(2), TrafficClass::timely);
  net.push(1, net.pull(0)->bytes);  // the first frame of TIMELY
  while (const auto frame = net.pull(0)) {
    if (frame->traffic == TrafficClass::timely) continue;
    net.push(1, frame->bytes);
    break;
  }
  EXPECT_EQ(net.slab(1).slots_in_use(), 2U);
  net.start(0);
  net.run(seconds(1));
  EXPECT_EQ(net.dropped(1, DropReason::session_reset), 2U);
  EXPECT_EQ(net.slab(1).slots_in_use(), 0U);
}

TEST(SessionTest, a_server_that_restarts_again_and_again_under_load_never_confuses_its_peer) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Network net(3, small_config(), seed);
    net.weather = {.loss = 100'000, .duplication = 100'000, .delay = microseconds(50), .jitter = milliseconds(2)};
    std::uint64_t number = 0;
    for (int life = 0; life < 8; ++life) {
      for (int i = 0; i < 10; ++i) {
        ++number;
        for (std::size_t from = 0; from < 3; ++from)
          net.submit(from, text(number, net.rng.between(8, 5000)), ServerSet::all(3));
      }
      net.run(milliseconds(static_cast<std::int64_t>(net.rng.below(60))));
      net.start(net.rng.below(3));
    }
    net.run(seconds(30));
    ++number;
    for (std::size_t from = 0; from < 3; ++from) net.submit(from, text(number, 100), ServerSet::all(3));
    net.run(seconds(30));
    for (std::size_t to = 0; to < 3; ++to) {
      EXPECT_EQ(net.outstanding(to), 0U);
      EXPECT_EQ(net.dropped(to, DropReason::chunk_malformed), 0U);
      std::size_t last = 0;
      for (const Message& message : net.received(to)) last += message.bytes == text(number, 100) ? 1 : 0;
      EXPECT_EQ(last, 2U);
    }
  }
}

TEST(SessionTest, a_hello_of_an_earlier_life_is_stale) {
  Network net(2);
  const Bytes old = net.pull(1)->bytes;
  net.start(1);
  net.run(seconds(1));
  net.push(0, old);
  EXPECT_EQ(net.dropped(0, DropReason::frame_stale_incarnation), 1U);
  EXPECT_EQ(net.group(0).stats(server(1)).incarnation, Incarnation(2));
}

TEST(SessionTest, a_server_whose_incarnation_went_backwards_is_told_so) {
  Network ahead(2);
  ahead.start(0);
  const Bytes later = ahead.pull(0)->bytes;  // server 0 in its second life
  Network net(2);
  net.push(1, later);
  net.run(seconds(1));
  EXPECT_TRUE(net.group(0).stats(server(1)).superseded);
  EXPECT_GT(net.dropped(1, DropReason::frame_stale_incarnation), 0U);
}

TEST(SessionTest, frames_that_must_not_count_are_dropped_under_their_names) {
  Network net(3);
  Forge forge;
  net.push(1, forge.chunk(kFar, 1, 100, 0, 50));
  EXPECT_EQ(net.dropped(1, DropReason::frame_no_session), 1U);
  net.run(seconds(1));

  const Bytes good = forge.chunk(kFar, 1, 100, 0, 50);
  Bytes tampered = good;
  tampered[60] ^= 1;
  net.push(1, tampered);
  EXPECT_EQ(net.dropped(1, DropReason::frame_bad_tag), 1U);
  Bytes moved = good;
  moved[16] ^= 1;  // even the port's sequence is covered
  net.push(1, moved);
  EXPECT_EQ(net.dropped(1, DropReason::frame_bad_tag), 2U);
  Forge earlier_life = forge;
  earlier_life.dst_incarnation = Incarnation(9);
  net.push(1, earlier_life.chunk(kFar, 1, 100, 0, 50));
  EXPECT_EQ(net.dropped(1, DropReason::frame_bad_tag), 3U);

  net.push(1, ByteView(good).first(good.size() - 1));
  EXPECT_EQ(net.dropped(1, DropReason::frame_truncated), 1U);
  Bytes version = good;
  version[2] = 2;
  net.push(1, version);
  EXPECT_EQ(net.dropped(1, DropReason::frame_bad_version), 1U);
  net.push(2, good);
  EXPECT_EQ(net.dropped(2, DropReason::frame_not_for_us), 1U);
  Bytes stranger = good;
  stranger[10] = 3;  // no such server
  net.push(1, stranger);
  stranger[10] = 1;  // the receiver itself
  net.push(1, stranger);
  stranger = good;
  stranger[8] = 4;  // another site
  net.push(1, stranger);
  EXPECT_EQ(net.dropped(1, DropReason::frame_unknown_peer), 3U);
  EXPECT_EQ(net.slab(1).slots_in_use(), 0U);

  net.push(1, good);
  EXPECT_EQ(net.slab(1).slots_in_use(), 1U);
  net.push(1, good);
  net.push(1, forge.chunk(kFar - kReplayWindow, 1, 100, 50, 50));
  EXPECT_EQ(net.dropped(1, DropReason::frame_replayed), 2U);
  net.push(1, forge.chunk(kFar - kReplayWindow + 1, 1, 100, 50, 50));
  EXPECT_EQ(net.received(1).size(), 1U);

  Bytes hello = net.pull(0) ? Bytes() : Bytes(72);
  wire::write_frame_header(hello, {.kind = wire::FrameKind::hello,
                                   .length = 72,
                                   .src_site = kSite,
                                   .src_server = server(0),
                                   .dst_site = kSite,
                                   .dst_server = server(1)});
  net.push(1, hello);
  EXPECT_EQ(net.dropped(1, DropReason::frame_bad_tag), 4U);
}

TEST(SessionTest, chunks_of_a_lying_peer_are_refused_and_not_acknowledged) {
  Network net(2);
  net.run(seconds(1));
  Forge forge;
  std::uint64_t counter = kFar;
  const auto refused = [&](const Bytes& frame, DropReason reason) {
    const std::uint64_t before = net.dropped(1, reason);
    net.push(1, frame);
    net.now = net.now + milliseconds(5);
    EXPECT_FALSE(net.pull(1)) << "acknowledged";
    EXPECT_EQ(net.dropped(1, reason), before + 1);
  };
  net.push(1, forge.chunk(++counter, 1, 1000, 100, 100));
  net.now = net.now + milliseconds(5);
  EXPECT_TRUE(net.pull(1));
  refused(forge.chunk(++counter, 1, 999, 0, 50), DropReason::chunk_malformed);      // another total
  refused(forge.chunk(++counter, 1, 1000, 50, 100), DropReason::chunk_malformed);   // overlaps from the left
  refused(forge.chunk(++counter, 1, 1000, 150, 100), DropReason::chunk_malformed);  // from the right
  refused(forge.chunk(++counter, 1, 1000, 50, 300), DropReason::chunk_malformed);   // around
  refused(forge.chunk(++counter, 2, 17 * 1024, 0, 50), DropReason::chunk_malformed);
  refused(forge.chunk(++counter, 17, 100, 0, 50), DropReason::chunk_beyond_window);
  refused(forge.frame(++counter, {}), DropReason::chunk_malformed);
  refused(forge.frame(++counter, Bytes{9}), DropReason::chunk_malformed);
  refused(forge.frame(++counter, Bytes{1, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0}), DropReason::chunk_malformed);
  net.push(1, forge.chunk(++counter, 1, 1000, 100, 100));
  net.push(1, forge.chunk(++counter, 1, 1000, 120, 10));
  EXPECT_EQ(net.dropped(1, DropReason::chunk_duplicate), 2U);
  net.now = net.now + milliseconds(5);
  EXPECT_TRUE(net.pull(1)) << "what is held is acknowledged again";
}

TEST(SessionTest, a_peer_that_leaves_messages_unfinished_uses_up_its_own_quota_only) {
  Network net(3);
  net.run(seconds(1));
  Forge forge;
  std::uint64_t counter = kFar;
  for (std::uint64_t sequence = 1; sequence <= 16; ++sequence) {
    net.push(1, forge.chunk(++counter, sequence, 16 * 1024, 0, 10));
    for (std::uint32_t i = 0; i < 100; ++i) {
      net.push(1, forge.chunk(++counter, sequence, 16 * 1024, 100 + 2 * i, 1));  // holes without end
    }
  }
  EXPECT_GT(net.dropped(1, DropReason::chunk_no_slot), 0U);
  EXPECT_GT(net.dropped(1, DropReason::chunk_beyond_window), 0U);
  EXPECT_LE(net.slab(1).used_bytes(Network::owner(1, 0)), 256U * 1024);
  EXPECT_EQ(net.slab(1).used_bytes(Network::owner(1, 2)), 0U);
  for (std::uint64_t i = 1; i <= 16; ++i) net.submit(2, text(i, 16 * 1024), ServerSet::only(server(1)));
  net.run(seconds(5));
  EXPECT_EQ(net.received(1).size(), 16U);
}

TEST(SessionTest, a_base_far_ahead_costs_one_window_and_delivers_what_is_complete) {
  Network net(2);
  net.run(seconds(1));
  Forge forge;
  net.push(1, forge.chunk(kFar, 2, 100, 0, 100));      // complete behind a hole
  net.push(1, forge.chunk(kFar + 1, 3, 100, 0, 50));   // partial
  net.push(1, forge.chunk(kFar + 2, 4, 100, 0, 100));  // complete
  EXPECT_TRUE(net.received(1).empty());
  Bytes base(wire::kBaseChunkBytes);
  Writer out(base);
  wire::write_base(out, std::uint64_t{1} << 60U);
  net.push(1, forge.frame(kFar + 3, base));
  EXPECT_EQ(net.received(1).size(), 2U);
  EXPECT_EQ(net.dropped(1, DropReason::peer_lagging), 1U);
  EXPECT_EQ(net.slab(1).slots_in_use(), 0U);
  net.push(1, forge.chunk(kFar + 4, std::uint64_t{1} << 60U, 100, 0, 100));
  EXPECT_EQ(net.received(1).size(), 3U);
}

}  // namespace
}  // namespace garrison::link::testing
