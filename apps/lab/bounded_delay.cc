#include "apps/lab/bounded_delay.h"

#include <algorithm>

#include "control/config/names.h"
#include "control/config/topology.h"
#include "dataplane/base/check.h"
#include "dataplane/link/channel_config.h"

namespace garrison::lab {

std::vector<Addend> delay_addends(const DelayParameters& p) {
  std::vector<Addend> addends{
      // Section 6: three bounded rounds and two aggregations from introduction until every correct server has sent a
      // SUMMARY-MATRIX that shows 2f+1 acknowledgements.
      {"PO-REQUEST, PO-ACK and PO-SUMMARY: three bounded rounds", p.bounded * 3},
      {"PO-SUMMARY and SUMMARY-MATRIX wait for their periods", p.aggregation * 2},
      // Property 5.1: the turnaround time that the leader must give one correct server.
      {"turnaround time: K_Lat round trips of TIMELY messages", p.timely * (2 * p.k_lat)},
      {"turnaround time: PRE-PREPARE waits for its period", p.preprepare},
      // All correct servers have the PRE-PREPARE one flood later, and order it in two rounds; Reconciliation runs
      // beside those.
      {"PRE-PREPARE flooding, PREPARE and COMMIT: three bounded rounds", p.bounded * 3},
      // Ours. A PO-ACK carries what its period brought together.
      {"PO-ACK waits for its period", p.acknowledgement},
      // And parts of a request that a faulty server withheld, though nothing that is held up by it is faulty.
      {"RECON waits for its receiver to count the request", p.reconciliation},
  };
  // The PREPARE of whoever has the PRE-PREPARE stands for the flood; then it is asked for, and comes.
  if (p.flood_on_request) addends.push_back({"PRE-PREPARE-REQUEST and its answer: two bounded rounds", p.bounded * 2});
  return addends;
}

Duration delay_bound(const DelayParameters& parameters) {
  Duration sum;
  for (const Addend& addend : delay_addends(parameters)) sum = sum + addend.time;
  return sum;
}

// A HELLO, which the other side answers at once or when its own last one is a period old, and the first frame.
Duration session_time(Duration one_way) {
  const link::ChannelConfig channel;
  return channel.max_hello_period + channel.hello_period + one_way * 3;
}

void BoundedDelay::on_introduced(Instant now, const prime::PreorderId& id) {
  const Standing standing = stable() ? Standing::counts : Standing::early;
  CHECK(open_.try_emplace({id.introducer, id.sequence}, Open{now, standing, correct_}).second);
}

void BoundedDelay::on_executed(Instant now, ServerId server, const prime::PreorderId& id) {
  const auto at = open_.find({id.introducer, id.sequence});
  if (at == open_.end()) return;  // introduced by a faulty server
  at->second.lacking.erase(server);
  if (!at->second.lacking.empty()) return;
  close(now, at->first, at->second);
  open_.erase(at);
}

void BoundedDelay::close(Instant now, const Key& key, const Open& open) {
  const Duration took = now - open.since;
  switch (open.standing) {
    case Standing::leftover:
      --leftovers_;
      return;
    case Standing::early:
      orders_ = true;
      return;
    case Standing::counts:
      ++counted_;
      worst_ = std::max(worst_, took);
      if (took > bound_) late_.push_back({{key.first, key.second}, now, took});
  }
}

// What is open now is left over, and what was late is excused.
void BoundedDelay::start_clock() {
  for (auto& [key, open] : open_) open.standing = Standing::leftover;
  leftovers_ = open_.size();
  orders_ = false;
  late_.clear();
}

void BoundedDelay::on_restored(ServerId server, const prime::SummaryVector& executed) {
  for (auto& [key, open] : open_) {
    if (key.second <= executed[key.first.index()]) open.lacking.erase(server);
  }
  std::erase_if(open_, [](const auto& one) { return one.second.lacking.empty(); });
  start_clock();
}

void BoundedDelay::on_view(Instant /*now*/, ServerId /*server*/, View view) {
  if (healed_ && view > view_) ++view_changes_;
  view_ = std::max(view_, view);
  start_clock();
}

void BoundedDelay::healed() {
  healed_ = true;
  start_clock();
}

void BoundedDelay::crashed(ServerId server) {
  correct_.erase(server);
  for (auto& [key, open] : open_) open.lacking.erase(server);
  // Perhaps nobody else ever hears of what it introduced.
  std::erase_if(open_, [&](const auto& one) { return one.first.first == server || one.second.lacking.empty(); });
  start_clock();
}

std::optional<std::string> BoundedDelay::violation(Instant now) const {
  const auto tell = [this](ServerId introducer, SeqNum sequence, const std::string& what) {
    return "bounded-delay: PO-REQUEST " + std::to_string(sequence.value()) + " of " +
           config::server_name(SiteId(0), introducer) + " " + what + ", and beta is " + config::to_string(bound_);
  };
  if (!late_.empty() && now - late_.front().noticed > suspicion_) {
    const Late& late = late_.front();
    return tell(late.id.introducer, late.id.sequence, "took " + config::to_string(late.took));
  }
  for (const auto& [key, open] : open_) {
    if (open.standing == Standing::counts && now - open.since > bound_ + suspicion_) {
      return tell(key.first, key.second, "is not executed");
    }
  }
  return std::nullopt;
}

}  // namespace garrison::lab
