#include "control/service/null_service.h"

#include "control/service/append.h"
#include "crypto/digest.h"

namespace garrison::service {

void NullService::apply(ByteView /*operation*/, Bytes& reply) {
  ++applied_;
  reply.clear();
}

void NullService::query(ByteView /*operation*/, Bytes& reply) const { reply.clear(); }

bool NullService::is_query(ByteView /*operation*/) const { return false; }

Bytes NullService::snapshot() const {
  Bytes out;
  append(out, applied_);
  return out;
}

Result<void> NullService::restore(ByteView snapshot) {
  Reader reader(snapshot);
  const std::uint64_t applied = reader.u64();
  if (!reader.done()) return Error{"snapshot is not of the null service"};
  applied_ = applied;
  return {};
}

Digest NullService::digest() const { return crypto::sha256(snapshot()); }

}  // namespace garrison::service
