#include "control/service/kv_service.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "control/service/append.h"
#include "crypto/digest.h"

namespace garrison::service {
namespace {

constexpr std::uint32_t kSnapshotFormat = 0x31'76'6b'67;  // "gkv1"

constexpr std::string_view kMalformed = "ERR malformed operation";
constexpr std::string_view kNoQuery = "ERR not a query";
constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
constexpr std::string_view kTooLong = "ERR reply is longer than a result may be; ask for fewer keys";
constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";

std::string_view text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// What Redis takes for an integer: no sign but '-', no leading zeros, no spaces, within 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  if (digits.front() == '0' && text != "0") return std::nullopt;
  return value;
}

}  // namespace

KvService::KvService(const ServiceOptions& options) : options_(options), map_(empty_map()) {}

bool KvService::is_query(ByteView operation) const {
  const std::optional<KvOperation> op = decode_kv_operation(operation);
  return op.has_value() && service::is_query(*op);
}

void KvService::query(ByteView operation, Bytes& reply) const {
  const std::optional<KvOperation> op = decode_kv_operation(operation);
  if (!op) return encode(KvReply::error(kMalformed), reply);
  run_query(*op, reply);
}

void KvService::run_query(const KvOperation& op, Bytes& reply) const {
  if (const auto* one = std::get_if<KvGet>(&op)) return get(*one, reply);
  if (const auto* one = std::get_if<KvExists>(&op)) return exists(*one, reply);
  if (const auto* one = std::get_if<KvMGet>(&op)) return mget(*one, reply);
  if (std::holds_alternative<KvDbSize>(op)) {
    return encode(KvReply::number(static_cast<std::int64_t>(map_.size())), reply);
  }
  encode(KvReply::error(kNoQuery), reply);
}

void KvService::apply(ByteView operation, Bytes& reply) {
  const std::optional<KvOperation> op = decode_kv_operation(operation);
  if (!op) return encode(KvReply::error(kMalformed), reply);
  if (const auto* one = std::get_if<KvSet>(&*op)) return set(*one, reply);
  if (const auto* one = std::get_if<KvDel>(&*op)) return del(*one, reply);
  if (const auto* one = std::get_if<KvIncrBy>(&*op)) return incr_by(*one, reply);
  if (const auto* one = std::get_if<KvMSet>(&*op)) return mset(*one, reply);
  if (std::holds_alternative<KvFlushAll>(*op)) return flush_all(reply);
  run_query(*op, reply);
}

void KvService::get(const KvGet& op, Bytes& reply) const {
  const auto found = map_.find(text(op.key));
  encode(found == map_.end() ? KvReply::nil() : KvReply::bulk(as_bytes(found->second)), reply);
}

// A key named twice counts twice.
void KvService::exists(const KvExists& op, Bytes& reply) const {
  std::int64_t count = 0;
  for (const ByteView key : op.keys) count += map_.contains(text(key)) ? 1 : 0;
  encode(KvReply::number(count), reply);
}

void KvService::mget(const KvMGet& op, Bytes& reply) const {
  KvReply array;
  array.kind = KvReply::Kind::array;
  array.elements.reserve(op.keys.size());
  std::size_t bytes = 1 + 2;
  for (const ByteView key : op.keys) {
    const auto found = map_.find(text(key));
    array.elements.push_back(found == map_.end() ? KvReply::nil() : KvReply::bulk(as_bytes(found->second)));
    bytes += found == map_.end() ? 1 : 1 + 4 + found->second.size();
  }
  encode(bytes > kMaxOperationBytes ? KvReply::error(kTooLong) : array, reply);
}

void KvService::set(const KvSet& op, Bytes& reply) {
  const bool present = map_.contains(text(op.key));
  const SetCondition unmet = present ? SetCondition::if_absent : SetCondition::if_present;
  // Redis refuses for want of memory before it looks at the condition.
  if (!has_room(growth(text(op.key), op.value.size()))) return encode(KvReply::error(kOutOfMemory), reply);
  if (op.condition == unmet) return encode(KvReply::nil(), reply);
  store(text(op.key), text(op.value));
  encode(KvReply::status("OK"), reply);
}

void KvService::del(const KvDel& op, Bytes& reply) {
  std::int64_t count = 0;
  for (const ByteView key : op.keys) {
    const auto found = map_.find(text(key));
    if (found == map_.end()) continue;
    state_bytes_ -= kEntryOverheadBytes + found->first.size() + found->second.size();
    map_.erase(found);
    ++count;
  }
  encode(KvReply::number(count), reply);
}

void KvService::incr_by(const KvIncrBy& op, Bytes& reply) {
  const auto found = map_.find(text(op.key));
  const std::optional<std::int64_t> before = found == map_.end() ? 0 : parse_integer(found->second);
  if (!before) return encode(KvReply::error(kNotInteger), reply);
  std::int64_t after = 0;
  if (__builtin_add_overflow(*before, op.delta, &after)) return encode(KvReply::error(kOverflow), reply);
  const std::string digits = std::to_string(after);
  if (!has_room(growth(text(op.key), digits.size()))) return encode(KvReply::error(kOutOfMemory), reply);
  store(text(op.key), digits);
  encode(KvReply::number(after), reply);
}

// All or nothing. Growth is counted pair by pair against the state before: with a key named twice that is more than the
// state will grow, never less.
void KvService::mset(const KvMSet& op, Bytes& reply) {
  std::uint64_t total = 0;
  for (const KvMSet::Pair& pair : op.pairs) total += growth(text(pair.key), pair.value.size());
  if (!has_room(total)) return encode(KvReply::error(kOutOfMemory), reply);
  for (const KvMSet::Pair& pair : op.pairs) store(text(pair.key), text(pair.value));
  encode(KvReply::status("OK"), reply);
}

void KvService::flush_all(Bytes& reply) {
  map_ = empty_map();
  state_bytes_ = 0;
  encode(KvReply::status("OK"), reply);
}

std::uint64_t KvService::growth(std::string_view key, std::size_t value_bytes) const {
  const auto found = map_.find(key);
  if (found == map_.end()) return kEntryOverheadBytes + key.size() + value_bytes;
  return value_bytes > found->second.size() ? value_bytes - found->second.size() : 0;
}

bool KvService::has_room(std::uint64_t growth) const {
  // A restored state may exceed a bound that was lowered since; it may shrink then, not grow.
  return growth == 0 || (state_bytes_ <= options_.max_state_bytes && growth <= options_.max_state_bytes - state_bytes_);
}

void KvService::store(std::string_view key, std::string_view value) {
  const auto found = map_.find(key);
  if (found == map_.end()) {
    state_bytes_ += kEntryOverheadBytes + key.size() + value.size();
    map_.emplace(key, value);
    return;
  }
  state_bytes_ += value.size();
  state_bytes_ -= found->second.size();
  found->second = value;
}

KvService::SortedEntries KvService::sorted() const {
  SortedEntries entries(map_.begin(), map_.end());
  std::sort(entries.begin(), entries.end());
  return entries;
}

Bytes KvService::snapshot() const {
  Bytes out;
  out.reserve(4 + 8 + map_.size() * 8 + state_bytes_ - map_.size() * kEntryOverheadBytes);
  append(out, kSnapshotFormat);
  append(out, static_cast<std::uint64_t>(map_.size()));
  for (const auto& [key, value] : sorted()) {
    append(out, static_cast<std::uint32_t>(key.size()));
    append(out, static_cast<std::uint32_t>(value.size()));
    append(out, as_bytes(key));
    append(out, as_bytes(value));
  }
  return out;
}

Result<void> KvService::restore(ByteView snapshot) {
  Reader reader(snapshot);
  if (reader.u32() != kSnapshotFormat) return Error{"snapshot is not of the kv service, or of another version of it"};
  const std::uint64_t entries = reader.u64();
  Map map = empty_map();
  std::uint64_t bytes = 0;
  std::string_view last;
  for (std::uint64_t i = 0; i < entries && reader.ok(); ++i) {
    const std::uint32_t key_size = reader.u32();
    const std::uint32_t value_size = reader.u32();
    if (key_size > kMaxKeyBytes || value_size > kMaxValueBytes) reader.fail();
    const std::string_view key = text(reader.view(key_size));
    const std::string_view value = text(reader.view(value_size));
    if (i > 0 && key <= last) reader.fail();
    last = key;
    map.emplace(key, value);
    bytes += kEntryOverheadBytes + key.size() + value.size();
  }
  if (!reader.done()) return Error{"snapshot of the kv service is damaged"};
  map_ = std::move(map);
  state_bytes_ = bytes;
  return {};
}

Digest KvService::digest() const {
  crypto::Sha256 hash;
  std::array<std::uint8_t, 8> word{};
  Writer(word).u64(map_.size());
  hash.update(word);
  for (const auto& [key, value] : sorted()) {
    Writer(word).u32(static_cast<std::uint32_t>(key.size())).u32(static_cast<std::uint32_t>(value.size()));
    hash.update(word).update(as_bytes(key)).update(as_bytes(value));
  }
  return hash.finish();
}

}  // namespace garrison::service
