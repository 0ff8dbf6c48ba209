// A site of channel groups joined by a network of virtual time that loses, repeats, delays and cuts.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "dataplane/base/rng.h"
#include "dataplane/link/channel_group.h"
#include "dataplane/link/session.h"
#include "dataplane/wire/frame.h"

namespace garrison::link::testing {

inline const SystemId kSystem{77};
inline const SiteId kSite{3};

inline ServerId server(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

// The secret of the pair {a, b}.
inline crypto::SecretBytes shared(ServerId a, ServerId b) {
  Bytes bytes(32, static_cast<std::uint8_t>(1 + std::min(a, b).value()));
  bytes[1] = static_cast<std::uint8_t>(std::max(a, b).value());
  return crypto::SecretBytes(bytes);
}

inline ChannelConfig small_config() {
  ChannelConfig config;
  config.max_message_bytes = 16 * 1024;
  config.window_messages = 16;
  config.window_bytes = 32 * 1024;
  config.queue_messages = 256;
  config.queue_bytes = 1024 * 1024;
  return config;
}

inline Bytes text(std::uint64_t number, std::size_t size) {
  Bytes bytes(std::max<std::size_t>(size, 8));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(number * 31 + i);
  store_le(bytes.data(), number);
  return bytes;
}

struct Message {
  ServerId from;
  TrafficClass traffic;
  Bytes bytes;
};

struct Weather {
  std::uint64_t loss = 0;  // millionths
  std::uint64_t duplication = 0;
  Duration delay = microseconds(50);
  Duration jitter;  // uniform, so frames overtake each other
};

class Network {
 public:
  explicit Network(std::size_t n, const ChannelConfig& chosen = small_config(), std::uint64_t seed = 1,
                   std::size_t quota_bytes = 256 * 1024)
      : config(chosen), rng(seed), quota_bytes_(quota_bytes), nodes_(n) {
    for (std::size_t i = 0; i < n; ++i) start(i);
  }
  ~Network() {
    for (Node& node : nodes_) {
      node.group.reset();
      if (keep_delivered_slots) continue;
      EXPECT_EQ(node.slab->slots_in_use(), 0U);
    }
  }

  // A new life of server i. What the old one had submitted is forgotten with it.
  void start(std::size_t i) {
    Node& node = nodes_[i];
    const RxSlabPlan plan = plan_rx_slab(config, nodes_.size() - 1, quota_bytes_);
    node.group.reset();
    node.outstanding.clear();
    node.slab = std::make_unique<Slab>(plan.classes, plan.owners, plan.quota_bytes);
    std::vector<PeerSecret> peers;
    for (std::size_t j = 0; j < nodes_.size(); ++j) {
      if (j != i) peers.push_back({server(j), shared(server(i), server(j))});
    }
    ++node.incarnation;
    node.port = std::make_unique<SharedPort>(SharedPort{.rx_slab = *node.slab, .drops = node.drops});
    const LocalEnd self{
        .system = kSystem, .site = kSite, .server = server(i), .incarnation = Incarnation(node.incarnation)};
    node.group = std::make_unique<ChannelGroup>(config, self, kSite, std::move(peers), *node.port);
  }

  ChannelGroup& group(std::size_t i) { return *nodes_[i].group; }
  DropCounters& drops(std::size_t i) { return nodes_[i].drops; }
  std::uint64_t dropped(std::size_t i, DropReason reason) { return nodes_[i].drops.get(reason); }
  std::uint64_t frames(std::size_t i) { return nodes_[i].port->sequence; }
  // Owners of its slots for BOUNDED of `peer`.
  static std::size_t owner(std::size_t i, std::size_t peer) { return peer < i ? peer : peer - 1; }
  Slab& slab(std::size_t i) { return *nodes_[i].slab; }
  std::vector<Message>& received(std::size_t i) { return nodes_[i].received; }
  std::size_t outstanding(std::size_t i) { return nodes_[i].outstanding.size(); }
  std::uint64_t incarnation(std::size_t i) { return nodes_[i].incarnation; }

  std::uint64_t submit(std::size_t from, Bytes bytes, ServerSet to, TrafficClass traffic = TrafficClass::bounded,
                       std::uint16_t key = 0) {
    const std::uint64_t handle = ++handles_;
    const Bytes& kept = nodes_[from].outstanding.emplace(handle, std::move(bytes)).first->second;
    nodes_[from].group->submit(now, kept, handle, to, traffic, key);
    collect(from);
    return handle;
  }

  // Everything that is due now and in the next `span`.
  void run(Duration span) {
    const Instant end = now + span;
    while (true) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) send(i);
      Instant next = Instant::never();
      if (!wire_.empty()) next = wire_.begin()->first.first;
      for (Node& node : nodes_) next = earlier(next, node.group->next_wakeup());
      if (next > end) break;
      ASSERT_GE(next, now);
      now = next;
      while (!wire_.empty() && wire_.begin()->first.first <= now) {
        auto [to, bytes] = std::move(wire_.begin()->second);
        wire_.erase(wire_.begin());
        nodes_[to].group->on_frame(now, bytes);
        collect(to);
      }
    }
    now = end;
  }

  // The next frame of server i, taken out of the network.
  struct Frame {
    Bytes bytes;
    ServerId to;
    TrafficClass traffic = TrafficClass::bounded;
  };
  std::optional<Frame> pull(std::size_t i) {
    Frame frame;
    frame.bytes.resize(config.payload_bytes);
    const std::size_t size = group(i).next_frame(now, frame.bytes, frame.to, frame.traffic);
    if (size == 0) return std::nullopt;
    frame.bytes.resize(size);
    return frame;
  }
  void push(std::size_t i, ByteView frame) {
    group(i).on_frame(now, frame);
    collect(i);
  }
  // Takes what the group gives back.
  void collect(std::size_t i) {
    Node& node = nodes_[i];
    while (const auto handle = node.group->next_released()) {
      EXPECT_EQ(node.outstanding.erase(*handle), 1U) << "released twice";
    }
    while (taking && node.group->peek_delivered() != nullptr) {
      const Delivered delivered = *node.group->peek_delivered();
      node.group->pop_delivered();
      node.received.push_back({delivered.from, delivered.traffic, to_bytes(node.slab->bytes(delivered.slot))});
      if (!keep_delivered_slots) node.slab->free(delivered.slot);
      if (keep_delivered_slots) held.push_back(delivered.slot);
    }
  }

  ChannelConfig config;
  Rng rng;
  Weather weather;
  Instant now = Instant(1'000'000'000);
  bool taking = true;
  bool keep_delivered_slots = false;
  std::vector<SlotRef> held;
  std::function<bool(ServerId from, ServerId to)> cut;         // true: nothing passes
  std::function<void(ServerId from, const Frame& frame)> tap;  // sees every frame sent

 private:
  struct Node {
    std::unique_ptr<Slab> slab;
    DropCounters drops;
    std::unique_ptr<SharedPort> port;
    std::unique_ptr<ChannelGroup> group;
    std::map<std::uint64_t, Bytes> outstanding;
    std::vector<Message> received;
    std::uint64_t incarnation = 0;
  };

  void send(std::size_t i) {
    while (auto frame = pull(i)) {
      collect(i);
      if (tap) tap(server(i), *frame);
      note_counter(frame->bytes);
      if (cut && cut(server(i), frame->to)) continue;
      if (rng.chance(weather.loss)) continue;
      const int copies = rng.chance(weather.duplication) ? 2 : 1;
      for (int copy = 0; copy < copies; ++copy) {
        const auto jitter =
            Duration(static_cast<std::int64_t>(rng.below(1 + static_cast<std::uint64_t>(weather.jitter.ns()))));
        wire_.emplace(std::pair{now + weather.delay + jitter, ++sent_}, std::pair{frame->to.index(), frame->bytes});
      }
    }
    ASSERT_GT(group(i).next_wakeup(), now) << "nothing to send, yet due";
  }

  // A counter under one key is a nonce: it must never come twice.
  void note_counter(const Bytes& frame) {
    wire::FrameHeader header;
    ASSERT_FALSE(wire::parse_frame_header(frame, header));
    if (header.kind != wire::FrameKind::channel) return;
    const std::uint64_t other = group(header.src_server.index()).stats(header.dst_server).incarnation.value();
    EXPECT_TRUE(nonces_
                    .insert({header.src_server.value(), header.dst_server.value(),
                             incarnation(header.src_server.index()), other, header.counter})
                    .second);
  }

  std::size_t quota_bytes_;
  std::vector<Node> nodes_;
  std::map<std::pair<Instant, std::uint64_t>, std::pair<std::size_t, Bytes>> wire_;
  std::set<std::tuple<std::uint16_t, std::uint16_t, std::uint64_t, std::uint64_t, std::uint64_t>> nonces_;
  std::uint64_t sent_ = 0;
  std::uint64_t handles_ = 0;
};

}  // namespace garrison::link::testing
