#include "control/site/share_suspects.h"

#include <algorithm>
#include <utility>

namespace garrison::site {

namespace {
constexpr unsigned kMostDoublings = 32;
}

ServerSet ShareSuspects::doubted() const {
  ServerSet servers;
  for (std::size_t i = 0; i < suspects_.size(); ++i) {
    if (suspects_[i].doubt) servers.insert(ServerId(static_cast<std::uint16_t>(i)));
  }
  return servers;
}

void ShareSuspects::expel(ServerId server) {
  expelled_.insert(server);
  at(server).doubt.reset();
}

void ShareSuspects::doubt(Instant now, ServerId server, std::uint64_t batch,
                          std::shared_ptr<const message::StoredMessage> share, Duration pause) {
  Suspect& suspect = at(server);
  CHECK(!suspect.doubt && !expelled_.contains(server));
  const std::uint64_t term = kept_ << std::min(suspect.doubts, kMostDoublings);
  ++suspect.doubts;
  suspect.doubt = {
      .batch = batch, .share = std::move(share), .until = batch + term, .ask_at = now + pause, .pause = pause};
}

const Doubt* ShareSuspects::doubt_of(ServerId server) const {
  const std::optional<Doubt>& doubt = suspects_[server.index()].doubt;
  return doubt ? &*doubt : nullptr;
}

void ShareSuspects::excuse(std::uint64_t batch) {
  for (Suspect& suspect : suspects_) {
    if (suspect.doubt && suspect.doubt->until <= batch) suspect.doubt.reset();
  }
}

ServerSet ShareSuspects::due(Instant now, Duration longest_pause) {
  ServerSet servers;
  doubted().for_each([&](ServerId server) {
    Doubt& doubt = *at(server).doubt;
    if (doubt.ask_at > now) return;
    doubt.pause = std::min(doubt.pause * 2, longest_pause);
    doubt.ask_at = now + doubt.pause;
    servers.insert(server);
  });
  return servers;
}

Instant ShareSuspects::next_due() const {
  Instant next = Instant::never();
  for (const Suspect& suspect : suspects_) {
    if (suspect.doubt) next = earlier(next, suspect.doubt->ask_at);
  }
  return next;
}

bool ShareSuspects::may_ask(Instant now, ServerId server) {
  Suspect& asker = at(server);
  if (now - asker.quota_from >= ask_period_) {
    asker.quota_from = now;
    asker.quota_used = 0;
  }
  if (asker.quota_used == asks_) return false;
  ++asker.quota_used;
  return true;
}

}  // namespace garrison::site
