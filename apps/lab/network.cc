#include "apps/lab/network.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "dataplane/wire/frame.h"

namespace garrison::lab {

namespace {

constexpr std::size_t kDscpOffset = kEthernetHeaderBytes + 1;  // IPv4's second byte; DSCP is its upper six bits
constexpr Duration kConnectionRetry = milliseconds(5);         // of a connection that finds the egress full

std::uint64_t fold(std::uint64_t hash, std::uint64_t word) {
  return std::rotl((hash ^ word) * 0x9e3779b97f4a7c15U, 29);
}

std::uint64_t fold(std::uint64_t hash, ByteView bytes) {
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) hash = fold(hash, load_le<std::uint64_t>(bytes.data()));
  for (const std::uint8_t byte : bytes) hash = fold(hash, byte);
  return hash;
}

}  // namespace

Network::Network(EventQueue& events, std::size_t stations, std::uint64_t seed, Deliver deliver, Ready ready)
    : events_(events),
      stations_(stations),
      rng_(seed),
      deliver_(std::move(deliver)),
      ready_(std::move(ready)),
      pair_delay_(stations * stations),
      last_sent_(stations * stations),
      last_delivered_(stations * stations),
      carried_bytes_(stations) {
  set_egress({}, EgressScope::server);
}

void Network::set_delay(StationId from, StationId to, Duration delay, Duration jitter) {
  pair_delay_[pair(from, to)] = {.delay = delay, .jitter = jitter, .set = true};
}

void Network::set_egress(const EgressModel& model, EgressScope scope) {
  set_egress(model, scope == EgressScope::server ? std::vector<std::size_t>(stations_, 1) : std::vector{stations_});
}

void Network::set_egress(const EgressModel& model, const std::vector<std::size_t>& groups) {
  CHECK(counts_.sent == 0);
  egresses_.clear();
  egress_by_.clear();
  waiting_.assign(groups.size(), {});
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const StationId first(static_cast<std::uint16_t>(egress_by_.size()));
    egress_by_.insert(egress_by_.end(), groups[i], i);
    egresses_.push_back(std::make_unique<Egress>(events_, model, first, groups[i], [this, i](const Frame& frame) {
      depart(frame);
      call_back(i);
    }));
  }
  CHECK(egress_by_.size() == stations_ && stations_ <= kMaxStations);
}

bool Network::ready_for(StationId from) {
  if (egress_of(from).ready(from)) return true;
  waiting_[egress_by_[from.index()]].insert(from);
  return false;
}

// All that wait and may go on, since one may have nothing to say after all; another one first each time, since the
// first may take the room.
void Network::call_back(std::size_t egress) {
  if (waiting_[egress].empty()) return;
  StationSet called;
  waiting_[egress].for_each([&](StationId station) {
    if (egresses_[egress]->ready(station)) called.insert(station);
  });
  if (called.empty()) return;
  called.for_each([&](StationId station) { waiting_[egress].erase(station); });
  const std::size_t first = turn_++;
  for (std::size_t i = 0; i < stations_; ++i) {
    const StationId station(static_cast<std::uint16_t>((first + i) % stations_));
    if (called.contains(station)) ready_(station);
  }
}

void Network::send(StationId from, StationId to, ByteView bytes) {
  ++counts_.sent;
  counts_.sent_bytes += bytes.size();
  if (tap_) tap_(from, to, bytes);
  CHECK(bytes.size() > kDscpOffset);
  const bool timely = bytes[kDscpOffset] >> 2U == wire::kDscpExpedited;
  ++counts_.in_flight;
  const bool taken = egress_of(from).offer({.from = from,
                                            .to = to,
                                            .order = ++last_sent_[pair(from, to)],
                                            .traffic = timely ? TrafficClass::timely : TrafficClass::bounded,
                                            .bytes = std::make_shared<const Bytes>(bytes.begin(), bytes.end())});
  if (taken) return;
  --counts_.in_flight;
  ++counts_.egress_full;
}

void Network::carry(StationId from, StationId to, std::size_t bytes, std::function<void()> arrived) {
  Frame frame{.from = from, .to = to, .bytes = std::make_shared<const Bytes>(bytes), .arrived = std::move(arrived)};
  if (egress_of(from).offer(frame)) {
    carried_bytes_[from.index()] += bytes;
    return;
  }
  events_.schedule(events_.now() + kConnectionRetry,
                   [this, from, to, bytes, again = std::move(frame.arrived)] { carry(from, to, bytes, again); });
}

Duration Network::draw_delay(StationId from, StationId to) {
  const PairDelay& own = pair_delay_[pair(from, to)];
  const Duration jitter = own.set ? own.jitter : model_.jitter;
  return (own.set ? own.delay : model_.delay) +
         Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(jitter.ns()) + 1)));
}

void Network::depart(const Frame& frame) {
  if (frame.arrived) {
    events_.schedule(events_.now() + draw_delay(frame.from, frame.to), [this, frame] {
      if (!crashed_.contains(frame.to) && !crashed_.contains(frame.from) && !cut(frame.from, frame.to)) frame.arrived();
    });
    return;
  }
  --counts_.in_flight;
  if (rng_.chance(model_.loss)) {
    ++counts_.lost;
    return;
  }
  Duration delay = draw_delay(frame.from, frame.to);
  if (rng_.chance(model_.reordering)) {
    ++counts_.held_back;
    delay = delay + model_.reorder_delay;
  }
  fly(frame, delay);
  if (rng_.chance(model_.duplication)) {
    ++counts_.duplicated;
    fly(frame, delay + model_.delay);
  }
}

void Network::fly(const Frame& frame, Duration delay) {
  ++counts_.in_flight;
  events_.schedule(events_.now() + delay, [this, frame] { land(frame); });
}

void Network::land(const Frame& frame) {
  --counts_.in_flight;
  if (crashed_.contains(frame.to) || crashed_.contains(frame.from)) {
    ++counts_.to_crashed;
    return;
  }
  if (cut(frame.from, frame.to)) {
    ++counts_.partitioned;
    return;
  }
  std::uint64_t& latest = last_delivered_[pair(frame.from, frame.to)];
  if (frame.order < latest) ++counts_.overtaken;
  latest = std::max(latest, frame.order);
  ++counts_.delivered;
  fingerprint_ = fold(fold(fingerprint_, static_cast<std::uint64_t>(events_.now().ns())), *frame.bytes);
  deliver_(frame.to, *frame.bytes);
}

}  // namespace garrison::lab
