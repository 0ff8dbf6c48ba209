// The modelled processor of one server: serial, and busy for as long as the work that the server's parts have really
// done costs by a table. The parts count what they do; the processor charges the differences, so nothing is charged
// twice and nothing that they skip (a root that is known already, say) is charged at all.
#pragma once

#include <array>
#include <cstdint>

#include "apps/lab/cost_table.h"
#include "apps/server/server.h"

namespace garrison::lab {

// Units by Operation; of those per KiB, bytes.
using WorkCounts = std::array<std::uint64_t, kOperations>;

// All that the parts of `server` have done since it was made.
[[nodiscard]] WorkCounts work_done(server::Server& server);

class Processor {
 public:
  // Null: every operation is free. Otherwise outlives it.
  explicit Processor(const CostTable* costs) : costs_(costs) {}

  // What `done`, counted since the start, costs beyond what was charged before. Fractions of a nanosecond are carried
  // to the next charge.
  [[nodiscard]] Duration charge(const WorkCounts& done);
  [[nodiscard]] bool is_free() const { return costs_ == nullptr; }
  [[nodiscard]] Duration busy() const { return busy_; }
  // Of busy(), by Operation.
  [[nodiscard]] std::array<Duration, kOperations> busy_by_operation() const;

 private:
  const CostTable* costs_;
  std::array<std::uint64_t, kOperations> picoseconds_{};
  Duration busy_;
};

}  // namespace garrison::lab
