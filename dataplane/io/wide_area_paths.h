// What happens to a frame between two sites of a modelled network: it waits for its turn at its site's uplink, then
// takes as long as the path is, or is lost. Knows nothing of ports and mbufs, and no clock but the one it is handed.
//
// A frame takes its own bytes, Ethernet header included, over its site's rate. Each sender of the site has its share of
// that, as link/fair_uplink.h says: within it TIMELY goes before all of its site that waits, never into a frame that is
// being sent. Behind the uplink the order of a path is kept, whatever its jitter. Frames are held in memory taken at
// start: so many of each site and class, shared as link/shared_room.h says, and what comes beyond is refused.
//
// One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/fair_uplink.h"
#include "dataplane/link/shared_room.h"

namespace garrison::io {

struct WideAreaConfig {
  std::vector<std::uint64_t> bytes_per_s;    // of all that a site sends, by site; 0: no limit
  std::vector<std::vector<Duration>> delay;  // one way, [from][to]
  // Likewise; empty: none. Uniformly up to so much more than the delay; of a million frames, so many are lost.
  std::vector<std::vector<Duration>> jitter{};
  std::vector<std::vector<std::uint32_t>> loss_ppm{};
  std::uint64_t seed = 1;     // of both
  std::vector<bool> hubs{};   // by site, whether its ports are on a hub; empty: none is
  std::size_t frames = 2048;  // held of each site and class
  // By site, who share its uplink; empty: all that a site sends is as of one. Whoever knows them fills it in.
  std::vector<std::size_t> senders{};
};

// A sender of a site, by its place among them.
struct Sender {
  SiteId site;
  std::size_t index = 0;
};

class WideAreaPaths {
 public:
  explicit WideAreaPaths(const WideAreaConfig& config);

  // Copies a frame of at most kMaxFrameBytes; `port` is what deliver() will say. False where its sender has no room
  // left for its class. `now` never goes back.
  [[nodiscard]] bool offer(Instant now, Sender from, SiteId to, TrafficClass traffic, std::size_t port, ByteView frame);

  // Calls deliver(port, frame) for what has arrived by `now`, at most `limit` frames, and forgets it. Returns how many.
  template <typename Deliver>
  std::size_t deliver(Instant now, std::size_t limit, Deliver&& deliver) {
    depart(now);
    std::size_t count = 0;
    for (List& path : under_way_) {
      for (; count < limit && has_arrived(path, now); ++count) deliver_first(path, deliver);
    }
    return count;
  }
  // The same of one frame to one site, the first to arrive there. False when there is none.
  template <typename Deliver>
  bool deliver_to(Instant now, SiteId to, Deliver&& deliver) {
    depart(now);
    List* first = nullptr;
    for (std::size_t from = 0; from < uplinks_.size(); ++from) {
      List& path = this->path(from, to);
      if (!has_arrived(path, now)) continue;
      if (first == nullptr || cells_[path.first].when < cells_[first->first].when) first = &path;
    }
    if (first == nullptr) return false;
    deliver_first(*first, deliver);
    return true;
  }

  // When deliver() has something to do next.
  [[nodiscard]] Instant next_wakeup() const;
  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::size_t kClasses = 2;
  // A frame. Every cell is in one list at any time.
  struct Cell {
    Instant when;  // under way: it arrives, if what is before it on its path has
    std::uint32_t next = kNone;
    std::uint32_t port = 0;
    std::uint16_t length = 0;
    std::uint16_t owner = 0;   // site and class
    std::uint16_t sender = 0;  // of that site
    SiteId to;
  };
  struct List {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };
  struct Uplink {
    std::uint64_t bytes_per_s;
    link::FairUplink turns;
    std::vector<std::array<List, kClasses>> waiting;  // by sender and class
    Instant free_at{};                                // the frame before is sent, and one that waits has come
  };

  // What is between one site and another.
  struct Between {
    Duration delay;
    Duration jitter;
    std::uint32_t loss_ppm = 0;
  };

  [[nodiscard]] bool has_arrived(const List& path, Instant now) const {
    return path.first != kNone && cells_[path.first].when <= now;
  }
  template <typename Deliver>
  void deliver_first(List& path, Deliver& deliver) {
    const std::uint32_t cell = take_first(path);
    deliver(std::size_t{cells_[cell].port}, ByteView(bytes_of(cell), cells_[cell].length));
    forget(cell);
  }
  void forget(std::uint32_t cell) {
    append(free_[cells_[cell].owner], cell);
    room_[cells_[cell].owner].give_back(cells_[cell].sender, 1);
    --held_;
  }
  [[nodiscard]] std::uint8_t* bytes_of(std::uint32_t cell) const;
  [[nodiscard]] List& path(std::size_t from, SiteId to) { return under_way_[from * uplinks_.size() + to.index()]; }
  void append(List& list, std::uint32_t cell);
  std::uint32_t take_first(List& list);
  // Onto their paths with all frames whose turn has come.
  void depart(Instant now);
  [[nodiscard]] static Instant next_turn(const Uplink& uplink) {
    return uplink.turns.empty() ? Instant::never() : uplink.free_at;
  }
  void send_next(std::size_t site, Instant start);

  Rng rng_;
  std::vector<std::vector<Between>> between_;  // [from][to]
  std::vector<Uplink> uplinks_;                // by site
  std::vector<List> under_way_;                // by pair of sites
  std::vector<List> free_;                     // by site and class
  std::vector<link::SharedRoom> room_;         // likewise, in frames
  std::vector<Cell> cells_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t held_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace garrison::io
