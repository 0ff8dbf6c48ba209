#include "apps/lab/query_history.h"

#include <memory>
#include <utility>

#include "control/service/service.h"
#include "dataplane/base/check.h"

namespace garrison::lab {

namespace {
constexpr std::uint64_t kSpacing = 64;

std::unique_ptr<service::Service> make(const std::string& kind) {
  Result<std::unique_ptr<service::Service>> made = service::make_service(kind);
  CHECK(made.ok());
  return std::move(made).value();
}
}  // namespace

QueryHistory::QueryHistory(std::string service) : service_(std::move(service)) {
  snapshots_.push_back(make(service_)->snapshot());
}

void QueryHistory::add(ByteView operation) {
  operations_.push_back(to_bytes(operation));
  if (operations_.size() % kSpacing != 0) return;
  const std::unique_ptr<service::Service> state = make(service_);
  CHECK(state->restore(snapshots_.back()).ok());
  Bytes result;
  for (std::uint64_t i = operations_.size() - kSpacing; i < operations_.size(); ++i) {
    state->apply(operations_[i], result);
  }
  snapshots_.push_back(state->snapshot());
}

Bytes QueryHistory::answer(std::uint64_t state_sequence, ByteView query) const {
  CHECK(state_sequence <= operations_.size());
  const std::unique_ptr<service::Service> state = make(service_);
  CHECK(state->restore(snapshots_[state_sequence / kSpacing]).ok());
  Bytes result;
  for (std::uint64_t i = state_sequence / kSpacing * kSpacing; i < state_sequence; ++i) {
    state->apply(operations_[i], result);
  }
  state->query(query, result);
  return result;
}

}  // namespace garrison::lab
