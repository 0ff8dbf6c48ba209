#include "apps/lab/checkers.h"

#include <algorithm>

#include "control/config/names.h"
#include "crypto/digest.h"

namespace garrison::lab {

namespace {
std::string describe(ClientId client, SeqNum sequence) {
  return config::client_name(client) + "/" + std::to_string(sequence.value());
}
}  // namespace

class Checkers::Observer final : public replica::ExecutionObserver {
 public:
  Observer(Checkers& checkers, ServerId server) : checkers_(checkers), server_(server) {}
  void on_update(const message::ClientOp& op, const std::optional<service::Executed>& executed) override {
    // A repetition or a void update is no output.
    if (executed.has_value() && !executed->void_update) checkers_.on_execute(server_, op, *executed);
  }
  void on_restore(std::uint64_t state_sequence) override {
    checkers_.on_restore(server_, static_cast<std::size_t>(state_sequence));
  }

 private:
  Checkers& checkers_;
  ServerId server_;
};

Checkers::Checkers(std::size_t servers, SiteId site, std::shared_ptr<CommonOrder> common)
    : site_(site), common_(std::move(common)), position_(servers), restored_(servers), seen_(servers) {
  for (std::size_t i = 0; i < servers; ++i) {
    observers_.push_back(std::make_unique<Observer>(*this, ServerId(static_cast<std::uint16_t>(i))));
  }
}

std::string Checkers::describe(ServerId server) const { return config::server_name(site_, server); }

void Checkers::report(std::string what) {
  if (!common_->violation.has_value()) common_->violation = std::move(what);
}

void Checkers::on_submit(ClientId client, SeqNum sequence, ByteView operation) {
  common_->submitted[{client, sequence}].insert(crypto::sha256(operation));
}

void Checkers::on_execute(ServerId server, const message::ClientOp& op, const service::Executed& executed) {
  if (faulty_.contains(server)) return;
  const Entry entry{op.client, op.sequence, crypto::sha256(op.operation), crypto::sha256(executed.result)};
  const std::string who = describe(server) + " executed " + lab::describe(op.client, op.sequence);

  const auto known = common_->submitted.find({op.client, op.sequence});
  if (known == common_->submitted.end()) return report("validity: " + who + ", which no client submitted");
  if (!known->second.contains(entry.operation))
    return report("validity: " + who + " with other bytes than its client signed");
  if (!seen_[server.index()].insert({op.client, op.sequence}).second) {
    return report("exactly-once: " + who + " twice");
  }

  const std::size_t at = position_[server.index()]++;
  if (executed.state_sequence != at + 1) {
    return report("agreement: " + who + " at position " + std::to_string(at + 1) + " but numbers it " +
                  std::to_string(executed.state_sequence));
  }
  if (at == common_->order.size()) {
    common_->order.push_back(entry);
    if (common_->history != nullptr) common_->history->add(op.operation);
  } else if (common_->order[at] != entry) {
    report("agreement: " + who + " at position " + std::to_string(at + 1) + ", where others have " +
           lab::describe(common_->order[at].client, common_->order[at].sequence));
  }
}

void Checkers::on_restore(ServerId server, std::size_t updates) {
  if (faulty_.contains(server)) return;
  std::size_t& at = position_[server.index()];
  ++restored_[server.index()];
  if (updates < at || updates > common_->order.size()) {
    return report("restore: " + describe(server) + " at position " + std::to_string(at) + " takes over a state of " +
                  std::to_string(updates) + " updates, of " + std::to_string(common_->order.size()) +
                  " that are ordered");
  }
  for (; at < updates; ++at) seen_[server.index()].insert({common_->order[at].client, common_->order[at].sequence});
}

void Checkers::on_accept(ClientId client, SeqNum sequence, std::uint64_t state_sequence, ByteView result) {
  std::uint64_t& newest = session_[client];
  newest = std::max(newest, state_sequence);
  const std::string who = config::client_name(client) + " accepted a result for " + lab::describe(client, sequence);
  if (state_sequence == 0 || state_sequence > common_->order.size())
    return report("replies: " + who + ", which is not ordered");
  const Entry& entry = common_->order[state_sequence - 1];
  if (entry.client != client || entry.sequence != sequence || entry.result != crypto::sha256(result)) {
    report("replies: " + who + " that is not the one of the common order");
  }
}

void Checkers::expect_queries(const std::string& service) {
  CHECK(common_->order.empty());
  if (common_->history == nullptr) common_->history = std::make_unique<QueryHistory>(service);
}

void Checkers::on_query(ClientId client, std::uint64_t number) { asked_[{client, number}] = session_[client]; }

void Checkers::on_answer(ClientId client, std::uint64_t number, ByteView query, std::uint64_t state_sequence,
                         ByteView result) {
  const std::string who = config::client_name(client) + " accepted an answer to its query " + std::to_string(number) +
                          " from state " + std::to_string(state_sequence);
  const std::uint64_t floor = asked_.at({client, number});
  if (state_sequence < floor) return report("session: " + who + ", and had seen " + std::to_string(floor));
  if (state_sequence > common_->order.size()) return report("queries: " + who + ", which nobody has reached");
  if (!equal(common_->history->answer(state_sequence, query), result)) {
    return report("queries: " + who + " that is not the one of the common order there");
  }
  asked_.erase({client, number});
  std::uint64_t& newest = session_[client];
  newest = std::max(newest, state_sequence);
}

Digest Checkers::order_digest() const {
  crypto::Sha256 hash;
  for (const Entry& entry : common_->order) hash.update(entry.operation).update(entry.result);
  return hash.finish();
}

}  // namespace garrison::lab
