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
// A round is due just below a timeout after the one before, if that one left something: it restarted everyone's timer.
// An update that comes when nothing waits starts timers on its arrival, so a round for it leaves time for its way here
// and for ordering it, as long as that has taken so far.
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
  [[nodiscard]] Duration allowed() const;
  void release(Stored update);
  void release_all();

  Config config_;
  std::vector<std::deque<Stored>> queues_;  // by the server that their clients are beside
  std::set<Digest> held_;                   // those in queues_; bounded by the clients' windows
  Instant waits_since_;                     // when the first came into empty queues; means nothing while they are
  bool left_over_ = false;                  // by the last round
  Instant round_at_;                        // the last one
  bool round_under_way_ = false;            // nothing of it is executed yet
  std::optional<Duration> ordering_;        // the longest that one took to be executed here
};

}  // namespace garrison::adversary
