// Executes updates exactly once, in the total order, whatever number of servers introduced them [PRIME] A.1.
//
// The reply table holds, per client, the incarnation, the executed prefix of its sequence numbers and the replies of
// its last kClientWindow sequences, for resending. It is state like the service's own: every server fed the same order
// holds the same table, and it is part of snapshot and digest. Marks of updates in progress are this server's alone.
//
// An update is void, and changes nothing, when its incarnation is below the client's, when its sequence is beyond the
// window, or when the table has no room for a further client. A higher incarnation starts the client's window afresh.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "control/message/messages.h"
#include "control/service/limits.h"
#include "control/service/service.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"

namespace garrison::service {

// Equal on all servers: they decide which updates are void and which replies are kept.
struct ExecutorLimits {
  std::size_t window = kClientWindow;
  // Clients are enrolled in the key directory; `garrison check` keeps their number within this.
  std::size_t max_clients = 4096;
  // Beyond this the replies of a client's lowest sequences are let go first. At least kMaxOperationBytes.
  std::size_t max_reply_bytes_per_client = std::size_t{2} << 20U;
};

// What the total order made of one update.
struct Executed {
  ClientId client;
  Incarnation incarnation;
  SeqNum sequence;
  std::uint64_t state_sequence = 0;  // updates executed, this one included; 0 for a void one
  ByteView result;                   // valid until the next execute() or restore(); empty for a void one
  bool void_update = false;          // nothing was executed, and no reply is due
};

// What to do with an update that a client hands in, before it is ordered.
struct Admission {
  enum class Verdict : std::uint8_t {
    fresh,          // introduce it; it is now marked as in progress
    executed,       // resend the reply below
    in_progress,    // handed in here before; the reply will follow its execution
    stale,          // of an earlier incarnation, or so old that its reply is gone
    beyond_window,  // further ahead than its client may be, even if this server lags a window behind
    table_full,     // no room for a further client
  };
  Verdict verdict{};
  std::uint64_t state_sequence = 0;  // of the cached reply
  ByteView result;                   // the cached reply; valid until the next execute() or restore()
};

// The counter that an admission belongs to; none for `fresh`. An `executed` one is counted as client_duplicate.
[[nodiscard]] std::optional<DropReason> drop_reason(Admission::Verdict verdict);

class Executor {
 public:
  explicit Executor(std::unique_ptr<Service> service, const ExecutorLimits& limits = {});

  // Next update of the total order, validated. None when it was executed before: a repetition is no event.
  [[nodiscard]] std::optional<Executed> execute(const message::ClientOp& op);

  // A validated update as its client handed it in.
  [[nodiscard]] Admission admit(const message::ClientOp& op);
  // Takes back the mark of a fresh admission, because the ordering core refused the update.
  void forget(ClientId client, Incarnation incarnation, SeqNum sequence);

  // Updates executed, void ones and repetitions not counted.
  [[nodiscard]] std::uint64_t state_sequence() const { return state_sequence_; }
  // Of service state, reply table and state sequence. Walks all of it: for checkpoints and tests.
  [[nodiscard]] Digest state_digest() const;
  [[nodiscard]] Bytes snapshot() const;
  // Replaces everything. What is in progress may be over or forgotten, so clients may hand it in again. On an error
  // nothing changes.
  Result<void> restore(ByteView snapshot);

  [[nodiscard]] const Service& service() const { return *service_; }
  [[nodiscard]] std::size_t clients() const { return table_.size(); }

 private:
  // Reply to one executed sequence. The slot of sequence s is s modulo the window: s may execute only when
  // s - window lies in the executed prefix, so a slot never loses the mark of a sequence beyond the prefix.
  struct Slot {
    SeqNum sequence;                   // 0: never used
    std::uint64_t state_sequence = 0;  // 0: the reply was let go
    Bytes result;
  };
  struct Client {
    Incarnation incarnation;
    SeqNum base;  // every sequence up to here is executed
    SeqNum top;   // highest executed sequence
    std::size_t reply_bytes = 0;
    std::vector<Slot> slots;
  };
  // Sequences handed in here and not yet executed, by sequence modulo two windows. Two, because a client goes by the
  // replies of the fastest servers: seen from a server that lags, it is ahead by up to a window more.
  struct Intake {
    Incarnation incarnation;
    std::vector<SeqNum> marks;
  };
  using Table = std::map<ClientId, Client>;

  [[nodiscard]] std::size_t intake_window() const { return 2 * limits_.window; }
  [[nodiscard]] Slot& slot(Client& client, SeqNum sequence) const;
  [[nodiscard]] const Slot& slot(const Client& client, SeqNum sequence) const;
  [[nodiscard]] bool executed(const Client& client, SeqNum sequence) const;
  // The client's entry, made or reset to op's incarnation; null when op is void.
  Client* enter(const message::ClientOp& op);
  void keep_within_bounds(Client& client, const Slot& newest) const;
  Admission::Verdict mark(const message::ClientOp& op);
  void unmark(ClientId client, Incarnation incarnation, SeqNum sequence);
  void encode_table(Bytes& out) const;
  [[nodiscard]] std::optional<Client> decode_client(Reader& reader) const;
  [[nodiscard]] std::optional<Table> decode_table(Reader& reader) const;

  std::unique_ptr<Service> service_;
  ExecutorLimits limits_;
  Table table_;
  std::map<ClientId, Intake> intake_;
  Bytes reply_;  // scratch
  std::uint64_t state_sequence_ = 0;
};

}  // namespace garrison::service
