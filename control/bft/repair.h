// Retransmission. Channels lose nothing except when a peer's queue overflows or a session is reset; then this brings
// the peer up to date, as far as what is kept reaches.
//
// Every server says its STATUS once a period. Who hears one that stands where the one before it stood sends what its
// signer lacks: VIEW-CHANGEs, the NEW-VIEW, CHECKPOINTs, what it said itself about the sequence numbers that one of the
// two has not executed, and which batches were committed. What is not signed is never handed on: each server speaks for
// itself only.
//
// A server that is further behind than others keep needs their state: evident() is how far behind it is, and once the
// environment has restored it (ordering::Restored) this goes on from there.
#pragma once

#include <vector>

#include "control/bft/checkpoints.h"
#include "control/bft/history.h"
#include "control/bft/log.h"
#include "control/bft/view_change.h"

namespace garrison::bft {

class Repair {
 public:
  explicit Repair(const BftConfig& config) : config_(config), peers_(config.n) {}

  // STATUS once a period. Whether a period has begun.
  bool tick(Instant now, const ViewChange& view_change, const Checkpoints& checkpoints, SeqNum executed,
            Promises& promises, ordering::Output& output);
  [[nodiscard]] Instant next_wakeup() const { return tick_at_; }
  // Some correct server has executed up to here: the (f + 1)-th highest that servers have said.
  [[nodiscard]] SeqNum evident() const;

  void on_status(Instant now, const message::VerifiedMessage& message, const ViewChange& view_change,
                 const Checkpoints& checkpoints, const Log& log, const History& history, Promises& promises,
                 ordering::Output& output);

 private:
  struct Peer {
    bool known = false;
    Instant heard_at;
    message::BftStatus status;
  };
  // What is sent to one server at a time, within its budget.
  class Parcel;

  static void send_views(const message::BftStatus& status, const ViewChange& view_change, Parcel& parcel);
  static void send_checkpoints(const message::BftStatus& status, const Checkpoints& checkpoints, Parcel& parcel);
  void send_order(const message::BftStatus& status, const ViewChange& view_change, const Log& log,
                  const History& history, Parcel& parcel) const;

  const BftConfig& config_;
  std::vector<Peer> peers_;
  Instant tick_at_;
  bool status_under_way_ = false;
};

}  // namespace garrison::bft
