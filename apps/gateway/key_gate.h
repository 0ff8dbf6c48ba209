// Which operations of one connection may be in flight together.
//
// Replication orders what is in flight at the same time as it likes. A Redis client that pipelines expects a command
// to see the effects of those before it, so an operation waits for earlier ones that touch one of its keys, unless
// both only read. Strict: it waits for all of them. Pure; one thread; what it holds is bounded by who asks it.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "apps/gateway/command_table.h"

namespace garrison::gateway {

// What an operation in flight holds.
struct Footprint {
  std::vector<std::string> keys;
  bool reads_only = false;
  bool whole_database = false;
};

class KeyGate {
 public:
  explicit KeyGate(bool strict) : strict_(strict) {}

  [[nodiscard]] bool admits(const Operation& operation) const;
  void enter(const Footprint& footprint);
  void leave(const Footprint& footprint);
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  struct Use {
    std::size_t readers = 0;
    std::size_t writers = 0;
  };
  bool strict_;
  std::map<std::string, Use, std::less<>> uses_;  // ordered: a client chooses the keys
  std::size_t in_flight_ = 0;
  std::size_t whole_database_ = 0;
};

}  // namespace garrison::gateway
