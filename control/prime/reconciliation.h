// The Reconciliation sub-protocol [PRIME] 5.3: servers that lack a PO-REQUEST get it, in parts, from those that a
// matrix shows to have preordered it, before it is globally ordered.
//
// The first copy of a PRE-PREPARE makes identifiers eligible. For each of them 2f + 1 servers, chosen by the matrix
// alone among those whose rows count it, send one part each to those whose rows do not. Any f + 1 parts decode, and at
// least as many of the chosen are correct. A server's part has the number of the server, whatever matrix chose it, so
// that parts sent because of different matrices fit together. What is coded is the content, which the digest in
// PO-ACKs fixes; each sender adds a signature block of it that it has verified (docs/adr/0008).
//
// A part waits recon_delay, in which a row that merely lagged by a message in flight catches up; 0 is the paper's rule
// to the letter. Ordering takes two bounded rounds from the moment at which the part is due, reconciliation one: the
// bound of section 6 stays what it is up to a delay of L*_bounded, and grows by what lies beyond.
//
// Nothing is sent to a server that acknowledged the request, or counts it in a later PO-SUMMARY, or lies further back
// than the kept requests. What is due to a server that has been silent for some retransmission periods is kept until it
// is heard again. Sent once; what is lost is for repair.
//
// Parts that do not decode to their digest show that one of their senders is faulty. Whoever cannot decode shows them
// to everyone (INQUIRY); who holds the request recomputes the parts and proves which is not of it
// (CORRUPTION-PROOF). The proof needs no certificate: a correct server signs a part only of the content whose digest
// stands beside it. Its signer's parts and accusations are from then on not used, here alone: that changes no state
// that servers must agree on, and is not the Blacklist of section 5.1, which covers() asks.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "control/prime/part_table.h"
#include "control/prime/preorder.h"
#include "control/prime/summaries.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

// Who sends parts of a request that the servers of `holders` count: 2f + 1 of them, by turns.
[[nodiscard]] ServerSet chosen_senders(PreorderId id, ServerSet holders, const PrimeConfig& config);

class Reconciliation {
 public:
  explicit Reconciliation(const PrimeConfig& config);

  // The first copy of the PRE-PREPARE for `sequence`, or another that takes its place: what its rows say. Matrices
  // are worked through in order of their sequence, so that all servers choose the same senders.
  void on_matrix(Instant now, SeqNum sequence, std::vector<SummaryVector> rows, const Preorder& preorder);
  // Something came that only its signer sends: it is there.
  void heard(Instant now, ServerId server);
  // Up to here everything has been executed: no earlier matrix is waited for.
  void skip_through(SeqNum executed);
  // Everything up to `sequence`, and of each introducer up to `executed`, has been executed elsewhere.
  void jump_to(SeqNum sequence, const SummaryVector& executed);
  // RECON, those that are due.
  void speak(Instant now, const Preorder& preorder, const Summaries& summaries, Promises& promises,
             ordering::Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  void on_recon(Instant now, const message::VerifiedMessage& recon, const Preorder& preorder, Promises& promises,
                ordering::Output& output);
  void on_inquiry(const message::VerifiedMessage& inquiry, const Preorder& preorder, Promises& promises,
                  ordering::Output& output);
  void on_corruption_proof(const message::VerifiedMessage& proof, ordering::Output& output);
  // Parts of this request are needed no more.
  void executed(PreorderId id) { parts_.release(id); }

  // Servers whose parts and accusations are not used.
  [[nodiscard]] ServerSet blacklisted() const { return blacklist_; }

  STATE_FIELDS(config_, code_, next_matrix_, early_, reconciled_, due_, kept_back_, unsigned_, heard_, started_, parts_,
               blacklist_, next_inquiry_)

 private:
  struct Due {
    Instant at;
    PreorderId id;
    ServerSet lacking;
    STATE_FIELDS(at, id, lacking)
  };

  void reconcile(Instant now, const std::vector<SummaryVector>& rows, const Preorder& preorder);
  [[nodiscard]] static ServerSet still_lacking(const Due& due, const Preorder& preorder, const Summaries& summaries);
  [[nodiscard]] bool silent(Instant now, ServerId server) const;
  void keep_back(const Due& due, ServerSet silent);
  void send_part(const Due& due, const Stored& request, ServerSet to, Promises& promises, ordering::Output& output);

  [[nodiscard]] std::optional<DropReason> refuse(const message::Recon& recon, ServerId sender,
                                                 const Preorder& preorder) const;
  void inquire(Instant now, const std::vector<Stored>& parts, Promises& promises, ordering::Output& output);
  void prove(const message::VerifiedMessage& part, ByteView content, Promises& promises,
             ordering::Output& output) const;
  void blacklist(ServerId server, DropReason reason, const message::VerifiedMessage& evidence,
                 ordering::Output& output);

  const PrimeConfig& config_;
  coding::Code code_;

  // Sending.
  SeqNum next_matrix_{1};
  std::map<SeqNum, std::vector<SummaryVector>> early_;  // matrices beyond the next one; within the global window
  SummaryVector reconciled_;                            // eligible by the matrices worked through
  std::deque<Due> due_;                                 // in order of time
  std::deque<Due> kept_back_;                           // for silent servers; within the kept requests
  std::size_t unsigned_ = 0;                            // RECONs of this server that have not come back signed
  std::vector<Instant> heard_;                          // by server; from the start everyone is believed to be there
  bool started_ = false;

  // Receiving.
  PartTable parts_;
  ServerSet blacklist_;
  Instant next_inquiry_;
};

}  // namespace garrison::prime
