// The kv service: string keys and values with the commands of kv_operation.h and the semantics of Redis 7.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/service/keyed_hash.h"
#include "control/service/kv_operation.h"
#include "control/service/service.h"

namespace garrison::service {

class KvService final : public Service {
 public:
  // What an entry counts for beyond its key and value; a rule of the state bound, not a measurement.
  static constexpr std::uint64_t kEntryOverheadBytes = 64;

  explicit KvService(const ServiceOptions& options);

  void apply(ByteView operation, Bytes& reply) override;
  void query(ByteView operation, Bytes& reply) const override;
  [[nodiscard]] bool is_query(ByteView operation) const override;
  [[nodiscard]] Bytes snapshot() const override;
  Result<void> restore(ByteView snapshot) override;
  [[nodiscard]] Digest digest() const override;

  [[nodiscard]] std::uint64_t state_bytes() const { return state_bytes_; }
  [[nodiscard]] std::size_t size() const { return map_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::array<std::uint64_t, 2> key;
    std::size_t operator()(std::string_view text) const { return sip_hash_13(key, as_bytes(text)); }
  };
  using Map = std::unordered_map<std::string, std::string, Hash, std::equal_to<>>;
  using SortedEntries = std::vector<std::pair<std::string_view, std::string_view>>;

  void get(const KvGet& op, Bytes& reply) const;
  void exists(const KvExists& op, Bytes& reply) const;
  void mget(const KvMGet& op, Bytes& reply) const;
  void set(const KvSet& op, Bytes& reply);
  void del(const KvDel& op, Bytes& reply);
  void incr_by(const KvIncrBy& op, Bytes& reply);
  void mset(const KvMSet& op, Bytes& reply);
  void flush_all(Bytes& reply);
  void run_query(const KvOperation& op, Bytes& reply) const;

  [[nodiscard]] Map empty_map() const { return Map(0, Hash{options_.hash_key}); }
  // By how many bytes storing it would grow the state; 0 if it would shrink.
  [[nodiscard]] std::uint64_t growth(std::string_view key, std::size_t value_bytes) const;
  [[nodiscard]] bool has_room(std::uint64_t growth) const;
  void store(std::string_view key, std::string_view value);
  [[nodiscard]] SortedEntries sorted() const;

  ServiceOptions options_;
  Map map_;
  std::uint64_t state_bytes_ = 0;
};

}  // namespace garrison::service
