// Messages for a view that this server has not reached: their senders were faster. Bounded per signer; what finds no
// room is repeated by its sender.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class EarlyMessages {
 public:
  explicit EarlyMessages(std::size_t n) : kept_(n) {}

  // False when there is no room.
  [[nodiscard]] bool keep(const message::VerifiedMessage& message) {
    std::deque<Stored>& of_signer = kept_[message.server().index()];
    if (of_signer.size() == kMaxPerSigner) return false;
    of_signer.push_back(store(message));
    return true;
  }
  // All of them, signer by signer, in the order of their arrival.
  [[nodiscard]] std::vector<Stored> take() {
    std::vector<Stored> all;
    for (std::deque<Stored>& of_signer : kept_) {
      for (Stored& message : std::exchange(of_signer, {})) all.push_back(std::move(message));
    }
    return all;
  }

  STATE_FIELDS(kept_)

 private:
  static constexpr std::size_t kMaxPerSigner = 64;
  std::vector<std::deque<Stored>> kept_;
};

}  // namespace garrison::prime
