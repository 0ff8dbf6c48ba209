#include "apps/node/closed_loop.h"

#include <array>

namespace garrison::node {

namespace {
constexpr std::size_t kMacBytes = 16;
constexpr Duration kTimerPeriod = milliseconds(50);
}  // namespace

ClosedLoop::ClosedLoop(const Config& config, std::vector<server::ClientPart*> parts,
                       std::vector<PreparedClient> clients)
    : config_(config), parts_(std::move(parts)) {
  clients_.reserve(clients.size());
  for (PreparedClient& prepared : clients) {
    client::ClientConfig core;
    core.servers = config.n;
    core.faults = config.f;
    core.client = prepared.id;
    core.incarnation = prepared.incarnation;
    core.window = 1;
    core.pattern = config.pattern;
    core.timeout_initial = config.timeout;
    core.timeout_max = config.timeout;
    core.first_server = ServerId(static_cast<std::uint16_t>(prepared.id.value() % config.n));
    clients_.emplace_back(core, std::move(prepared));
    say_hello(clients_.back());
  }
  latencies_ns_.reserve(1U << 20U);
}

void ClosedLoop::say_hello(Client& client) {
  const message::Envelope envelope{config_.system, crypto::Principal::client(client.prepared.id), config_.epoch};
  for (std::size_t server = 0; server < parts_.size(); ++server) {
    // The session never leaves the process; what the nonce guards against cannot happen here.
    const std::array<std::uint8_t, 16> nonce{};
    const server::SessionId session = client.prepared.id.value();
    (void)parts_[server]->open(session, nonce);
    Bytes hello =
        message::encode(envelope, message::ClientHello{.nonce = nonce, .incarnation = client.prepared.incarnation});
    const crypto::Tag tag = client.prepared.keys[server].tag(hello);
    hello.insert(hello.end(), tag.begin(), tag.end());
    CHECK(parts_[server]->on_message(session, hello) == server::ClientPart::Intake::taken);
  }
}

std::size_t ClosedLoop::poll(Instant now) {
  now_ = now;
  std::size_t done = 0;
  if (!started_) {
    started_ = true;
    for (std::size_t i = 0; i < clients_.size(); ++i) next_update(i);
    done = clients_.size();
  }
  for (std::size_t server = 0; server < parts_.size(); ++server) {
    done += parts_[server]->poll(
        [this, server](server::SessionId session, ByteView message) { return on_reply(server, session, message); });
  }
  retry_.clear();
  retry_.swap(unsent_);
  for (const Unsent& unsent : retry_) {
    if (hand_in(unsent)) ++done;
  }
  if (now >= next_check_) {
    next_check_ = now + kTimerPeriod;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (clients_[i].core.next_wakeup() > now) continue;
      output_.clear();
      clients_[i].core.on_wakeup(now, output_);
      resent_.add(output_.sends.size());
      carry_out(i);
    }
  }
  return done;
}

Instant ClosedLoop::next_wakeup() const { return unsent_.empty() ? next_check_ : now_ + microseconds(100); }

bool ClosedLoop::on_reply(std::size_t server, server::SessionId session, ByteView message) {
  const std::size_t index = session;
  Client& client = clients_[index];
  const std::size_t content = message.size() - kMacBytes;
  if (!client.prepared.keys[server].verify(message.first(content), message.subspan(content))) {
    bad_replies_.add();
    return true;
  }
  const auto reply = message::decode<message::ClientReply>(message.first(content));
  if (!reply.has_value()) {
    bad_replies_.add();
    return true;
  }
  output_.clear();
  const client::ReplyOutcome outcome =
      client.core.on_reply(now_, *reply, ServerId(static_cast<std::uint16_t>(server)), output_);
  if (outcome != client::ReplyOutcome::completed) return true;
  if (measuring_.load(std::memory_order_relaxed)) {
    completed_.add(output_.completed.size());
    for (const client::Completed& completed : output_.completed) latencies_ns_.push_back(completed.latency.ns());
  }
  next_update(index);
  return true;
}

void ClosedLoop::next_update(std::size_t index) {
  if (stopping_.load(std::memory_order_relaxed)) return;
  Client& client = clients_[index];
  if (client.core.stats().submitted == client.prepared.updates.size()) {
    exhausted_.store(true, std::memory_order_relaxed);
    return;
  }
  output_.clear();
  CHECK(client.core.submit(now_, output_).has_value());
  carry_out(index);
}

void ClosedLoop::carry_out(std::size_t index) {
  for (const client::Send& send : output_.sends) {
    send.to.for_each([&](ServerId to) { (void)hand_in({.client = index, .sequence = send.sequence, .to = to}); });
  }
}

bool ClosedLoop::hand_in(const Unsent& unsent) {
  Client& client = clients_[unsent.client];
  const Bytes& update = client.prepared.updates[unsent.sequence.index() - 1];
  if (parts_[unsent.to.index()]->on_message(client.prepared.id.value(), update) == server::ClientPart::Intake::busy) {
    unsent_.push_back(unsent);
    return false;
  }
  return true;
}

}  // namespace garrison::node
