// One member of a replicated state machine: an ordering core, the application that its order is fed to, and the state
// transfer beside them. Servers of a site are replicas of their site's state; sites are replicas of the service.
//
// Pure: what must be signed, sent, verified or stored is handed to the Environment, in the order that the core's
// contract states (control/ordering/ordering.h). One thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "control/ordering/ordering.h"
#include "control/state_transfer/state_transfer.h"
#include "dataplane/base/result.h"

namespace garrison::replica {

// What the total order is fed to: deterministic.
class Application {
 public:
  Application() = default;
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;
  virtual ~Application() = default;

  // The next updates of the order.
  virtual void execute(Instant now, const ordering::Deliver& batch) = 0;
  // Of the whole state, equal on correct replicas that have executed the same: for checkpoints, and never on a path
  // that must be quick.
  [[nodiscard]] virtual Digest state_digest() const = 0;
  [[nodiscard]] virtual Bytes snapshot() const = 0;
  // Replaces everything. On an error nothing changes.
  [[nodiscard]] virtual Result<void> restore(ByteView snapshot) = 0;
};

// Where the effects of a step go.
class Environment {
 public:
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  virtual ~Environment() = default;

  virtual void persist(const ordering::Persist& record) = 0;
  virtual void sign(const ordering::Sign& request) = 0;
  virtual void forward(const ordering::Forward& request) = 0;
  virtual void verify(const ordering::Verify& request) = 0;
  virtual void drop(DropReason reason) = 0;
};

class Replica {
 public:
  // `application` and `environment` outlive it. Without `transfer` the application's state is never handed over.
  Replica(std::unique_ptr<ordering::OrderingCore> core, Application& application, Environment& environment,
          const std::optional<state_transfer::TransferConfig>& transfer);

  // An input of the core. The core's last refusals, if it had any, are in refused() until the next step.
  void step(Instant now, const ordering::Input& input);
  [[nodiscard]] const std::vector<DropReason>& refused() const { return output_.drops; }
  // A participant's message, this one's own among them: to the state transfer or to the core.
  void take(Instant now, const message::VerifiedMessage& message);
  // Does what is due: after each burst of input, and when next_wakeup() has come.
  void tick(Instant now);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] const ordering::OrderingCore& core() const { return *core_; }
  [[nodiscard]] state_transfer::Status transfer_status() const;
  [[nodiscard]] std::uint64_t steps() const { return steps_; }  // inputs that the core was given

  // For a replica that is part of a state machine itself: all of its state but the application's.
  struct Loaded {
    std::unique_ptr<ordering::OrderingCore> core;
    std::unique_ptr<state_transfer::StateTransfer> transfer;
    std::deque<ordering::CheckpointDigest> digests_due;
    std::uint64_t steps = 0;
  };
  void save(ordering::StateWriter& state) const;
  // What save() wrote, for a replica like this one; none when it is not that.
  [[nodiscard]] std::optional<Loaded> load(ordering::StateReader& state) const;
  void go_on_from(Loaded loaded);

 private:
  void carry_out(Instant now);
  void reach(Instant now, const ordering::Checkpoint& checkpoint);
  void transfer(Instant now);
  void carry_out_transfer(Instant now, state_transfer::Output& output);
  void restore(Instant now, const state_transfer::Restore& checkpoint);

  std::unique_ptr<ordering::OrderingCore> core_;
  Application& application_;
  Environment& environment_;
  std::optional<state_transfer::TransferConfig> transfer_config_;
  std::unique_ptr<state_transfer::StateTransfer> transfer_;  // null: the state is never handed over
  ordering::Output output_;
  std::deque<ordering::CheckpointDigest> digests_due_;  // to be handed to the core by the next tick()
  std::uint64_t steps_ = 0;
};

}  // namespace garrison::replica
