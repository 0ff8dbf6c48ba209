// The Preordering sub-protocol [PRIME] 5.1: a server's own order of what it introduces, bound by certificates.
//
// A preorder certificate is a PO-REQUEST, which speaks for its introducer, and quorum - 1 PO-ACKs of its digest by
// different other servers. Only what a certificate binds is counted and executed; holding a PO-REQUEST binds nothing.
//
// Memory: per introducer a ring of slots over [executed - kept_requests, executed + 2 ack windows]. PO-ACK is withheld
// beyond the first ack window, so that what one server introduces is bounded whatever it sends (design section 6).
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "control/prime/eligibility.h"
#include "control/prime/intake.h"
#include "control/prime/pacer.h"
#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class Preorder {
 public:
  explicit Preorder(const PrimeConfig& config);

  void on_request(const message::VerifiedMessage& request, ordering::Output& output);
  void on_ack(const message::VerifiedMessage& ack, ordering::Output& output);

  // PO-REQUEST, when updates wait and the own outstanding requests allow.
  void introduce(Instant now, bool hurry, Intake& intake, Promises& promises, ordering::Output& output);
  // PO-ACK, all that are due in one message.
  void acknowledge(Instant now, bool hurry, Promises& promises, ordering::Output& output);
  [[nodiscard]] Instant next_wakeup(const Intake& intake) const;

  // PreorderSummary: per introducer, the gap-free prefix that is bound and held here.
  [[nodiscard]] const SummaryVector& preordered() const { return preordered_; }
  // Per introducer, the highest sequence this server has introduced or acknowledged.
  [[nodiscard]] const SummaryVector& answered() const { return answered_; }
  [[nodiscard]] SeqNum executed(ServerId introducer) const { return of(introducer).executed; }
  [[nodiscard]] std::size_t outstanding() const;

  // The PO-REQUEST that a certificate binds to this identifier; null while either is missing.
  [[nodiscard]] Stored bound(PreorderId id) const;
  // The next request of this introducer has been executed. Every other server counts up to `counted`.
  void executed(PreorderId id, SeqNum counted);
  // Everything up to these sequences has been executed elsewhere; no entry is below executed(). Requests up to there
  // are dropped and count as preordered; the windows move. What this server introduced beyond stays under way.
  void jump_to(const SummaryVector& executed);
  // Acknowledge what the windows withheld, after executed().
  void reopen_windows();

  // For reconciliation: who is known to hold the request that a certificate binds here, by its own word.
  [[nodiscard]] ServerSet holders(PreorderId id) const;

  // For repair: what this server has said about an identifier, and holds of it.
  [[nodiscard]] std::optional<message::PoAck::Entry> own_ack(PreorderId id) const;
  [[nodiscard]] Stored held(PreorderId id) const;

  STATE_FIELDS(config_, introducers_, preordered_, answered_, acks_due_, awaited_, introduced_, request_pacer_,
               ack_pacer_)

 private:
  struct Candidate {
    Digest digest{};
    ServerSet ackers;
    STATE_FIELDS(digest, ackers)
  };
  struct Slot {
    SeqNum sequence;
    Stored request;       // the first seen, or the one that the certificate binds
    Candidate candidate;  // digests acknowledged by others: one, unless somebody lies
    std::vector<Candidate> further;
    ServerSet voted;
    Digest certified{};  // meaningful once has_certificate
    Digest acked{};      // meaningful once has_acked
    bool has_acked = false;
    bool has_certificate = false;
    [[nodiscard]] bool bound() const {
      return has_certificate && request != nullptr && request->get().digest() == certified;
    }
    STATE_FIELDS(sequence, request, candidate, further, voted, certified, acked, has_acked, has_certificate)
  };
  // What one server introduces.
  struct Introducer {
    SlotRing<Slot> ring;
    SeqNum executed;
    SeqNum kept_from{1};          // executed requests below are dropped
    std::size_t held_bytes = 0;   // requests held, not executed
    std::size_t acked_bytes = 0;  // of them acknowledged
    std::size_t kept_bytes = 0;   // requests held, executed
    std::size_t withheld = 0;     // requests held whose PO-ACK waits for a window
    bool window_moved = false;
    STATE_FIELDS(ring, executed, kept_from, held_bytes, acked_bytes, kept_bytes, withheld, window_moved)
  };

  [[nodiscard]] const Introducer& of(ServerId introducer) const { return introducers_[introducer.index()]; }
  [[nodiscard]] bool within_windows(const Introducer& from, SeqNum sequence) const;
  [[nodiscard]] Slot& slot(Introducer& from, SeqNum sequence);
  [[nodiscard]] const Slot* find(PreorderId id) const;
  void on_second_request(ServerId introducer, Slot& slot, const message::VerifiedMessage& request,
                         ordering::Output& output);
  void hold(ServerId introducer, Slot& slot, const message::VerifiedMessage& request);
  [[nodiscard]] bool may_ack(const Introducer& from, const Slot& slot) const;
  void ack(ServerId introducer, Slot& slot);
  void count_ack(ServerId introducer, Slot& slot, const Digest& digest, ServerId acker);
  void advance_prefix(ServerId introducer);
  // Whether an acknowledgement of it still has work to do.
  [[nodiscard]] bool uncertified(PreorderId id) const;
  void settled(PreorderId id);
  void release_kept(Introducer& from, SeqNum counted);
  static void drop_through(Introducer& from, SeqNum executed);

  const PrimeConfig& config_;
  std::vector<Introducer> introducers_;
  SummaryVector preordered_;
  SummaryVector answered_;
  std::deque<message::PoAck::Entry> acks_due_;  // at most one per slot
  std::optional<PreorderId> awaited_;           // the last one in the newest PO-ACK that was uncertified then
  SeqNum introduced_;
  Pacer request_pacer_;
  Pacer ack_pacer_;
};

}  // namespace garrison::prime
