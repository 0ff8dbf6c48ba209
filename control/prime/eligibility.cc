#include "control/prime/eligibility.h"

#include <algorithm>
#include <array>
#include <functional>

#include "dataplane/base/check.h"

namespace garrison::prime {

bool at_least_as_up_to_date(const SummaryVector& a, const SummaryVector& b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    if ((a.empty() ? SeqNum(0) : a[i]) < b[i]) return false;
  }
  return true;
}

SummaryVector eligible_through(const std::vector<SummaryVector>& rows, std::size_t n, std::size_t quorum) {
  CHECK(rows.size() == n && quorum >= 1 && quorum <= n && n <= kMaxServersPerSite);
  SummaryVector eligible(n);
  std::array<SeqNum, kMaxServersPerSite> column{};
  for (std::size_t introducer = 0; introducer < n; ++introducer) {
    for (std::size_t j = 0; j < n; ++j) column[j] = rows[j].empty() ? SeqNum(0) : rows[j][introducer];
    const auto nth = column.begin() + static_cast<std::ptrdiff_t>(quorum - 1);
    std::nth_element(column.begin(), nth, column.begin() + static_cast<std::ptrdiff_t>(n), std::greater<>());
    eligible[introducer] = *nth;
  }
  return eligible;
}

void Eligibility::extend(const SummaryVector& eligible) {
  CHECK(eligible.size() == eligible_.size() && !next().has_value());
  for (std::size_t i = 0; i < eligible_.size(); ++i) eligible_[i] = std::max(eligible_[i], eligible[i]);
  introducer_ = 0;
}

std::optional<PreorderId> Eligibility::next() {
  while (introducer_ < eligible_.size() && executed_[introducer_] == eligible_[introducer_]) ++introducer_;
  if (introducer_ == eligible_.size()) return std::nullopt;
  return PreorderId{ServerId(static_cast<std::uint16_t>(introducer_)), executed_[introducer_].next()};
}

void Eligibility::advance() {
  CHECK(introducer_ < eligible_.size() && executed_[introducer_] < eligible_[introducer_]);
  executed_[introducer_] = executed_[introducer_].next();
}

void Eligibility::jump_to(const SummaryVector& executed) {
  CHECK(executed.size() == executed_.size());
  for (std::size_t i = 0; i < executed.size(); ++i) CHECK(executed[i] >= executed_[i]);
  executed_ = executed;
  eligible_ = executed;
  introducer_ = 0;
}

}  // namespace garrison::prime
