// What a member does on blink links.
#include <algorithm>
#include <utility>

#include "control/site/member.h"

namespace garrison::site {

namespace {

std::size_t number(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

}  // namespace

bool Member::over_blink(SiteId site) const {
  const std::optional<LinkPlan>& plan = config_.links[site.index()];
  return plan.has_value() && plan->blink();
}

void Member::elected(SiteId to, std::size_t pair, const std::vector<SentMessages::Kept>& unacknowledged) {
  blink_[to.index()].in_office = pair;
  for (const SentMessages::Kept& link : unacknowledged) send_whole(to, TrafficClass::bounded, link.bundle);
  // What is signed and not settled went by the pair before.
  for (const Batch& each : batches_) {
    if (each.settled || !each.signature.has_value()) continue;
    for (const LinkOut& link : each.batch->links) {
      if (link.to != to || link.traffic != TrafficClass::bounded) continue;
      send_whole(to, link.traffic, bundle(*each.batch, link, *each.signature));
    }
  }
}

void Member::send_whole(const OutgoingBatch& batch, const RootSignature& signature) {
  for (const LinkOut& link : batch.links) {
    if (!over_blink(link.to)) continue;
    if (link.acknowledges) {
      acknowledge(link.to, bundle(batch, link, signature));
    } else {
      send_whole(link.to, link.traffic, bundle(batch, link, signature));
    }
  }
}

void Member::send_whole(SiteId to, TrafficClass traffic, ByteView bundle) {
  const config::LinkPairs pairs = config_.links[to.index()]->pairs();
  const std::size_t pair = blink_[to.index()].in_office;
  if (pairs.sender(pair) != config_.self) return;
  outputs_.uncoded.push_back(
      {std::make_shared<const Bytes>(message::encode(config_.envelope, message::LinkBundle{bundle})), to,
       ServerSet::only(pairs.receiver(pair)), traffic});
}

// Signed by this site, for whoever of the other one waits for it. Signatures of batches come in any order.
void Member::acknowledge(SiteId to, ByteView bundle) {
  Blink& there = blink_[to.index()];
  const std::optional<LinkAcknowledgement> said = acknowledgement_of(bundle);
  CHECK(said.has_value());
  const auto older = [&](TrafficClass traffic) {
    return said->through(traffic) < there.acknowledged->through(traffic);
  };
  if (there.acknowledged.has_value() && (older(TrafficClass::timely) || older(TrafficClass::bounded))) return;
  there.acknowledged = said;
  there.acknowledgement = std::make_shared<const Bytes>(message::encode(config_.envelope, message::LinkBundle{bundle}));
  there.answered.clear();
  HeldBundles& held = bundles_[number(TrafficClass::bounded)][to.index()];
  held.erase(held.begin(), held.upper_bound(said->delivered));
  ServerSet asking;
  for (const auto& [server, what] : there.asking) asking.insert(server);
  asking.for_each([&](ServerId server) { answer(now_, to, server); });
}

void Member::answer(Instant now, SiteId site, ServerId server) {
  Blink& there = blink_[site.index()];
  const auto answered = there.answered.find(server);
  if (answered != there.answered.end() && now < answered->second + config_.answer_gap) return;
  there.answered[server] = now;
  // TIMELY, so that it does not wait behind link messages; BOUNDED, so that it is not lost.
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    outputs_.uncoded.push_back({there.acknowledgement, site, ServerSet::only(server), traffic});
  }
  const LinkAcknowledgement& said = *there.acknowledged;
  std::erase_if(there.asking, [&](const auto& each) {
    return each.first == server && each.second[0] <= said.through(TrafficClass::timely) &&
           each.second[1] <= said.through(TrafficClass::bounded);
  });
}

std::optional<DropReason> Member::on_blink(Instant now, ServerId from, const LinkName& name, ByteView bundle,
                                           bool known) {
  Blink& there = blink_.at(name.source.index());
  SeqNum& asked = there.asking[from][number(name.traffic)];
  asked = std::max(asked, name.sequence);
  const bool acknowledged = there.acknowledged.has_value() && there.acknowledged->covers(name);
  if (acknowledged) answer(now, name.source, from);
  const auto event = [&] { return message::encode(config_.envelope, message::LinkBundle{bundle}); };
  if (known) {
    // Its acknowledgement is on the way. Where this server has missed it, its site is told to say it again.
    HeldBundles& held = bundles_[number(name.traffic)][name.source.index()];
    if (!acknowledged && name.traffic == TrafficClass::bounded && held.size() < kHeldBundles) {
      held.try_emplace(name.sequence, now + config_.answer_gap, event());
    }
    return DropReason::link_stale;
  }
  if (there.introduced.size() == kHeldBundles) return DropReason::link_beyond_window;
  const auto [at, first] = there.introduced.try_emplace({name.traffic, name.sequence}, now);
  if (!first && now < at->second + config_.answer_gap) return DropReason::link_stale;
  at->second = now;
  outputs_.introduce.push_back(event());
  return std::nullopt;
}

std::optional<DropReason> Member::on_blink(const LinkAcknowledgement& acknowledgement, ByteView bundle) {
  std::array<SeqNum, 2>& presented = blink_.at(acknowledgement.by.index()).presented;
  bool news = false;
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    const SeqNum through = acknowledgement.through(traffic);
    news = news || through > presented[number(traffic)];
    presented[number(traffic)] = std::max(presented[number(traffic)], through);
  }
  if (!news) return DropReason::link_stale;
  outputs_.introduce.push_back(message::encode(config_.envelope, message::LinkBundle{bundle}));
  return std::nullopt;
}

}  // namespace garrison::site
