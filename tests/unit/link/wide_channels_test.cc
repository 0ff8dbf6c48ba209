// Peers of several sites, over paths of virtual time that are long, jitter, lose and have a rate.
#include "dataplane/link/wide_channels.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "dataplane/base/rng.h"
#include "dataplane/link/session.h"
#include "dataplane/link/wide_config.h"

namespace garrison::link {
namespace {

const SystemId kSystem{77};
constexpr WideEnd kA1{.site = SiteId(0), .server = ServerId(0)};
constexpr WideEnd kA2{.site = SiteId(0), .server = ServerId(1)};
constexpr WideEnd kB1{.site = SiteId(1), .server = ServerId(0)};
constexpr WideEnd kB2{.site = SiteId(1), .server = ServerId(1)};
constexpr WideEnd kC1{.site = SiteId(2), .server = ServerId(0)};

// One secret for every pair: what keeps sessions apart is derivation alone.
crypto::SecretBytes shared() { return crypto::SecretBytes(Bytes(32, 9)); }

Bytes text(std::uint64_t number, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(number * 31 + i);
  store_le(bytes.data(), number);
  return bytes;
}

struct Received {
  Instant at;
  WideEnd from;
  TrafficClass traffic;
  Bytes bytes;
};

struct Departure {
  Instant at;
  WideEnd to;
  TrafficClass traffic;
  std::size_t bytes;  // of the whole Ethernet frame
};

// Servers of several sites, each talking to those of the other sites that `peers` says.
class WideNetwork {
 public:
  using Peers = std::function<bool(WideEnd, WideEnd)>;
  static bool same_server(WideEnd a, WideEnd b) { return a.server == b.server; }

  WideNetwork(std::vector<WideEnd> ends, const ChannelConfig& config, const Pacer::Config& pacing = {},
              const Peers& peers = same_server)
      : config_(config) {
    for (const WideEnd end : ends) {
      Host& host = hosts_.emplace_back(end);
      std::map<SiteId, WideChannels::RemoteSite> sites;
      std::size_t count = 0;
      for (const WideEnd other : ends) {
        if (other.site == end.site || !peers(end, other)) continue;
        WideChannels::RemoteSite& remote = sites[other.site];
        remote.site = other.site;
        remote.channel = config;
        remote.peers.push_back({other.server, shared()});
        ++count;
      }
      std::vector<WideChannels::RemoteSite> remotes;
      for (auto& [site, remote] : sites) remotes.push_back(std::move(remote));
      const RxSlabPlan plan = plan_wide_rx_slab(count, wide_quota_bytes(config), config.max_message_bytes);
      host.slab = std::make_unique<Slab>(plan.classes, plan.owners, plan.quota_bytes);
      host.port = std::make_unique<SharedPort>(SharedPort{.rx_slab = *host.slab, .drops = *host.drops});
      const LocalEnd self{.system = kSystem, .site = end.site, .server = end.server, .incarnation = Incarnation(1)};
      host.channels = std::make_unique<WideChannels>(self, pacing, std::move(remotes), *host.port);
    }
  }
  ~WideNetwork() {
    for (Host& host : hosts_) {
      host.channels.reset();
      EXPECT_EQ(host.slab->slots_in_use(), 0U);
    }
  }

  void submit(WideEnd from, WideEnd to, Bytes bytes, TrafficClass traffic = TrafficClass::bounded) {
    Host& host = at(from);
    const Bytes& kept = host.outstanding.emplace(++handles_, std::move(bytes)).first->second;
    host.channels->submit(now, kept, handles_, to.site, ServerSet::only(to.server), traffic);
    collect(host);
  }

  void run(Duration span) {
    const Instant end = now + span;
    while (true) {
      for (Host& host : hosts_) send(host);
      Instant next = wire_.empty() ? Instant::never() : wire_.begin()->first.first;
      for (const Host& host : hosts_) next = earlier(next, host.channels->next_wakeup());
      if (next > end) break;
      now = next;
      while (!wire_.empty() && wire_.begin()->first.first <= now) {
        const auto [to, bytes] = std::move(wire_.begin()->second);
        wire_.erase(wire_.begin());
        push(to, bytes);
      }
    }
    now = end;
  }
  void push(WideEnd to, ByteView frame) {
    at(to).channels->on_frame(now, frame);
    collect(at(to));
  }
  // The next frame of a host, taken out of the network.
  Bytes pull(WideEnd from) {
    Bytes frame(config_.payload_bytes);
    WideEnd to;
    TrafficClass traffic{};
    frame.resize(at(from).channels->next_frame(now, frame, to, traffic));
    return frame;
  }

  WideChannels& channels(WideEnd end) { return *at(end).channels; }
  std::vector<Received>& received(WideEnd end) { return at(end).received; }
  std::vector<Departure>& departures(WideEnd end) { return at(end).departures; }
  std::size_t outstanding(WideEnd end) { return at(end).outstanding.size(); }
  std::uint64_t dropped(WideEnd end, DropReason reason) { return at(end).drops->get(reason); }

  Instant now = Instant(1'000'000'000);
  Rng rng{1};
  Duration delay = milliseconds(50);
  Duration jitter;         // of a frame, uniform
  std::uint64_t loss = 0;  // millionths
  std::function<bool(WideEnd from, WideEnd to, ByteView frame)> cut;

 private:
  struct Host {
    explicit Host(WideEnd e) : end(e) {}
    WideEnd end;
    std::unique_ptr<Slab> slab;
    std::unique_ptr<DropCounters> drops = std::make_unique<DropCounters>();
    std::unique_ptr<SharedPort> port;
    std::unique_ptr<WideChannels> channels;
    std::map<std::uint64_t, Bytes> outstanding;
    std::vector<Received> received;
    std::vector<Departure> departures;
  };

  Host& at(WideEnd end) {
    for (Host& host : hosts_) {
      if (host.end == end) return host;
    }
    ADD_FAILURE() << "no such host";
    return hosts_.front();
  }
  void collect(Host& host) {
    while (const auto handle = host.channels->next_released()) EXPECT_EQ(host.outstanding.erase(*handle), 1U);
    for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
      while (const auto next = host.channels->peek_delivered(traffic)) {
        host.received.push_back({now,
                                 {.site = next->from, .server = next->message.from},
                                 next->message.traffic,
                                 to_bytes(host.slab->bytes(next->message.slot))});
        host.channels->pop_delivered(traffic);
        host.slab->free(next->message.slot);
      }
    }
  }
  void send(Host& host) {
    while (true) {
      Bytes frame(config_.payload_bytes);
      WideEnd to;
      TrafficClass traffic{};
      frame.resize(host.channels->next_frame(now, frame, to, traffic));
      collect(host);
      if (frame.empty()) break;
      host.departures.push_back({now, to, traffic, kEncapsulationBytes + frame.size()});
      if (cut && cut(host.end, to, frame)) continue;
      if (rng.chance(loss)) continue;
      const auto late = static_cast<std::int64_t>(rng.below(1 + static_cast<std::uint64_t>(jitter.ns())));
      wire_.emplace(std::pair{now + delay + Duration(late), ++frames_}, std::pair{to, std::move(frame)});
    }
    ASSERT_GT(host.channels->next_wakeup(), now) << "nothing to send, yet due";
  }

  ChannelConfig config_;
  std::vector<Host> hosts_;
  std::map<std::pair<Instant, std::uint64_t>, std::pair<WideEnd, Bytes>> wire_;
  std::uint64_t handles_ = 0;
  std::uint64_t frames_ = 0;
};

constexpr WidePath kPath{.bytes_per_s = 1'250'000, .round_trip = milliseconds(100), .jitter = milliseconds(10)};

std::size_t count(const std::vector<Received>& received, WideEnd from) {
  std::size_t sum = 0;
  for (const Received& one : received) sum += one.from == from ? 1 : 0;
  return sum;
}

TEST(WideChannelsTest, peers_of_several_sites_exchange_both_classes_in_order) {
  WideNetwork net({kA1, kA2, kB1, kB2, kC1}, wide_channel_config(kPath));
  net.jitter = milliseconds(5);
  net.loss = 50'000;
  net.run(seconds(2));
  for (std::uint64_t i = 1; i <= 40; ++i) {
    for (const auto& [from, to] : {std::pair{kA1, kB1}, {kB1, kA1}, {kA2, kB2}, {kC1, kA1}, {kA1, kC1}}) {
      net.submit(from, to, text(i, 100 + i * 150));
    }
    if (i % 10 == 0) net.submit(kB2, kA2, text(i, 200), TrafficClass::timely);
  }
  net.run(seconds(20));
  for (const auto& [from, to] : {std::pair{kA1, kB1}, {kB1, kA1}, {kA2, kB2}, {kC1, kA1}, {kA1, kC1}}) {
    std::uint64_t next = 1;
    for (const Received& one : net.received(to)) {
      if (one.from != from) continue;
      EXPECT_EQ(one.bytes, text(next, 100 + next * 150));
      EXPECT_EQ(one.traffic, TrafficClass::bounded);
      ++next;
    }
    EXPECT_EQ(next, 41U);
  }
  EXPECT_GE(count(net.received(kA2), kB2), 2U);
  EXPECT_TRUE(net.received(kB2).size() == 40 && net.received(kC1).size() == 40);
  for (const WideEnd end : {kA1, kA2, kB1, kB2, kC1}) EXPECT_EQ(net.outstanding(end), 0U);
}

TEST(WideChannelsTest, keys_name_both_sites_and_are_not_those_within_a_site) {
  const crypto::SecretBytes secret = shared();
  const Direction wide{
      .system = kSystem, .src_site = SiteId(1), .src = ServerId(2), .dst_site = SiteId(3), .dst = ServerId(4)};
  Direction other_source = wide;
  other_source.src_site = SiteId(0);
  Direction other_destination = wide;
  other_destination.dst_site = SiteId(0);
  Direction within = wide;
  within.dst_site = wide.src_site;
  std::vector<Bytes> keys;
  for (const Direction& direction : {wide, wide.reversed(), other_source, other_destination, within}) {
    keys.push_back(to_bytes(derive_hello_key(secret, direction).view()));
    keys.push_back(to_bytes(derive_frame_key(secret, direction, Incarnation(1), Incarnation(2)).view()));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(keys[i], keys[j]) << i << " and " << j;
  }
  EXPECT_EQ(wide.reversed().src_site, SiteId(3));
  EXPECT_EQ(wide.reversed().dst, ServerId(2));
}

TEST(WideChannelsTest, frames_of_other_ends_are_dropped_under_their_names) {
  WideNetwork net({kA1, kA2, kB1, kB2, kC1}, wide_channel_config(kPath));
  net.run(seconds(1));
  net.submit(kA1, kB1, text(1, 500));
  const Bytes good = net.pull(kA1);
  ASSERT_FALSE(good.empty());
  const auto with = [&](std::size_t offset, std::uint16_t value) {
    Bytes frame = good;
    store_le(frame.data() + offset, value);
    return frame;
  };
  net.push(kB1, with(8, 2));  // as if from C1, which shares the same secret here
  EXPECT_EQ(net.dropped(kB1, DropReason::frame_bad_tag), 1U);
  net.push(kB1, with(8, 1));  // from its own site
  net.push(kB1, with(8, 9));
  net.push(kB1, with(10, 1));  // A2 is no peer of B1
  EXPECT_EQ(net.dropped(kB1, DropReason::frame_unknown_peer), 3U);
  net.push(kB1, with(12, 2));
  net.push(kB2, good);
  EXPECT_EQ(net.dropped(kB1, DropReason::frame_not_for_us) + net.dropped(kB2, DropReason::frame_not_for_us), 2U);
  net.push(kB1, ByteView(good).first(20));
  EXPECT_EQ(net.dropped(kB1, DropReason::frame_truncated), 1U);
  EXPECT_TRUE(net.received(kB1).empty());
  net.push(kB1, good);
  EXPECT_EQ(net.received(kB1).size(), 1U);
}

TEST(WideChannelsTest, a_server_may_talk_to_several_of_a_site) {
  WideNetwork net({kA1, kA2, kB1, kB2}, wide_channel_config(kPath), {}, [](WideEnd, WideEnd) { return true; });
  net.run(seconds(1));
  EXPECT_TRUE(net.channels(kA1).is_peer(kB2));
  EXPECT_FALSE(net.channels(kA1).is_peer(kC1));
  net.submit(kA1, kB1, text(1, 3000));
  net.submit(kA1, kB2, text(2, 3000));
  net.submit(kA2, kB2, text(3, 3000));
  net.run(seconds(1));
  EXPECT_EQ(net.received(kB1).size(), 1U);
  EXPECT_EQ(count(net.received(kB2), kA1), 1U);
  EXPECT_EQ(count(net.received(kB2), kA2), 1U);
}

// Both claims at once: never above the rate over any span, and as good as at the rate while there is work.
TEST(WideChannelsTest, what_a_server_sends_to_all_sites_together_keeps_to_the_rate) {
  const Pacer::Config pacing{.bytes_per_s = 500'000, .burst_bytes = 5'000};
  WideNetwork net({kA1, kB1, kC1}, wide_channel_config(kPath), pacing);
  net.run(seconds(1));
  net.departures(kA1).clear();
  for (std::uint64_t i = 0; i < 200; ++i) net.submit(kA1, i % 2 == 0 ? kB1 : kC1, text(i, 1500));
  net.run(milliseconds(500));
  const std::vector<Departure>& sent = net.departures(kA1);
  std::size_t total = 0;
  for (std::size_t first = 0; first < sent.size(); ++first) {
    std::size_t bytes = 0;
    for (std::size_t last = first; last < sent.size(); ++last) {
      bytes += sent[last].bytes;
      const auto span = static_cast<std::uint64_t>((sent[last].at - sent[first].at).ns());
      ASSERT_LE(bytes, 500'000 * span / 1'000'000'000 + 5'000 + kMaxFrameBytes);
    }
    total = std::max(total, bytes);
  }
  EXPECT_GE(total, 250'000U);
  net.run(seconds(2));
  EXPECT_EQ(net.received(kB1).size() + net.received(kC1).size(), 200U);
}

TEST(WideChannelsTest, a_timely_message_to_any_site_leaves_before_what_waits_for_others) {
  WideNetwork net({kA1, kB1, kC1}, wide_channel_config(kPath), {.bytes_per_s = 100'000, .burst_bytes = 1'500});
  net.run(seconds(1));
  for (std::uint64_t i = 0; i < 50; ++i) net.submit(kA1, kB1, text(i, 1500));
  net.run(milliseconds(100));
  const std::size_t before = net.departures(kA1).size();
  net.submit(kA1, kC1, text(99, 100), TrafficClass::timely);
  net.run(milliseconds(100));
  ASSERT_GT(net.departures(kA1).size(), before);
  EXPECT_EQ(net.departures(kA1)[before].to, kC1);
  EXPECT_EQ(net.departures(kA1)[before].traffic, TrafficClass::timely);
}

TEST(WideChannelsTest, sites_take_turns_however_much_waits_for_one_of_them) {
  WideNetwork net({kA1, kB1, kC1}, wide_channel_config(kPath), {.bytes_per_s = 500'000, .burst_bytes = 3'000});
  net.run(seconds(1));
  for (std::uint64_t i = 0; i < 200; ++i) net.submit(kA1, kB1, text(i, 1300));
  for (std::uint64_t i = 0; i < 20; ++i) net.submit(kA1, kC1, text(i, 1300));
  net.departures(kA1).clear();
  net.run(milliseconds(140));
  std::size_t to_c = 0;
  for (std::size_t i = 0; i < 40; ++i) to_c += net.departures(kA1)[i].to == kC1 ? 1 : 0;
  EXPECT_GE(to_c, 19U);
  EXPECT_LE(to_c, 21U);
  net.run(seconds(3));
}

TEST(WideChannelsTest, one_peer_fills_a_long_path) {
  WideNetwork net({kA1, kB1}, wide_channel_config(kPath), {.bytes_per_s = kPath.bytes_per_s});
  net.run(seconds(1));
  const Instant start = net.now;
  for (std::uint64_t i = 0; i < 200; ++i) net.submit(kA1, kB1, text(i, 5'000));  // 0.8 seconds at the rate
  net.run(seconds(10));
  ASSERT_EQ(net.received(kB1).size(), 200U);
  const Duration took = net.received(kB1).back().at - start;
  EXPECT_LE(took, milliseconds(50 + 800 + 80)) << "headers are 8 % of a frame";
  EXPECT_EQ(net.channels(kA1).stats(kB1).chunks_retransmitted, 0U);
}

TEST(WideChannelsTest, frames_that_overtake_each_other_within_the_jitter_are_not_sent_again) {
  const auto resent = [](const ChannelConfig& config) {
    WideNetwork net({kA1, kB1}, config, {.bytes_per_s = kPath.bytes_per_s});
    net.jitter = milliseconds(5);
    net.run(seconds(2));
    for (std::uint64_t i = 0; i < 200; ++i) net.submit(kA1, kB1, text(i, 5'000));
    net.run(seconds(10));
    EXPECT_EQ(net.received(kB1).size(), 200U);
    return net.channels(kA1).stats(kB1).chunks_retransmitted;
  };
  const ChannelConfig config = wide_channel_config(kPath);
  EXPECT_EQ(resent(config), 0U);
  ChannelConfig impatient = config;
  impatient.reordering = Duration();
  EXPECT_GT(resent(impatient), 20U);
}

// Neither at once, nor only when the retransmission timeout is over.
TEST(WideChannelsTest, an_overtaken_frame_is_sent_again_when_the_jitter_cannot_explain_it_any_more) {
  WideNetwork net({kA1, kB1}, wide_channel_config(kPath));
  net.run(seconds(1));
  for (std::uint64_t i = 0; i < 20; ++i) net.submit(kA1, kB1, text(i, 1'200));  // settles the round trip
  net.run(seconds(2));
  net.received(kB1).clear();
  std::size_t sent = 0;
  net.cut = [&](WideEnd from, WideEnd, ByteView) { return from == kA1 && ++sent == 1; };
  const Instant start = net.now;
  for (std::uint64_t i = 0; i < 6; ++i) net.submit(kA1, kB1, text(i, 1'200));
  net.run(seconds(2));
  ASSERT_EQ(net.received(kB1).size(), 6U);
  const Duration took = net.received(kB1).front().at - start;
  EXPECT_GE(took, milliseconds(150 + 10));
  EXPECT_LE(took, milliseconds(150 + 10 + 10));
  EXPECT_EQ(net.channels(kA1).stats(kB1).frames_lost, 1U);
}

TEST(WideChannelsTest, a_site_that_is_cut_off_costs_others_nothing_and_is_served_again_when_it_is_back) {
  ChannelConfig config = wide_channel_config(kPath);
  config.window_messages = config.queue_messages = 256;
  WideNetwork net({kA1, kB1, kC1}, config, {.bytes_per_s = 2'000'000});
  net.run(seconds(1));
  net.cut = [](WideEnd from, WideEnd to, ByteView) { return from == kB1 || to == kB1; };
  for (std::uint64_t i = 0; i < 400; ++i) {
    net.submit(kA1, kB1, text(i, 1'000));
    net.submit(kA1, kC1, text(i, 1'000));
    net.run(milliseconds(10));
  }
  EXPECT_TRUE(net.channels(kA1).stats(kB1).lagging);
  EXPECT_GT(net.dropped(kA1, DropReason::peer_lagging), 0U);
  net.run(seconds(1));
  EXPECT_EQ(net.received(kC1).size(), 400U);
  net.cut = nullptr;
  net.run(seconds(10));
  EXPECT_FALSE(net.channels(kA1).stats(kB1).lagging);
  net.submit(kA1, kB1, text(1'000, 1'000));
  net.run(seconds(1));
  ASSERT_FALSE(net.received(kB1).empty());
  EXPECT_EQ(net.received(kB1).back().bytes, text(1'000, 1'000));
  EXPECT_EQ(net.outstanding(kA1), 0U);
}

TEST(WideConfigTest, windows_hold_twice_what_the_path_holds_within_their_bounds) {
  const ChannelConfig config =
      wide_channel_config({.bytes_per_s = 12'500'000, .round_trip = milliseconds(100), .jitter = milliseconds(10)});
  EXPECT_GE(config.window_bytes, 2U * 12'500'000 * 110 / 1'000);
  EXPECT_LE(config.window_bytes, 2U * 12'500'000 * 120 / 1'000);
  EXPECT_EQ(wide_channel_config({.bytes_per_s = 1'000}).window_bytes, kMinWideWindowBytes);
  EXPECT_EQ(wide_channel_config({.bytes_per_s = ~std::uint64_t{0} >> 20U}).window_bytes, kMaxWideWindowBytes);
  EXPECT_EQ(wide_channel_config({}).window_bytes, kMaxWideWindowBytes);
  EXPECT_GE(wide_quota_bytes(config), config.window_bytes + config.max_message_bytes);
}

// The first frame is lost and all else of a window arrives: nothing of it may be refused, whatever its sizes.
TEST(WideConfigTest, receive_slots_hold_a_window_of_messages_of_any_sizes_behind_a_hole) {
  const ChannelConfig config = wide_channel_config(kPath);
  for (const std::size_t size : {8U, 300U, 2'049U, 8'193U, 40'000U, 131'072U}) {
    WideNetwork net({kA1, kB1, kC1}, config);
    net.run(seconds(1));
    std::size_t sent = 0;
    net.cut = [&](WideEnd from, WideEnd, ByteView) { return from == kA1 && ++sent == 1; };
    const std::size_t messages = std::min(config.window_bytes / size, config.window_messages);
    for (std::uint64_t i = 0; i < messages; ++i) net.submit(kA1, kB1, text(i, size));
    net.run(seconds(2));
    EXPECT_EQ(net.received(kB1).size(), messages);
    EXPECT_EQ(net.dropped(kB1, DropReason::chunk_no_slot), 0U) << size;
  }
}

TEST(WideConfigTest, nothing_is_sent_again_before_the_path_explains_the_silence) {
  for (const std::int64_t ms : {1, 10, 50, 100, 400}) {
    const WidePath path{.round_trip = milliseconds(ms), .jitter = milliseconds(ms / 5)};
    const ChannelConfig config = wide_channel_config(path);
    EXPECT_GT(config.min_pto, path.round_trip + path.jitter * 4);
    EXPECT_GE(config.max_pto, config.min_pto);
    EXPECT_EQ(config.reordering, path.jitter);
    EXPECT_LT(config.ack_delay, milliseconds(6));
  }
}

TEST(PacerTest, lets_a_burst_leave_and_then_keeps_to_the_rate) {
  Pacer pacer({.bytes_per_s = 1'000'000, .burst_bytes = 3'000});
  const Instant start(1'000'000'000);
  Instant now = start;
  std::size_t frames = 0;
  for (; pacer.next() <= now; ++frames) pacer.on_sent(now, 1'000);
  EXPECT_EQ(frames, 4U);  // one more than the burst: a frame may leave while any of the bucket is left
  for (; frames < 100; ++frames) {
    now = pacer.next();
    pacer.on_sent(now, 1'000);
  }
  EXPECT_EQ(now, start + milliseconds(96)) << "99 frames before this one, less the burst";
  now = now + seconds(10);
  EXPECT_LE(pacer.next(), now);
  for (frames = 0; pacer.next() <= now; ++frames) pacer.on_sent(now, 1'000);
  EXPECT_EQ(frames, 4U) << "idle time is not saved up beyond the burst";
}

TEST(PacerTest, a_rate_of_zero_is_no_limit) {
  Pacer pacer({});
  for (int i = 0; i < 1'000; ++i) pacer.on_sent(Instant(1), 1'500);
  EXPECT_LE(pacer.next(), Instant(1));
}

}  // namespace
}  // namespace garrison::link
