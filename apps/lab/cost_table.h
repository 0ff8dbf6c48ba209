// What each operation of a server costs on a named processor, in virtual time. Read from a data file, where the source
// of every value stands beside it (tools/cost-tables).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::lab {

// X(identifier, what one unit is). Per KiB where the cost follows the bytes.
#define GARRISON_OPERATIONS(X)                                             \
  X(sign, "one signature of a server")                                     \
  X(verify, "checking one signature of a server; a known root costs none") \
  X(verify_client, "checking one signature of a client")                   \
  X(share, "one share of a site's signature")                              \
  X(combine, "shares combined into a site's signature, and that checked")  \
  X(verify_site, "checking one signature of a site")                       \
  X(hash_kib, "hashing 1 KiB into leaves of signature trees")              \
  X(mac, "one message authentication code over a reply")                   \
  X(frame, "receiving or sending one frame, system call and tag included") \
  X(frame_kib, "copying and authenticating 1 KiB of frames")               \
  X(step, "one input of the ordering core: decoding, bookkeeping")         \
  X(update, "executing one update")

enum class Operation : std::uint8_t {
#define GARRISON_ENUMERATOR(id, text) id,
  GARRISON_OPERATIONS(GARRISON_ENUMERATOR)
#undef GARRISON_ENUMERATOR
      count_
};
inline constexpr std::size_t kOperations = static_cast<std::size_t>(Operation::count_);

[[nodiscard]] std::string_view name(Operation operation);

struct CostTable {
  std::string name;
  std::string processor;
  std::array<Duration, kOperations> cost{};

  [[nodiscard]] Duration of(Operation operation) const { return cost[static_cast<std::size_t>(operation)]; }
};

// Every operation must be there. Faults as of a topology: "FILE:LINE:COL: what; what to do".
[[nodiscard]] Result<CostTable> parse_cost_table(std::string_view text, const std::string& file);

}  // namespace garrison::lab
