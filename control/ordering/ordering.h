// The contract of an ordering core (Prime, BFT): a pure state machine.
//
// step(now, input) computes every effect of one input and lists it in Output. No clock, socket, thread, log, random
// source or private key is inside. All calls come from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "control/message/verified.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/base/traffic.h"

namespace garrison::ordering {

class StateReader;
class StateWriter;

// Names a record handed to the durable store. Tokens rise; 0 is "nothing to wait for".
using PersistToken = std::uint64_t;

// A promise that must be durable before what depends on it leaves.
struct Persist {
  PersistToken token = 0;
  Bytes record;
};

// Sign `content` (envelope and body), then hand the signed message back to this core as an input, and send it to
// `to` (which never names this server). Messages are signed and looped back in the order in which they are listed.
struct Sign {
  message::MessageType type{};
  Bytes content;
  ServerSet to;
  TrafficClass traffic = TrafficClass::bounded;
  std::uint16_t supersede_key = 0;  // a newer TIMELY message with the same key replaces one still unsent; 0: never
  PersistToken after = 0;           // wait until this record is durable before sending
};

// Send a message that is signed already: flooding and retransmission.
struct Forward {
  std::shared_ptr<const message::StoredMessage> message;
  ServerSet to;
  TrafficClass traffic = TrafficClass::bounded;
  PersistToken after = 0;
};

// The next updates of the total order. `updates` are views into `holder`, whole verified CLIENT-OP messages, or events
// of the site.
struct Deliver {
  std::shared_ptr<const message::StoredMessage> holder;
  std::vector<ByteView> updates;
};

// A place in the total order where the state can be handed over: everything up to `sequence`, and nothing beyond it,
// has been delivered.
struct Checkpoint {
  SeqNum sequence;
  Bytes state;                // of the core: what a fresh one needs beside the executed state; equal on correct servers
  std::size_t delivered = 0;  // it lies behind so many of `deliver` of the same Output
  bool digest_wanted = false;  // the environment answers with a CheckpointDigest, for which it walks the whole state
};

// Check bytes that nobody in particular vouches for, a message put together from parts, as one of their signer. If they
// are valid the message comes back as an input of this core; if not, nothing does.
struct Verify {
  Bytes message;
};

// Two messages of one signer that cannot both come from a correct server; or one that convicts by itself, or with what
// it names, and no second.
struct Blame {
  ServerId server;
  DropReason reason{};
  std::shared_ptr<const message::StoredMessage> first;
  std::shared_ptr<const message::StoredMessage> second;
};

// Effects of one step. The environment carries them out in this order: persist, then deliver with each checkpoint at
// its place, then sign, then forward, then verify; a send waits for its `after` record, whatever order the rest happens
// in. Cleared and reused by the caller.
struct Output {
  std::vector<Persist> persist;
  std::vector<Deliver> deliver;
  std::vector<Checkpoint> checkpoints;  // ascending
  std::vector<Sign> sign;
  std::vector<Forward> forward;
  std::vector<Verify> verify;
  std::vector<Blame> blame;
  std::vector<DropReason> drops;  // input that was refused, by name

  void clear() {
    persist.clear();
    deliver.clear();
    checkpoints.clear();
    sign.clear();
    forward.clear();
    verify.clear();
    blame.clear();
    drops.clear();
  }
};

struct Wakeup {};  // next_wakeup() has come
struct Hurry {};   // what is new is to be said now, whatever the periods
struct Persisted {
  PersistToken token = 0;
};  // every record up to this token is durable
// Of the checkpoint's sequence and core state and of everything executed up to it: equal on all correct servers.
struct CheckpointDigest {
  SeqNum sequence;
  Digest digest{};
  STATE_FIELDS(sequence, digest)
};
// The executed state has been replaced by that of a checkpoint that f + 1 servers vouch for, beyond
// progress().executed: the core goes on from there, and what lies below is over. `state` is that checkpoint's.
struct Restored {
  SeqNum sequence;
  ByteView state;
};
// What a server introduces into the order: a client's update, or an event of its site (docs/adr/0012).
[[nodiscard]] constexpr bool is_introduced(message::MessageType type) {
  return type == message::MessageType::ClientOp || type == message::MessageType::Tick ||
         type == message::MessageType::SiteBatch || type == message::MessageType::LinkPart ||
         type == message::MessageType::LinkBundle || type == message::MessageType::DutyReport ||
         type == message::MessageType::LinkInquiry || type == message::MessageType::LinkInquiryResponse;
}

// A verified message: a peer's, this server's own after signing, what a Verify asked about, or one that
// is_introduced().
using Input = std::variant<Wakeup, Hurry, Persisted, CheckpointDigest, Restored, message::VerifiedMessage>;

// What state transfer goes by.
struct Progress {
  SeqNum executed;  // up to here everything is delivered
  SeqNum evident;   // some correct server has executed up to here: the (f + 1)-th highest that servers say
  STATE_FIELDS(executed, evident)
};

// A leader took longer than was acceptable, and this server voted it out.
struct Suspicion {
  View view;
  Duration tat_leader;
  Duration tat_acceptable;
  STATE_FIELDS(view, tat_leader, tat_acceptable)
};

// What status displays; no part of the protocol.
struct Status {
  View view;
  ServerId leader;
  bool view_installed = true;  // false while a view change is under way
  bool leader_suspected = false;
  Duration tat_leader;      // turnaround time of the leader, and what is asked of it
  Duration tat_acceptable;  // the longest Duration there is: nothing yet
  std::optional<Suspicion> last_suspicion;
  std::optional<Duration> view_change_took;  // the last one, here
  SeqNum globally_ordered;                   // last PRE-PREPARE globally ordered without a gap
  std::uint64_t updates_delivered = 0;
  std::size_t updates_waiting = 0;       // taken in, not yet introduced
  std::size_t requests_outstanding = 0;  // introduced here, not yet executed
  ServerSet blacklist;
};

class OrderingCore {
 public:
  OrderingCore() = default;
  OrderingCore(const OrderingCore&) = delete;
  OrderingCore& operator=(const OrderingCore&) = delete;
  virtual ~OrderingCore() = default;

  virtual void step(Instant now, const Input& input, Output& output) = 0;
  // When step(Wakeup) is due; Instant::never() if only input can bring work.
  [[nodiscard]] virtual Instant next_wakeup() const = 0;
  // Whether a further CLIENT-OP would be taken in rather than dropped as client_intake_full (an event:
  // event_intake_full).
  [[nodiscard]] virtual bool accepts_updates() const = 0;
  [[nodiscard]] virtual Progress progress() const = 0;
  // The checkpoint at progress().executed; none while part of what follows it is delivered already.
  [[nodiscard]] virtual std::optional<Checkpoint> checkpoint() const = 0;
  [[nodiscard]] virtual Status status() const = 0;

  // The whole state, for cores that are part of a state machine themselves: those of the protocol among sites. Equal
  // after equal inputs. CHECKs that this protocol has an encoding of its state.
  virtual void save(StateWriter& /*state*/) const { CHECK(false); }
  // A core like this one in the state that save() wrote; null when it is not one.
  [[nodiscard]] virtual std::unique_ptr<OrderingCore> load(StateReader& /*state*/) const { return nullptr; }
};

}  // namespace garrison::ordering
