#include "apps/lab/clients.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "control/client/session.h"
#include "control/config/names.h"
#include "control/service/kv_operation.h"

namespace garrison::lab {

namespace {
constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kKeys = 20;  // of the kv store that operations touch
constexpr std::string_view kForbidden = "written by a query";
constexpr Duration kBusyRetry = milliseconds(1);
constexpr Incarnation kIncarnation(1);
constexpr std::size_t kWindow = 4;
constexpr std::size_t kTcpBytes = kEthernetHeaderBytes + kIpv4HeaderBytes + 32;  // with timestamps, as Linux sends them
}  // namespace

Clients::Clients(EventQueue& events, const LabKeys& keys, SiteId site, Network& network,
                 std::vector<std::unique_ptr<Host>>& hosts, Checkers& checkers, std::uint64_t seed)
    : events_(events),
      keys_(keys),
      site_(site),
      network_(network),
      hosts_(hosts),
      checkers_(checkers),
      rng_(seed),
      liars_(seed) {}

void Clients::start(const Workload& workload) {
  CHECK(clients_.empty());
  workload_ = workload;
  CHECK(workload_.reads == client::Reads::ordered || !workload_.payload_bytes.has_value());
  if (workload_.reads == client::Reads::site)
    checkers_.expect_queries(std::string(config::name(keys_.topology.service)));
  for (const crypto::PrivateBundle& bundle : keys_.clients) {
    if (keys_.topology.home_of(ClientId(bundle.self.index)).id == site_) add(bundle);
  }
  CHECK(workload.faulty <= clients_.size());
  for (std::size_t i = clients_.size() - workload.faulty; i < clients_.size(); ++i) clients_[i]->faulty = true;
  if (workload.updates_each != SIZE_MAX) wanted_ = (clients_.size() - workload.faulty) * workload.updates_each;
  for (std::size_t i = 0; i < clients_.size(); ++i) submit_within(workload_.start_over + workload_.think, i);
}

void Clients::add(const crypto::PrivateBundle& bundle) {
  const config::SiteSettings& site = keys_.topology.site(site_);
  client::ClientConfig config;
  config.servers = site.n();
  config.faults = site.f;
  config.client = ClientId(bundle.self.index);
  config.incarnation = kIncarnation;
  config.window = kWindow;
  config.timeout_initial = workload_.timeout;
  config.timeout_max = std::max(workload_.timeout, config.timeout_max);
  config.pattern = workload_.pattern;
  config.first_server = ServerId(static_cast<std::uint16_t>(clients_.size() % site.n()));
  auto client = std::make_unique<Client>(config);
  client->id = config.client;
  client->beside = config.first_server;
  client->to_submit = workload_.updates_each;
  client->believes_faulty =
      config.pattern == client::Pattern::co_located && checkers_.faulty().contains(config.first_server);
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  CHECK(key.ok());
  client->signer = std::make_unique<crypto::BatchSigner>(keys_.topology.system, bundle.self,
                                                         keys_.topology.crypto.epoch, std::move(key).value());
  if (workload_.reads == client::Reads::site) add_queries(*client, kIncarnation);
  for (const crypto::PrivateBundle& server : keys_.servers_of(site_)) {
    if (config.pattern == client::Pattern::co_located && server.self.index != config.first_server.value()) continue;
    open_session(*client, bundle, server);
  }
  clients_.push_back(std::move(client));
}

void Clients::open_session(Client& client, const crypto::PrivateBundle& bundle, const crypto::PrivateBundle& server) {
  const config::Topology& topology = keys_.topology;
  const ServerId id(static_cast<std::uint16_t>(server.self.index));
  Result<crypto::SecretBytes> secret = client::session_secret(
      bundle.agreement, keys_.directory.find(server.self)->agreement, topology.system, client.id, site_, id);
  CHECK(secret.ok());
  crypto::HmacKey& key = client.keys.emplace(id, crypto::HmacKey(secret.value().view())).first->second;

  const message::Envelope envelope{topology.system, crypto::Principal::client(client.id), topology.crypto.epoch};
  const std::array<std::uint8_t, 16> nonce{};
  server::ClientPart& part = hosts_[id.index()]->server().client();
  (void)part.open(client.id.value(), nonce);
  Bytes hello = message::encode(envelope, message::ClientHello{.nonce = nonce, .incarnation = kIncarnation});
  const crypto::Tag tag = key.tag(hello);
  hello.insert(hello.end(), tag.begin(), tag.end());
  CHECK(part.on_message(client.id.value(), hello) == server::ClientPart::Intake::taken);
}

void Clients::submit_within(Duration span, std::size_t index) {
  const std::uint64_t pause = rng_.below(static_cast<std::uint64_t>(span.ns()) + 1);
  events_.schedule(events_.now() + Duration(static_cast<std::int64_t>(pause)), [this, index] { submit(index); });
}

Bytes Clients::operation() {
  if (workload_.payload_bytes.has_value()) return Bytes(*workload_.payload_bytes);
  const std::string key = "k" + std::to_string(rng_.below(kKeys));
  const std::string value = "v" + std::to_string(rng_.below(1'000'000));
  switch (rng_.below(4)) {
    case 0:
      return service::encode(service::KvGet{.key = as_bytes(key)}).value();
    case 1:
      return service::encode(service::KvIncrBy{.key = as_bytes("n" + key), .delta = 1}).value();
    case 2:
      return service::encode(service::KvDel{.keys = {as_bytes(key)}}).value();
    default:
      return service::encode(service::KvSet{.key = as_bytes(key), .value = as_bytes(value)}).value();
  }
}

void Clients::submit(std::size_t index) {
  Client& client = *clients_[index];
  if (client.to_submit == 0) return;
  if (client.to_submit != SIZE_MAX) --client.to_submit;
  if (client.faulty) return misbehave(index);
  if (client.queries != nullptr && rng_.below(2) == 0) return query(index);
  submit_operation(index, operation());
}

void Clients::submit_operation(std::size_t index, const Bytes& what) {
  Client& client = *clients_[index];
  client::Output output;
  const std::optional<SeqNum> sequence = client.core.submit(events_.now(), output);
  CHECK(sequence.has_value());  // closed loop: the window is never full
  checkers_.on_submit(client.id, *sequence, what);
  client.updates[*sequence] = sign(client, *sequence, what);
  carry_out(index, output);
  schedule_wakeup(index);
}

Bytes Clients::say(Client& client) {
  const Bytes what = operation();
  checkers_.on_submit(client.id, client.said, what);
  client.last_said = sign(client, client.said, what);
  return client.last_said;
}

void Clients::misbehave(std::size_t index) {
  Client& client = *clients_[index];
  ++misdeeds_;
  const auto hand_to_all = [&](const auto& update_for) {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      hand_in_anything(index, update_for(), ServerId(static_cast<std::uint16_t>(i)));
    }
  };
  enum Misdeed : std::uint8_t { partial, conflicting, forged, writing_query, repeated, kinds };
  switch (client.last_said.empty() ? partial : static_cast<Misdeed>(rng_.below(kinds))) {
    case partial:
      client.said = client.said.next();
      hand_in_anything(index, say(client), ServerId(static_cast<std::uint16_t>(rng_.below(hosts_.size()))));
      break;
    case conflicting:
      client.said = client.said.next();
      hand_to_all([&] { return say(client); });
      break;
    case forged: {
      Bytes wrong = client.last_said;
      wrong.back() ^= 1;
      hand_to_all([&] { return wrong; });
      break;
    }
    case writing_query: {
      const Bytes what = service::encode(service::KvIncrBy{.key = as_bytes(kForbidden), .delta = 1}).value();
      for (const auto& [to, key] : client.keys) {
        hand_in_anything(index, encode_query(client, {.number = 1}, to, what), to);
      }
      break;
    }
    default:
      hand_to_all([&] { return client.last_said; });
  }
  submit_within(workload_.think, index);
}

void Clients::hand_in_anything(std::size_t index, const Bytes& update, ServerId to) {
  events_.schedule(events_.now() + workload_.delay, [this, index, update, to] {
    Host& host = *hosts_[to.index()];
    if (host.crashed()) return;
    (void)host.server().client().on_message(clients_[index]->id.value(), update);  // refused or not
    host.wake();
  });
}

Bytes Clients::sign(Client& client, SeqNum sequence, ByteView operation) {
  const config::Topology& topology = keys_.topology;
  Bytes update = message::encode(
      {topology.system, crypto::Principal::client(client.id), topology.crypto.epoch},
      message::ClientOp{
          .client = client.id, .incarnation = kIncarnation, .sequence = sequence, .operation = operation});
  const Digest leaf = crypto::leaf_digest(update);
  const std::size_t content = update.size();
  update.resize(content + client.signer->block_bytes(1));
  const MutableBytes block = MutableBytes(update).subspan(content);
  std::size_t size = 0;
  client.signer->sign({&leaf, 1}, {&block, 1}, {&size, 1});
  update.resize(content + size);
  return update;
}

void Clients::carry_out(std::size_t index, const client::Output& output) {
  const Client& client = *clients_[index];
  for (const client::Send& send : output.sends) {
    send.to.for_each([&](ServerId to) {
      travel(client, to, client.updates.at(send.sequence).size(),
             [this, index, sequence = send.sequence, to] { hand_in(index, sequence, to); });
    });
  }
}

void Clients::travel(const Client& client, ServerId to, std::size_t bytes, std::function<void()> arrived) {
  if (workload_.over_network && to != client.beside) {
    network_.carry(client.beside, to, kTcpBytes + bytes, std::move(arrived));
  } else {
    events_.schedule(events_.now() + workload_.delay, std::move(arrived));
  }
}

void Clients::hand_in(std::size_t index, SeqNum sequence, ServerId to) {
  Client& client = *clients_[index];
  const auto update = client.updates.find(sequence);
  if (update == client.updates.end()) return;  // answered while it was under way
  Host& host = *hosts_[to.index()];
  if (host.crashed()) return;
  const server::ClientPart::Intake intake = host.server().client().on_message(client.id.value(), update->second);
  if (intake == server::ClientPart::Intake::busy) {
    events_.schedule(events_.now() + kBusyRetry, [this, index, sequence, to] { hand_in(index, sequence, to); });
    return;
  }
  if (intake != server::ClientPart::Intake::taken) {
    checkers_.report("intake: a server refused a correct client's update");
  }
  host.wake();
}

void Clients::reply(Instant at, ServerId from, server::SessionId session, ByteView message) {
  // A session is its client's number, and clients belong to the sites in turn.
  const auto index = static_cast<std::size_t>(session) / keys_.topology.sites.size();
  if (workload_.query_lies && checkers_.faulty().contains(from) &&
      message::decode<message::QueryReply>(message).has_value()) {
    return lie(at, index, from, message);
  }
  auto arrived = [this, from, index, bytes = to_bytes(message)] { on_reply(index, from, bytes); };
  const ServerId beside = clients_[index]->beside;
  if (!workload_.over_network || from == beside) {
    events_.schedule(at + workload_.delay, std::move(arrived));
    return;
  }
  events_.schedule(at, [this, from, beside, bytes = kTcpBytes + message.size(), arrived = std::move(arrived)] {
    network_.carry(from, beside, bytes, arrived);
  });
}

void Clients::on_reply(std::size_t index, ServerId from, ByteView message) {
  Client& client = *clients_[index];
  const std::size_t content = message.size() - kMacBytes;
  if (!client.keys.at(from).verify(message.first(content), message.subspan(content))) {
    return checkers_.report("replies: a correct server's MAC does not verify");
  }
  if (const auto answer = message::decode<message::QueryReply>(message.first(content)); answer.has_value()) {
    return on_answer(index, from, *answer);
  }
  const auto reply = message::decode<message::ClientReply>(message.first(content));
  if (!reply.has_value()) return checkers_.report("replies: a correct server's reply does not decode");
  if (client.faulty) return;
  client::Output output;
  client.core.on_reply(events_.now(), *reply, from, output);
  for (const client::Completed& completed : output.completed) {
    if (!client.believes_faulty) {
      checkers_.on_accept(client.id, completed.sequence, completed.state_sequence, completed.result);
    }
    client.updates.erase(completed.sequence);
    if (client.queries != nullptr) client.queries->on_ordered(completed.state_sequence);
    finish(index, completed.latency);
  }
  carry_out(index, output);
  schedule_wakeup(index);
}

void Clients::finish(std::size_t index, Duration latency) {
  ++completed_;
  if (finished_) finished_(latency);
  submit_within(workload_.think, index);
}

void Clients::schedule_wakeup(std::size_t index) {
  Client& client = *clients_[index];
  Instant due = client.core.next_wakeup();
  if (client.queries != nullptr) due = earlier(due, client.queries->next_wakeup());
  if (due == Instant::never() || client.wakeup_at <= due) return;
  client.wakeup_at = due;
  events_.schedule(std::max(due, events_.now()), [this, index, due] {
    Client& waking = *clients_[index];
    if (waking.wakeup_at != due) return;
    waking.wakeup_at = Instant::never();
    client::Output output;
    if (waking.core.next_wakeup() <= events_.now()) waking.core.on_wakeup(events_.now(), output);
    carry_out(index, output);
    if (waking.queries != nullptr) {
      client::QueryOutput asks;
      waking.queries->on_wakeup(events_.now(), asks);
      carry_out_queries(index, asks);
    }
    schedule_wakeup(index);
  });
}

std::uint64_t Clients::timeouts() const {
  std::uint64_t sum = 0;
  for (const auto& client : clients_) sum += client->core.stats().timeouts;
  return sum;
}

}  // namespace garrison::lab
