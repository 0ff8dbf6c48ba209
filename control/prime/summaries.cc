#include "control/prime/summaries.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

// A newer matrix replaces one that is still unsent.
constexpr std::uint16_t kSummaryMatrixKey = 1;

SummaryVector vector_of(ByteView summary) {
  std::optional<message::PoSummary> decoded = message::decode<message::PoSummary>(summary);
  CHECK(decoded.has_value());
  return std::move(decoded->vec);
}

bool all_zero(const SummaryVector& vec) {
  return std::all_of(vec.begin(), vec.end(), [](SeqNum s) { return s == SeqNum(0); });
}

}  // namespace

std::optional<std::vector<SummaryVector>> row_vectors(const message::MatrixRows& rows, std::size_t n) {
  if (rows.size() != n) return std::nullopt;
  std::vector<SummaryVector> said(n);
  for (std::size_t j = 0; j < n; ++j) {
    if (rows[j].empty()) continue;
    said[j] = vector_of(rows[j]);
    if (said[j].size() != n) return std::nullopt;
  }
  return said;
}

Summaries::Summaries(const PrimeConfig& config)
    : config_(config),
      messages_(config.n),
      vectors_(config.n),
      shown_(config.n),
      pacer_(config.eager, config.summary_period),
      summarized_(config.n) {}

Summaries::Adopted Summaries::adopt(const message::VerifiedMessage& summary, ordering::Output& output) {
  const ServerId server = summary.server();
  if (blacklist_.contains(server)) {
    output.drops.push_back(DropReason::prime_blacklisted);
    return Adopted::refused;
  }
  SummaryVector vec = vector_of(summary.bytes());
  if (vec.size() != config_.n) {
    output.drops.push_back(DropReason::message_malformed);
    return Adopted::refused;
  }
  Stored& held = messages_[server.index()];
  SummaryVector& held_vec = vectors_[server.index()];
  const bool newer = at_least_as_up_to_date(vec, held_vec);
  const bool older = held != nullptr && at_least_as_up_to_date(held_vec, vec);
  if (newer && older) return Adopted::equal;
  if (older) return Adopted::older;
  if (!newer) {
    blacklist_.insert(server);
    output.blame.push_back({server, DropReason::prime_equivocation, held, store(summary)});
    output.drops.push_back(DropReason::prime_equivocation);
    return Adopted::refused;
  }
  // A first summary that counts nothing is worth no PRE-PREPARE.
  const bool says_something = held != nullptr || !all_zero(vec);
  held = store(summary);
  held_vec = std::move(vec);
  if (says_something) ++version_;
  return says_something ? Adopted::newer : Adopted::equal;
}

void Summaries::adopt_rows(const message::VerifiedMessage& matrix, const message::MatrixRows& rows,
                           const std::vector<SummaryVector>& said, ordering::Output& output) {
  CHECK(rows.size() == config_.n && said.size() == config_.n);
  for (std::size_t j = 0; j < rows.size(); ++j) {
    const ServerId server(static_cast<std::uint16_t>(j));
    // The usual row is not news, and costs no hashing.
    if (rows[j].empty() || blacklist_.contains(server) || at_least_as_up_to_date(vectors_[j], said[j])) continue;
    adopt(message::inner_message(matrix, rows[j]), output);
  }
}

void Summaries::leader_showed(const std::vector<SummaryVector>& rows) {
  shown_ = rows;
  if (at_least_as_up_to_date(shown_[config_.self.index()], summarized_)) pacer_.arrived();
}

bool Summaries::leader_covers() const {
  for (std::size_t j = 0; j < config_.n; ++j) {
    const ServerId server(static_cast<std::uint16_t>(j));
    if (!blacklist_.contains(server) && !at_least_as_up_to_date(shown_[j], vectors_[j])) return false;
  }
  return true;
}

void Summaries::summarize(Instant now, bool hurry, const SummaryVector& preordered, Promises& promises,
                          ordering::Output& output) {
  if (preordered == summarized_ || !pacer_.due(now, hurry)) return;
  pacer_.sent(now);
  send(preordered, promises, output);
}

void Summaries::send(const SummaryVector& preordered, Promises& promises, ordering::Output& output) {
  summarized_ = preordered;
  summarized_once_ = true;
  promises.promise(message::PoSummary{summarized_}, kWholeBody, config_.others(), output);
}

bool Summaries::report(Instant now, ServerId leader, Promises& promises, ordering::Output& output) {
  if (leader == config_.self || (version_ == reported_version_ && !report_again_)) {
    report_at_ = Instant::never();
    return false;
  }
  if (report_at_ == Instant::never()) report_at_ = now + config_.matrix_period;
  if (now < report_at_) return false;
  report_at_ = Instant::never();
  reported_version_ = version_;
  report_again_ = false;
  if (leader_covers()) return false;
  promises.say(message::SummaryMatrix{matrix()}, ServerSet::only(leader), kSummaryMatrixKey, output);
  return true;
}

void Summaries::new_leader() {
  shown_.assign(config_.n, {});
  report_at_ = Instant::never();
  report_again_ = true;
}

void Summaries::repeat(Promises& promises, ordering::Output& output) {
  if (!summarized_once_) {
    send(summarized_, promises, output);
  } else if (const Stored& own = messages_[config_.self.index()]; own != nullptr) {
    promises.repeat(own, config_.others(), output);
  }
  report_again_ = true;
}

Instant Summaries::next_wakeup(const SummaryVector& preordered) const {
  return preordered == summarized_ ? report_at_ : earlier(report_at_, pacer_.next());
}

message::MatrixRows Summaries::matrix() const {
  message::MatrixRows rows(config_.n);
  for (std::size_t j = 0; j < config_.n; ++j) {
    if (messages_[j] != nullptr) rows[j] = messages_[j]->get().bytes();
  }
  return rows;
}

SeqNum Summaries::counted_by_all(ServerId introducer) const {
  SeqNum least(UINT64_MAX);
  for (std::size_t j = 0; j < config_.n; ++j) {
    const ServerId server(static_cast<std::uint16_t>(j));
    if (server == config_.self || blacklist_.contains(server)) continue;
    least = std::min(least, vectors_[j].empty() ? SeqNum(0) : vectors_[j][introducer.index()]);
  }
  return least;
}

}  // namespace garrison::prime
