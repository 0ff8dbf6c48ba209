// What the faulty servers of one site say to queries instead of what they know. They tell the same lie about the same
// round of a query, state sequence and all, so that a client which believed f servers would be deceived.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <tuple>

#include "control/message/messages.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"

namespace garrison::adversary {

enum class QueryLie : std::uint8_t {
  wrong_result,
  each_another,  // a different wrong result to every client
  future,        // from a state that nobody has reached
  past,          // a state sequence from long ago, with the result of now
  old_truth,     // what they answered to the same query first
  silence,
};
inline constexpr QueryLie kQueryLies[] = {QueryLie::wrong_result, QueryLie::each_another, QueryLie::future,
                                          QueryLie::past,         QueryLie::old_truth,    QueryLie::silence};

class QueryLiars {
 public:
  // One lie after the other by chance, which follows from `seed`.
  explicit QueryLiars(std::uint64_t seed) : seed_(seed) {}

  // What a faulty server says that knows `truth` about the query `operation`; none: nothing.
  struct Said {
    std::uint64_t state_sequence = 0;
    Bytes result;
  };
  [[nodiscard]] std::optional<Said> answer(const message::QueryReply& truth, ByteView operation);

  [[nodiscard]] std::uint64_t acted() const { return acted_; }

 private:
  using Round = std::tuple<ClientId, std::uint64_t, std::uint32_t>;
  [[nodiscard]] QueryLie lie_about(const Round& round) const;
  [[nodiscard]] Said make(QueryLie lie, const message::QueryReply& truth, ByteView operation);

  std::uint64_t seed_;
  std::map<Round, Said> said_;  // so that all say the same
  std::deque<Round> said_in_order_;
  std::map<Bytes, Said> first_;  // truth, by operation: as many as clients have
  std::uint64_t acted_ = 0;
};

}  // namespace garrison::adversary
