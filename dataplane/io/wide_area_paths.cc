#include "dataplane/io/wide_area_paths.h"

#include <algorithm>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"

namespace garrison::io {

namespace {

// How long so many bytes take, rounded up.
Duration time_of(std::size_t bytes, std::uint64_t bytes_per_s) {
  if (bytes_per_s == 0) return {};
  constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
  return Duration(static_cast<std::int64_t>((bytes * kNanosecondsPerSecond + bytes_per_s - 1) / bytes_per_s));
}

}  // namespace

WideAreaPaths::WideAreaPaths(const WideAreaConfig& config) : rng_(config.seed) {
  const std::size_t sites = config.bytes_per_s.size();
  CHECK(sites <= kMaxSites && config.frames > 0);
  CHECK(config.senders.empty() || config.senders.size() == sites);
  const auto check_square = [&](const auto& table) {
    CHECK(table.size() == sites);
    for (const auto& row : table) CHECK(row.size() == sites);
  };
  check_square(config.delay);
  if (!config.jitter.empty()) check_square(config.jitter);
  if (!config.loss_ppm.empty()) check_square(config.loss_ppm);
  between_.assign(sites, std::vector<Between>(sites));
  for (std::size_t from = 0; from < sites; ++from) {
    for (std::size_t to = 0; to < sites; ++to) {
      Between& between = between_[from][to];
      between.delay = config.delay[from][to];
      if (!config.jitter.empty()) between.jitter = config.jitter[from][to];
      if (!config.loss_ppm.empty()) between.loss_ppm = config.loss_ppm[from][to];
    }
  }
  for (std::size_t i = 0; i < sites; ++i) {
    const std::size_t senders = config.senders.empty() ? 1 : config.senders[i];
    const std::uint64_t rate = config.bytes_per_s[i];
    uplinks_.push_back({rate, link::FairUplink(senders, rate), std::vector<std::array<List, kClasses>>(senders)});
    room_.resize(room_.size() + kClasses, link::SharedRoom(config.frames, senders));
  }
  under_way_.resize(sites * sites);
  free_.resize(sites * kClasses);
  cells_.resize(free_.size() * config.frames);
  memory_ = std::make_unique_for_overwrite<std::uint8_t[]>(cells_.size() * kMaxFrameBytes);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    cells_[i].owner = static_cast<std::uint16_t>(i / config.frames);
    append(free_[cells_[i].owner], static_cast<std::uint32_t>(i));
  }
}

bool WideAreaPaths::offer(Instant now, Sender from, SiteId to, TrafficClass traffic, std::size_t port, ByteView frame) {
  CHECK(from.site != to && frame.size() <= kMaxFrameBytes);
  // What was due before has gone: this frame was not there to be chosen.
  depart(now);
  const auto of_class = static_cast<std::size_t>(traffic);
  const std::size_t owner = from.site.index() * kClasses + of_class;
  if (!room_.at(owner).take(from.index, 1)) return false;
  const std::uint32_t cell = take_first(free_[owner]);
  Cell& made = cells_[cell];
  made.sender = static_cast<std::uint16_t>(from.index);
  made.port = static_cast<std::uint32_t>(port);
  made.length = static_cast<std::uint16_t>(frame.size());
  made.to = to;
  std::copy(frame.begin(), frame.end(), bytes_of(cell));
  Uplink& uplink = uplinks_[from.site.index()];
  if (uplink.turns.empty()) uplink.free_at = std::max(uplink.free_at, now);
  uplink.turns.add(from.index, traffic);
  append(uplink.waiting[from.index].at(of_class), cell);
  ++held_;
  return true;
}

Instant WideAreaPaths::next_wakeup() const {
  Instant next = Instant::never();
  for (const Uplink& uplink : uplinks_) next = earlier(next, next_turn(uplink));
  for (const List& path : under_way_) {
    if (path.first != kNone) next = earlier(next, cells_[path.first].when);
  }
  return next;
}

void WideAreaPaths::depart(Instant now) {
  for (std::size_t site = 0; site < uplinks_.size(); ++site) {
    for (Instant start = next_turn(uplinks_[site]); start <= now; start = next_turn(uplinks_[site])) {
      send_next(site, start);
    }
  }
}

// All that waits was there when the uplink became free: offer() has it send first what was due.
void WideAreaPaths::send_next(std::size_t site, Instant start) {
  Uplink& uplink = uplinks_[site];
  const link::FairUplink::Turn turn = uplink.turns.next(start);
  const std::uint32_t cell = take_first(uplink.waiting[turn.sender].at(static_cast<std::size_t>(turn.traffic)));
  Cell& frame = cells_[cell];
  uplink.turns.sent(start, turn, frame.length);
  uplink.free_at = start + time_of(frame.length, uplink.bytes_per_s);
  const Between& between = between_[site][frame.to.index()];
  if (between.loss_ppm > 0 && rng_.chance(between.loss_ppm)) {
    ++lost_;
    return forget(cell);
  }
  frame.when = uplink.free_at + between.delay;
  if (between.jitter > Duration()) {
    frame.when = frame.when +
                 Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(between.jitter.ns()) + 1)));
  }
  append(path(site, frame.to), cell);
}

std::uint8_t* WideAreaPaths::bytes_of(std::uint32_t cell) const { return memory_.get() + cell * kMaxFrameBytes; }

void WideAreaPaths::append(List& list, std::uint32_t cell) {
  cells_[cell].next = kNone;
  (list.first == kNone ? list.first : cells_[list.last].next) = cell;
  list.last = cell;
}

std::uint32_t WideAreaPaths::take_first(List& list) {
  const std::uint32_t cell = list.first;
  CHECK(cell != kNone);
  list.first = cells_[cell].next;
  return cell;
}

}  // namespace garrison::io
