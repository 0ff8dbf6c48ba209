// Closed-loop clients of a modelled site: each submits an update or asks a query, waits for its result, pauses, and
// goes on. They sign with modelled keys and believe a result by the rules of control/client.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "apps/adversary/query_liars.h"
#include "apps/lab/checkers.h"
#include "apps/lab/event_queue.h"
#include "apps/lab/host.h"
#include "apps/lab/lab_keys.h"
#include "control/client/client_core.h"
#include "control/client/query_core.h"
#include "crypto/batch.h"
#include "crypto/mac.h"
#include "dataplane/base/rng.h"

namespace garrison::lab {

// What a client gets wrong about queries: to show that the checkers notice.
enum class Careless : std::uint8_t {
  no,
  believes_f,     // takes what f servers say for the truth
  forgets_token,  // does not remember what it has seen
};

struct Workload {
  std::size_t updates_each = SIZE_MAX;
  Duration
      start_over{};  // clients begin one by one, at instants drawn from this span: together they would stay together
  Duration think{};  // pause before each update: uniform, up to this
  client::Pattern pattern = client::Pattern::one_server;
  Duration timeout = seconds(1);
  std::optional<std::size_t> payload_bytes{};  // of an operation that means nothing; none: a mix of kv operations
  Duration delay = microseconds(200);          // between a client and a server, either way
  // Each client shares the place of one server: what it exchanges with others takes that server's egress and the
  // network between the two.
  bool over_network = false;
  // So many of the clients, the last ones. Each time such a one, by chance, hands in an update whose signature is
  // wrong, hands different updates under one sequence number to different servers, hands one to a single server, asks
  // one as a query, or hands an old one to all of them once more. It waits for nothing.
  std::size_t faulty = 0;
  // With Reads::site half of the operations are queries that the site answers, and with query_lies faulty servers lie
  // then. Not with an operation that means nothing.
  client::Reads reads = client::Reads::ordered;
  bool query_lies = false;
  Careless careless = Careless::no;
};

class Clients {
 public:
  // `finished` is told of every result that a client accepts, with the time since it submitted.
  using Finished = std::function<void(Duration latency)>;

  // Everything by reference outlives it.
  // Those of the clients whose home is `site`.
  Clients(EventQueue& events, const LabKeys& keys, SiteId site, Network& network,
          std::vector<std::unique_ptr<Host>>& hosts, Checkers& checkers, std::uint64_t seed);

  void on_finished(Finished finished) { finished_ = std::move(finished); }
  // Opens the sessions and begins; once.
  void start(const Workload& workload);
  // A server of the site answers; the message leaves it at `at`.
  void reply(Instant at, ServerId from, server::SessionId session, ByteView message);

  // How often faulty clients did what a correct one does not.
  [[nodiscard]] std::uint64_t misdeeds() const { return misdeeds_; }
  [[nodiscard]] std::size_t completed() const { return completed_; }
  [[nodiscard]] std::size_t wanted() const { return wanted_; }
  [[nodiscard]] std::uint64_t timeouts() const;
  [[nodiscard]] client::QueryStats query_stats() const;  // of all correct clients
  [[nodiscard]] std::uint64_t query_lies() const { return liars_.acted(); }

 private:
  struct Client {
    explicit Client(const client::ClientConfig& config) : core(config) {}
    client::ClientCore core;
    ClientId id;
    ServerId beside;
    std::unique_ptr<crypto::BatchSigner> signer;
    std::map<ServerId, crypto::HmacKey> keys;  // of the servers that it has a session with
    std::map<SeqNum, Bytes> updates;           // signed, not answered
    std::unique_ptr<client::QueryCore> queries;
    std::map<std::uint64_t, Bytes> asked;  // operations of queries under way
    std::size_t to_submit = 0;
    bool faulty = false;
    bool believes_faulty = false;  // co-located with a faulty server: no reply is owed to it
    SeqNum said;                   // by a faulty one
    Bytes last_said;               // its newest update that is validly signed
    Instant wakeup_at = Instant::never();
  };

  void add(const crypto::PrivateBundle& bundle);
  void open_session(Client& client, const crypto::PrivateBundle& bundle, const crypto::PrivateBundle& server);
  void submit_within(Duration span, std::size_t index);
  void submit(std::size_t index);
  void submit_operation(std::size_t index, const Bytes& what);
  void misbehave(std::size_t index);
  // An update of a faulty client under its newest sequence number, known to the checkers.
  [[nodiscard]] Bytes say(Client& client);
  void hand_in_anything(std::size_t index, const Bytes& update, ServerId to);
  [[nodiscard]] Bytes sign(Client& client, SeqNum sequence, ByteView operation);
  void carry_out(std::size_t index, const client::Output& output);
  void hand_in(std::size_t index, SeqNum sequence, ServerId to);
  void on_reply(std::size_t index, ServerId from, ByteView message);
  // Brings something of `bytes` from the client to the server.
  void travel(const Client& client, ServerId to, std::size_t bytes, std::function<void()> arrived);
  void finish(std::size_t index, Duration latency);
  // Queries, in client_queries.cc.
  void add_queries(Client& client, Incarnation incarnation) const;
  void query(std::size_t index);
  void carry_out_queries(std::size_t index, const client::QueryOutput& output);
  [[nodiscard]] Bytes encode_query(Client& client, const client::Ask& ask, ServerId to, ByteView operation) const;
  void hand_in_query(std::size_t index, const Bytes& query, ServerId to);
  void on_answer(std::size_t index, ServerId from, const message::QueryReply& reply);
  // What faulty server `from` makes of a QUERY-REPLY. It is always quicker than a correct one.
  void lie(Instant at, std::size_t index, ServerId from, ByteView message);
  [[nodiscard]] Bytes query_operation();
  void schedule_wakeup(std::size_t index);
  [[nodiscard]] Bytes operation();

  EventQueue& events_;
  const LabKeys& keys_;
  SiteId site_;
  Network& network_;
  std::vector<std::unique_ptr<Host>>& hosts_;
  Checkers& checkers_;
  Rng rng_;
  Workload workload_;
  Finished finished_;
  std::vector<std::unique_ptr<Client>> clients_;  // of the site, in the order of their ids
  adversary::QueryLiars liars_;
  std::uint64_t misdeeds_ = 0;
  std::size_t completed_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace garrison::lab
