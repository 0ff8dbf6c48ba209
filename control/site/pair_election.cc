#include "control/site/pair_election.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::site {

namespace {

constexpr std::uint64_t kMostDoublings = 2;

std::size_t number(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

bool is_news(SeqNum through, SeqNum acknowledged, SeqNum sent) { return through > acknowledged && through <= sent; }

}  // namespace

PairElection::PairElection(const PairElectionConfig& config) : config_(config), links_(config.pairs.size()) {
  CHECK(config.timeout > Duration());
}

void PairElection::sent(Instant now, SiteId to, TrafficClass traffic, SeqNum sequence) {
  CHECK(over_blink(to));
  Watch& watch = links_[to.index()].watches[number(traffic)];
  CHECK(sequence > watch.sent);
  watch.sent = sequence;
  if (watch.expires == Instant::never() && !links_[to.index()].cut_off) watch.expires = expiry(now, to);
}

Instant PairElection::expiry(Instant now, SiteId site) const {
  const std::uint64_t rounds = links_[site.index()].fruitless / config_.pairs[site.index()];
  return now + config_.timeout * (std::int64_t{1} << std::min(rounds, kMostDoublings));
}

bool PairElection::acknowledged(Instant now, SiteId by, TrafficClass traffic, SeqNum through) {
  CHECK(over_blink(by));
  Link& link = links_[by.index()];
  Watch& watch = link.watches[number(traffic)];
  if (!is_news(through, watch.acknowledged, watch.sent)) return false;
  link.fruitless = 0;
  if (!link.cut_off) move_on(watch, through, expiry(now, by));
  return true;
}

bool PairElection::news(const LinkAcknowledgement& acknowledgement) const {
  if (!over_blink(acknowledgement.by)) return false;
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    const Watch& watch = links_[acknowledgement.by.index()].watches[number(traffic)];
    if (is_news(acknowledgement.through(traffic), watch.acknowledged, watch.sent)) return true;
  }
  return false;
}

void PairElection::move_on(Watch& watch, SeqNum through, Instant expires) {
  watch.acknowledged = through;
  watch.expires = through == watch.sent ? Instant::never() : expires;
}

void PairElection::cut_off(SiteId site) {
  if (!over_blink(site)) return;
  links_[site.index()].cut_off = true;
  for (Watch& watch : links_[site.index()].watches) watch.expires = Instant::never();
}

std::vector<SiteId> PairElection::expire(Instant now) {
  std::vector<SiteId> expired;
  for (std::size_t site = 0; site < links_.size(); ++site) {
    Link& link = links_[site];
    Watch& timely = link.watches[number(TrafficClass::timely)];
    Watch& bounded = link.watches[number(TrafficClass::bounded)];
    if (timely.expires > now && bounded.expires > now) continue;
    const SiteId to(static_cast<std::uint16_t>(site));
    ++link.rotations;
    ++link.fruitless;
    // The next pair is asked for nothing that is not sent again, and has the whole timeout for what is.
    move_on(timely, timely.sent, Instant::never());
    move_on(bounded, bounded.acknowledged, expiry(now, to));
    expired.push_back(to);
  }
  return expired;
}

Instant PairElection::next_wakeup() const {
  Instant next = Instant::never();
  for (const Link& link : links_) {
    for (const Watch& watch : link.watches) next = earlier(next, watch.expires);
  }
  return next;
}

std::size_t PairElection::in_office(SiteId to) const {
  CHECK(over_blink(to));
  return links_[to.index()].rotations % config_.pairs[to.index()];
}

}  // namespace garrison::site
