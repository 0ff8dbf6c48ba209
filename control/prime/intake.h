// What waits to be introduced: bounded in number and bytes, fair between clients [PRIME] 5.1, A.1.
//
// Clients take turns, one update each, so that one that floods delays itself. Admission (who may ask, what was asked
// before) is the environment's. Events of the site go first, TICK before all, and leave clients a quarter of each
// request, so that neither can keep the other out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class Intake {
 public:
  // `config` outlives it.
  explicit Intake(const PrimeConfig& config);
  explicit Intake(PrimeConfig&& config) = delete;

  // None when taken; else why not.
  [[nodiscard]] std::optional<DropReason> take(const message::VerifiedMessage& update);
  // Whether another update would be taken of a client that is not at its own bound.
  [[nodiscard]] bool accepts() const {
    return (used_ < entries_.size() || !free_.empty()) && waiting_bytes_ < config_.max_waiting_bytes;
  }
  [[nodiscard]] bool empty() const { return turns_.empty() && events_.empty() && tick_ == nullptr; }
  [[nodiscard]] std::size_t waiting() const {
    return used_ - free_.size() + events_.size() + (tick_ == nullptr ? 0 : 1);
  }

  // The updates of the next PO-REQUEST: at most max_updates_per_request and max_request_bytes; at least one unless
  // empty().
  [[nodiscard]] std::vector<Stored> next_request();

  STATE_FIELDS(config_, entries_, used_, free_, clients_, turns_, waiting_bytes_, tick_, events_, event_bytes_)

 private:
  struct Request;
  [[nodiscard]] std::optional<DropReason> take_event(const message::VerifiedMessage& event);
  [[nodiscard]] std::uint32_t free_place();
  void add_events(Request& request);
  void add_updates(Request& request);

  static constexpr std::uint32_t kNone = UINT32_MAX;
  // Clients' queues are chains through one preallocated table.
  struct Entry {
    Stored update;
    std::uint32_t next = kNone;
    STATE_FIELDS(update, next)
  };
  struct Client {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::size_t waiting = 0;
    STATE_FIELDS(first, last, waiting)
  };

  const PrimeConfig& config_;
  SlotRing<Entry> entries_;
  std::uint32_t used_ = 0;                   // entries from here on have never been used
  std::vector<std::uint32_t> free_;          // others that are free, the next one to use last
  std::map<std::uint32_t, Client> clients_;  // those with something waiting, by signer index
  std::deque<std::uint32_t> turns_;          // each of them once
  std::size_t waiting_bytes_ = 0;
  Stored tick_;                // the newest; an older one that was not introduced is void
  std::deque<Stored> events_;  // the others
  std::size_t event_bytes_ = 0;
};

}  // namespace garrison::prime
