// The receiving side of a dependable forwarder [ARCH] 4.3, "Remote Message Handling Protocol": what has come from other
// sites, until the servers of its own have it.
//
// One queue per site, of bounded length; a message that finds its queue full is discarded. It waits until every server
// has had it written to its session. Where room is needed, one that COLLECT-AFTER servers have is forgotten before: f
// servers that do not read can keep nothing here. COLLECT-AFTER is between f + 1, so that one correct server has it,
// and n - f. A server takes from the queues in turn, and from each in order.
//
// Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"

namespace garrison::forwarder {

class RemoteMessages {
 public:
  struct Config {
    std::size_t n = 4;
    std::size_t f = 1;
    std::size_t collect_after = 2;  // f + 1 ... n - f
    std::size_t sites = 4;
    std::size_t queue = 64;  // messages of each site
  };
  struct Arrival {
    SiteId source;
    std::uint64_t number = 0;  // of the queue
    ByteView message;          // until push() or written()
  };

  // CHECKs the bounds that Config states. `drops` outlives it.
  RemoteMessages(const Config& config, DropCounters& drops);

  void push(SiteId source, ByteView message);
  // What server `to` is to have next; the same until written(). None: it has everything.
  [[nodiscard]] std::optional<Arrival> next(ServerId to) const;
  // next(to) was written to its session.
  void written(ServerId to, SiteId source, std::uint64_t number);

  [[nodiscard]] std::size_t waiting(SiteId source) const { return queues_[source.index()].entries.size(); }

 private:
  struct Entry {
    Bytes message;
    ServerSet has;
  };
  struct Queue {
    std::deque<Entry> entries;
    std::uint64_t first = 1;              // number of the first entry
    std::vector<std::uint64_t> next_for;  // by server
  };
  void pop(Queue& queue);

  Config config_;
  DropCounters& drops_;
  std::vector<Queue> queues_;      // by site
  std::vector<std::size_t> turn_;  // by server: the queue that it takes from first
};

}  // namespace garrison::forwarder
