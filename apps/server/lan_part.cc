#include "apps/server/lan_part.h"

#include <array>

#include "apps/server/slot_handle.h"

namespace garrison::server {

namespace {

constexpr std::size_t kBurst = 64;

Slab make_receive_slab(std::size_t servers) {
  const link::RxSlabPlan plan = plan_receive_slab(servers);
  return Slab(plan.classes, plan.owners, plan.quota_bytes);
}

}  // namespace

LanPart::LanPart(const LanConfig& config, std::vector<link::PeerSecret> secrets, Queues& queues, const Slab& send_slab)
    : config_(config),
      queues_(queues),
      send_slab_(send_slab),
      receive_slab_(make_receive_slab(config.addresses.size())),
      port_{.rx_slab = receive_slab_, .drops = drops_},
      channels_(
          config.channel,
          {.system = config.system, .site = config.site, .server = config.self, .incarnation = config.incarnation},
          config.site, std::move(secrets), port_) {}

void LanPart::on_frame(Instant now, ByteView ethernet_frame) {
  frames_received_.add();
  bytes_received_.add(ethernet_frame.size());
  wire::Datagram datagram;
  const std::optional<DropReason> refused =
      wire::parse_datagram_to(config_.addresses[config_.self.index()], ethernet_frame, datagram);
  if (refused.has_value()) return drops_.add(*refused);
  channels_.on_frame(now, datagram.payload);
}

std::size_t LanPart::next_frame(Instant now, MutableBytes out) {
  ServerId to;
  TrafficClass traffic{};
  const std::size_t payload = channels_.next_frame(now, out.subspan(kEncapsulationBytes), to, traffic);
  if (payload == 0) return 0;
  const std::size_t size = kEncapsulationBytes + payload;
  wire::encapsulate(out.first(size), config_.addresses[config_.self.index()], config_.addresses[to.index()], traffic,
                    config_.udp_checksum ? wire::UdpChecksum::software : wire::UdpChecksum::none);
  frames_sent_.add();
  bytes_sent_.add(size);
  return size;
}

Instant LanPart::next_wakeup() const { return channels_.next_wakeup(); }

void LanPart::poll(Instant now) {
  std::array<SlotRef, kBurst> returned;
  for (Queue<SlotRef>* queue : {queues_.consumed.get(), queues_.refused.get()}) {
    for (std::size_t n = queue->pop(returned); n > 0; n = queue->pop(returned)) {
      for (std::size_t i = 0; i < n; ++i) receive_slab_.free(returned[i]);
    }
  }

  std::array<Outbound, kBurst> outbound;
  const std::size_t count = queues_.to_send->pop(outbound);
  for (std::size_t i = 0; i < count; ++i) {
    channels_.submit(now, send_slab_.bytes(outbound[i].slot), handle_of(outbound[i].slot), outbound[i].to,
                     outbound[i].traffic, outbound[i].supersede_key);
  }

  // What crypto has no room for stays with the channels; the sender's quota then keeps it from being acknowledged.
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    Queue<Inbound>& queue = traffic == TrafficClass::timely ? *queues_.received_timely : *queues_.received_bounded;
    for (const link::Delivered* next = channels_.peek_delivered(traffic); next != nullptr;
         next = channels_.peek_delivered(traffic)) {
      if (!queue.push_one({.slot = next->slot, .from = next->from, .traffic = traffic})) break;
      channels_.pop_delivered(traffic);
    }
  }

  for (std::optional<std::uint64_t> handle = channels_.next_released(); handle.has_value();
       handle = channels_.next_released()) {
    CHECK(queues_.sent->push_one(slot_of(*handle)));
  }
}

}  // namespace garrison::server
