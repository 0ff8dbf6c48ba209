// What the gateway makes of a command: an operation of the kv service, or a reply of its own for what concerns the
// connection alone. Commands, arities and errors are those of Redis 7. Pure; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apps/gateway/resp_writer.h"
#include "dataplane/base/bytes.h"

namespace garrison::gateway {

// What commands see and change of their connection.
struct RespSession {
  std::uint64_t id = 0;
  std::string peer;  // "127.0.0.1:50000"
  Protocol protocol = Protocol::resp2;
  std::string name;
};

// What INFO says.
struct GatewayFacts {
  std::uint16_t port = 0;
  std::uint64_t uptime_s = 0;
  std::uint64_t connections = 0;
  std::uint64_t connections_total = 0;
  std::uint64_t operations_total = 0;
  std::uint64_t operations_in_flight = 0;
  std::uint64_t servers_ready = 0;  // of the first client identity
};

// To be replicated; its result is for reply_of().
struct Operation {
  Bytes bytes;
  std::vector<std::string> keys;  // that it reads or writes
  bool reads_only = false;
  bool whole_database = false;  // reads or writes all keys
};

struct Immediate {
  Bytes reply;
  bool close = false;  // the connection, once the reply is out
};

using Translated = std::variant<Operation, Immediate>;

// `arguments`: name first; at least one.
[[nodiscard]] Translated translate(std::span<const ByteView> arguments, RespSession& session,
                                   const GatewayFacts& facts);

// The reply to an operation from the bytes that servers agreed on.
[[nodiscard]] Bytes reply_of(ByteView result, Protocol protocol);

}  // namespace garrison::gateway
