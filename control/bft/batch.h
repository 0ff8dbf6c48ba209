// A batch: what one sequence number orders. Its digests are fixed; the updates themselves come from clients, from the
// queue or from other servers, in any order.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "control/message/messages.h"
#include "control/ordering/promises.h"
#include "dataplane/base/check.h"

namespace garrison::bft {

using ordering::Promises;
using ordering::store;
using ordering::Stored;

class Batch {
 public:
  // The null request when `updates` is empty.
  explicit Batch(std::vector<Digest> updates)
      : digest_(message::batch_digest(updates)),
        updates_(std::move(updates)),
        bodies_(updates_.size()),
        missing_(updates_.size()) {}

  [[nodiscard]] const Digest& digest() const { return digest_; }
  [[nodiscard]] const std::vector<Digest>& updates() const { return updates_; }
  // By place; null where it is missing.
  [[nodiscard]] const std::vector<Stored>& bodies() const { return bodies_; }
  [[nodiscard]] bool complete() const { return missing_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // of the updates held

  // `update` is the CLIENT-OP whose digest stands at this place.
  void supply(std::size_t place, const Stored& update) {
    CHECK(update->get().digest() == updates_[place]);
    if (bodies_[place] != nullptr) return;
    bodies_[place] = update;
    bytes_ += update->get().bytes().size();
    --missing_;
  }

 private:
  Digest digest_;
  std::vector<Digest> updates_;
  std::vector<Stored> bodies_;
  std::size_t missing_;
  std::size_t bytes_ = 0;
};

// Shared between the slot of its sequence number, what that slot remembers of earlier views, and the history.
using SharedBatch = std::shared_ptr<Batch>;

}  // namespace garrison::bft
