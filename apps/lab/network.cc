#include "apps/lab/network.h"

#include <algorithm>
#include <bit>

namespace garrison::lab {

namespace {

std::uint64_t fold(std::uint64_t hash, std::uint64_t word) {
  return std::rotl((hash ^ word) * 0x9e3779b97f4a7c15U, 29);
}

std::uint64_t fold(std::uint64_t hash, ByteView bytes) {
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) hash = fold(hash, load_le<std::uint64_t>(bytes.data()));
  for (const std::uint8_t byte : bytes) hash = fold(hash, byte);
  return hash;
}

}  // namespace

Network::Network(EventQueue& events, std::size_t servers, std::uint64_t seed, Deliver deliver)
    : events_(events),
      servers_(servers),
      rng_(seed),
      deliver_(std::move(deliver)),
      last_sent_(servers * servers),
      last_delivered_(servers * servers) {}

void Network::send(ServerId from, ServerId to, ByteView bytes) {
  ++counts_.sent;
  const Frame frame{from, to, ++last_sent_[from.index() * servers_ + to.index()],
                    std::make_shared<const Bytes>(bytes.begin(), bytes.end())};
  if (rng_.chance(model_.loss)) {
    ++counts_.lost;
    return;
  }
  Duration delay = model_.delay +
                   Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(model_.jitter.ns()) + 1)));
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
  if (side_.contains(frame.from) != side_.contains(frame.to)) {
    ++counts_.partitioned;
    return;
  }
  std::uint64_t& latest = last_delivered_[frame.from.index() * servers_ + frame.to.index()];
  if (frame.order < latest) ++counts_.overtaken;
  latest = std::max(latest, frame.order);
  ++counts_.delivered;
  fingerprint_ = fold(fold(fingerprint_, static_cast<std::uint64_t>(events_.now().ns())), *frame.bytes);
  deliver_(frame.to, *frame.bytes);
}

}  // namespace garrison::lab
