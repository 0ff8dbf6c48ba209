#include "control/service/kv_operation.h"

#include <string>
#include <utility>

#include "control/service/append.h"
#include "dataplane/base/check.h"

namespace garrison::service {
namespace {

enum class Verb : std::uint8_t {
  get = 1,
  set = 2,
  del = 3,
  exists = 4,
  incr_by = 5,
  mget = 6,
  mset = 7,
  db_size = 8,
  flush_all = 9,
};

// Encodes one operation; the first bound that is exceeded stands in `error`.
class Encoder {
 public:
  void operator()(const KvGet& op) { verb(Verb::get).key(op.key); }
  void operator()(const KvSet& op) {
    verb(Verb::set);
    append(out_, static_cast<std::uint8_t>(op.condition));
    key(op.key).value(op.value);
  }
  void operator()(const KvDel& op) { verb(Verb::del).keys(op.keys); }
  void operator()(const KvExists& op) { verb(Verb::exists).keys(op.keys); }
  void operator()(const KvIncrBy& op) {
    verb(Verb::incr_by).key(op.key);
    append(out_, static_cast<std::uint64_t>(op.delta));
  }
  void operator()(const KvMGet& op) { verb(Verb::mget).keys(op.keys); }
  void operator()(const KvMSet& op) {
    verb(Verb::mset).count(op.pairs.size());
    for (const KvMSet::Pair& pair : op.pairs) key(pair.key).value(pair.value);
  }
  void operator()(const KvDbSize&) { verb(Verb::db_size); }
  void operator()(const KvFlushAll&) { verb(Verb::flush_all); }

  Result<Bytes> finish() && {
    if (out_.size() > kMaxOperationBytes) {
      refuse("ERR operation is longer than " + std::to_string(kMaxOperationBytes) + " bytes");
    }
    if (!error_.empty()) return Error{std::move(error_)};
    return std::move(out_);
  }

 private:
  Encoder& verb(Verb verb) { return append(out_, static_cast<std::uint8_t>(verb)), *this; }
  Encoder& count(std::size_t n) {
    if (n == 0) return refuse("ERR wrong number of arguments");
    if (n > kMaxKeysPerOperation) {
      return refuse("ERR more than " + std::to_string(kMaxKeysPerOperation) + " keys in one operation");
    }
    return append(out_, static_cast<std::uint16_t>(n)), *this;
  }
  Encoder& keys(const std::vector<ByteView>& keys) {
    count(keys.size());
    for (const ByteView one : keys) key(one);
    return *this;
  }
  Encoder& key(ByteView key) {
    if (key.size() > kMaxKeyBytes) {
      return refuse("ERR key is longer than " + std::to_string(kMaxKeyBytes) + " bytes");
    }
    append(out_, static_cast<std::uint16_t>(key.size()));
    return append(out_, key), *this;
  }
  Encoder& value(ByteView value) {
    if (value.size() > kMaxValueBytes) {
      return refuse("ERR value is longer than " + std::to_string(kMaxValueBytes) + " bytes");
    }
    append(out_, static_cast<std::uint32_t>(value.size()));
    return append(out_, value), *this;
  }
  Encoder& refuse(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    return *this;
  }

  Bytes out_;
  std::string error_;
};

ByteView read_key(Reader& reader) {
  const std::uint16_t size = reader.u16();
  if (size > kMaxKeyBytes) reader.fail();
  return reader.view(size);
}

ByteView read_value(Reader& reader) {
  const std::uint32_t size = reader.u32();
  if (size > kMaxValueBytes) reader.fail();
  return reader.view(size);
}

// How many elements follow; what they take at least bounds what a reader allocates for them.
std::size_t read_count(Reader& reader, std::size_t min_element_bytes) {
  const std::size_t count = reader.u16();
  if (count == 0 || count > kMaxKeysPerOperation || count * min_element_bytes > reader.remaining()) {
    reader.fail();
    return 0;
  }
  return count;
}

std::vector<ByteView> read_keys(Reader& reader) {
  std::vector<ByteView> keys(read_count(reader, 2));
  for (ByteView& key : keys) key = read_key(reader);
  return keys;
}

SetCondition read_condition(Reader& reader) {
  const std::uint8_t value = reader.u8();
  if (value > static_cast<std::uint8_t>(SetCondition::if_present)) reader.fail();
  return static_cast<SetCondition>(value);
}

KvSet read_set(Reader& reader) {
  KvSet op;
  op.condition = read_condition(reader);
  op.key = read_key(reader);
  op.value = read_value(reader);
  return op;
}

KvIncrBy read_incr_by(Reader& reader) {
  KvIncrBy op;
  op.key = read_key(reader);
  op.delta = static_cast<std::int64_t>(reader.u64());
  return op;
}

KvMSet read_mset(Reader& reader) {
  KvMSet op;
  op.pairs.resize(read_count(reader, 2 + 4));
  for (KvMSet::Pair& pair : op.pairs) {
    pair.key = read_key(reader);
    pair.value = read_value(reader);
  }
  return op;
}

KvOperation read_operation(Reader& reader) {
  switch (static_cast<Verb>(reader.u8())) {
    case Verb::get:
      return KvGet{read_key(reader)};
    case Verb::set:
      return read_set(reader);
    case Verb::del:
      return KvDel{read_keys(reader)};
    case Verb::exists:
      return KvExists{read_keys(reader)};
    case Verb::incr_by:
      return read_incr_by(reader);
    case Verb::mget:
      return KvMGet{read_keys(reader)};
    case Verb::mset:
      return read_mset(reader);
    case Verb::db_size:
      return KvDbSize{};
    case Verb::flush_all:
      return KvFlushAll{};
  }
  reader.fail();
  return KvDbSize{};
}

void append_reply(const KvReply& reply, Bytes& out) {
  append(out, static_cast<std::uint8_t>(reply.kind));
  switch (reply.kind) {
    case KvReply::Kind::nil:
      return;
    case KvReply::Kind::status:
    case KvReply::Kind::error:
    case KvReply::Kind::bulk:
      append(out, static_cast<std::uint32_t>(reply.bytes.size()));
      append(out, reply.bytes);
      return;
    case KvReply::Kind::integer:
      append(out, static_cast<std::uint64_t>(reply.integer));
      return;
    case KvReply::Kind::array:
      CHECK(reply.elements.size() <= kMaxKeysPerOperation);
      append(out, static_cast<std::uint16_t>(reply.elements.size()));
      for (const KvReply& element : reply.elements) {
        CHECK(element.kind == KvReply::Kind::nil || element.kind == KvReply::Kind::bulk);
        append_reply(element, out);
      }
      return;
  }
}

KvReply read_element(Reader& reader) {
  const std::uint8_t kind = reader.u8();
  if (kind == static_cast<std::uint8_t>(KvReply::Kind::bulk)) return KvReply::bulk(reader.view(reader.u32()));
  if (kind != static_cast<std::uint8_t>(KvReply::Kind::nil)) reader.fail();
  return KvReply::nil();
}

KvReply read_array(Reader& reader) {
  KvReply reply;
  reply.kind = KvReply::Kind::array;
  const std::size_t count = reader.u16();
  if (count > kMaxKeysPerOperation || count > reader.remaining()) return reader.fail(), reply;
  reply.elements.resize(count);
  for (KvReply& element : reply.elements) element = read_element(reader);
  return reply;
}

KvReply read_reply(Reader& reader) {
  KvReply reply;
  reply.kind = static_cast<KvReply::Kind>(reader.u8());
  switch (reply.kind) {
    case KvReply::Kind::nil:
      return reply;
    case KvReply::Kind::status:
    case KvReply::Kind::error:
    case KvReply::Kind::bulk:
      reply.bytes = reader.view(reader.u32());
      return reply;
    case KvReply::Kind::integer:
      reply.integer = static_cast<std::int64_t>(reader.u64());
      return reply;
    case KvReply::Kind::array:
      return read_array(reader);
  }
  reader.fail();
  return {};
}

}  // namespace

Result<Bytes> encode(const KvOperation& operation) {
  Encoder encoder;
  std::visit(encoder, operation);
  return std::move(encoder).finish();
}

std::optional<KvOperation> decode_kv_operation(ByteView bytes) {
  if (bytes.size() > kMaxOperationBytes) return std::nullopt;
  Reader reader(bytes);
  KvOperation operation = read_operation(reader);
  if (!reader.done()) return std::nullopt;
  return operation;
}

bool is_query(const KvOperation& operation) {
  return std::holds_alternative<KvGet>(operation) || std::holds_alternative<KvExists>(operation) ||
         std::holds_alternative<KvMGet>(operation) || std::holds_alternative<KvDbSize>(operation);
}

void encode(const KvReply& reply, Bytes& out) {
  out.clear();
  append_reply(reply, out);
}

std::optional<KvReply> decode_kv_reply(ByteView bytes) {
  Reader reader(bytes);
  KvReply reply = read_reply(reader);
  if (!reader.done()) return std::nullopt;
  return reply;
}

}  // namespace garrison::service
