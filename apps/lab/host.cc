#include "apps/lab/host.h"

#include <algorithm>
#include <array>
#include <utility>

namespace garrison::lab {

namespace {
constexpr std::size_t kReceiveRingFrames = 4096;
constexpr std::size_t kReceiveBurst = 64;  // frames of one pass
}  // namespace

Host::Host(EventQueue& events, Network& network, const Config& config, std::unique_ptr<server::Server> server,
           Reply reply)
    : events_(events),
      network_(network),
      config_(config),
      server_(std::move(server)),
      reply_(std::move(reply)),
      processor_(config.costs) {}

void Host::schedule_pass(Instant at) {
  at = std::max({at, events_.now(), free_at_});
  if (at == Instant::never() || pass_at_ <= at) return;
  pass_at_ = at;
  events_.schedule(at, [this, at] {
    // A later request may have moved it forward; then this one is void.
    if (pass_at_ == at) pass();
  });
}

void Host::on_frame(ByteView frame) {
  if (received_.size() == kReceiveRingFrames) {
    ++overrun_;
    return;
  }
  received_.emplace_back(frame.begin(), frame.end());
  schedule_pass(events_.now() + config_.hop);
}

void Host::on_wan_frame(ByteView frame) {
  if (server_->wan() == nullptr) return;  // on a hub, and talks to no other site
  if (received_wan_.size() == kReceiveRingFrames) {
    ++wan_overrun_;
    return;
  }
  received_wan_.emplace_back(frame.begin(), frame.end());
  schedule_pass(events_.now() + config_.hop);
}

void Host::pass() {
  pass_at_ = Instant::never();
  if (crashed_) return;
  if (free_at_ > events_.now()) return schedule_pass(free_at_);  // the end of the last pass has taken longer
  server::Server& server = *server_;
  Instant now = events_.now();
  std::size_t done = take_frames(now);
  server.lan().poll(now);
  if (server.wan() != nullptr) server.wan()->poll(now);
  now = after_work(now);
  done += server.crypto().poll(now);
  now = after_work(now);
  done += server.control().poll(now);
  now = after_work(now);
  std::vector<std::pair<server::SessionId, Bytes>> replies;
  done += server.client().poll([&replies](server::SessionId session, ByteView reply) {
    replies.emplace_back(session, Bytes(reply.begin(), reply.end()));
    return true;
  });
  now = after_work(now);
  const std::size_t presented = server.forwarder() == nullptr ? 0 : server.forwarder()->poll();
  done += presented;
  for (const auto& [session, reply] : replies) reply_(now, session, reply);

  free_at_ = now;
  const bool busy = done > 0;
  if (presented > 0) events_.schedule(now, config_.presented);
  if (now == events_.now()) return finish(busy);
  events_.schedule(now, [this, busy] { finish(busy); });
}

std::size_t Host::take_frames(Instant now) {
  std::size_t count = 0;
  for (; count < kReceiveBurst && !received_.empty(); ++count) {
    server_->lan().on_frame(now, received_.front());
    received_.pop_front();
  }
  for (std::size_t wide = 0; wide < kReceiveBurst && !received_wan_.empty(); ++wide, ++count) {
    server_->wan()->on_frame(now, received_wan_.front());
    received_wan_.pop_front();
  }
  return count;
}

void Host::finish(bool busy) {
  if (crashed_) return;
  const Instant now = events_.now();
  server_->lan().poll(now);
  const bool all_sent = emit_frames();
  bool all_wan_sent = true;
  if (server_->wan() != nullptr) {
    server_->wan()->poll(now);
    all_wan_sent = emit_wan_frames();
  }
  free_at_ = after_work(now);
  if (busy || parts_hold_work()) return schedule_pass(now + config_.hop);
  // What waits for the network needs no wakeup: the network calls.
  Instant due = earlier(server_->control().next_wakeup(), server_->crypto().next_wakeup());
  if (all_sent) due = earlier(due, server_->lan().next_wakeup());
  if (server_->wan() != nullptr && all_wan_sent) due = earlier(due, server_->wan()->next_wakeup());
  schedule_pass(std::max(now + config_.hop, due));
}

// False when the network is not ready for more.
bool Host::emit_frames() {
  std::array<std::uint8_t, kMaxFrameBytes> frame;
  while (network_.ready_for(config_.id)) {
    const std::size_t size = server_->lan().next_frame(events_.now(), frame);
    if (size == 0) return true;
    // A switch with a static table: the destination is the one with this MAC.
    const auto to = std::find_if(config_.macs.begin(), config_.macs.end(), [&](const config::MacAddress& mac) {
      return std::equal(mac.begin(), mac.end(), frame.begin());
    });
    CHECK(to != config_.macs.end());
    network_.send(config_.id, ServerId(static_cast<std::uint16_t>(to - config_.macs.begin())),
                  ByteView(frame).first(size));
  }
  return false;
}

bool Host::emit_wan_frames() {
  std::array<std::uint8_t, kMaxFrameBytes> frame;
  while (config_.wan->ready_for(config_.station)) {
    const std::size_t size = server_->wan()->next_frame(events_.now(), frame);
    if (size == 0) return true;
    const auto to = std::find_if(config_.wan_macs.begin(), config_.wan_macs.end(), [&](const config::MacAddress& mac) {
      return std::equal(mac.begin(), mac.end(), frame.begin());
    });
    CHECK(to != config_.wan_macs.end());
    const StationId there(static_cast<std::uint16_t>(to - config_.wan_macs.begin()));
    const ByteView sent = ByteView(frame).first(size);
    if (config_.on_wan_port && !config_.on_wan_port(config_.station, there, sent)) continue;
    config_.wan->send(config_.station, there, sent);
  }
  return false;
}

bool Host::parts_hold_work() const {
  const server::Queues& queues = server_->queues();
  if (!received_wan_.empty() || queues.to_share->size() > 0) return true;
  if (queues.wan.to_send != nullptr && queues.wan.to_send->size() + queues.wan.received_bounded->size() +
                                               queues.wan.received_timely->size() + queues.wan.overheard->size() >
                                           0) {
    return true;
  }
  const server::ForwarderQueues& forwarder = queues.forwarder;
  if (forwarder.received != nullptr && forwarder.received->size() + forwarder.to_present->size() > 0) return true;
  return !received_.empty() || queues.to_check->size() + queues.received_bounded->size() +
                                       queues.received_timely->size() + queues.to_send->size() >
                                   0;
}

}  // namespace garrison::lab
