#include "dataplane/link/part_collector.h"

#include <algorithm>
#include <array>
#include <utility>

namespace garrison::link {
namespace {

std::size_t lane_of(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

// The next larger number with as many bits (Gosper). Numbers in this order are sets in the order of their largest
// members: every set of the first m places comes before any with a later one.
std::uint64_t next_subset(std::uint64_t subset) {
  const std::uint64_t lowest = subset & (~subset + 1);
  const std::uint64_t ripple = subset + lowest;
  return ripple | (((ripple ^ subset) >> 2U) / lowest);
}

}  // namespace

PartCollector::PartCollector(const Config& config, std::span<const Source> sources)
    : config_(config), candidate_(config.max_message_bytes) {
  CHECK(config.window_messages > 0 && config.max_message_bytes > 0);
  for (const Source& source : sources) {
    CHECK(find(source.site) == nullptr);
    (void)codes_.of(source.code);
    FromSite& from = sources_.emplace_back(FromSite{.source = source, .lanes = {}});
    for (Lane& lane : from.lanes) lane.window.resize(config.window_messages);
  }
}

const PartCollector::FromSite* PartCollector::find(SiteId site) const {
  for (const FromSite& from : sources_) {
    if (from.source.site == site) return &from;
  }
  return nullptr;
}

PartCollector::FromSite* PartCollector::find(SiteId site) {
  return const_cast<FromSite*>(std::as_const(*this).find(site));  // NOLINT: our own, through the const search
}

bool PartCollector::fits(const LinkPart& part, PartCode code) const {
  return part.code == code && part.index < code.n && part.message_bytes > 0 &&
         part.message_bytes <= config_.max_message_bytes &&
         part.bytes.size() == (part.message_bytes + code.k - 1) / code.k;
}

PartCollector::Incoming* PartCollector::in_window(Lane& lane, SeqNum sequence) {
  if (sequence < lane.first || sequence.value() - lane.first.value() >= lane.window.size()) return nullptr;
  return &lane.window[sequence.value() % lane.window.size()];
}

std::optional<DropReason> PartCollector::take(const LinkPart& part) {
  FromSite* const from = find(part.of.source);
  if (from == nullptr || !fits(part, from->source.code)) return DropReason::link_part_malformed;
  Lane& lane = from->lanes[lane_of(part.of.traffic)];
  if (part.of.sequence < lane.first) return DropReason::link_stale;
  Incoming* const message = in_window(lane, part.of.sequence);
  if (message == nullptr) return DropReason::link_beyond_window;
  if (message->done) return DropReason::link_stale;
  const std::uint32_t bit = std::uint32_t{1} << part.index;
  if ((message->indices & bit) != 0) return DropReason::link_duplicate;
  message->indices |= bit;
  group_of(*message, part).parts.push_back({.index = part.index, .bytes = to_bytes(part.bytes)});
  from->held_bytes += part.bytes.size();
  return std::nullopt;
}

PartCollector::Group& PartCollector::group_of(Incoming& message, const LinkPart& part) const {
  for (Group& group : message.groups) {
    if (group.message_bytes == part.message_bytes) return group;
  }
  return message.groups.emplace_back(
      Group{.message_bytes = part.message_bytes, .parts = {}, .next_subset = (std::uint64_t{1} << part.code.k) - 1});
}

std::optional<ByteView> PartCollector::next_candidate(const LinkMessageId& id) {
  FromSite* const from = find(id.source);
  Incoming* const message = from == nullptr ? nullptr : in_window(from->lanes[lane_of(id.traffic)], id.sequence);
  if (message == nullptr) return std::nullopt;
  for (Group& group : message->groups) {
    const std::uint64_t subset = group.next_subset;
    if (subset >> group.parts.size() != 0) continue;  // has a place that is still empty
    group.next_subset = next_subset(subset);
    return decode(group, subset, from->source.code);
  }
  return std::nullopt;
}

ByteView PartCollector::decode(const Group& group, std::uint64_t subset, PartCode code) {
  std::array<coding::Part, coding::kMaxParts> parts;
  std::size_t count = 0;
  for (std::size_t place = 0; place < group.parts.size(); ++place) {
    if ((subset >> place & 1U) == 0) continue;
    parts[count++] = {.index = group.parts[place].index, .bytes = group.parts[place].bytes};
  }
  const MutableBytes message = MutableBytes(candidate_).first(group.message_bytes);
  CHECK(codes_.of(code).decode(std::span(parts).first(count), message));
  return message;
}

void PartCollector::done(const LinkMessageId& id) {
  FromSite* const from = find(id.source);
  CHECK(from != nullptr);
  Incoming* const message = in_window(from->lanes[lane_of(id.traffic)], id.sequence);
  CHECK(message != nullptr);
  forget(*from, *message);
  message->done = true;
}

void PartCollector::forget(FromSite& from, Incoming& message) {
  for (const Group& group : message.groups) {
    for (const Held& part : group.parts) from.held_bytes -= part.bytes.size();
  }
  message = {};
}

void PartCollector::advance(SiteId source, TrafficClass traffic, SeqNum first) {
  FromSite* const from = find(source);
  CHECK(from != nullptr);
  Lane& lane = from->lanes[lane_of(traffic)];
  if (first <= lane.first) return;
  const std::uint64_t over = std::min<std::uint64_t>(first.value() - lane.first.value(), lane.window.size());
  for (std::uint64_t i = 0; i < over; ++i) forget(*from, *in_window(lane, SeqNum(lane.first.value() + i)));
  lane.first = first;
}

std::size_t PartCollector::held_bytes(SiteId source) const {
  const FromSite* const from = find(source);
  return from == nullptr ? 0 : from->held_bytes;
}

std::size_t PartCollector::most_bytes(SiteId source) const {
  const FromSite* const from = find(source);
  if (from == nullptr) return 0;
  const PartCode code = from->source.code;
  const std::size_t part_bytes = (config_.max_message_bytes + code.k - 1) / code.k;
  return std::size(from->lanes) * config_.window_messages * code.n * part_bytes;
}

}  // namespace garrison::link
