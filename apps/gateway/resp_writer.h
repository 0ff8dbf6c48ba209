// Replies in RESP2 or RESP3. Pure; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/service/kv_operation.h"
#include "dataplane/base/bytes.h"

namespace garrison::gateway {

enum class Protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

// Appends to a buffer of the caller. Nested values are written after their header, element by element.
class RespWriter {
 public:
  RespWriter(Bytes& out, Protocol protocol) : out_(out), protocol_(protocol) {}

  RespWriter& status(std::string_view text) { return line('+', text); }
  RespWriter& error(std::string_view text) { return line('-', text); }  // "ERR ..."; line ends become spaces
  RespWriter& integer(std::int64_t value) { return line(':', std::to_string(value)); }
  RespWriter& bulk(std::string_view text);
  RespWriter& nil();
  RespWriter& array(std::size_t elements) { return line('*', std::to_string(elements)); }
  // `pairs` keys and values; an array of both in RESP2.
  RespWriter& map(std::size_t pairs);
  RespWriter& reply(const service::KvReply& reply);

 private:
  RespWriter& line(char kind, std::string_view text);
  void raw(std::string_view text);

  Bytes& out_;
  Protocol protocol_;
};

}  // namespace garrison::gateway
