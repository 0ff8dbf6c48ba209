// The client part of a server: sessions, the operations they hand in and the replies that go back, independent of the
// transport that carries them (TCP in the node, modelled in the lab, a queue in benchmarks). One thread.
//
// A session opens with the server's CLIENT-CHALLENGE; the client answers with a CLIENT-HELLO under the secret it
// shares with this server, which binds the session to it. Replies for a client go to the session it last bound.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "apps/server/queues.h"
#include "control/message/messages.h"
#include "crypto/key_directory.h"
#include "crypto/mac.h"
#include "crypto/secret.h"
#include "dataplane/base/drops.h"

namespace garrison::server {

using SessionId = std::uint64_t;

class ClientPart {
 public:
  struct Config {
    SystemId system;
    SiteId site;
    ServerId self;
    KeyEpoch epoch;
    std::size_t sites = 1;  // of the deployment; clients of others are refused
  };
  // Carries one message to a session. Returns false when the session cannot take more: the reply is dropped by name
  // and the client asks again.
  using SendTo = std::function<bool(SessionId, ByteView message)>;

  // What became of a message that a session handed in.
  enum class Intake {
    taken,
    refused,  // counted; the session may go on
    hostile,  // not a message of a client of ours: close the session
    busy,     // no room now: offer the same bytes again later, and read no more from this session until then
  };

  // `agreement_secret`: this server's X25519 secret. `directory`, `queues` and control's slabs of replies and of
  // answers to queries outlive it.
  ClientPart(const Config& config, const crypto::SecretBytes& agreement_secret, const crypto::KeyDirectory& directory,
             Queues& queues, Slab& reply_slab, Slab& answer_slab);

  // `nonce` is fresh random. Returns the CLIENT-CHALLENGE to send.
  [[nodiscard]] Bytes open(SessionId session, const std::array<std::uint8_t, 16>& nonce);
  void close(SessionId session);
  [[nodiscard]] Intake on_message(SessionId session, ByteView message);

  // Sends waiting replies and takes back slots, at most a burst of each kind. Returns replies handled.
  std::size_t poll(const SendTo& send_to);

  [[nodiscard]] const Slab& slab() const { return slab_; }
  [[nodiscard]] const Slab& query_slab() const { return query_slab_; }
  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] std::uint64_t replies_sent() const { return replies_sent_.get(); }

 private:
  struct Session {
    std::array<std::uint8_t, 16> nonce{};
    std::optional<ClientId> client;
  };
  struct Client {
    explicit Client(crypto::HmacKey made) : key(std::move(made)) {}
    crypto::HmacKey key;
    std::optional<SessionId> session;
    std::size_t queries = 0;  // handed in and not done: at most kQueriesPerClient
  };

  Intake hello(Session& session, SessionId id, const message::DecodedEnvelope& envelope, ByteView message);
  Intake operation(const Session& session, const message::DecodedEnvelope& envelope, ByteView message);
  Intake query(const Session& session, const message::DecodedEnvelope& envelope, ByteView message);
  Client* find_client(ClientId id);
  void take_back();
  std::size_t send(Queue<ReplyOutbound>& queue, Queue<SlotRef>& sent, Slab& slab, const SendTo& send_to);

  Config config_;
  crypto::SecretBytes agreement_secret_;
  const crypto::KeyDirectory& directory_;
  Queues& queues_;
  Slab& reply_slab_;
  Slab& answer_slab_;
  Slab slab_;
  Slab query_slab_;
  std::map<SessionId, Session> sessions_;
  std::map<ClientId, Client> clients_;  // bounded by the key directory
  DropCounters drops_;
  Counter replies_sent_;
};

}  // namespace garrison::server
