#include "control/site/sent_messages.h"

#include <algorithm>
#include <iterator>

#include "dataplane/base/check.h"

namespace garrison::site {

void SentMessages::closed(const std::vector<LinkOut>& links) {
  for (const LinkOut& link : links) {
    if (link.acknowledges) continue;
    Lane& of = lane(link.to, link.traffic);
    CHECK(link.sequence > of.sent);
    of.sent = link.sequence;
    of.kept.emplace(link.sequence, Bytes());
    if (link.traffic == TrafficClass::timely && of.kept.size() > timely_kept_) of.kept.erase(of.kept.begin());
  }
}

void SentMessages::settled(const OutgoingBatch& batch, const RootSignature& signature) {
  for (const LinkOut& link : batch.links) {
    if (link.acknowledges) continue;
    Lane& of = lane(link.to, link.traffic);
    if (const auto at = of.kept.find(link.sequence); at != of.kept.end()) at->second = bundle(batch, link, signature);
  }
}

void SentMessages::acknowledged(SiteId to, SeqNum through) {
  Lane& of = lane(to, TrafficClass::bounded);
  of.kept.erase(of.kept.begin(), of.kept.upper_bound(through));
}

void SentMessages::forget(SiteId to) {
  for (Lane& of : sites_[to.index()].lanes) of.kept.clear();
}

SentMessages::Fate SentMessages::fate(SiteId to, TrafficClass traffic, SeqNum sequence) const {
  const Lane& of = lane(to, traffic);
  if (sequence > of.sent) return Fate::never_sent;
  const auto at = of.kept.find(sequence);
  if (at == of.kept.end()) return Fate::over;
  return at->second.empty() ? Fate::unsigned_yet : Fate::kept;
}

std::vector<SentMessages::Kept> SentMessages::unacknowledged() const {
  std::vector<Kept> all;
  for (std::size_t site = 0; site < sites_.size(); ++site) {
    std::ranges::move(unacknowledged(SiteId(static_cast<std::uint16_t>(site))), std::back_inserter(all));
  }
  return all;
}

std::vector<SentMessages::Kept> SentMessages::unacknowledged(SiteId to) const {
  std::vector<Kept> all;
  for (const auto& [sequence, bundle] : lane(to, TrafficClass::bounded).kept) {
    if (!bundle.empty()) all.push_back({to, sequence, bundle});
  }
  return all;
}

ByteView SentMessages::bundle_of(SiteId to, TrafficClass traffic, SeqNum sequence) const {
  const Lane& of = lane(to, traffic);
  const auto at = of.kept.find(sequence);
  CHECK(at != of.kept.end() && !at->second.empty());
  return at->second;
}

}  // namespace garrison::site
