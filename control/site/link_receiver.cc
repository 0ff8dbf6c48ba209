#include "control/site/link_receiver.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace garrison::site {

namespace {

std::size_t number(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

}  // namespace

LinkReceiver::LinkReceiver(const LinkReceiverConfig& config, message::Validator& validator)
    : config_(config),
      validator_(validator),
      collector_({.max_message_bytes = message::kMaxLinkBundleBytes, .window_messages = config.window}, config.sources),
      newest_timely_(config.sites),
      waiting_(config.sites) {
  for (std::vector<SeqNum>& by_source : delivered_) by_source.resize(config.sites);
  for (const link::PartCollector::Source& source : config.sources) {
    newest_timely_[source.site.index()] = {source.code, std::vector<SeqNum>(source.code.n)};
  }
}

std::vector<ReceivedLink> LinkReceiver::on_part(const message::VerifiedMessage& message,
                                                std::vector<DropReason>& drops) {
  const auto part = message.as<message::LinkPart>();
  const SiteId source = message.signer().site;
  if (part.incarnation != config_.incarnation || source.index() >= config_.sites) {
    drops.push_back(DropReason::link_unknown);
    return {};
  }
  if (has(source, part.traffic, part.sequence)) {
    drops.push_back(DropReason::link_stale);
    return {};
  }
  if (part.traffic == TrafficClass::timely) follow_timely(source, part);
  const link::LinkMessageId id{source, part.traffic, part.sequence};
  const auto refused = collector_.take({id, {part.n, part.k}, part.index, part.bundle_bytes, part.part});
  if (refused.has_value()) {
    drops.push_back(*refused);
    return {};
  }
  while (const std::optional<ByteView> candidate = collector_.next_candidate(id)) {
    if (!verifies(source, part.traffic, part.sequence, *candidate)) {
      drops.push_back(DropReason::link_bad_candidate);
      continue;
    }
    Bytes bundle = to_bytes(*candidate);
    collector_.done(id);
    if (part.traffic == TrafficClass::bounded) {
      waiting_[source.index()].emplace(part.sequence, std::move(bundle));
      return in_turn(source, part.traffic);
    }
    delivered_[number(part.traffic)][source.index()] = part.sequence;
    collector_.advance(source, part.traffic, part.sequence.next());
    std::vector<ReceivedLink> one;
    one.push_back({source, part.traffic, part.sequence, std::move(bundle)});
    return one;
  }
  return {};
}

// Of n pairs n - k may have a faulty end, so the (n - k + 1)-th highest sequence was really sent.
void LinkReceiver::follow_timely(SiteId source, const message::LinkPart& part) {
  Newest& newest = newest_timely_[source.index()];
  if (newest.code != link::PartCode{part.n, part.k} || part.sequence <= newest.by_index[part.index]) return;
  newest.by_index[part.index] = part.sequence;
  std::vector<SeqNum> sorted = newest.by_index;
  const auto nth = sorted.begin() + (part.n - part.k);
  std::ranges::nth_element(sorted, nth, std::greater<>());
  const std::uint64_t behind = config_.window / 2;
  if (nth->value() > behind) collector_.advance(source, TrafficClass::timely, SeqNum(nth->value() - behind));
}

bool LinkReceiver::verifies(SiteId source, TrafficClass traffic, SeqNum sequence, ByteView candidate) {
  const std::optional<Bundle> opened = open_bundle(candidate);
  if (!opened.has_value()) return false;
  const message::Validation outcome = validator_.link_message(source, config_.self, opened->message);
  const auto* message = std::get_if<message::VerifiedMessage>(&outcome);
  if (message == nullptr) return false;
  const auto link = message->as<message::LinkMessage>();
  // The site has signed another message of its under these bytes: a part of it was replayed under this sequence.
  return link.traffic == traffic && link.sequence == sequence && link.incarnation == config_.incarnation;
}

std::vector<ReceivedLink> LinkReceiver::in_turn(SiteId source, TrafficClass traffic) {
  std::vector<ReceivedLink> ready;
  SeqNum& delivered = delivered_[number(traffic)][source.index()];
  Waiting& waiting = waiting_[source.index()];
  while (!waiting.empty() && waiting.begin()->first == delivered.next()) {
    delivered = delivered.next();
    ready.push_back({source, traffic, delivered, std::move(waiting.begin()->second)});
    waiting.erase(waiting.begin());
  }
  if (!ready.empty()) collector_.advance(source, traffic, delivered.next());
  return ready;
}

bool LinkReceiver::has(SiteId source, TrafficClass traffic, SeqNum sequence) const {
  if (sequence <= delivered_[number(traffic)][source.index()]) return true;
  return traffic == TrafficClass::bounded && waiting_[source.index()].contains(sequence);
}

}  // namespace garrison::site
