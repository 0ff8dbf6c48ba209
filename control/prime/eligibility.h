// From a stream of globally ordered matrices to the total order of PO-REQUESTs: M, L and C of [PRIME] 5.2.
#pragma once

#include <optional>
#include <vector>

#include "control/prime/prime_config.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

// A preorder identifier (i, seq) [PRIME] 5.1.
struct PreorderId {
  ServerId introducer;
  SeqNum sequence;
  friend bool operator==(const PreorderId&, const PreorderId&) = default;
  STATE_FIELDS(introducer, sequence)
};

// One entry per introducer: a PreorderSummary, or how far its requests are eligible.
using SummaryVector = std::vector<SeqNum>;

// [PRIME] Fig. 1; an empty vector is one of zeros.
[[nodiscard]] bool at_least_as_up_to_date(const SummaryVector& a, const SummaryVector& b);

// M: how far each introducer's requests are eligible by a matrix whose row j says rows[j]; an empty row counts as
// zeros. The quorum-th highest entry of each column.
[[nodiscard]] SummaryVector eligible_through(const std::vector<SummaryVector>& rows, std::size_t n, std::size_t quorum);

// C: what is next to execute. The paper's set difference M(T_q) \ M(T_q-1) would execute again whatever a no-op or an
// older matrix leaves out, so what is eligible here only ever grows.
class Eligibility {
 public:
  explicit Eligibility(std::size_t n) : eligible_(n), executed_(n) {}

  // The matrix of the next PRE-PREPARE in global order. The one before it must be exhausted.
  void extend(const SummaryVector& eligible);
  // The next identifier of the current matrix, by introducer and then by sequence (L); none when it is exhausted.
  [[nodiscard]] std::optional<PreorderId> next();
  // What next() returned has been executed.
  void advance();

  // Everything up to `executed` has been executed, elsewhere: no entry is below this server's own.
  void jump_to(const SummaryVector& executed);

  [[nodiscard]] const SummaryVector& executed() const { return executed_; }

  STATE_FIELDS(eligible_, executed_, introducer_)

 private:
  SummaryVector eligible_;
  SummaryVector executed_;
  std::size_t introducer_ = 0;
};

}  // namespace garrison::prime
