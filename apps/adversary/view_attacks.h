// Attacks on the way in which leaders are measured and replaced [PRIME] 5.4.3, A.2, A.3.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "apps/adversary/adversary.h"
#include "apps/adversary/equivocation.h"
#include "apps/adversary/options.h"

namespace garrison::adversary {

// Reports durations that are too short or too long, in TAT-MEASURE, RTT-MEASURE and TAT-UB.
class LieTimes final : public Adversary {
 public:
  LieTimes(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
           MessageTypes types, bool high);

 protected:
  void says(ordering::Sign& sign) override;

 private:
  MessageTypes types_;
  Duration lie_;
};

// Votes for another leader in every view, for no reason.
class CryWolf final : public Adversary {
 public:
  using Adversary::Adversary;

 protected:
  void says(ordering::Sign& sign) override;

 private:
  std::optional<View> cried_in_;
};

// Two REPORTs or PC-SETs of one server in one view.
class EquivocateReport final : public Equivocator {
 public:
  using Equivocator::Equivocator;

 protected:
  Bytes second_version(const ordering::Sign& sign) override;
};

// Two REPLAYs of one view, over two lists of servers where enough of them have signed two.
class EquivocateReplay final : public Equivocator {
 public:
  using Equivocator::Equivocator;

 protected:
  bool hears(const message::VerifiedMessage& message) override;
  Bytes second_version(const ordering::Sign& sign) override;

 private:
  using Binding = std::pair<std::uint32_t, SeqNum>;  // ids as bits, startSeq
  View view_;
  std::map<Binding, std::map<ServerId, Bytes>> signatures_;  // VC-PARTIAL-SIGs of the view
};

}  // namespace garrison::adversary
