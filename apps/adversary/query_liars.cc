#include "apps/adversary/query_liars.h"

#include <array>
#include <iterator>

#include "dataplane/base/rng.h"

namespace garrison::adversary {

namespace {
constexpr std::uint64_t kFarAhead = 1000;
constexpr std::size_t kRemembered = 256;  // rounds: those that servers are still being asked about
}  // namespace

QueryLie QueryLiars::lie_about(const Round& round) const {
  const auto& [client, number, count] = round;
  return kQueryLies[Rng(seed_ ^ (number * 64 + count) ^ (std::uint64_t{client.value()} << 40U))
                        .below(std::size(kQueryLies))];
}

std::optional<QueryLiars::Said> QueryLiars::answer(const message::QueryReply& truth, ByteView operation) {
  first_.try_emplace(to_bytes(operation), Said{truth.state_sequence, to_bytes(truth.result)});
  ++acted_;
  const Round round(truth.client, truth.number, truth.round);
  const QueryLie lie = lie_about(round);
  if (lie == QueryLie::silence) return std::nullopt;
  const auto [known, fresh] = said_.try_emplace(round);
  if (!fresh) return known->second;
  known->second = make(lie, truth, operation);
  said_in_order_.push_back(round);
  if (said_in_order_.size() > kRemembered) {
    said_.erase(said_in_order_.front());
    said_in_order_.pop_front();
  }
  return known->second;
}

QueryLiars::Said QueryLiars::make(QueryLie lie, const message::QueryReply& truth, ByteView operation) {
  Said said{truth.state_sequence, to_bytes(truth.result)};
  switch (lie) {
    case QueryLie::wrong_result:
      said.result.push_back(0);
      break;
    case QueryLie::each_another: {
      std::array<std::uint8_t, 4> mark{};
      Writer(mark).u32(truth.client.value());
      said.result.insert(said.result.end(), mark.begin(), mark.end());
      break;
    }
    case QueryLie::future:
      said.state_sequence += kFarAhead;
      break;
    case QueryLie::past:
      said.state_sequence /= 2;
      break;
    case QueryLie::old_truth:
      said = first_.at(to_bytes(operation));
      break;
    case QueryLie::silence:
      break;
  }
  return said;
}

}  // namespace garrison::adversary
