// The asking side of state transfer: notices that this server cannot go on by itself, collects checkpoints until f + 1
// are equal, and fetches the chunks of that one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "control/state_transfer/fetch.h"
#include "control/state_transfer/output.h"
#include "control/state_transfer/transfer_config.h"
#include "dataplane/base/state_fields.h"

namespace garrison::state_transfer {

class Recipient {
 public:
  enum class Phase : std::uint8_t { none, asking, fetching };

  explicit Recipient(const TransferConfig& config) : config_(config) {}

  void on_checkpoint(Instant now, const message::VerifiedMessage& message, Output& output);
  void on_chunk(Instant now, const message::VerifiedMessage& message, Output& output);
  void tick(Instant now, const ordering::Progress& progress, Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] bool catching_up() const { return phase_ != Phase::none; }
  // The checkpoint whose chunks are fetched; null while none is proven.
  [[nodiscard]] const Fetch* fetch() const { return fetch_.has_value() ? &*fetch_ : nullptr; }

  void save(ordering::StateWriter& state) const;
  void load(ordering::StateReader& state);

  STATE_FIELDS(config_, phase_, progress_, progressed_at_, ticked_at_, started_, number_, at_, attempt_at_, ask_at_,
               offers_, fetch_)

 private:
  [[nodiscard]] bool behind() const;
  void begin_attempt(Instant now, Output& output);
  void ask(Instant now, Output& output);
  void give_up();

  const TransferConfig& config_;
  Phase phase_ = Phase::none;
  ordering::Progress progress_;
  Instant progressed_at_;  // when this server last executed something or was not evidently behind
  Instant ticked_at_;
  bool started_ = false;

  std::uint64_t number_ = 0;  // of the attempt
  SeqNum at_;
  Instant attempt_at_;
  Instant ask_at_;
  std::array<std::optional<Offer>, kMaxServersPerSite> offers_;  // the newest checkpoint that each server vouches for
  std::optional<Fetch> fetch_;
};

}  // namespace garrison::state_transfer

template <>
inline constexpr std::size_t garrison::kValuesOf<garrison::state_transfer::Recipient::Phase> = 3;
