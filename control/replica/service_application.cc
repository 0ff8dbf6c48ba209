#include "control/replica/service_application.h"

namespace garrison::replica {

void ServiceApplication::execute(Instant /*now*/, const ordering::Deliver& batch) {
  for (const ByteView update : batch.updates) {
    const auto op = message::decode<message::ClientOp>(update);
    CHECK(op.has_value());
    const std::optional<service::Executed> executed = executor_->execute(*op);
    if (observer_ != nullptr) observer_->on_update(*op, executed);
    if (executed.has_value() && !executed->void_update) replies_.reply(*executed);
  }
}

Result<void> ServiceApplication::restore(ByteView snapshot) {
  if (Result<void> restored = executor_->restore(snapshot); !restored) return restored;
  if (observer_ != nullptr) observer_->on_restore(executor_->state_sequence());
  return {};
}

}  // namespace garrison::replica
