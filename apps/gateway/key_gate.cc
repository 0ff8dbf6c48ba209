#include "apps/gateway/key_gate.h"

#include "dataplane/base/check.h"

namespace garrison::gateway {

bool KeyGate::admits(const Operation& operation) const {
  if (in_flight_ == 0) return true;
  if (strict_ || whole_database_ > 0 || operation.whole_database) return false;
  for (const std::string& key : operation.keys) {
    const auto use = uses_.find(key);
    if (use == uses_.end()) continue;
    if (use->second.writers > 0 || !operation.reads_only) return false;
  }
  return true;
}

void KeyGate::enter(const Footprint& footprint) {
  ++in_flight_;
  if (footprint.whole_database) ++whole_database_;
  for (const std::string& key : footprint.keys) {
    Use& use = uses_[key];
    ++(footprint.reads_only ? use.readers : use.writers);
  }
}

void KeyGate::leave(const Footprint& footprint) {
  CHECK(in_flight_ > 0);
  --in_flight_;
  if (footprint.whole_database) --whole_database_;
  for (const std::string& key : footprint.keys) {
    const auto use = uses_.find(key);
    CHECK(use != uses_.end());
    --(footprint.reads_only ? use->second.readers : use->second.writers);
    if (use->second.readers + use->second.writers == 0) uses_.erase(use);
  }
}

}  // namespace garrison::gateway
