// The crypto part of a server: verifies what peers and clients sent, signs what control emits. A thread of its own;
// the only one that holds the private signing key.
//
// Verification is scheduled per sender by deficit round robin over signatures, TIMELY messages first, with a floor
// for BOUNDED ones, so that no sender can take the processor from the others. What the core put together from parts
// takes this server's own turn. A signature batch is whatever waits
// when the previous one is done: signing load makes its own batches.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "apps/server/queues.h"
#include "apps/server/signing_pace.h"
#include "apps/server/turns.h"
#include "control/message/validate.h"
#include "crypto/batch.h"
#include "crypto/threshold/threshold.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"

namespace garrison::server {

class CryptoPart {
 public:
  struct Config {
    SystemId system;
    SiteId site;
    ServerId self;
    std::size_t servers = 0;
    message::Authentication configured = message::Authentication::signature;  // see message::Validator
    std::size_t budget = 32;                         // signatures' worth of BOUNDED verification per round
    Duration longest_signing_gap = milliseconds(5);  // see SigningPace
    std::size_t verify_per_signature = 128;  // while more waits to be verified, sign no sooner than after so many
  };
  // `directory`, `queues` and the slabs must outlive it.
  CryptoPart(const Config& config, const crypto::KeyDirectory& directory, crypto::BatchSigner signer, Queues& queues,
             const Slab& receive_slab, const Slab& client_slab, Slab& send_slab);

  // For a server of one of `sites` sites: PO-REQUESTs may carry events, `signer` makes its shares of the site's
  // signatures, and LINK-PARTs come from other sites in `wan_slab`, which outlives this part; null where it talks to
  // none. Before the first poll.
  void join_sites(std::size_t sites, std::unique_ptr<crypto::ThresholdSigner> signer, const Slab* wan_slab);

  // The same for links over dependable forwarders: LINK-BUNDLEs come in `bundle_slab`, which outlives this part.
  void join_forwarders(std::size_t sites, const Slab& bundle_slab);

  // One round: TIMELY, then BOUNDED and clients within the budget, then a signature batch. Returns how much was done.
  std::size_t poll(Instant now);
  // When it signs what waits for that.
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] std::uint64_t signatures_made() const { return signatures_made_.get(); }
  [[nodiscard]] std::uint64_t messages_signed() const { return messages_signed_.get(); }
  [[nodiscard]] std::uint64_t messages_verified() const { return messages_verified_.get(); }
  [[nodiscard]] std::uint64_t shares_made() const { return shares_made_.get(); }
  [[nodiscard]] std::uint64_t proofs_made() const { return proofs_made_.get(); }
  // Owning thread only: what verifying and signing has cost so far.
  [[nodiscard]] const crypto::BatchVerifier& verifier() const { return validator_.verifier(); }
  [[nodiscard]] std::uint64_t bytes_hashed() const { return validator_.bytes_hashed() + bytes_signed_; }

 private:
  // What one sender has waiting. Its length is bounded by the sender's quota of receive slots.
  struct Sender {
    std::deque<Inbound> waiting;
    std::size_t deficit = 0;
  };

  std::size_t round(Instant now);
  void take_in();
  std::size_t verify_timely();
  // In signatures' worth.
  std::size_t verify_bounded();
  std::size_t verify_clients(std::size_t budget);
  bool verify(const Inbound& inbound);
  bool check(SlotRef slot);
  [[nodiscard]] const Slab& slab_of(ServerId sender) const;
  void take_in_wan();
  std::size_t verify_wan();
  bool verify_wan(const WanInbound& inbound);
  // Why a part of this site's counts for nothing.
  [[nodiscard]] std::optional<DropReason> overheard(crypto::Principal from, const WanInbound& inbound);
  void take_in_bundles();
  std::size_t verify_bundles();
  bool verify_bundle(const BundleInbound& inbound);
  std::size_t sign();
  void sign(std::span<SlotRef* const> slots);
  std::size_t share();

  Config config_;
  message::Validator validator_;
  crypto::BatchSigner signer_;
  SigningPace pace_;
  // A part crosses the wide area with its signature: where that is cheap to make, it is not shared among parts, since
  // the path to a shared one is longer than it.
  bool parts_alone_;
  Queues& queues_;
  const Slab& receive_slab_;
  const Slab& client_slab_;
  Slab& send_slab_;
  DropCounters drops_;
  std::vector<Sender> timely_;   // by ServerId
  std::vector<Sender> bounded_;  // by ServerId
  std::size_t verified_since_signing_ = 0;
  std::size_t turn_ = 0;  // whose turn of the round robin it is
  std::uint64_t bytes_signed_ = 0;
  Counter signatures_made_;
  Counter messages_signed_;
  Counter messages_verified_;
  // In a site alone null, and empty.
  std::unique_ptr<crypto::ThresholdSigner> site_signer_;
  const Slab* wan_slab_ = nullptr;
  Turns<WanInbound> wan_;  // of each site and server
  const Slab* bundle_slab_ = nullptr;
  Turns<BundleInbound> bundles_;  // of each site
  Counter shares_made_;
  Counter proofs_made_;
};

}  // namespace garrison::server
