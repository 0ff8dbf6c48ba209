// The leader of BFT that delays as much as it can get away with [PRIME] 2.1.
//
// Every other server gives the leader a timeout for the first update of its queue, and starts it anew when that one is
// executed. So this leader keeps the updates of its clients in n queues, and in each round proposes the first one of
// each and nothing else, just in time. Nobody suspects it, and the site executes at most n updates per timeout.
//
// Which update is the first in another server's queue it cannot see. Clients are spread evenly over the servers
// (client c beside server c modulo n), and updates from one place arrive everywhere in one order, so whatever is first
// anywhere is the first of one place. [PRIME] 2.1 shows that f+1 of the queues, or one update if all queues begin
// alike, would do; the rounds of its section 7 have one update per server, as these.
//
// A round restarts everyone's timer if the oldest update of it had reached everyone before any that is still on its way
// here: then the next one is due just below a timeout later. Else what is on its way may be what others wait for, since
// it reached them, so the next round leaves time for its way here and for ordering it, as long as that takes. Until the
// first round has shown how long, the first update of each queue is due at once.
//
// The core proposes what it hears, so it is deaf to updates that have to wait. Its pipeline must have room for a round
// of n.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "apps/adversary/adversary.h"

namespace garrison::adversary {

class BftDelayLeader final : public Adversary {
 public:
  struct Config {
    Duration by;      // the timeout to play with; zero: the one that its own core grants
    Duration margin;  // left below it
  };
  BftDelayLeader(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
                 const Config& config);

 protected:
  bool hears(const message::VerifiedMessage& message) override;
  void delivers(ordering::Deliver& batch) override;
  [[nodiscard]] Instant acts_at() const override;
  void acts() override;

 private:
  struct Held {
    Stored update;
    Instant heard;
  };
  struct Queue {
    std::deque<Held> held;
    bool begun = false;  // something of it has been proposed
  };
  [[nodiscard]] Duration allowed() const;
  // The oldest that may be proposed; never when there is none.
  [[nodiscard]] Instant waits_since() const;
  [[nodiscard]] bool may_propose(const Queue& queue) const;
  void release(Queue& queue);
  void release_all();

  Config config_;
  std::vector<Queue> queues_;               // by the server that their clients are beside
  std::set<Digest> held_;                   // those in queues_; bounded by the clients' windows
  Instant round_at_;                        // the last one
  bool restarts_all_ = false;               // it restarts the timers of all servers
  std::optional<Instant> under_way_since_;  // the first round of which nothing is executed yet
  std::optional<Duration> ordering_;        // from a round to the execution of its first update, the longest lately
};

}  // namespace garrison::adversary
