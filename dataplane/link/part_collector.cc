#include "dataplane/link/part_collector.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace garrison::link {
namespace {

constexpr std::size_t kMostSpareGroups = 256;

std::size_t lane_of(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

}  // namespace

PartCollector::PartCollector(const Config& config, std::span<const Source> sources)
    : config_(config), candidate_{.bytes = Bytes(config.max_message_bytes)} {
  CHECK(config.window_messages > 0 && config.max_message_bytes > 0);
  for (const Source& source : sources) {
    CHECK(find(source.site) == nullptr);
    (void)codes_.of(source.code);
    FromSite& from = sources_.emplace_back(FromSite{.source = source, .lanes = {}});
    for (Lane& lane : from.lanes) lane.window = SlotRing<Incoming>(std::bit_ceil(config.window_messages));
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
         part.bytes.size() == (part.message_bytes + code.k - 1) / code.k &&
         part.whole.size() - part.bytes.size() <= config_.max_signing_bytes;
}

const PartCollector::Incoming* PartCollector::in_window(const Lane& lane, SeqNum sequence) const {
  if (sequence < lane.first || sequence.value() - lane.first.value() >= config_.window_messages) return nullptr;
  return &lane.window[sequence.value() & (lane.window.size() - 1)];
}

PartCollector::Incoming* PartCollector::in_window(Lane& lane, SeqNum sequence) const {
  return const_cast<Incoming*>(in_window(std::as_const(lane), sequence));  // NOLINT: of our own lane
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
  const auto offset = static_cast<std::size_t>(part.bytes.data() - part.whole.data());
  CHECK(offset + part.bytes.size() <= part.whole.size());
  Bytes whole;
  if (!spares_.wholes.empty()) {
    whole = std::move(spares_.wholes.back());
    spares_.wholes.pop_back();
    spares_.bytes -= whole.capacity();
  }
  whole.assign(part.whole.begin(), part.whole.end());
  group_of(*message, part.message_bytes)
      .parts.push_back({.index = part.index, .whole = std::move(whole), .offset = offset, .size = part.bytes.size()});
  from->held_bytes += part.whole.size();
  return std::nullopt;
}

PartCollector::Group& PartCollector::group_of(Incoming& message, std::size_t message_bytes) {
  for (Group& group : message.groups) {
    if (group.message_bytes == message_bytes) return group;
  }
  Group& made = message.groups.emplace_back(Group{.message_bytes = message_bytes, .parts = {}});
  if (!spares_.groups.empty()) {
    made.parts = std::move(spares_.groups.back());
    spares_.groups.pop_back();
  }
  return made;
}

std::optional<PartCollector::Candidate> PartCollector::candidate(const LinkMessageId& id) {
  FromSite* const from = find(id.source);
  Incoming* const message = from == nullptr ? nullptr : in_window(from->lanes[lane_of(id.traffic)], id.sequence);
  if (message == nullptr) return std::nullopt;
  const PartCode code = from->source.code;
  for (const Group& group : message->groups) {
    if (group.parts.size() < code.k) continue;
    std::array<coding::Part, coding::kMaxParts> parts;
    for (std::size_t i = 0; i < code.k; ++i) {
      parts[i] = {.index = group.parts[i].index, .bytes = group.parts[i].part()};
      candidate_.parts[i] = group.parts[i].whole;
    }
    const MutableBytes bytes = MutableBytes(candidate_.bytes).first(group.message_bytes);
    CHECK(codes_.of(code).decode(std::span(parts).first(code.k), bytes));
    return Candidate{bytes, std::span(candidate_.parts).first(code.k)};
  }
  return std::nullopt;
}

void PartCollector::done(const LinkMessageId& id) {
  FromSite* const from = find(id.source);
  CHECK(from != nullptr);
  Incoming* const message = in_window(from->lanes[lane_of(id.traffic)], id.sequence);
  CHECK(message != nullptr);
  forget(*from, *message);
  message->done = true;
}

bool PartCollector::over(const LinkMessageId& id) const {
  const FromSite* const from = find(id.source);
  CHECK(from != nullptr);
  const Lane& lane = from->lanes[lane_of(id.traffic)];
  const Incoming* const message = in_window(lane, id.sequence);
  return id.sequence < lane.first || (message != nullptr && message->done);
}

void PartCollector::forget(FromSite& from, Incoming& message) {
  for (Group& group : message.groups) {
    for (Held& part : group.parts) {
      from.held_bytes -= part.whole.size();
      if (spares_.bytes + part.whole.capacity() > config_.spare_bytes) continue;
      spares_.bytes += part.whole.capacity();
      spares_.wholes.push_back(std::move(part.whole));
    }
    group.parts.clear();
    if (spares_.groups.size() < kMostSpareGroups) spares_.groups.push_back(std::move(group.parts));
  }
  message.groups.clear();
  message.indices = 0;
  message.done = false;
}

void PartCollector::forget(SiteId source, std::uint32_t indices) {
  FromSite* const from = find(source);
  CHECK(from != nullptr);
  const auto forgotten = [&](const Held& part) {
    if ((indices >> part.index & 1U) == 0) return false;
    from->held_bytes -= part.whole.size();
    return true;
  };
  for (Lane& lane : from->lanes) {
    for (Incoming& message : lane.window) {
      for (Group& group : message.groups) std::erase_if(group.parts, forgotten);
      std::erase_if(message.groups, [](const Group& group) { return group.parts.empty(); });
      message.indices &= ~indices;
    }
  }
}

SeqNum PartCollector::first(SiteId source, TrafficClass traffic) const {
  const FromSite* const from = find(source);
  CHECK(from != nullptr);
  return from->lanes[lane_of(traffic)].first;
}

void PartCollector::advance(SiteId source, TrafficClass traffic, SeqNum first) {
  FromSite* const from = find(source);
  CHECK(from != nullptr);
  Lane& lane = from->lanes[lane_of(traffic)];
  if (first <= lane.first) return;
  const std::uint64_t over = std::min<std::uint64_t>(first.value() - lane.first.value(), config_.window_messages);
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
  return std::size(from->lanes) * config_.window_messages * code.n * (part_bytes + config_.max_signing_bytes);
}

}  // namespace garrison::link
