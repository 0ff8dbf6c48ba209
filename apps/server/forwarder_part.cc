#include "apps/server/forwarder_part.h"

#include <algorithm>
#include <array>

#include "control/site/outgoing.h"

namespace garrison::server {

namespace {

constexpr std::size_t kBurst = 64;

std::vector<SlabClass> classes_for(ServerSet sites) {
  std::vector<SlabClass> classes(kBundleClasses.begin(), kBundleClasses.end());
  for (SlabClass& each : classes) each.slots *= std::max<std::size_t>(sites.size(), 1);
  return classes;
}

}  // namespace

std::size_t bundle_slots(ServerSet sites) { return slots_of(classes_for(sites)); }

ForwarderPart::ForwarderPart(const Config& config, ForwarderQueues& queues, const Slab& send_slab)
    : config_(config),
      queues_(queues),
      send_slab_(send_slab),
      receive_slab_(classes_for(config.sites), kMaxServersPerSite, kBundleQuotaBytes),
      presented_(config.forwarders, forwarder::PresentedQueue(forwarder::kPresentedMessages)) {
  static_assert(message::kEnvelopeBytes + message::kMaxLinkBundleBytes <= kBundleClasses.back().slot_bytes);
  static_assert(message::kMaxLinkBundleBytes <= forwarder::kMaxMessageBytes);
}

void ForwarderPart::arrived(SiteId source, ByteView message) {
  messages_received_.add();
  if (const std::optional<DropReason> refused = take_in(source, message)) drops_.add(*refused);
}

// What does not fit is lost: link messages that matter are repeated.
std::optional<DropReason> ForwarderPart::take_in(SiteId source, ByteView message) {
  if (source.index() >= kMaxServersPerSite || !config_.sites.contains(ServerId(source.value()))) {
    return DropReason::link_unknown;
  }
  const std::optional<site::LinkName> name = site::name_of(message);
  if (!name.has_value() || message.size() > message::kMaxLinkBundleBytes) return DropReason::link_malformed;
  if (name->source != source) return DropReason::link_unknown;
  const Bytes event = message::encode(config_.envelope, message::LinkBundle{message});
  const std::optional<SlotRef> slot = receive_slab_.allocate(source.index(), event.size());
  if (!slot.has_value()) return DropReason::ring_full;
  std::copy(event.begin(), event.end(), receive_slab_.bytes(*slot).begin());
  CHECK(queues_.received->push_one({*slot, source, name->traffic}));
  return std::nullopt;
}

std::size_t ForwarderPart::poll() {
  take_back();
  std::array<Presentation, kBurst> burst;
  const std::size_t count = queues_.to_present->pop(burst);
  for (const Presentation& each : std::span(burst).first(count)) {
    const forwarder::Header header{each.df_sequence, std::uint64_t{1} << each.to.index(), each.traffic};
    for (forwarder::PresentedQueue& queue : presented_) {
      if (!queue.push({header, to_bytes(send_slab_.bytes(each.slot))})) drops_.add(DropReason::forwarder_queue_full);
    }
    CHECK(queues_.presented->push_one(each.slot));
  }
  messages_presented_.add(count);
  return count;
}

void ForwarderPart::take_back() {
  std::array<SlotRef, kBurst> returned;
  for (Queue<SlotRef>* queue : {queues_.consumed.get(), queues_.refused.get()}) {
    for (std::size_t n = queue->pop(returned); n > 0; n = queue->pop(returned)) {
      for (std::size_t i = 0; i < n; ++i) receive_slab_.free(returned[i]);
    }
  }
}

}  // namespace garrison::server
