#include "apps/lab/lab_site.h"

#include <algorithm>
#include <array>

#include "control/client/session.h"
#include "control/config/names.h"
#include "control/config/topology_text.h"
#include "control/service/kv_operation.h"
#include "crypto/agreement.h"
#include "crypto/digest.h"

namespace garrison::lab {

namespace {

constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kKeys = 20;  // of the kv store that operations touch
constexpr Duration kBusyRetry = milliseconds(1);

// Keys of the lab are no secrets: they follow from the principal alone.
crypto::PrivateBundle lab_bundle(const config::Topology& topology, crypto::Principal principal,
                                 crypto::PublicKeys& keys) {
  std::array<std::uint8_t, 16> seed{};
  Writer(seed).u64(static_cast<std::uint64_t>(principal.kind)).u64(principal.index);
  const Digest digest = crypto::sha256(seed);
  crypto::PrivateBundle bundle{.system = topology.system,
                               .epoch = topology.crypto.epoch,
                               .self = principal,
                               .scheme = crypto::Scheme::modelled,
                               .signing = crypto::SecretBytes(ByteView(digest).first(8)),
                               .agreement = crypto::SecretBytes(ByteView(digest))};
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  CHECK(key.ok());
  Result<Bytes> agreement = crypto::agreement_public_key(bundle.agreement);
  CHECK(agreement.ok());
  keys = {.scheme = bundle.scheme,
          .signing = key.value().public_key().encoded(),
          .agreement = std::move(agreement).value()};
  return bundle;
}

}  // namespace

std::shared_ptr<const LabKeys> make_lab_keys(std::size_t servers, std::size_t clients, bool lossy) {
  config::NewTopology wishes;
  wishes.name = "lab";
  wishes.system = SystemId(0x1ab);
  wishes.servers = servers;
  wishes.clients = static_cast<std::uint32_t>(clients);
  Result<std::string> text = config::new_topology_text(wishes);
  CHECK(text.ok());
  Result<config::Topology> topology = config::parse_topology(text.value(), "lab");
  CHECK(topology.ok());
  topology.value().link.lossy = lossy;
  crypto::KeyDirectory directory(topology.value().system, topology.value().crypto.epoch);
  std::vector<crypto::PrivateBundle> server_bundles;
  std::vector<crypto::PrivateBundle> client_bundles;
  for (const crypto::Principal principal : topology.value().principals()) {
    crypto::PublicKeys keys;
    const bool is_server = principal.kind == crypto::Principal::Kind::server;
    (is_server ? server_bundles : client_bundles).push_back(lab_bundle(topology.value(), principal, keys));
    CHECK(directory.add(principal, std::move(keys)).ok());
  }
  return std::make_shared<const LabKeys>(
      LabKeys{std::move(topology).value(), std::move(directory), std::move(server_bundles), std::move(client_bundles)});
}

LabSite::LabSite(EventQueue& events, std::shared_ptr<const LabKeys> keys, std::uint64_t seed, const LabTimes& times)
    : events_(events),
      keys_(std::move(keys)),
      times_(times),
      rng_(seed),
      network_(events, keys_->servers.size(), rng_.next(),
               [this](ServerId to, ByteView frame) { on_frame(to, frame); }),
      checkers_(keys_->servers.size()) {
  for (const crypto::PrivateBundle& bundle : keys_->servers) {
    server::Queues queues = server::make_queues(
        keys_->servers.size(), []<typename T>(std::size_t capacity, server::Part) -> std::unique_ptr<Queue<T>> {
          return std::make_unique<PlainQueue<T>>(capacity);
        });
    const ServerId id(static_cast<std::uint16_t>(bundle.self.index));
    Result<std::unique_ptr<server::Server>> made = server::Server::make(
        keys_->topology, keys_->directory, bundle,
        {.site = SiteId(0), .self = id, .incarnation = Incarnation(1), .udp_checksum = false}, std::move(queues));
    CHECK(made.ok());
    servers_.push_back({.server = std::move(made).value()});
    servers_.back().server->control().set_observer(&checkers_.observer(id));
  }
}

void LabSite::start() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    // Machines do not come up in the same instant.
    schedule_pump(ServerId(static_cast<std::uint16_t>(i)),
                  events_.now() + microseconds(static_cast<std::int64_t>(rng_.below(2'000))));
  }
}

void LabSite::crash(ServerId server) {
  crashed_.insert(server);
  network_.crash(server);
}

void LabSite::schedule_pump(ServerId id, Instant at) {
  Host& host = servers_[id.index()];
  at = std::max(at, events_.now());
  if (at == Instant::never() || host.pump_at <= at) return;
  host.pump_at = at;
  events_.schedule(at, [this, id, at] {
    // A later request may have moved it forward; then this one is void.
    if (servers_[id.index()].pump_at == at) pump(id);
  });
}

// One hop of everything that is under way inside the server.
void LabSite::pump(ServerId id) {
  Host& host = servers_[id.index()];
  host.pump_at = Instant::never();
  if (crashed_.contains(id)) return;
  const std::size_t done = poll_parts(id);
  emit_frames(id);
  if (done > 0) return schedule_pump(id, events_.now() + times_.hop);
  schedule_pump(id, std::max(events_.now() + times_.hop,
                             earlier(host.server->lan().next_wakeup(), host.server->control().next_wakeup())));
}

std::size_t LabSite::poll_parts(ServerId id) {
  server::Server& server = *servers_[id.index()].server;
  const Instant now = events_.now();
  // Against the direction of travel, so that a message takes one hop per pump.
  std::size_t done = server.client().poll([this, id](server::SessionId session, ByteView reply) {
    events_.schedule(events_.now() + times_.client_delay,
                     [this, id, index = static_cast<std::size_t>(session), bytes = Bytes(reply.begin(), reply.end())] {
                       on_reply(index, id, bytes);
                     });
    return true;
  });
  done += server.control().poll(now);
  done += server.crypto().poll(now);
  server.lan().poll(now);
  done += server.queues().to_sign->size() + server.queues().received_bounded->size() +
          server.queues().received_timely->size() + server.queues().to_send->size();
  return done;
}

void LabSite::emit_frames(ServerId id) {
  std::array<std::uint8_t, kMaxFrameBytes> frame;
  server::LanPart& lan = servers_[id.index()].server->lan();
  const config::SiteSettings& site = keys_->topology.sites.front();
  for (std::size_t size = lan.next_frame(events_.now(), frame); size > 0; size = lan.next_frame(events_.now(), frame)) {
    // A switch with a static table: the destination is the one with this MAC.
    const auto to = std::find_if(site.servers.begin(), site.servers.end(), [&](const config::ServerSettings& one) {
      return std::equal(one.lan.mac.begin(), one.lan.mac.end(), frame.begin());
    });
    CHECK(to != site.servers.end());
    network_.send(id, to->id, ByteView(frame).first(size));
  }
}

void LabSite::on_frame(ServerId to, ByteView frame) {
  servers_[to.index()].server->lan().on_frame(events_.now(), frame);
  schedule_pump(to, events_.now() + times_.hop);
}

void LabSite::start_clients(std::size_t updates_each, Duration think) {
  const config::Topology& topology = keys_->topology;
  const config::SiteSettings& site = topology.sites.front();
  for (const crypto::PrivateBundle& bundle : keys_->clients) {
    client::ClientConfig config;
    config.servers = site.n();
    config.faults = site.f;
    config.client = ClientId(bundle.self.index);
    config.incarnation = Incarnation(1);
    config.window = 4;
    config.timeout_initial = seconds(1);
    config.first_server = ServerId(static_cast<std::uint16_t>(bundle.self.index % site.n()));
    auto client = std::make_unique<LabClient>(config);
    client->id = config.client;
    client->to_submit = updates_each;
    client->think = think;
    Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
    CHECK(key.ok());
    client->signer = std::make_unique<crypto::BatchSigner>(topology.system, bundle.self, topology.crypto.epoch,
                                                           std::move(key).value());
    for (const crypto::PrivateBundle& server : keys_->servers) {
      const ServerId id(static_cast<std::uint16_t>(server.self.index));
      Result<crypto::SecretBytes> secret = client::session_secret(
          bundle.agreement, keys_->directory.find(server.self)->agreement, topology.system, client->id, site.id, id);
      CHECK(secret.ok());
      client->keys.emplace_back(secret.value().view());
    }
    hello(*client);
    clients_.push_back(std::move(client));
    wanted_ += updates_each;
  }
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    events_.schedule(
        events_.now() + Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(think.ns()) + 1))),
        [this, i] { submit(i); });
  }
}

void LabSite::hello(LabClient& client) {
  const config::Topology& topology = keys_->topology;
  const message::Envelope envelope{topology.system, crypto::Principal::client(client.id), topology.crypto.epoch};
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::array<std::uint8_t, 16> nonce{};
    (void)servers_[i].server->client().open(client.id.value(), nonce);
    Bytes hello = message::encode(envelope, message::ClientHello{.nonce = nonce, .incarnation = Incarnation(1)});
    const crypto::Tag tag = client.keys[i].tag(hello);
    hello.insert(hello.end(), tag.begin(), tag.end());
    CHECK(servers_[i].server->client().on_message(client.id.value(), hello) == server::ClientPart::Intake::taken);
  }
}

Bytes LabSite::random_operation() {
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

void LabSite::submit(std::size_t index) {
  LabClient& client = *clients_[index];
  if (client.to_submit == 0) return;
  --client.to_submit;
  client::Output output;
  const std::optional<SeqNum> sequence = client.core.submit(events_.now(), output);
  CHECK(sequence.has_value());  // closed loop: the window is never full

  const config::Topology& topology = keys_->topology;
  const Bytes operation = random_operation();
  checkers_.on_submit(client.id, *sequence, operation);
  Bytes update = message::encode(
      {topology.system, crypto::Principal::client(client.id), topology.crypto.epoch},
      message::ClientOp{
          .client = client.id, .incarnation = Incarnation(1), .sequence = *sequence, .operation = operation});
  const Digest leaf = crypto::leaf_digest(update);
  const std::size_t content = update.size();
  update.resize(content + client.signer->block_bytes(1));
  const MutableBytes block = MutableBytes(update).subspan(content);
  std::size_t size = 0;
  client.signer->sign({&leaf, 1}, {&block, 1}, {&size, 1});
  update.resize(content + size);
  client.updates.push_back(std::move(update));
  carry_out(index, output);
  schedule_client(index);
}

void LabSite::carry_out(std::size_t index, const client::Output& output) {
  for (const client::Send& send : output.sends) {
    send.to.for_each([&](ServerId to) {
      events_.schedule(events_.now() + times_.client_delay,
                       [this, index, sequence = send.sequence, to] { hand_in(index, sequence, to); });
    });
  }
}

void LabSite::hand_in(std::size_t index, SeqNum sequence, ServerId to) {
  if (crashed_.contains(to)) return;
  LabClient& client = *clients_[index];
  const server::ClientPart::Intake intake =
      servers_[to.index()].server->client().on_message(client.id.value(), client.updates[sequence.index() - 1]);
  if (intake == server::ClientPart::Intake::busy) {
    events_.schedule(events_.now() + kBusyRetry, [this, index, sequence, to] { hand_in(index, sequence, to); });
    return;
  }
  if (intake != server::ClientPart::Intake::taken) {
    checkers_.report("intake: a server refused a correct client's update");
  }
  schedule_pump(to, events_.now() + times_.hop);
}

void LabSite::on_reply(std::size_t index, ServerId from, ByteView message) {
  LabClient& client = *clients_[index];
  const std::size_t content = message.size() - kMacBytes;
  if (!client.keys[from.index()].verify(message.first(content), message.subspan(content))) {
    return checkers_.report("replies: a correct server's MAC does not verify");
  }
  const auto reply = message::decode<message::ClientReply>(message.first(content));
  if (!reply.has_value()) return checkers_.report("replies: a correct server's reply does not decode");
  client::Output output;
  client.core.on_reply(events_.now(), *reply, from, output);
  for (const client::Completed& completed : output.completed) {
    ++completed_;
    checkers_.on_accept(client.id, completed.sequence, completed.state_sequence, completed.result);
    const Duration pause(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(client.think.ns()) + 1)));
    events_.schedule(events_.now() + pause, [this, index] { submit(index); });
  }
  carry_out(index, output);
  schedule_client(index);
}

void LabSite::schedule_client(std::size_t index) {
  LabClient& client = *clients_[index];
  const Instant due = client.core.next_wakeup();
  if (due == Instant::never() || client.wakeup_at <= due) return;
  client.wakeup_at = due;
  events_.schedule(std::max(due, events_.now()), [this, index, due] {
    LabClient& waking = *clients_[index];
    if (waking.wakeup_at != due) return;
    waking.wakeup_at = Instant::never();
    client::Output output;
    if (waking.core.next_wakeup() <= events_.now()) waking.core.on_wakeup(events_.now(), output);
    carry_out(index, output);
    schedule_client(index);
  });
}

std::uint64_t LabSite::client_timeouts() const {
  std::uint64_t sum = 0;
  for (const auto& client : clients_) sum += client->core.stats().timeouts;
  return sum;
}

bool LabSite::caught_up() const {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerId id(static_cast<std::uint16_t>(i));
    if (!crashed_.contains(id) && checkers_.executed(id) != checkers_.agreed()) return false;
  }
  return true;
}

std::optional<std::string> LabSite::state_difference() {
  std::optional<Digest> first;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerId id(static_cast<std::uint16_t>(i));
    if (crashed_.contains(id)) continue;
    const Digest digest = servers_[i].server->control().executor().state_digest();
    if (!first.has_value()) first = digest;
    if (*first != digest) return "agreement: the state of " + config::server_name(SiteId(0), id) + " differs";
  }
  return std::nullopt;
}

std::uint64_t LabSite::frames_sent() const {
  std::uint64_t sum = 0;
  for (const Host& host : servers_) sum += host.server->lan().frames_sent();
  return sum;
}

std::uint64_t LabSite::frames_received() const {
  std::uint64_t sum = 0;
  for (const Host& host : servers_) sum += host.server->lan().frames_received();
  return sum;
}

}  // namespace garrison::lab
