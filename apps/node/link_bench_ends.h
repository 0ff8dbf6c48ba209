// What stands at the two ends of a cable while `garrison bench link` measures: the wide-area part of a server, or
// nothing but copies. One thread.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "apps/server/queues.h"
#include "apps/server/wan_part.h"
#include "dataplane/io/ring_port.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::node {

// Of all of them.
[[nodiscard]] link::ChannelConfig link_bench_channel(std::size_t path_ip_bytes);

// One server's wide-area port at one end of a cable.
class LinkBenchEnd {
 public:
  // `port` and `pool` outlive it; `message_bytes` is the longest message that it sends.
  LinkBenchEnd(SiteId site, ServerId self, SiteId other, const link::ChannelConfig& channel, std::size_t message_bytes,
               io::Port& port, rte_mempool& pool);

  // Until there is nothing left to do at this time.
  void work(Instant now) {
    while (stage_->poll(now) > 0) {
    }
  }
  [[nodiscard]] bool established(SiteId other, ServerId peer) const {
    return part_->channels().stats({.site = other, .server = peer}).established;
  }

  // Room for one message to the peer; send() hands it over.
  [[nodiscard]] std::optional<SlotRef> room(std::size_t bytes) {
    SlotRef sent;
    while (queues_.sent->pop_one(sent)) send_slab_.free(sent);
    return send_slab_.allocate(0, bytes);
  }
  [[nodiscard]] MutableBytes bytes(SlotRef slot) { return send_slab_.bytes(slot); }
  void send(SlotRef slot, SiteId other, ServerId peer) {
    CHECK(queues_.to_send->push_one({slot, other, ServerSet::only(peer), TrafficClass::bounded}));
  }

  // Calls visit(bytes) with every message that has come.
  template <typename Visit>
  void receive(Visit&& visit) {
    server::WanInbound inbound;
    while (queues_.received_bounded->pop_one(inbound)) {
      visit(part_->receive_slab().bytes(inbound.slot));
      CHECK(queues_.consumed->push_one(inbound.slot));
    }
  }
  [[nodiscard]] const server::WanPart& part() const { return *part_; }

 private:
  Slab send_slab_;
  server::WanQueues queues_;
  std::unique_ptr<server::WanPart> part_;
  std::unique_ptr<stages::LanStage> stage_;
};

// Writes frames of one size, or copies what it gets.
class BareEnd final : public stages::FrameEndpoint {
 public:
  explicit BareEnd(std::size_t frame_bytes) : frame_(frame_bytes, 0x5a), copied_(kMaxFrameBytes) {}

  void on_frame(Instant, ByteView frame) override {
    std::copy(frame.begin(), frame.end(), copied_.begin());
    ++received;
  }
  std::size_t next_frame(Instant, MutableBytes out) override {
    if (to_send == 0) return 0;
    --to_send;
    std::copy(frame_.begin(), frame_.end(), out.begin());
    return frame_.size();
  }
  void poll(Instant) override {}

  std::size_t to_send = 0;
  std::size_t received = 0;

 private:
  Bytes frame_;
  Bytes copied_;
};

// Both ends of a cable with nothing behind them.
class BareLink {
 public:
  BareLink(io::RingCable& cable, std::size_t frame_bytes, rte_mempool& pool)
      : from_(frame_bytes),
        to_(frame_bytes),
        sender_("bare", cable.near_end(), from_, pool),
        receiver_("bare", cable.far_end(), to_, pool) {}

  // From one end to the other; fewer than the cable has slots.
  void carry(std::size_t frames) {
    from_.to_send = frames;
    while (sender_.poll(Instant()) > 0) {
    }
    to_.received = 0;
    while (receiver_.poll(Instant()) > 0) {
    }
    CHECK(to_.received == frames);
  }

 private:
  BareEnd from_;
  BareEnd to_;
  stages::LanStage sender_;
  stages::LanStage receiver_;
};

}  // namespace garrison::node
