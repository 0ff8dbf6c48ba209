// The queries of modelled clients, and what faulty servers make of the answers.
#include <string>
#include <utility>

#include "apps/lab/clients.h"
#include "control/service/kv_operation.h"

namespace garrison::lab {

namespace {
constexpr std::size_t kKeys = 8;  // of those that updates touch
}  // namespace

void Clients::add_queries(Client& client, Incarnation incarnation) const {
  const config::SiteSettings& site = keys_.topology.site(site_);
  const std::size_t faults = workload_.careless == Careless::believes_f ? site.f - 1 : site.f;
  client.queries = std::make_unique<client::QueryCore>(
      client::QueryConfig{.servers = site.n(), .faults = faults, .client = client.id, .incarnation = incarnation});
}

Bytes Clients::query_operation() {
  const std::string one = "k" + std::to_string(rng_.below(kKeys));
  const std::string other = "nk" + std::to_string(rng_.below(kKeys));
  switch (rng_.below(4)) {
    case 0:
      return service::encode(service::KvGet{.key = as_bytes(one)}).value();
    case 1:
      return service::encode(service::KvGet{.key = as_bytes(other)}).value();
    case 2:
      return service::encode(service::KvMGet{.keys = {as_bytes(one), as_bytes(other)}}).value();
    default:
      return service::encode(service::KvDbSize{}).value();
  }
}

void Clients::query(std::size_t index) {
  Client& client = *clients_[index];
  if (workload_.careless == Careless::forgets_token) {
    add_queries(client, Incarnation(client.queries->config().incarnation.value() + 1));
  }
  client::QueryOutput output;
  const std::optional<std::uint64_t> number = client.queries->submit(events_.now(), output);
  CHECK(number.has_value());  // closed loop: the window is never full
  client.asked[*number] = query_operation();
  checkers_.on_query(client.id, *number);
  carry_out_queries(index, output);
  schedule_wakeup(index);
}

void Clients::carry_out_queries(std::size_t index, const client::QueryOutput& output) {
  Client& client = *clients_[index];
  for (const client::Ask& ask : output.asks) {
    for (const auto& [to, key] : client.keys) {
      Bytes query = encode_query(client, ask, to, client.asked.at(ask.number));
      const std::size_t bytes = query.size();
      travel(client, to, bytes, [this, index, to = to, query = std::move(query)] { hand_in_query(index, query, to); });
    }
  }
  for (const client::Answered& one : output.answered) {
    if (!client.believes_faulty) {
      checkers_.on_answer(client.id, one.number, client.asked.at(one.number), one.state_sequence, one.result);
    }
    client.asked.erase(one.number);
    finish(index, one.latency);
  }
  for (const std::uint64_t number : output.to_order) {
    const Bytes what = std::move(client.asked.at(number));
    client.asked.erase(number);
    submit_operation(index, what);
  }
}

Bytes Clients::encode_query(Client& client, const client::Ask& ask, ServerId to, ByteView operation) const {
  const config::Topology& topology = keys_.topology;
  const Incarnation incarnation = client.queries == nullptr ? Incarnation(1) : client.queries->config().incarnation;
  Bytes query = message::encode({topology.system, crypto::Principal::client(client.id), topology.crypto.epoch},
                                message::ClientQuery{.client = client.id,
                                                     .incarnation = incarnation,
                                                     .number = ask.number,
                                                     .round = ask.round,
                                                     .token = ask.token,
                                                     .target = ask.target,
                                                     .operation = operation});
  const crypto::Tag tag = client.keys.at(to).tag(query);
  query.insert(query.end(), tag.begin(), tag.end());
  return query;
}

void Clients::hand_in_query(std::size_t index, const Bytes& query, ServerId to) {
  Host& host = *hosts_[to.index()];
  if (host.crashed()) return;
  if (host.server().client().on_message(clients_[index]->id.value(), query) != server::ClientPart::Intake::taken) {
    checkers_.report("intake: a server refused a correct client's query");
  }
  host.wake();
}

void Clients::on_answer(std::size_t index, ServerId from, const message::QueryReply& reply) {
  Client& client = *clients_[index];
  if (client.faulty) return checkers_.report("queries: a server answers what would write");
  client::QueryOutput output;
  client.queries->on_answer(events_.now(), reply, from, output);
  carry_out_queries(index, output);
  schedule_wakeup(index);
}

void Clients::lie(Instant at, std::size_t index, ServerId from, ByteView message) {
  Client& client = *clients_[index];
  auto reply = *message::decode<message::QueryReply>(message);
  const auto asked = client.asked.find(reply.number);
  if (asked == client.asked.end()) return;  // the query is over
  const std::optional<adversary::QueryLiars::Said> lie = liars_.answer(reply, asked->second);
  if (!lie.has_value()) return;
  reply.state_sequence = lie->state_sequence;
  reply.result = lie->result;
  Bytes said = message::encode(message::decode_envelope(message)->envelope, reply);
  const crypto::Tag tag = client.keys.at(from).tag(said);
  said.insert(said.end(), tag.begin(), tag.end());
  events_.schedule(at, [this, index, from, said = std::move(said)] { on_reply(index, from, said); });
}

client::QueryStats Clients::query_stats() const {
  client::QueryStats sum;
  for (const auto& client : clients_) {
    if (client->queries != nullptr && !client->faulty) sum += client->queries->stats();
  }
  return sum;
}

}  // namespace garrison::lab
