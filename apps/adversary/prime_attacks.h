// The attacks of [PRIME] 7: servers that are correct enough to stay, and slow down the rest.
#pragma once

#include <optional>
#include <vector>

#include "apps/adversary/adversary.h"
#include "control/prime/summaries.h"

namespace garrison::adversary {

// Acknowledges only requests of faulty servers, in PO-ACKs and PO-SUMMARYs, so that those of correct servers have to be
// sent to it by Reconciliation.
class AckOnlyFaulty final : public Adversary {
 public:
  using Adversary::Adversary;

 protected:
  void says(ordering::Sign& sign) override;

 private:
  void thin_out_ack(ordering::Sign& sign);
  void thin_out_summary(ordering::Sign& sign);
};

// Sends parts of PO-REQUESTs that are not of them, so that they decode to something else [PRIME] 5.3.
class CorruptRecon final : public Adversary {
 public:
  using Adversary::Adversary;

 protected:
  void says(ordering::Sign& sign) override;
};

// A server of which some clients get wrong results: it executes updates in an order of its own.
class ExecuteWrongly final : public Adversary {
 public:
  using Adversary::Adversary;

 protected:
  void delivers(ordering::Deliver& batch) override;
};

}  // namespace garrison::adversary
