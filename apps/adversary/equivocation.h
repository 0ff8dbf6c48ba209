// Two versions of one message for different servers: what signatures alone cannot prevent.
#pragma once

#include "apps/adversary/adversary.h"

namespace garrison::adversary {

// Splits the receivers of a message by chance; those on one side get what second_version() makes of it.
class Equivocator : public Adversary {
 public:
  using Adversary::Adversary;

 protected:
  void says(ordering::Sign& sign) final;
  // Another content for the same slot, well-formed; empty where there is none.
  virtual Bytes second_version(const ordering::Sign& sign) = 0;
};

// PRE-PREPAREs that leave out the rows of one server, or show an older one [PRIME] 5.2.
class EquivocatePrePrepare final : public Equivocator {
 public:
  using Equivocator::Equivocator;

 protected:
  Bytes second_version(const ordering::Sign& sign) override;

 private:
  std::vector<Bytes> previous_rows_;  // of the PRE-PREPARE before
};

// PO-SUMMARYs of which neither is at least as up-to-date as the other [PRIME] 5.1, Fig. 1.
class EquivocatePoSummary final : public Equivocator {
 public:
  using Equivocator::Equivocator;

 protected:
  Bytes second_version(const ordering::Sign& sign) override;
};

// PO-REQUESTs that bind different updates to one preorder identifier [PRIME] 5.1.
class EquivocatePoRequest final : public Equivocator {
 public:
  using Equivocator::Equivocator;

 protected:
  bool hears(const message::VerifiedMessage& message) override;
  Bytes second_version(const ordering::Sign& sign) override;

 private:
  Bytes other_update_;  // a CLIENT-OP of somebody else's request
};

// PO-ACKs, PREPAREs and COMMITs for digests that nobody proposed.
class EquivocateVotes final : public Equivocator {
 public:
  using Equivocator::Equivocator;

 protected:
  Bytes second_version(const ordering::Sign& sign) override;
};

}  // namespace garrison::adversary
