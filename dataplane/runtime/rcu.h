// Read-mostly tables (keys, membership, blacklists), over liburcu's quiescent-state flavour: reading costs one load.
//
// A reader thread holds an RcuReader while it runs, says quiescent() between passes, when it holds no reference to
// any table, and is offline() while it sleeps. One thread publishes a table; publishing waits until every online
// reader has been quiescent, then destroys the old value. Readers that go offline never delay it.
//
// This is the only place that knows liburcu, and it adds the annotations ThreadSanitizer needs: liburcu itself is not
// instrumented, so the edge "reader's last use happens before the old value's destruction" is invisible to it.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::runtime {

// Registers the calling thread as a reader, online, until destroyed by that thread. One per thread.
class RcuReader {
 public:
  RcuReader();
  RcuReader(const RcuReader&) = delete;
  RcuReader& operator=(const RcuReader&) = delete;
  ~RcuReader();

  // No reference obtained by RcuTable::read() is used after any of these.
  void quiescent();
  void offline();  // before sleeping; no read() until online()
  void online();
};

// Waits until every online reader has been quiescent. Blocks; not for workers.
void rcu_synchronize();

template <typename T>
class RcuTable {
 public:
  explicit RcuTable(std::unique_ptr<const T> first) : current_(first.release()) {
    CHECK(current_.load(std::memory_order_relaxed) != nullptr);  // relaxed: not shared yet
  }
  RcuTable(const RcuTable&) = delete;
  RcuTable& operator=(const RcuTable&) = delete;
  // Readers have stopped.
  ~RcuTable() { delete current_.load(std::memory_order_relaxed); }  // relaxed: readers were joined before

  // Registered, online reader threads. Valid until that reader's next quiescent() or offline().
  [[nodiscard]] const T& read() const {
    return *current_.load(std::memory_order_acquire);  // acquire: pairs with publish(), the value is complete
  }

  // The one publishing thread. Returns when the old value is destroyed.
  void publish(std::unique_ptr<const T> next) {
    CHECK(next != nullptr);
    // acq_rel: release makes *next complete for readers; acquire orders us after whoever published before.
    const std::unique_ptr<const T> old(current_.exchange(next.release(), std::memory_order_acq_rel));
    rcu_synchronize();
  }

 private:
  std::atomic<const T*> current_;
};

}  // namespace garrison::runtime
