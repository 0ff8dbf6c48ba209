#include "apps/server/client_part.h"

#include <algorithm>
#include <array>

#include "control/client/session.h"
#include "control/config/topology.h"

namespace garrison::server {

namespace {
constexpr std::size_t kBurst = 64;
constexpr std::size_t kOneOwner = 1;
constexpr std::size_t kNoQuota = ~std::size_t{0};
constexpr std::size_t kMacBytes = 16;
}  // namespace

ClientPart::ClientPart(const Config& config, const crypto::SecretBytes& agreement_secret,
                       const crypto::KeyDirectory& directory, Queues& queues, Slab& reply_slab, Slab& answer_slab)
    : config_(config),
      agreement_secret_(agreement_secret),
      directory_(directory),
      queues_(queues),
      reply_slab_(reply_slab),
      answer_slab_(answer_slab),
      slab_(kClientClasses, kOneOwner, kNoQuota),
      query_slab_(kQueryClasses, kOneOwner, kNoQuota) {}

Bytes ClientPart::open(SessionId session, const std::array<std::uint8_t, 16>& nonce) {
  sessions_[session] = Session{.nonce = nonce, .client = std::nullopt};
  const message::Envelope envelope{config_.system, crypto::Principal::server(config_.site, config_.self),
                                   config_.epoch};
  return message::encode(envelope, message::ClientChallenge{.nonce = nonce});
}

void ClientPart::close(SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (found->second.client.has_value()) {
    Client* client = find_client(*found->second.client);
    if (client != nullptr && client->session == session) client->session.reset();
  }
  sessions_.erase(found);
}

ClientPart::Intake ClientPart::on_message(SessionId id, ByteView message) {
  const auto found = sessions_.find(id);
  CHECK(found != sessions_.end());
  const auto envelope = message::decode_envelope(message);
  if (!envelope.has_value()) {
    drops_.add(DropReason::message_malformed);
    return Intake::hostile;
  }
  if (envelope->envelope.system != config_.system) {
    drops_.add(DropReason::message_wrong_system);
    return Intake::hostile;
  }
  switch (envelope->type) {
    case message::MessageType::ClientHello:
      return hello(found->second, id, *envelope, message);
    case message::MessageType::ClientOp:
      return operation(found->second, *envelope, message);
    case message::MessageType::ClientQuery:
      return query(found->second, *envelope, message);
    default:
      drops_.add(DropReason::message_wrong_direction);
      return Intake::hostile;
  }
}

ClientPart::Intake ClientPart::hello(Session& session, SessionId id, const message::DecodedEnvelope& envelope,
                                     ByteView message) {
  const auto decoded = message::decode<message::ClientHello>(message);
  if (!decoded.has_value() || message.size() != envelope.content_bytes + kMacBytes ||
      envelope.envelope.signer.kind != crypto::Principal::Kind::client) {
    drops_.add(DropReason::message_malformed);
    return Intake::hostile;
  }
  const ClientId id_of_client(envelope.envelope.signer.index);
  if (config::home_site(id_of_client, config_.sites) != config_.site) {
    drops_.add(DropReason::client_of_another_site);
    return Intake::hostile;
  }
  Client* client = find_client(id_of_client);
  if (client == nullptr) {
    drops_.add(DropReason::message_unknown_signer);
    return Intake::hostile;
  }
  if (decoded->nonce != session.nonce ||
      !client->key.verify(message.first(envelope.content_bytes), message.subspan(envelope.content_bytes))) {
    drops_.add(DropReason::message_bad_signature);
    return Intake::hostile;
  }
  session.client = id_of_client;
  client->session = id;
  return Intake::taken;
}

ClientPart::Intake ClientPart::operation(const Session& session, const message::DecodedEnvelope& envelope,
                                         ByteView message) {
  // A gateway may hand in operations of its own client only: the session's.
  if (!session.client.has_value() || envelope.envelope.signer != crypto::Principal::client(*session.client)) {
    drops_.add(DropReason::client_not_authenticated);
    return Intake::hostile;
  }
  if (message.size() > slab_.largest()) {
    drops_.add(DropReason::message_oversized);
    return Intake::refused;
  }
  if (queues_.client_ops->room() == 0) return Intake::busy;
  const std::optional<SlotRef> slot = slab_.allocate(0, message.size());
  if (!slot.has_value()) return Intake::busy;
  std::copy(message.begin(), message.end(), slab_.bytes(*slot).begin());
  CHECK(queues_.client_ops->push_one({.slot = *slot}));
  return Intake::taken;
}

// Its MAC is verified here: no signature, and so no work for crypto. What finds no room is not held, as an operation
// is: it would keep the session's operations behind it waiting.
ClientPart::Intake ClientPart::query(const Session& session, const message::DecodedEnvelope& envelope,
                                     ByteView message) {
  if (!session.client.has_value() || envelope.envelope.signer != crypto::Principal::client(*session.client)) {
    drops_.add(DropReason::client_not_authenticated);
    return Intake::hostile;
  }
  Client& client = clients_.at(*session.client);
  const ByteView content = message.first(envelope.content_bytes);
  if (message.size() != content.size() + kMacBytes || !message::decode<message::ClientQuery>(content).has_value()) {
    drops_.add(DropReason::message_malformed);
    return Intake::hostile;
  }
  if (!client.key.verify(content, message.subspan(content.size()))) {
    drops_.add(DropReason::message_bad_signature);
    return Intake::hostile;
  }
  if (client.queries == kQueriesPerClient) {
    drops_.add(DropReason::query_over_quota);
    return Intake::refused;
  }
  const std::optional<SlotRef> slot = query_slab_.allocate(0, content.size());
  if (!slot.has_value()) {
    drops_.add(DropReason::query_over_quota);
    return Intake::refused;
  }
  std::copy(content.begin(), content.end(), query_slab_.bytes(*slot).begin());
  CHECK(queues_.queries->push_one({.message = query_slab_.bytes(*slot), .slot = *slot, .client = *session.client}));
  ++client.queries;
  return Intake::taken;
}

ClientPart::Client* ClientPart::find_client(ClientId id) {
  const auto known = clients_.find(id);
  if (known != clients_.end()) return &known->second;
  const crypto::PublicKeys* keys = directory_.find(crypto::Principal::client(id));
  if (keys == nullptr) return nullptr;
  const Result<crypto::SecretBytes> secret =
      client::session_secret(agreement_secret_, keys->agreement, config_.system, id, config_.site, config_.self);
  if (!secret) return nullptr;
  return &clients_.emplace(id, Client(crypto::HmacKey(secret.value().view()))).first->second;
}

void ClientPart::take_back() {
  std::array<SlotRef, kBurst> returned;
  for (Queue<SlotRef>* queue : {queues_.client_refused.get(), queues_.client_consumed.get()}) {
    for (std::size_t n = queue->pop(returned); n > 0; n = queue->pop(returned)) {
      for (std::size_t i = 0; i < n; ++i) slab_.free(returned[i]);
    }
  }
  std::array<QueryDone, kBurst> done;
  for (std::size_t n = queues_.queries_done->pop(done); n > 0; n = queues_.queries_done->pop(done)) {
    for (std::size_t i = 0; i < n; ++i) {
      query_slab_.free(done[i].slot);
      --clients_.at(done[i].client).queries;
    }
  }
}

std::size_t ClientPart::poll(const SendTo& send_to) {
  take_back();
  const std::size_t replies = send(*queues_.replies, *queues_.replies_sent, reply_slab_, send_to);
  return replies + send(*queues_.answers, *queues_.answers_sent, answer_slab_, send_to);
}

std::size_t ClientPart::send(Queue<ReplyOutbound>& queue, Queue<SlotRef>& sent, Slab& slab, const SendTo& send_to) {
  std::array<ReplyOutbound, kBurst> replies;
  const std::size_t count = queue.pop(replies);
  for (std::size_t i = 0; i < count; ++i) {
    Client* client = find_client(replies[i].client);
    if (client != nullptr && client->session.has_value()) {
      const std::size_t content = replies[i].slot.length;
      const MutableBytes whole = slab.whole(replies[i].slot);
      const crypto::Tag tag = client->key.tag(whole.first(content));
      std::copy(tag.begin(), tag.end(), whole.subspan(content).begin());
      if (send_to(*client->session, whole.first(content + kMacBytes))) {
        replies_sent_.add();
      } else {
        drops_.add(DropReason::ring_full);
      }
    }
    CHECK(sent.push_one(replies[i].slot));
  }
  return count;
}

}  // namespace garrison::server
