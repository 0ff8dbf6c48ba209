// Operations and replies of the kv service, as values, and their bytes. Shared by the service, the RESP gateway and
// the native client; a reply maps one to one onto RESP.
//
// Little-endian. key: u16 length, bytes. value: u32 length, bytes. Operations:
//   u8 verb | GET key | SET u8 condition, key, value | DEL, EXISTS, MGET u16 count, keys | INCRBY key, u64 delta |
//             MSET u16 count, (key, value)s | DBSIZE | FLUSHALL
// Replies:
//   u8 kind | nil | status, error, bulk: u32 length, bytes | integer: u64 | array: u16 count, replies (nil or bulk)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace garrison::service {

inline constexpr std::size_t kMaxKeyBytes = 512;
inline constexpr std::size_t kMaxValueBytes = 31 * 1024;
inline constexpr std::size_t kMaxKeysPerOperation = 1024;
static_assert(2 + 2 + kMaxKeyBytes + 4 + kMaxValueBytes <= kMaxOperationBytes, "every SET fits an operation");
static_assert(1 + 4 + kMaxValueBytes <= kMaxOperationBytes, "every GET's reply fits a result");

enum class SetCondition : std::uint8_t { always = 0, if_absent = 1, if_present = 2 };  // -, NX, XX

struct KvGet {
  ByteView key;
};
struct KvSet {
  ByteView key;
  ByteView value;
  SetCondition condition = SetCondition::always;
};
struct KvDel {
  std::vector<ByteView> keys;  // 1..kMaxKeysPerOperation, as everywhere below
};
struct KvExists {
  std::vector<ByteView> keys;
};
struct KvIncrBy {
  ByteView key;
  std::int64_t delta = 0;
};
struct KvMGet {
  std::vector<ByteView> keys;
};
struct KvMSet {
  struct Pair {
    ByteView key;
    ByteView value;
  };
  std::vector<Pair> pairs;
};
struct KvDbSize {};
struct KvFlushAll {};

// Holds views of memory of whoever made it.
using KvOperation = std::variant<KvGet, KvSet, KvDel, KvExists, KvIncrBy, KvMGet, KvMSet, KvDbSize, KvFlushAll>;

// Error when a bound above, or kMaxOperationBytes for the whole, is exceeded: a text fit for an error reply
// ("ERR ...").
Result<Bytes> encode(const KvOperation& operation);
// None when malformed, beyond a bound, or with bytes left over. Views of `bytes`.
std::optional<KvOperation> decode_kv_operation(ByteView bytes);
// GET, EXISTS, MGET, DBSIZE.
bool is_query(const KvOperation& operation);

struct KvReply {
  enum class Kind : std::uint8_t { nil = 0, status = 1, error = 2, bulk = 3, integer = 4, array = 5 };
  Kind kind = Kind::nil;
  std::int64_t integer = 0;       // integer
  ByteView bytes;                 // status ("OK"), error ("ERR ...", "OOM ..."), bulk
  std::vector<KvReply> elements;  // array: nil or bulk

  static KvReply nil() { return {}; }
  static KvReply status(std::string_view text) { return {Kind::status, 0, as_bytes(text), {}}; }
  static KvReply error(std::string_view text) { return {Kind::error, 0, as_bytes(text), {}}; }
  static KvReply bulk(ByteView bytes) { return {Kind::bulk, 0, bytes, {}}; }
  static KvReply number(std::int64_t value) { return {Kind::integer, value, {}, {}}; }
};

// Replaces `out`; its memory is reused. Bounds are the caller's: at most kMaxKeysPerOperation elements (CHECKed).
void encode(const KvReply& reply, Bytes& out);
// None when malformed. Views of `bytes`.
std::optional<KvReply> decode_kv_reply(ByteView bytes);

}  // namespace garrison::service
