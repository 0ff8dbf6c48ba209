// The replicated service as an application: executes clients' updates and answers them.
#pragma once

#include <memory>
#include <optional>

#include "control/replica/replica.h"
#include "control/service/executor.h"

namespace garrison::replica {

// Sees every update of the total order as it is executed, on the control thread: checkers of the lab.
class ExecutionObserver {
 public:
  ExecutionObserver() = default;
  ExecutionObserver(const ExecutionObserver&) = delete;
  ExecutionObserver& operator=(const ExecutionObserver&) = delete;
  virtual ~ExecutionObserver() = default;
  // `executed` is none for a repetition.
  virtual void on_update(const message::ClientOp& op, const std::optional<service::Executed>& executed) = 0;
  // The state has been replaced by that of others, behind their update number `state_sequence`.
  virtual void on_restore(std::uint64_t state_sequence) = 0;
};

class Replies {
 public:
  Replies() = default;
  Replies(const Replies&) = delete;
  Replies& operator=(const Replies&) = delete;
  virtual ~Replies() = default;
  // `executed.result` is valid during the call only.
  virtual void reply(const service::Executed& executed) = 0;
};

class ServiceApplication final : public Application {
 public:
  // `replies` outlives it.
  ServiceApplication(std::unique_ptr<service::Executor> executor, Replies& replies)
      : executor_(std::move(executor)), replies_(replies) {}

  void execute(Instant now, const ordering::Deliver& batch) override;
  [[nodiscard]] Digest state_digest() const override { return executor_->state_digest(); }
  [[nodiscard]] Bytes snapshot() const override { return executor_->snapshot(); }
  [[nodiscard]] Result<void> restore(ByteView snapshot) override;

  [[nodiscard]] service::Executor& executor() { return *executor_; }
  [[nodiscard]] const service::Executor& executor() const { return *executor_; }
  // Before the first update. May be null; outlives this.
  void set_observer(ExecutionObserver* observer) { observer_ = observer; }

 private:
  std::unique_ptr<service::Executor> executor_;
  Replies& replies_;
  ExecutionObserver* observer_ = nullptr;
};

}  // namespace garrison::replica
