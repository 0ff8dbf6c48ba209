// Short hand for tests of the kv service: operations from text, replies to text as redis-cli would print them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/service/kv_operation.h"
#include "control/service/service.h"

namespace garrison::service {

inline std::vector<ByteView> views(const std::vector<std::string_view>& texts) {
  std::vector<ByteView> out;
  for (const std::string_view text : texts) out.push_back(as_bytes(text));
  return out;
}

inline Bytes op_get(std::string_view key) { return encode(KvOperation(KvGet{as_bytes(key)})).value(); }
inline Bytes op_set(std::string_view key, std::string_view value, SetCondition condition = SetCondition::always) {
  return encode(KvOperation(KvSet{as_bytes(key), as_bytes(value), condition})).value();
}
inline Bytes op_incr(std::string_view key, std::int64_t delta) {
  return encode(KvOperation(KvIncrBy{as_bytes(key), delta})).value();
}
inline Bytes op_del(const std::vector<std::string_view>& keys) {
  return encode(KvOperation(KvDel{views(keys)})).value();
}
inline Bytes op_exists(const std::vector<std::string_view>& keys) {
  return encode(KvOperation(KvExists{views(keys)})).value();
}
inline Bytes op_mget(const std::vector<std::string_view>& keys) {
  return encode(KvOperation(KvMGet{views(keys)})).value();
}
inline Bytes op_mset(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
  KvMSet op;
  for (const auto& [key, value] : pairs) op.pairs.push_back({as_bytes(key), as_bytes(value)});
  return encode(KvOperation(op)).value();
}
inline Bytes op_db_size() { return encode(KvOperation(KvDbSize{})).value(); }
inline Bytes op_flush_all() { return encode(KvOperation(KvFlushAll{})).value(); }

inline std::string print(const KvReply& reply) {
  const std::string text(reinterpret_cast<const char*>(reply.bytes.data()), reply.bytes.size());
  switch (reply.kind) {
    case KvReply::Kind::nil:
      return "(nil)";
    case KvReply::Kind::status:
      return text;
    case KvReply::Kind::error:
      return "(error) " + text;
    case KvReply::Kind::bulk:
      return '"' + text + '"';
    case KvReply::Kind::integer:
      return "(integer) " + std::to_string(reply.integer);
    case KvReply::Kind::array:
      break;
  }
  std::string out = "[";
  for (const KvReply& element : reply.elements) out += (out.size() > 1 ? ", " : "") + print(element);
  return out + "]";
}

inline std::string print(ByteView bytes) {
  const std::optional<KvReply> reply = decode_kv_reply(bytes);
  return reply ? print(*reply) : "malformed reply";
}

// Applies and prints.
inline std::string run(Service& service, ByteView operation) {
  Bytes reply{1, 2, 3};  // left over from before: to be replaced
  service.apply(operation, reply);
  return print(reply);
}

inline std::string ask(const Service& service, ByteView operation) {
  Bytes reply{1, 2, 3};
  service.query(operation, reply);
  return print(reply);
}

}  // namespace garrison::service
