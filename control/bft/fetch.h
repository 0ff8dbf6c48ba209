// FETCH: asks others, one after the other, for batches and updates that the next sequence numbers lack: the next to
// execute, and the next to order, which a server that lags far behind votes for all the same, and one that is ahead for
// what a new view orders again.
//
// The leader is asked first, since it proposed the batch; whoever answers cannot lie, because digests say what is
// wanted.
#pragma once

#include <map>

#include "control/bft/history.h"
#include "control/bft/log.h"

namespace garrison::bft {

class Fetch {
 public:
  explicit Fetch(const BftConfig& config) : config_(config), peers_(config.n, Peer{Instant(), config.repair_bytes}) {}

  // Asks for what has been missing for a period, and again every period.
  void tick(Instant now, ServerId leader, const Log& log, const CatchUp& catch_up, SeqNum executed, Promises& promises,
            ordering::Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  // Answers a FETCH, as far as the asking server's share of this period goes. Why not, if it does not.
  std::optional<DropReason> answer(Instant now, const message::VerifiedMessage& message, const Log& log,
                                   const History& history, Promises& promises, ordering::Output& output);

 private:
  struct Ask {
    Digest batch{};
    Instant next;
    std::size_t asked = 0;
  };
  struct Peer {
    Instant since;  // start of the period that bytes_left is about
    std::size_t bytes_left = 0;
  };
  void ask(Instant now, ServerId leader, SeqNum sequence, const Log& log, const CatchUp& catch_up, Promises& promises,
           ordering::Output& output);
  [[nodiscard]] ServerId target(ServerId leader, std::size_t asked) const;
  void answer_updates(ServerId to, SeqNum sequence, const Batch& batch, const message::BftFetch& fetch, Peer& peer,
                      Promises& promises, ordering::Output& output) const;

  const BftConfig& config_;
  std::map<SeqNum, Ask> asks_;  // at most twice fetch_window
  std::vector<Peer> peers_;
};

// CLIENT-OPs as UPDATES messages to `to`, each within a message's bounds. `sequence` is 0 for ones that are handed on.
void send_updates(const std::vector<Stored>& updates, SeqNum sequence, ServerId to, Promises& promises,
                  ordering::Output& output);

}  // namespace garrison::bft
