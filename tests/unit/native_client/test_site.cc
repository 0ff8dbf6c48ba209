#include "tests/unit/native_client/test_site.h"

#include <algorithm>
#include <chrono>

#include "apps/client/steady_now.h"

namespace garrison::client {

namespace {
constexpr SystemId kSystem{77};
constexpr SiteId kSite{0};
constexpr KeyEpoch kEpoch{1};

crypto::PrivateBundle make_keys(crypto::KeyDirectory& directory, crypto::Principal self) {
  crypto::PublicKeys keys;
  Result<crypto::PrivateBundle> bundle = crypto::make_bundle(kSystem, kEpoch, self, crypto::Scheme::ed25519, keys);
  CHECK(bundle.ok());
  CHECK(directory.add(self, keys).ok());
  return std::move(bundle).value();
}
}  // namespace

TestSite::TestSite(std::size_t client_queue) : directory_(kSystem, kEpoch) {
  for (std::size_t i = 0; i < kClients; ++i) {
    const ClientId id(static_cast<std::uint32_t>(i));
    client_bundles_.push_back(make_keys(directory_, crypto::Principal::client(id)));
  }
  std::vector<crypto::PrivateBundle> servers;
  for (std::size_t i = 0; i < kServers; ++i) {
    const ServerId id(static_cast<std::uint16_t>(i));
    servers.push_back(make_keys(directory_, crypto::Principal::server(kSite, id)));
  }
  validator_ = std::make_unique<message::Validator>(kSystem, kSite, kServers, directory_);
  for (std::size_t i = 0; i < kServers; ++i) make_server(i, servers[i].agreement, client_queue);
  thread_ = std::thread([this] { run(); });
}

TestSite::~TestSite() {
  for (std::size_t i = 0; i < kServers; ++i) stop(i);
  stopping_ = true;
  thread_.join();
}

void TestSite::make_server(std::size_t index, const crypto::SecretBytes& agreement, std::size_t client_queue) {
  auto made = std::make_unique<Server>();
  // Those of a client part; the other parts are not there.
  made->queues.client_ops = std::make_unique<LockedQueue<server::ClientInbound>>(client_queue);
  made->queues.client_refused = std::make_unique<LockedQueue<SlotRef>>(server::kClientSlots);
  made->queues.client_consumed = std::make_unique<LockedQueue<SlotRef>>(server::kClientSlots);
  made->queues.replies = std::make_unique<LockedQueue<server::ReplyOutbound>>(server::kReplySlots);
  made->queues.replies_sent = std::make_unique<LockedQueue<SlotRef>>(server::kReplySlots);
  made->queues.queries = std::make_unique<LockedQueue<server::QueryInbound>>(server::kQuerySlots);
  made->queues.queries_done = std::make_unique<LockedQueue<server::QueryDone>>(server::kQuerySlots);
  made->queues.answers = std::make_unique<LockedQueue<server::ReplyOutbound>>(server::kAnswerSlots);
  made->queues.answers_sent = std::make_unique<LockedQueue<SlotRef>>(server::kAnswerSlots);
  made->reply_slab = std::make_unique<Slab>(server::kReplyClasses, 1, ~std::size_t{0});
  const server::ClientPart::Config config{kSystem, kSite, ServerId(static_cast<std::uint16_t>(index)), kEpoch};
  Result<std::unique_ptr<service::Service>> kv = service::make_service("kv");
  CHECK(kv.ok());
  made->executor = std::make_unique<service::Executor>(std::move(kv).value());
  const message::Envelope envelope{kSystem, crypto::Principal::server(kSite, config.self), kEpoch};
  made->desk = std::make_unique<server::QueryDesk>(envelope, *made->executor, made->queues, made->drops);
  made->part = std::make_unique<server::ClientPart>(config, agreement, directory_, made->queues, *made->reply_slab,
                                                    made->desk->answer_slab());
  // A port that nobody has, so that clients can be told where a server will be before it starts.
  node::TcpClients reserve;
  const auto bound = reserve.listen("reserve", *made->part, made->endpoint);
  CHECK(bound.ok());
  made->endpoint = bound.value();
  servers_.push_back(std::move(made));
}

void TestSite::start(std::size_t index, const node::TcpLimits& limits) {
  Server& server = *servers_[index];
  auto tcp = std::make_unique<node::TcpClients>(limits);
  const Result<config::Endpoint> bound = tcp->listen("A" + std::to_string(index + 1), *server.part, server.endpoint);
  CHECK(bound.ok());
  tcp->start();
  const std::lock_guard lock(server.tcp_mutex);
  server.tcp = std::move(tcp);
}

void TestSite::stop(std::size_t index) {
  Server& server = *servers_[index];
  std::unique_ptr<node::TcpClients> stopped;
  const std::lock_guard lock(server.tcp_mutex);
  stopped.swap(server.tcp);
}

NativeClient::Config TestSite::config(std::size_t client) const {
  NativeClient::Config config;
  config.system = kSystem;
  config.site = kSite;
  config.faults = kFaults;
  config.client = ClientId(static_cast<std::uint32_t>(client));
  for (const auto& server : servers_) config.servers.push_back(server->endpoint);
  config.timeout = milliseconds(50);
  config.deadline = seconds(120);  // longer than any machine needs: tests wait for what must happen
  return config;
}

void TestSite::run() {
  while (!stopping_) {
    bool worked = false;
    for (const auto& server : servers_) worked = (!paused_ && take_in(*server)) || worked;
    for (const auto& server : servers_) worked = (!paused_ && answer_queries(*server)) || worked;
    if (!worked) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

bool TestSite::take_in(Server& from) {
  SlotRef sent;
  while (from.queues.replies_sent->pop_one(sent)) from.reply_slab->free(sent);
  server::ClientInbound inbound;
  if (!from.queues.client_ops->pop_one(inbound)) return false;
  const ByteView operation = from.part->slab().bytes(inbound.slot);
  if (from.conduct != Conduct::silent) execute(operation);
  CHECK(from.queues.client_consumed->push_one(inbound.slot));
  ring(from);
  return true;
}

bool TestSite::answer_queries(Server& server) {
  const bool worked = server.desk->poll(steady_now()) > 0;
  const std::size_t answers = server.queues.answers->size();
  for (std::size_t i = 0; i < answers && server.conduct != Conduct::honest; ++i) {
    server::ReplyOutbound answer;
    if (!server.queues.answers->pop_one(answer)) break;
    if (server.conduct == Conduct::silent) {
      CHECK(server.queues.answers_sent->push_one(answer.slot));
      continue;
    }
    server.desk->answer_slab().bytes(answer.slot).back() ^= 1U;  // of the result
    CHECK(server.queues.answers->push_one(answer));
  }
  if (answers > 0) ring(server);
  return worked;
}

void TestSite::execute(ByteView operation) {
  const message::Validation checked = validator_->client_op(operation);
  const auto* verified = std::get_if<message::VerifiedMessage>(&checked);
  if (verified == nullptr) return;
  const auto op = verified->as<message::ClientOp>();
  for (std::size_t i = 0; i < kServers; ++i) {
    if (servers_[i]->lags) continue;
    service::Executor& executor = *servers_[i]->executor;
    const service::Admission before = executor.admit(op);
    if (before.verdict == service::Admission::Verdict::executed) {
      reply(i, op, before.state_sequence, before.result);
      continue;
    }
    const std::optional<service::Executed> now = executor.execute(op);
    if (!now.has_value() || now->void_update) continue;
    servers_[i]->desk->on_executed();
    if (i == 0) ++executed_;
    reply(i, op, now->state_sequence, now->result);
  }
}

void TestSite::reply(std::size_t index, const message::ClientOp& op, std::uint64_t state_sequence, ByteView result) {
  Server& server = *servers_[index];
  if (server.conduct == Conduct::silent) return;
  Bytes shown = to_bytes(result);
  if (server.conduct == Conduct::lying) shown = {3, 4, 0, 0, 0, 'l', 'i', 'e', 's'};
  const ServerId self(static_cast<std::uint16_t>(index));
  const message::Envelope envelope{kSystem, crypto::Principal::server(kSite, self), kEpoch};
  const Bytes content = message::encode(envelope, message::ClientReply{.server = self,
                                                                       .client = op.client,
                                                                       .incarnation = op.incarnation,
                                                                       .sequence = op.sequence,
                                                                       .state_sequence = state_sequence,
                                                                       .result = shown});
  std::optional<SlotRef> slot = server.reply_slab->allocate(0, content.size() + sizeof(crypto::Tag));
  if (!slot.has_value()) return;
  slot->length = static_cast<std::uint32_t>(content.size());
  std::copy(content.begin(), content.end(), server.reply_slab->bytes(*slot).begin());
  CHECK(server.queues.replies->push_one({.slot = *slot, .client = op.client}));
  ring(server);
}

void TestSite::ring(Server& server) {
  const std::lock_guard lock(server.tcp_mutex);
  if (server.tcp != nullptr) server.tcp->doorbell().ring();
}

}  // namespace garrison::client
