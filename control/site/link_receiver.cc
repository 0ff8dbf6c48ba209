#include "control/site/link_receiver.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace garrison::site {

namespace {

std::size_t number(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

std::vector<link::PartCollector::Source> codes_of(const std::vector<LinkReceiverConfig::Source>& sources) {
  std::vector<link::PartCollector::Source> codes;
  for (const LinkReceiverConfig::Source& source : sources) codes.push_back({source.site, source.plan.code()});
  return codes;
}

}  // namespace

LinkReceiver::LinkReceiver(const LinkReceiverConfig& config, message::Validator& validator)
    : config_(config),
      validator_(validator),
      collector_({.max_message_bytes = message::kMaxLinkBundleBytes, .window_messages = config.window},
                 codes_of(config.sources)),
      from_(config.sites) {
  for (std::vector<SeqNum>& by_source : delivered_) by_source.resize(config.sites);
  for (const LinkReceiverConfig::Source& source : config.sources) {
    from_[source.site.index()].plan = source.plan;
    from_[source.site.index()].newest_timely.resize(source.plan.code().n);
  }
}

std::optional<DropReason> LinkReceiver::refuses(const crypto::Principal& sender, TrafficClass traffic) const {
  if (sender.site.index() >= from_.size() || !from_[sender.site.index()].plan.has_value()) {
    return DropReason::link_unknown;
  }
  const From& from = from_[sender.site.index()];
  const ServerId server(static_cast<std::uint16_t>(sender.index));
  if (from.ignored || from.ignored_servers.contains(server)) return DropReason::link_blacklisted;
  if (from.held_back && traffic == TrafficClass::timely) return DropReason::link_held_back;
  return std::nullopt;
}

LinkReceiver::Outcome LinkReceiver::on_part(const message::VerifiedMessage& message, std::vector<DropReason>& drops) {
  const auto part = message.as<message::LinkPart>();
  const SiteId source = message.signer().site;
  const auto refuse = [&](DropReason reason) {
    drops.push_back(reason);
    return Outcome{};
  };
  if (part.incarnation != config_.incarnation) return refuse(DropReason::link_unknown);
  if (const auto reason = refuses(message.signer(), part.traffic); reason.has_value()) return refuse(*reason);
  const From& from = from_[source.index()];
  const link::PartCode code{part.n, part.k};
  // Else one server could take the places of all others.
  if (from.plan->in_bundles() || code != from.plan->code() ||
      from.plan->sender_of(part.index).value() != message.signer().index) {
    return refuse(DropReason::link_part_malformed);
  }
  if (has(source, part.traffic, part.sequence)) return refuse(DropReason::link_stale);
  if (part.traffic == TrafficClass::timely) follow_timely(source, part);
  const link::LinkMessageId id{source, part.traffic, part.sequence};
  const auto refused = collector_.take({id, code, part.index, part.bundle_bytes, part.part, message.bytes()});
  if (refused.has_value()) return refuse(*refused);
  Outcome outcome;
  if (!from.held_back) decode(id, outcome);
  if (outcome.failed.has_value()) drops.push_back(DropReason::link_bad_candidate);
  return outcome;
}

std::optional<DropReason> LinkReceiver::refuses(const LinkName& name) const {
  if (name.destination != config_.self || name.incarnation != config_.incarnation) return DropReason::link_unknown;
  if (name.source.index() >= from_.size()) return DropReason::link_unknown;
  const From& from = from_[name.source.index()];
  if (!from.plan.has_value() || !from.plan->in_bundles()) return DropReason::link_unknown;
  if (from.ignored) return DropReason::link_blacklisted;
  if (has(name.source, name.traffic, name.sequence)) return DropReason::link_stale;
  const SeqNum first = collector_.first(name.source, name.traffic);
  const bool within = name.traffic == TrafficClass::timely || name.sequence.value() - first.value() < config_.window;
  return within ? std::nullopt : std::optional(DropReason::link_beyond_window);
}

std::optional<DropReason> LinkReceiver::refuses(const LinkAcknowledgement& acknowledgement) const {
  const SiteId by = acknowledgement.by;
  if (acknowledgement.of != config_.self || acknowledgement.incarnation != config_.incarnation ||
      by.index() >= from_.size() || !from_[by.index()].plan.has_value() || !from_[by.index()].plan->blink()) {
    return DropReason::link_unknown;
  }
  return from_[by.index()].ignored ? std::optional(DropReason::link_blacklisted) : std::nullopt;
}

LinkReceiver::Outcome LinkReceiver::on_bundle(ServerId introducer, ByteView bundle, std::vector<DropReason>& drops) {
  Outcome outcome;
  const std::optional<LinkName> name = name_of(bundle);
  const std::optional<DropReason> refused = name.has_value() ? refuses(*name) : DropReason::link_malformed;
  if (refused.has_value()) {
    drops.push_back(*refused);
    if (*refused == DropReason::link_stale) outcome.asked_again = introduced_again(*name, introducer);
    return outcome;
  }
  // Its introducer may be faulty, as the forwarder may be: neither is held against the source.
  if (!is_signed_bundle(validator_, *name, bundle)) return drops.push_back(DropReason::link_bad_candidate), outcome;
  static_cast<void>(introduced_again(*name, introducer));
  take_message({name->source, name->traffic, name->sequence}, to_bytes(bundle), outcome);
  return outcome;
}

// Remembers it. A copy of long ago says nothing: what its source may still wait for is within a window.
bool LinkReceiver::introduced_again(const LinkName& name, ServerId introducer) {
  if (name.traffic == TrafficClass::timely) return false;
  const SeqNum delivered = this->delivered()[name.source.index()];
  if (name.sequence.value() + config_.window <= delivered.value()) return false;
  ServerSet& introducers = from_[name.source.index()].introducers[name.sequence];
  const bool again = introducers.contains(introducer) || from_[name.source.index()].plan->blink();
  introducers.insert(introducer);
  return again;
}

// One try: either it is the message, or its source is held back.
void LinkReceiver::decode(const link::LinkMessageId& id, Outcome& outcome) {
  const std::optional<link::PartCollector::Candidate> candidate = collector_.candidate(id);
  if (!candidate.has_value()) return;
  const LinkName name{id.source, config_.self, id.traffic, config_.incarnation, id.sequence};
  if (is_signed_bundle(validator_, name, candidate->message)) {
    return take_message(id, to_bytes(candidate->message), outcome);
  }
  ++failures_;
  from_[id.source.index()].held_back = true;
  FailedDecoding& failed = outcome.failed.emplace(FailedDecoding{id.source, id.traffic, id.sequence, {}});
  for (const ByteView part : candidate->parts) failed.parts.push_back(to_bytes(part));
}

void LinkReceiver::take_message(const link::LinkMessageId& id, Bytes bundle, Outcome& outcome) {
  if (has(id.source, id.traffic, id.sequence)) return;
  if (id.traffic == TrafficClass::bounded) {
    collector_.done(id);
    from_[id.source.index()].waiting.emplace(id.sequence, std::move(bundle));
    return in_turn(id.source, outcome);
  }
  SeqNum& newest = delivered_[number(id.traffic)][id.source.index()];
  newest = std::max(newest, id.sequence);
  keep_timely_from(id.source, newest);
  collector_.done(id);
  outcome.ready.push_back({id.source, id.traffic, id.sequence, std::move(bundle)});
}

LinkReceiver::Outcome LinkReceiver::resume(SiteId source) {
  Outcome outcome;
  From& from = from_[source.index()];
  CHECK(!from.ignored);
  from.held_back = false;
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    const SeqNum first = collector_.first(source, traffic);
    for (std::uint64_t i = 0; i < collector_.window() && !from.held_back; ++i) {
      const SeqNum sequence(first.value() + i);
      if (!has(source, traffic, sequence)) decode({source, traffic, sequence}, outcome);
    }
  }
  return outcome;
}

LinkReceiver::Outcome LinkReceiver::resume_with(SiteId source, TrafficClass traffic, SeqNum sequence, Bytes bundle) {
  Outcome known;
  take_message({source, traffic, sequence}, std::move(bundle), known);
  Outcome rest = resume(source);
  known.failed = std::move(rest.failed);
  std::move(rest.ready.begin(), rest.ready.end(), std::back_inserter(known.ready));
  return known;
}

LinkReceiver::Outcome LinkReceiver::resume_without(SiteId source, SeqNum sequence) {
  const SeqNum first = collector_.first(source, TrafficClass::timely);
  if (sequence >= first && sequence.value() - first.value() < collector_.window()) {
    collector_.done({source, TrafficClass::timely, sequence});
  }
  return resume(source);
}

void LinkReceiver::ignore(SiteId source, ServerSet servers) {
  From& from = from_[source.index()];
  CHECK(from.plan.has_value());
  from.ignored_servers = ServerSet::from_bits(from.ignored_servers.bits() | servers.bits());
  collector_.forget(source, from.plan->parts_of(servers));
}

void LinkReceiver::ignore(SiteId source) {
  From& from = from_[source.index()];
  CHECK(from.plan.has_value());
  from.ignored = true;
  from.waiting.clear();
  collector_.forget(source, ~std::uint32_t{0});
}

// Of n pairs n - k may have a faulty end, so the (n - k + 1)-th highest sequence was really sent.
void LinkReceiver::follow_timely(SiteId source, const message::LinkPart& part) {
  std::vector<SeqNum>& newest = from_[source.index()].newest_timely;
  if (part.sequence <= newest[part.index]) return;
  newest[part.index] = part.sequence;
  std::vector<SeqNum> sorted = newest;
  const auto nth = sorted.begin() + (part.n - part.k);
  std::ranges::nth_element(sorted, nth, std::greater<>());
  keep_timely_from(source, *nth);
}

// Half of the window stands behind `sent`, half before it.
void LinkReceiver::keep_timely_from(SiteId source, SeqNum sent) {
  const std::uint64_t behind = config_.window / 2;
  if (sent.value() > behind) collector_.advance(source, TrafficClass::timely, SeqNum(sent.value() - behind));
}

void LinkReceiver::in_turn(SiteId source, Outcome& outcome) {
  SeqNum& delivered = delivered_[number(TrafficClass::bounded)][source.index()];
  Waiting& waiting = from_[source.index()].waiting;
  const SeqNum before = delivered;
  while (!waiting.empty() && waiting.begin()->first == delivered.next()) {
    delivered = delivered.next();
    outcome.ready.push_back({source, TrafficClass::bounded, delivered, std::move(waiting.begin()->second)});
    waiting.erase(waiting.begin());
  }
  if (delivered == before) return;
  collector_.advance(source, TrafficClass::bounded, delivered.next());
  std::erase_if(from_[source.index()].introducers,
                [&](const auto& each) { return each.first.value() + config_.window <= delivered.value(); });
}

bool LinkReceiver::has(SiteId source, TrafficClass traffic, SeqNum sequence) const {
  if (traffic == TrafficClass::timely) return collector_.over({source, traffic, sequence});
  return sequence <= delivered_[number(traffic)][source.index()] || from_[source.index()].waiting.contains(sequence);
}

}  // namespace garrison::site
