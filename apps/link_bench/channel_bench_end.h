// One server's wide-area part behind a port, without the rest of the server: for measurements. One thread.
#pragma once

#include <memory>
#include <optional>

#include "apps/server/queues.h"
#include "apps/server/wan_part.h"
#include "dataplane/io/port.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::link_bench {

// Of all of them.
[[nodiscard]] link::ChannelConfig bench_channel(std::size_t path_ip_bytes);

// One server's wide-area port at one end of a cable.
class ChannelBenchEnd {
 public:
  // `port` and `pool` outlive it; `message_bytes` is the longest message that it sends.
  ChannelBenchEnd(SiteId site, ServerId self, SiteId other, const link::ChannelConfig& channel,
                  std::size_t message_bytes, io::Port& port, rte_mempool& pool);

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

}  // namespace garrison::link_bench
