// State transfer: how a server that missed more than its peers still keep goes on from their state.
//
// A server that is evidently behind and executes nothing says STATE-REQUEST. The others take a checkpoint for it: at
// the boundary that it names, so that all take it at the same sequence, or, when nothing is being ordered, at the last
// sequence executed. Each says CHECKPOINT; f + 1 equal ones prove it, since one of them is a correct server's. Chunks
// are fetched from all that said it, each from one, and every chunk is proven by itself.
//
// A checkpoint walks the whole state, so none is made unless asked for. What a faulty server can make the others do is
// bounded per server: a snapshot per snapshot_period, one kept, and a quota of bytes. What one server asks for does not
// hinder another. (docs/adr/0009)
//
// A pure state machine beside the ordering core: no clock, thread or disk. The environment calls tick() after every
// step and when next_wakeup() has come, makes the snapshots that wants() asks for, and carries out the outputs. Own
// signed messages come back as inputs. One thread.
#pragma once

#include <optional>
#include <vector>

#include "control/ordering/ordering.h"
#include "control/state_transfer/donor.h"
#include "control/state_transfer/output.h"
#include "control/state_transfer/recipient.h"
#include "control/state_transfer/transfer_config.h"
#include "dataplane/base/state_fields.h"

namespace garrison::state_transfer {

// For display.
struct Status {
  bool catching_up = false;
  SeqNum target;                   // being fetched; 0: none proven yet
  std::uint32_t chunks = 0;        // of it
  std::uint32_t chunks_held = 0;   // of them
  SeqNum checkpoint;               // the last one made here; 0: none
  SeqNum restored;                 // the last one gone on from; 0: none
  std::size_t snapshots_kept = 0;  // for servers that fetch them
};

class StateTransfer {
 public:
  // CHECKs the config.
  explicit StateTransfer(const TransferConfig& config)
      : config_(checked(config)), donor_(config_), recipient_(config_) {}
  StateTransfer(const StateTransfer&) = delete;  // its sides refer to config_
  StateTransfer& operator=(const StateTransfer&) = delete;

  // A message of Protocol::state, a peer's or this server's own.
  void on_message(Instant now, const message::VerifiedMessage& message, Output& output);
  void tick(Instant now, const ordering::Progress& progress, Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  // Whether somebody waits for the state behind `sequence`, which has just been executed as a boundary, or is the last
  // one executed.
  [[nodiscard]] bool wants(Instant now, SeqNum sequence) const { return donor_.wants(now, sequence); }
  // The answer: that checkpoint and the executor's snapshot there.
  void keep(Instant now, const ordering::Checkpoint& checkpoint, Bytes snapshot, Output& output) {
    donor_.keep(now, checkpoint, std::move(snapshot), output);
  }
  // Output::restore has been carried out.
  void restored(SeqNum sequence) { restored_ = sequence; }

  [[nodiscard]] Status status() const;

  STATE_FIELDS(config_, donor_, recipient_, restored_)

 private:
  TransferConfig config_;
  Donor donor_;
  Recipient recipient_;
  SeqNum restored_;
};

}  // namespace garrison::state_transfer
