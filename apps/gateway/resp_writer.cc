#include "apps/gateway/resp_writer.h"

#include <algorithm>

#include "apps/gateway/text.h"

namespace garrison::gateway {

void RespWriter::raw(std::string_view text) { out_.insert(out_.end(), text.begin(), text.end()); }

RespWriter& RespWriter::line(char kind, std::string_view text) {
  out_.push_back(static_cast<std::uint8_t>(kind));
  const std::size_t at = out_.size();
  raw(text);
  std::replace_if(
      out_.begin() + static_cast<std::ptrdiff_t>(at), out_.end(), [](std::uint8_t c) { return c == '\r' || c == '\n'; },
      static_cast<std::uint8_t>(' '));
  raw("\r\n");
  return *this;
}

RespWriter& RespWriter::bulk(std::string_view text) {
  line('$', std::to_string(text.size()));
  raw(text);
  raw("\r\n");
  return *this;
}

RespWriter& RespWriter::nil() {
  raw(protocol_ == Protocol::resp3 ? "_\r\n" : "$-1\r\n");
  return *this;
}

RespWriter& RespWriter::map(std::size_t pairs) {
  return protocol_ == Protocol::resp3 ? line('%', std::to_string(pairs)) : array(2 * pairs);
}

RespWriter& RespWriter::reply(const service::KvReply& reply) {
  switch (reply.kind) {
    case service::KvReply::Kind::nil:
      return nil();
    case service::KvReply::Kind::status:
      return status(text(reply.bytes));
    case service::KvReply::Kind::error:
      return error(text(reply.bytes));
    case service::KvReply::Kind::bulk:
      return bulk(text(reply.bytes));
    case service::KvReply::Kind::integer:
      return integer(reply.integer);
    case service::KvReply::Kind::array:
      array(reply.elements.size());
      for (const service::KvReply& element : reply.elements) this->reply(element);
      return *this;
  }
  return error("ERR reply of unknown kind");
}

}  // namespace garrison::gateway
