#include "control/prime/suspect_leader.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace garrison::prime {
namespace {

// Newer ones replace what is still unsent.
constexpr std::uint16_t kPingKey = 2;
constexpr std::uint16_t kPongKey = 3;
// A matrix sent while so many are open starts no measurement: the open ones are older.
constexpr std::size_t kMaxOpenMatrices = 64;
constexpr std::size_t kMaxOpenPings = 64;

// The (f + 1)-st of the values in the given order.
template <typename Before>
Duration statistic(std::vector<Duration> values, std::size_t f, Before before) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(f);
  std::nth_element(values.begin(), nth, values.end(), before);
  return *nth;
}

Duration highest(const std::vector<Duration>& values, std::size_t f) { return statistic(values, f, std::greater<>()); }
Duration lowest(const std::vector<Duration>& values, std::size_t f) { return statistic(values, f, std::less<>()); }

}  // namespace

SuspectLeader::SuspectLeader(const PrimeConfig& config)
    : config_(config), tats_if_leader_(config.n), tat_leader_ubs_(config.n), reported_tats_(config.n) {
  start_view(Instant(), View(0));
}

void SuspectLeader::start_view(Instant now, View view) {
  view_ = view;
  std::fill(tats_if_leader_.begin(), tats_if_leader_.end(), kNoBound);  // A1
  std::fill(tat_leader_ubs_.begin(), tat_leader_ubs_.end(), kNoBound);  // A2
  std::fill(reported_tats_.begin(), reported_tats_.end(), Duration());  // A3
  tats_if_leader_[config_.self.index()] = config_.delta_pp;
  tat_leader_ = lowest(reported_tats_, config_.f);
  tat_acceptable_ = highest(tat_leader_ubs_, config_.f);
  upper_bound_ = highest(tats_if_leader_, config_.f);
  matrices_.clear();
  proof_.reset();
  longest_ = Duration();
  ping_seq_ = 0;  // A4
  pings_.clear();
  ping_gap_ = config_.tat_measure_period;
  next_ping_ = now;
  next_tat_ = now;
  refresh_at_ = now + config_.retransmit_period;
  said_tat_ = Duration();
  said_ub_ = kNoBound;
}

void SuspectLeader::matrix_sent(Instant now, std::vector<SummaryVector> rows) {
  if (matrices_.size() < kMaxOpenMatrices) matrices_.push_back({now, std::move(rows)});
}

void SuspectLeader::proof_sent(Instant now) { proof_ = now; }

void SuspectLeader::on_pre_prepare(Instant now, const std::vector<SummaryVector>& rows, ServerSet blacklist) {
  const auto covers = [&](const Measured& matrix) {
    for (std::size_t j = 0; j < config_.n; ++j) {
      const ServerId server(static_cast<std::uint16_t>(j));
      if (!blacklist.contains(server) && !at_least_as_up_to_date(rows[j], matrix.rows[j])) return false;
    }
    return true;
  };
  // Rows only grow, so a matrix that covers one covers those before it.
  while (!matrices_.empty() && covers(matrices_.front())) {
    finish(now, matrices_.front().since);
    matrices_.pop_front();
  }
}

void SuspectLeader::on_replay(Instant now) {
  if (proof_.has_value()) finish(now, *proof_);
  proof_.reset();
}

void SuspectLeader::finish(Instant now, Instant since) { longest_ = std::max(longest_, turnaround(now, since)); }

Duration SuspectLeader::turnaround(Instant now, Instant since) const {
  return std::max(now - since - config_.clock_step, Duration());
}

Duration SuspectLeader::max_tat(Instant now) const {
  Duration longest = longest_;
  if (!matrices_.empty()) longest = std::max(longest, turnaround(now, matrices_.front().since));
  if (proof_.has_value()) longest = std::max(longest, turnaround(now, *proof_));
  return std::min(longest, message::kLongestMeasured);
}

void SuspectLeader::on_ping(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output) {
  const auto ping = message.as<message::RttPing>();
  if (message.server() == config_.self) return;
  if (ping.view != view_) return output.drops.push_back(DropReason::prime_stale);
  promises.say(message::RttPong{view_, ping.ping_seq}, ServerSet::only(message.server()), kPongKey, output);  // C5
}

void SuspectLeader::on_pong(Instant now, const message::VerifiedMessage& message, Promises& promises,
                            ordering::Output& output) {
  const auto pong = message.as<message::RttPong>();
  if (message.server() == config_.self) return;
  const auto ping =
      std::find_if(pings_.begin(), pings_.end(), [&](const Ping& sent) { return sent.seq == pong.ping_seq; });
  if (pong.view != view_ || ping == pings_.end() || ping->answered.contains(message.server())) {
    return output.drops.push_back(DropReason::prime_stale);
  }
  ping->answered.insert(message.server());
  const Duration rtt = std::min(now - ping->sent + config_.clock_step, message::kLongestMeasured);            // C7
  promises.say(message::RttMeasure{view_, rtt}, ServerSet::only(message.server()), kNoSupersedeKey, output);  // C8
}

void SuspectLeader::on_rtt_measure(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto measure = message.as<message::RttMeasure>();
  const ServerId server = message.server();
  if (server == config_.self) return;
  if (measure.view != view_) return output.drops.push_back(DropReason::prime_stale);
  const Duration t = measure.rtt * config_.k_lat + config_.delta_pp;  // C10
  Duration& least = tats_if_leader_[server.index()];
  if (t >= least) return;  // C11
  least = t;               // C12
  upper_bound_ = highest(tats_if_leader_, config_.f);
}

void SuspectLeader::on_tat_ub(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto said = message.as<message::TatUb>();
  if (said.view != view_) return output.drops.push_back(DropReason::prime_stale);
  Duration& least = tat_leader_ubs_[message.server().index()];
  if (said.tat_ub >= least) return;  // D5
  least = said.tat_ub;               // D6
  tat_acceptable_ = highest(tat_leader_ubs_, config_.f);
}

void SuspectLeader::on_tat_measure(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto said = message.as<message::TatMeasure>();
  if (said.view != view_) return output.drops.push_back(DropReason::prime_stale);
  Duration& most = reported_tats_[message.server().index()];
  if (said.max_tat <= most) return;  // B5
  most = said.max_tat;               // B6
  tat_leader_ = lowest(reported_tats_, config_.f);
}

void SuspectLeader::run(Instant now, SeqNum executed, Promises& promises, ordering::Output& output) {
  if (now >= refresh_at_) {
    refresh_at_ = now + config_.retransmit_period;
    said_tat_ = Duration();
    said_ub_ = kNoBound;
  }
  report_tat(now, promises, output);
  ping(now, executed, promises, output);
  report_upper_bound(promises, output);
}

void SuspectLeader::report_tat(Instant now, Promises& promises, ordering::Output& output) {
  if (now < next_tat_) return;
  next_tat_ = now + config_.tat_measure_period;
  const Duration longest = max_tat(now);  // B2
  if (longest <= said_tat_) return;
  said_tat_ = longest;
  promises.say(message::TatMeasure{view_, longest}, config_.others(), kNoSupersedeKey, output);  // B3
}

// Often at first, so that a new leader is soon measured by a standard, then once a period.
void SuspectLeader::ping(Instant now, SeqNum executed, Promises& promises, ordering::Output& output) {
  if (now < next_ping_) return;
  next_ping_ = now + ping_gap_;
  ping_gap_ = std::min(ping_gap_ * 2, config_.rtt_ping_period);
  if (pings_.size() == kMaxOpenPings) pings_.pop_front();
  pings_.push_back({ping_seq_, now, {}});
  promises.say(message::RttPing{view_, ping_seq_, executed}, config_.others(), kPingKey, output);  // C2
  ++ping_seq_;                                                                                     // C3
}

void SuspectLeader::report_upper_bound(Promises& promises, ordering::Output& output) {
  if (upper_bound_ >= said_ub_ || upper_bound_ > message::kLongestMeasured) return;
  said_ub_ = upper_bound_;
  promises.say(message::TatUb{view_, said_ub_}, config_.others(), kNoSupersedeKey, output);  // D3
}

Instant SuspectLeader::next_wakeup() const {
  const bool open = !matrices_.empty() || proof_.has_value() || longest_ > said_tat_;
  return earlier(earlier(next_ping_, refresh_at_), open ? next_tat_ : Instant::never());
}

}  // namespace garrison::prime
