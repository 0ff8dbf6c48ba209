// Summary generation and exchange [PRIME] 5.1 and Fig. 1, reporting to the leader 5.4.1, and the Blacklist.
#pragma once

#include <optional>
#include <vector>

#include "control/prime/eligibility.h"
#include "control/prime/pacer.h"
#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

// What the rows of a verified matrix say, empty ones included; none unless it has n rows of n entries.
[[nodiscard]] std::optional<std::vector<SummaryVector>> row_vectors(const message::MatrixRows& rows, std::size_t n);

class Summaries {
 public:
  explicit Summaries(const PrimeConfig& config);

  enum class Adopted : std::uint8_t { newer, equal, older, refused };
  // A PO-SUMMARY of a peer or this server. An inconsistent one is blamed with the one it contradicts and its server
  // blacklisted: correct servers' summaries never decrease.
  Adopted adopt(const message::VerifiedMessage& summary, ordering::Output& output);
  // Rows of a SUMMARY-MATRIX or PRE-PREPARE are pairs to compare like any other.
  // `said` is what row_vectors(rows) returned.
  void adopt_rows(const message::VerifiedMessage& matrix, const message::MatrixRows& rows,
                  const std::vector<SummaryVector>& said, ordering::Output& output);
  // The latest PRE-PREPARE of the current leader shows which rows it knows.
  void leader_showed(const std::vector<SummaryVector>& rows);

  // PO-SUMMARY, when the PreorderSummary has grown.
  void summarize(Instant now, bool hurry, const SummaryVector& preordered, Promises& promises,
                 ordering::Output& output);
  // SUMMARY-MATRIX to the leader, a period after rows changed that its latest PRE-PREPARE by then does not show.
  // Whether one was sent.
  bool report(Instant now, ServerId leader, Promises& promises, ordering::Output& output);
  // There is another one, who has shown nothing yet.
  void new_leader();
  // The newest PO-SUMMARY once more, whoever heard it: it asks for what it does not count.
  void repeat(Promises& promises, ordering::Output& output);
  [[nodiscard]] Instant next_wakeup(const SummaryVector& preordered) const;

  // LastPreorderSummaries as a matrix: views into what is held here.
  [[nodiscard]] message::MatrixRows matrix() const;
  [[nodiscard]] const std::vector<SummaryVector>& rows() const { return vectors_; }
  // Rises whenever a row becomes more up-to-date.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // How far every other server's newest PO-SUMMARY counts this introducer; the blacklisted are not asked.
  [[nodiscard]] SeqNum counted_by_all(ServerId introducer) const;

  void blacklist(ServerId server) { blacklist_.insert(server); }
  [[nodiscard]] ServerSet blacklisted() const { return blacklist_; }

  STATE_FIELDS(config_, messages_, vectors_, shown_, blacklist_, version_, pacer_, summarized_, summarized_once_,
               reported_version_, report_at_, report_again_)

 private:
  [[nodiscard]] bool leader_covers() const;
  void send(const SummaryVector& preordered, Promises& promises, ordering::Output& output);

  const PrimeConfig& config_;
  std::vector<Stored> messages_;        // LastPreorderSummaries; null: none yet
  std::vector<SummaryVector> vectors_;  // what they say; empty: none yet
  std::vector<SummaryVector> shown_;    // the rows of the leader's latest PRE-PREPARE
  ServerSet blacklist_;
  std::uint64_t version_ = 0;

  Pacer pacer_;
  SummaryVector summarized_;  // what the newest own PO-SUMMARY says
  bool summarized_once_ = false;
  std::uint64_t reported_version_ = 0;
  Instant report_at_ = Instant::never();
  bool report_again_ = false;
};

}  // namespace garrison::prime
