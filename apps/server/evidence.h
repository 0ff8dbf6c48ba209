// Where a server of a site among others keeps what convicts other servers and sites, for its administrator: the signed
// messages themselves ([ARCH] 4.1.1).
#pragma once

#include <mutex>
#include <vector>

#include "control/site/blacklist.h"

namespace garrison::server {

class EvidenceStore {
 public:
  EvidenceStore() = default;
  EvidenceStore(const EvidenceStore&) = delete;
  EvidenceStore& operator=(const EvidenceStore&) = delete;
  virtual ~EvidenceStore() = default;
  // The control thread of the server: must not wait. Each server and each site is convicted once at most.
  virtual void keep(const site::Conviction& conviction) = 0;
  // All that was kept, in that order. Any thread.
  [[nodiscard]] virtual std::vector<site::Conviction> all() const = 0;
};

// In memory.
class EvidenceMemory : public EvidenceStore {
 public:
  void keep(const site::Conviction& conviction) override {
    const std::lock_guard lock(mutex_);
    all_.push_back(conviction);
  }
  [[nodiscard]] std::vector<site::Conviction> all() const override {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<site::Conviction> all_;
};

}  // namespace garrison::server
