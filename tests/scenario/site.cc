#include "tests/scenario/site.h"

#include <algorithm>

#include "control/config/names.h"
#include "control/service/null_service.h"

namespace garrison::scenario {
namespace {

using message::MessageType;

std::string name_of(ServerId server) { return config::server_name(SiteId(0), server); }
std::string name_of(const Site::Update& update) {
  return config::client_name(update.first) + "/" + std::to_string(update.second.value());
}
ServerId server_at(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

template <typename Config>
Config config_of(const testing::SiteKeys& keys, ServerId self, std::size_t n, std::size_t f,
                 const std::function<void(Config&)>& change) {
  Config config;
  config.self = self;
  config.envelope = keys.envelope(self);
  config.n = n;
  config.f = f;
  if (change) change(config);
  return config;
}

}  // namespace

Site::Site(std::size_t n, std::size_t f, ServerSet faulty, const Cores& cores)
    : keys_(n, n),
      protocol_(cores.protocol),
      conspiracy_(std::make_shared<adversary::Conspiracy>(n, f, faulty)),
      servers_(n) {
  for (std::size_t i = 0; i < n; ++i) {
    servers_[i].core = make_core(server_at(i), f, cores);
    servers_[i].executor = std::make_unique<service::Executor>(std::make_unique<service::NullService>());
  }
  for (std::size_t i = 0; i < n; ++i) step(server_at(i), ordering::Wakeup{});
}

std::unique_ptr<ordering::OrderingCore> Site::make_core(ServerId self, std::size_t f, const Cores& cores) const {
  if (cores.protocol == config::LocalProtocol::bft) {
    return std::make_unique<bft::Bft>(config_of(keys_, self, n(), f, cores.bft));
  }
  return std::make_unique<prime::Prime>(config_of(keys_, self, n(), f, cores.prime));
}

void Site::corrupt(ServerId server, const std::vector<adversary::Spec>& specs) {
  of(server).core =
      adversary::wrap(std::move(of(server).core), specs, {keys_.envelope(server), server, conspiracy_, 1, protocol_});
}

void Site::crash(ServerId server) { of(server).crashed = true; }

void Site::heal() {
  losses_.clear();
  groups_.clear();
}

void Site::release() {
  holds_.clear();
  for (Packet& packet : held_) wire_.emplace(now_ + delay_, std::move(packet));
  held_.clear();
}

ServerSet Site::correct() const {
  ServerSet correct = conspiracy_->correct();
  for (std::size_t i = 0; i < n(); ++i) {
    if (servers_[i].crashed) correct.erase(server_at(i));
  }
  return correct;
}

void Site::submit(ServerId to) {
  Server& server = of(to);
  server.submitted = server.submitted.next();
  const ClientId client(to.value());
  handed_in_.emplace_back(to, Update{client, server.submitted});
  const Stored update =
      keys_.verified(keys_.client_op(client, server.submitted, as_bytes(std::string_view("close breaker"))));
  for (std::size_t i = 0; protocol_ == config::LocalProtocol::bft && i < n(); ++i) {
    if (server_at(i) != to) wire_.emplace(now_ + delay_, Packet{to, server_at(i), update});
  }
  step(to, update->get());
}

void Site::advance(Duration time) {
  const Instant end = now_ + time;
  for (;;) {
    Instant next = wire_.empty() ? Instant::never() : wire_.begin()->first;
    for (const Server& server : servers_) {
      if (!server.crashed) next = earlier(next, server.core->next_wakeup());
    }
    if (next > end) break;
    now_ = std::max(now_, next);
    while (!wire_.empty() && wire_.begin()->first <= now_) {
      const Packet packet = std::move(wire_.begin()->second);
      wire_.erase(wire_.begin());
      land(packet);
    }
    for (std::size_t i = 0; i < n(); ++i) {
      if (!servers_[i].crashed && servers_[i].core->next_wakeup() <= now_) step(server_at(i), ordering::Wakeup{});
    }
  }
  now_ = end;
}

void Site::deliver_all() {
  while (!wire_.empty()) {
    const Packet packet = std::move(wire_.begin()->second);
    wire_.erase(wire_.begin());
    land(packet);
  }
}

bool Site::fits(const Rule& rule, const Packet& packet) {
  return rule.from.contains(packet.from) && rule.to.contains(packet.to) &&
         std::find(rule.types.begin(), rule.types.end(), packet.message->get().type()) != rule.types.end();
}

// Whether a rule takes the packet; one that is used up goes.
bool Site::use(std::vector<Rule>& rules, const Packet& packet) {
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& one) { return fits(one, packet); });
  if (rule == rules.end()) return false;
  if (rule->times.has_value() && --*rule->times == 0) rules.erase(rule);
  return true;
}

bool Site::cut_off(ServerId from, ServerId to) const {
  return !groups_.empty() && std::none_of(groups_.begin(), groups_.end(),
                                          [&](ServerSet group) { return group.contains(from) && group.contains(to); });
}

void Site::land(const Packet& packet) {
  if (of(packet.to).crashed || cut_off(packet.from, packet.to)) return;
  step(packet.to, packet.message->get());
}

void Site::send(ServerId from, ServerSet to, const Stored& message) {
  to.for_each([&](ServerId id) {
    Packet packet{from, id, message};
    ++sent_[{message->get().type(), from, id}];
    if (tap) tap(from, id, message->get());
    // Validation takes what only a channel vouches for from its author alone.
    const bool hearsay = message->get().server() != from &&
                         message::find_row(message->get().type())->authentication == message::Authentication::channel;
    if (hearsay || use(losses_, packet)) return;
    if (use(holds_, packet)) {
      held_.push_back(std::move(packet));
    } else {
      wire_.emplace(now_ + delay_, std::move(packet));
    }
  });
}

// One input, and everything that the server then says to itself.
void Site::step(ServerId id, const ordering::Input& input) {
  if (of(id).crashed) return;
  step_once(id, input);
  while (!of(id).own.empty()) {
    const Stored message = std::move(of(id).own.front());
    of(id).own.pop_front();
    step_once(id, message->get());
  }
}

void Site::step_once(ServerId id, const ordering::Input& input) {
  Server& server = of(id);
  ordering::Output output;
  server.core->step(now_, input, output);
  for (const ordering::Deliver& batch : output.deliver) deliver(id, batch);
  for (const ordering::Sign& sign : output.sign) {
    check_promises(id, sign);
    const Stored message = keys_.verified(keys_.server(id), sign.content);
    server.own.push_back(message);
    send(id, sign.to, message);
  }
  for (const ordering::Forward& forward : output.forward) send(id, forward.to, forward.message);
  for (const ordering::Verify& verify : output.verify) {
    if (const Stored message = keys_.checked(verify.message)) server.own.push_back(message);
  }
  for (const DropReason reason : output.drops) ++server.drops[reason];
  for (const ordering::Blame& blame : output.blame) {
    server.blamed.insert(blame.server);
    if (!faulty().contains(id) && !faulty().contains(blame.server)) {
      report(name_of(id) + " blames " + name_of(blame.server) + ", which is correct");
    }
  }
}

void Site::deliver(ServerId id, const ordering::Deliver& batch) {
  Server& server = of(id);
  for (const ByteView update : batch.updates) {
    const auto op = message::decode<message::ClientOp>(update);
    CHECK(op.has_value());
    const auto executed = server.executor->execute(*op);
    if (!executed.has_value() || executed->void_update) continue;
    server.executed.emplace_back(op->client, op->sequence);
    if (faulty().contains(id)) continue;
    const Update& what = server.executed.back();
    const std::size_t at = server.executed.size() - 1;
    if (order_.size() == at) order_.push_back(what);
    if (order_[at] != what) {
      report("agreement: " + name_of(id) + " executed " + name_of(what) + " at position " + std::to_string(at + 1) +
             ", where others have " + name_of(order_[at]));
    }
    if (!server.once.insert(what).second) report("exactly-once: " + name_of(id) + " executed " + name_of(what));
  }
}

// A correct server says one thing about each slot.
void Site::check_promises(ServerId id, const ordering::Sign& sign) {
  if (faulty().contains(id)) return;
  const auto slot = [&](std::uint64_t a, std::uint64_t b, const Digest& what) {
    const auto [at, fresh] = of(id).promised.try_emplace({sign.type, a, b}, what);
    if (!fresh && at->second != what) {
      report("promise: " + name_of(id) + " signs two " + std::string(message::name(sign.type)) + " for slot " +
             std::to_string(a) + ", " + std::to_string(b));
    }
  };
  if (sign.to.contains(id)) report("contract: " + name_of(id) + " sends to itself");
  const Digest whole = crypto::leaf_digest(sign.content);
  if (const auto request = message::decode<message::PoRequest>(sign.content)) slot(request->sequence.value(), 0, whole);
  if (const auto pre_prepare = message::decode<message::PrePrepare>(sign.content)) {
    slot(pre_prepare->view.value(), pre_prepare->sequence.value(), whole);
  }
  if (const auto prepare = message::decode<message::Prepare>(sign.content)) {
    slot(prepare->view.value(), prepare->sequence.value(), prepare->matrix_digest);
  }
  if (const auto commit = message::decode<message::Commit>(sign.content)) {
    slot(commit->view.value(), commit->sequence.value(), commit->matrix_digest);
  }
  if (const auto pre_prepare = message::decode<message::BftPrePrepare>(sign.content)) {
    slot(pre_prepare->view.value(), pre_prepare->sequence.value(), whole);
  }
  if (const auto prepare = message::decode<message::BftPrepare>(sign.content)) {
    slot(prepare->view.value(), prepare->sequence.value(), prepare->batch);
  }
  if (const auto commit = message::decode<message::BftCommit>(sign.content)) {
    slot(commit->view.value(), commit->sequence.value(), commit->batch);
  }
  if (const auto change = message::decode<message::BftViewChange>(sign.content)) slot(change->view.value(), 0, whole);
  if (const auto new_view = message::decode<message::BftNewView>(sign.content)) slot(new_view->view.value(), 0, whole);
  if (const auto report = message::decode<message::Report>(sign.content)) slot(report->view.value(), 0, whole);
  if (const auto pc_set = message::decode<message::PcSet>(sign.content)) {
    slot(pc_set->view.value(), pc_set->seq, whole);
  }
  if (const auto replay = message::decode<message::Replay>(sign.content)) slot(replay->view.value(), 0, whole);
  if (const auto prepare = message::decode<message::ReplayPrepare>(sign.content)) {
    slot(prepare->view.value(), 0, prepare->digest);
  }
  if (const auto commit = message::decode<message::ReplayCommit>(sign.content)) {
    slot(commit->view.value(), 0, commit->digest);
  }
  if (const auto ack = message::decode<message::PoAck>(sign.content)) {
    for (const auto& entry : ack->entries) slot(entry.introducer.value(), entry.sequence.value(), entry.digest);
  }
  if (auto summary = message::decode<message::PoSummary>(sign.content)) {
    if (!prime::at_least_as_up_to_date(summary->vec, of(id).summarized)) {
      report("promise: " + name_of(id) + " takes back a PO-SUMMARY");
    }
    of(id).summarized = std::move(summary->vec);
  }
}

std::uint64_t Site::dropped(ServerId by, DropReason reason) const {
  const auto found = of(by).drops.find(reason);
  return found == of(by).drops.end() ? 0 : found->second;
}

std::uint64_t Site::sent(const Rule& rule) const {
  std::uint64_t sum = 0;
  for (const auto& [what, count] : sent_) {
    const auto& [type, from, to] = what;
    const bool of_types = std::find(rule.types.begin(), rule.types.end(), type) != rule.types.end();
    if (of_types && rule.from.contains(from) && rule.to.contains(to)) sum += count;
  }
  return sum;
}

std::optional<std::string> Site::unexecuted() const {
  for (const auto& [server, update] : handed_in_) {
    if (!correct().contains(server)) continue;
    std::string lacking;
    correct().for_each([&, &update = update](ServerId id) {
      if (!of(id).once.contains(update)) lacking = name_of(id);
    });
    if (!lacking.empty()) {
      return lacking + " has not executed " + name_of(update) + ", which was handed to " + name_of(server);
    }
  }
  return std::nullopt;
}

void Site::report(std::string what) {
  if (!violation_.has_value()) violation_ = std::move(what);
}

}  // namespace garrison::scenario
