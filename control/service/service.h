// A replicated service: a deterministic state machine fed in the total order. One thread at a time.
//
// Deterministic by contract: equal operations in equal order give equal replies, digests and snapshots on every
// server, whatever its machine, clock or memory. An operation is bytes of a client: a malformed one gets an error
// reply in the service's own encoding and never fails.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace garrison::service {

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  // Executes an update or a query. Replaces `reply`; its memory is reused. At most kMaxOperationBytes.
  virtual void apply(ByteView operation, Bytes& reply) = 0;
  // Executes a query; an operation that is none gets an error reply. Replaces `reply`.
  virtual void query(ByteView operation, Bytes& reply) const = 0;
  // Whether `operation` leaves the state as it is. False when malformed.
  [[nodiscard]] virtual bool is_query(ByteView operation) const = 0;

  // The whole state; equal states give equal bytes.
  [[nodiscard]] virtual Bytes snapshot() const = 0;
  // Replaces the state. On an error the state is unchanged.
  virtual Result<void> restore(ByteView snapshot) = 0;
  // Equal states give equal digests. Walks the whole state.
  [[nodiscard]] virtual Digest digest() const = 0;
};

struct ServiceOptions {
  // Updates that would grow the state beyond this are refused with an error reply. Equal on all servers.
  std::uint64_t max_state_bytes = std::uint64_t{1} << 30U;
  // Key of the hash tables against chosen collisions. Secret and different on every server; no result depends on it.
  std::array<std::uint64_t, 2> hash_key{};
};

// "kv" or "null". The error names the kinds there are.
Result<std::unique_ptr<Service>> make_service(std::string_view kind, const ServiceOptions& options = {});

}  // namespace garrison::service
