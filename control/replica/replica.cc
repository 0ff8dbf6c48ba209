#include "control/replica/replica.h"

#include <array>
#include <utility>

#include "control/ordering/state_reader.h"
#include "crypto/digest.h"

namespace garrison::replica {

Replica::Replica(std::unique_ptr<ordering::OrderingCore> core, Application& application, Environment& environment,
                 const std::optional<state_transfer::TransferConfig>& transfer)
    : core_(std::move(core)), application_(application), environment_(environment), transfer_config_(transfer) {
  if (transfer.has_value()) transfer_ = std::make_unique<state_transfer::StateTransfer>(*transfer);
}

void Replica::step(Instant now, const ordering::Input& input) {
  output_.clear();
  ++steps_;
  core_->step(now, input, output_);
  carry_out(now);
}

void Replica::take(Instant now, const message::VerifiedMessage& message) {
  if (message::find_row(message.type())->protocol != message::Protocol::state) return step(now, message);
  if (transfer_ == nullptr) return environment_.drop(DropReason::message_wrong_direction);
  state_transfer::Output output;
  transfer_->on_message(now, message, output);
  carry_out_transfer(now, output);
}

void Replica::tick(Instant now) {
  if (core_->next_wakeup() <= now) step(now, ordering::Wakeup{});
  for (; !digests_due_.empty(); digests_due_.pop_front()) step(now, digests_due_.front());
  transfer(now);
}

Instant Replica::next_wakeup() const {
  return transfer_ != nullptr ? earlier(core_->next_wakeup(), transfer_->next_wakeup()) : core_->next_wakeup();
}

state_transfer::Status Replica::transfer_status() const {
  return transfer_ != nullptr ? transfer_->status() : state_transfer::Status{};
}

void Replica::carry_out(Instant now) {
  for (const ordering::Persist& record : output_.persist) environment_.persist(record);
  auto checkpoint = output_.checkpoints.begin();
  for (std::size_t delivered = 0;; ++delivered) {
    for (; checkpoint != output_.checkpoints.end() && checkpoint->delivered == delivered; ++checkpoint) {
      reach(now, *checkpoint);
    }
    if (delivered == output_.deliver.size()) break;
    application_.execute(now, output_.deliver[delivered]);
  }
  CHECK(checkpoint == output_.checkpoints.end());
  for (const ordering::Sign& request : output_.sign) environment_.sign(request);
  for (const ordering::Forward& request : output_.forward) environment_.forward(request);
  for (const ordering::Verify& request : output_.verify) environment_.verify(request);
  for (const DropReason reason : output_.drops) environment_.drop(reason);
}

void Replica::reach(Instant now, const ordering::Checkpoint& checkpoint) {
  if (transfer_ != nullptr && transfer_->wants(now, checkpoint.sequence)) {
    state_transfer::Output output;
    transfer_->keep(now, checkpoint, application_.snapshot(), output);
    carry_out_transfer(now, output);
  }
  if (!checkpoint.digest_wanted) return;
  std::array<std::uint8_t, 8> sequence{};
  Writer(sequence).u64(checkpoint.sequence.value());
  digests_due_.push_back({checkpoint.sequence, crypto::Sha256()
                                                   .update(as_bytes(std::string_view("garrison-checkpoint-1")))
                                                   .update(sequence)
                                                   .update(application_.state_digest())
                                                   .update(checkpoint.state)
                                                   .finish()});
}

void Replica::transfer(Instant now) {
  if (transfer_ == nullptr) return;
  state_transfer::Output output;
  const ordering::Progress progress = core_->progress();
  transfer_->tick(now, progress, output);
  carry_out_transfer(now, output);
  if (!transfer_->wants(now, progress.executed)) return;
  if (const std::optional<ordering::Checkpoint> here = core_->checkpoint(); here.has_value()) reach(now, *here);
}

void Replica::carry_out_transfer(Instant now, state_transfer::Output& output) {
  if (output.restore.has_value()) restore(now, *output.restore);
  for (const ordering::Sign& request : output.sign) environment_.sign(request);
  for (const ordering::Forward& request : output.forward) environment_.forward(request);
  for (const DropReason reason : output.drops) environment_.drop(reason);
}

void Replica::restore(Instant now, const state_transfer::Restore& checkpoint) {
  if (checkpoint.sequence <= core_->progress().executed) return;  // repair was faster
  if (const Result<void> restored = application_.restore(checkpoint.snapshot); !restored) {
    return environment_.drop(DropReason::state_refused);
  }
  transfer_->restored(checkpoint.sequence);
  step(now, ordering::Restored{checkpoint.sequence, checkpoint.state});
}

void Replica::save(ordering::StateWriter& state) const {
  core_->save(state);
  if (transfer_ != nullptr) state.put(*transfer_);
  state.put(digests_due_).put(steps_);
}

std::optional<Replica::Loaded> Replica::load(ordering::StateReader& state) const {
  Loaded loaded;
  loaded.core = core_->load(state);
  if (loaded.core == nullptr) return std::nullopt;
  if (transfer_ != nullptr) {
    loaded.transfer = std::make_unique<state_transfer::StateTransfer>(*transfer_config_);
    state.get(*loaded.transfer);
  }
  state.get(loaded.digests_due).get(loaded.steps);
  return state.ok() ? std::optional(std::move(loaded)) : std::nullopt;
}

void Replica::go_on_from(Loaded loaded) {
  core_ = std::move(loaded.core);
  transfer_ = std::move(loaded.transfer);
  digests_due_ = std::move(loaded.digests_due);
  steps_ = loaded.steps;
}

}  // namespace garrison::replica
