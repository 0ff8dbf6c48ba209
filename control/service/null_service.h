// The null service: takes any operation, replies with no bytes, counts. What remains is the cost of replication.
#pragma once

#include <cstdint>

#include "control/service/service.h"

namespace garrison::service {

class NullService final : public Service {
 public:
  void apply(ByteView operation, Bytes& reply) override;
  void query(ByteView operation, Bytes& reply) const override;
  [[nodiscard]] bool is_query(ByteView operation) const override;
  [[nodiscard]] Bytes snapshot() const override;
  Result<void> restore(ByteView snapshot) override;
  [[nodiscard]] Digest digest() const override;

  [[nodiscard]] std::uint64_t applied() const { return applied_; }

 private:
  std::uint64_t applied_ = 0;
};

}  // namespace garrison::service
