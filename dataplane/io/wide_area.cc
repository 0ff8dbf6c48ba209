#include "dataplane/io/wide_area.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/io/mbuf.h"

namespace garrison::io {

namespace {

// Arrivals of one pass.
constexpr std::size_t kMostDelivered = 256;

// Each port is a sender of its own.
WideAreaConfig with_senders(WideAreaConfig paths, const std::vector<WideAreaPort>& ports) {
  paths.senders.assign(paths.bytes_per_s.size(), 0);
  for (const WideAreaPort& one : ports) ++paths.senders.at(one.site.index());
  for (std::size_t& count : paths.senders) count = std::max<std::size_t>(count, 1);
  return paths;
}

}  // namespace

WideAreaStage::WideAreaStage(std::string name, const std::vector<WideAreaPort>& ports, const WideAreaConfig& paths,
                             std::size_t slots)
    : name_(std::move(name)), hubs_(paths.hubs), paths_(with_senders(paths, ports)) {
  CHECK(hubs_.empty() || hubs_.size() == paths.bytes_per_s.size());
  for (const WideAreaPort& one : ports) {
    CHECK(one.port.rx_pool != nullptr && !is_group_address(one.port.mac));
    CHECK(one.site.index() < paths.bytes_per_s.size());
    CHECK(port_of_.emplace(one.port.mac, ports_.size()).second);
    const auto before = std::ranges::count(sender_, one.site, &Sender::site);
    ports_.push_back(std::make_unique<SwitchPort>(one.port, slots));
    sender_.push_back({one.site, static_cast<std::size_t>(before)});
  }
}

WideAreaStage::~WideAreaStage() = default;

void WideAreaStage::bind(runtime::Doorbell& doorbell) {
  for (const auto& port : ports_) port->switch_end().set_receiver(doorbell);
  bound_ = true;
}

Instant WideAreaStage::next_wakeup() const {
  return bound_ ? paths_.next_wakeup() : earlier(paths_.next_wakeup(), last_poll_ + kSwitchPollInterval);
}

std::size_t WideAreaStage::poll(Instant now) {
  last_poll_ = now;
  std::size_t received = 0;
  std::array<rte_mbuf*, SwitchPort::kBurst> frames;
  for (std::size_t from = 0; from < ports_.size(); ++from) {
    const std::size_t count = ports_[from]->switch_end().rx_burst(frames);
    for (std::size_t i = 0; i < count; ++i) take(now, from, *frames[i]);
    if (count != 0) give_back(std::span(frames).first(count));
    received += count;
  }
  if (received != 0) counters_.frames_in.add(received);
  const std::size_t arrived = paths_.deliver(now, kMostDelivered, [this](std::size_t port, ByteView frame) {
    ports_[port]->copy(frame, counters_);
    if (on_hub(port)) broadcast(port, port, frame);
  });
  if (arrived != 0 || (received != 0 && !hubs_.empty())) {
    for (const auto& port : ports_) port->flush(counters_);
  }
  return received + arrived;
}

void WideAreaStage::broadcast(std::size_t port, std::size_t except, ByteView frame) {
  for (std::size_t other = 0; other < ports_.size(); ++other) {
    if (other == except || site_of(other) != site_of(port)) continue;
    counters_.copies_due.add();
    ports_[other]->copy(frame, counters_);
  }
}

void WideAreaStage::take(Instant now, std::size_t from, const rte_mbuf& frame) {
  counters_.copies_due.add();
  const ByteView bytes = frame_bytes(frame, counters_);
  if (bytes.empty()) return;
  if (bytes.size() > kMaxFrameBytes) return counters_.drops.add(DropReason::frame_oversized);
  if (on_hub(from)) broadcast(from, from, bytes);
  const auto found = port_of_.find(destination_of(bytes));
  if (found == port_of_.end() || site_of(found->second) == site_of(from)) {
    return counters_.drops.add(DropReason::segment_unknown_mac);
  }
  if (!paths_.offer(now, sender_[from], site_of(found->second), class_of(bytes), found->second, bytes)) {
    counters_.drops.add(DropReason::port_tx_full);
  }
}

}  // namespace garrison::io
