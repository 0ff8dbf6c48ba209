#include "apps/node/order_bench.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <span>
#include <thread>

#include "apps/node/admin.h"
#include "apps/node/closed_loop.h"
#include "apps/node/digests.h"
#include "apps/node/node.h"
#include "control/client/pattern.h"
#include "control/client/session.h"
#include "control/config/topology_text.h"
#include "control/service/kv_operation.h"
#include "crypto/agreement.h"
#include "crypto/batch.h"

namespace garrison::node {

namespace {

// RSA keys are slow to make and verifying costs the same under any of them: clients share this many.
constexpr std::size_t kClientSigningKeys = 8;
// What the servers reach at best, in parts of the bound; updates are signed for this much and no more.
constexpr double kExpectedShareOfBound = 0.65;
constexpr double kFastestRoundTripSeconds = 0.0015;
constexpr std::size_t kKeyUniverse = 10'000;  // of kv keys that the updates set

struct Deployment {
  config::Topology topology;
  std::unique_ptr<crypto::KeyDirectory> directory;
  std::map<SiteServer, crypto::PrivateBundle> server_bundles;
  std::vector<crypto::PrivateBundle> client_bundles;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Result<Deployment> deal(const OrderBenchOptions& options, std::size_t clients, std::size_t payload_bytes) {
  Deployment made;
  config::NewTopology wanted;
  wanted.servers = options.servers;
  wanted.clients = static_cast<std::uint32_t>(clients);
  wanted.system = SystemId(1);
  wanted.protocol = options.protocol;
  Result<std::string> text = config::new_topology_text(wanted);
  if (!text) return text.error();
  Result<config::Topology> topology = config::parse_topology(text.value(), "bench");
  if (!topology) return topology.error();
  made.topology = std::move(topology).value();
  made.topology.crypto.server_scheme = options.server_scheme;
  made.topology.crypto.client_scheme = options.client_scheme;
  if (options.protocol == config::LocalProtocol::prime) {
    const bool fault = !options.attack.empty() || options.crash_leader;
    made.topology.client.pattern = fault ? config::ClientPattern::f_plus_one : config::ClientPattern::one_server;
  }
  made.topology.service = payload_bytes == 0 ? config::ServiceKind::null : config::ServiceKind::kv;
  made.directory = std::make_unique<crypto::KeyDirectory>(made.topology.system, made.topology.crypto.epoch);

  std::vector<std::pair<crypto::PrivateBundle, crypto::PublicKeys>> signing;
  for (const crypto::Principal principal : made.topology.principals()) {
    const bool is_server = principal.kind == crypto::Principal::Kind::server;
    crypto::PublicKeys keys;
    if (is_server || signing.size() < std::min(kClientSigningKeys, clients)) {
      Result<crypto::PrivateBundle> bundle = crypto::make_bundle(made.topology.system, made.topology.crypto.epoch,
                                                                 principal, made.topology.scheme_of(principal), keys);
      if (!bundle) return bundle.error();
      if (is_server) {
        made.server_bundles[{principal.site, ServerId(static_cast<std::uint16_t>(principal.index))}] = bundle.value();
      } else {
        signing.emplace_back(bundle.value(), keys);
        made.client_bundles.push_back(bundle.value());
      }
    } else {
      const auto& [bundle, shared] = signing[principal.index % signing.size()];
      Result<crypto::AgreementKeyPair> agreement = crypto::generate_agreement_key();
      if (!agreement) return agreement.error();
      keys = {.scheme = shared.scheme, .signing = shared.signing, .agreement = agreement.value().public_key};
      made.client_bundles.push_back(bundle);
      made.client_bundles.back().self = principal;
      made.client_bundles.back().agreement = agreement.value().secret;
    }
    if (Result<void> added = made.directory->add(principal, std::move(keys)); !added) return added.error();
  }
  return made;
}

Bytes operation_of(ClientId client, std::uint64_t sequence, std::size_t payload_bytes) {
  if (payload_bytes == 0) return {};
  // A kv SET whose value makes the whole operation `payload_bytes` long.
  const std::string key = "key:" + std::to_string((client.value() * 7919 + sequence) % kKeyUniverse);
  const std::size_t bare = service::encode(service::KvSet{.key = as_bytes(key), .value = {}}).value().size();
  const Bytes value(payload_bytes > bare ? payload_bytes - bare : 0, 'x');
  return service::encode(service::KvSet{.key = as_bytes(key), .value = value}).value();
}

Result<PreparedClient> prepare(const Deployment& deployment, std::size_t index, Incarnation incarnation,
                               std::size_t updates, std::size_t payload_bytes) {
  const crypto::PrivateBundle& bundle = deployment.client_bundles[index];
  const config::Topology& topology = deployment.topology;
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  if (!key) return key.error();
  crypto::BatchSigner signer(topology.system, bundle.self, topology.crypto.epoch, std::move(key).value());
  PreparedClient client{.id = ClientId(bundle.self.index), .incarnation = incarnation, .updates = {}, .keys = {}};
  const message::Envelope envelope{topology.system, bundle.self, topology.crypto.epoch};
  client.updates.reserve(updates);
  for (std::uint64_t sequence = 1; sequence <= updates; ++sequence) {
    const Bytes operation = operation_of(client.id, sequence, payload_bytes);
    Bytes update = message::encode(
        envelope,
        message::ClientOp{
            .client = client.id, .incarnation = incarnation, .sequence = SeqNum(sequence), .operation = operation});
    const Digest leaf = crypto::leaf_digest(update);
    const std::size_t content = update.size();
    update.resize(content + signer.block_bytes(1));
    const MutableBytes block = MutableBytes(update).subspan(content);
    std::size_t size = 0;
    signer.sign({&leaf, 1}, {&block, 1}, {&size, 1});
    update.resize(content + size);
    client.updates.push_back(std::move(update));
  }
  const config::SiteSettings& site = topology.sites.front();
  for (const config::ServerSettings& server : site.servers) {
    const crypto::PublicKeys* keys = deployment.directory->find(crypto::Principal::server(site.id, server.id));
    Result<crypto::SecretBytes> secret =
        client::session_secret(bundle.agreement, keys->agreement, topology.system, client.id, site.id, server.id);
    if (!secret) return secret.error();
    client.keys.emplace_back(secret.value().view());
  }
  return client;
}

// Signs on every core; the clock does not run yet.
Result<std::vector<PreparedClient>> prepare_all(const Deployment& deployment, std::size_t updates_each,
                                                std::size_t payload_bytes,
                                                const std::function<void(const std::string&)>& progress) {
  const std::size_t count = deployment.client_bundles.size();
  const Incarnation incarnation(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()));
  std::vector<std::optional<PreparedClient>> prepared(count);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < usable_cores(); ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < count && !failed; i = next++) {
        Result<PreparedClient> one = prepare(deployment, i, incarnation, updates_each, payload_bytes);
        if (!one) {
          failed = true;
          return;
        }
        prepared[i] = std::move(one).value();
        ++done;
      }
    });
  }
  while (done < count && !failed) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    progress("signing updates: " + std::to_string(done * 100 / count) + " %");
  }
  for (std::thread& thread : threads) thread.join();
  if (failed) return Error{"could not sign the updates"};
  std::vector<PreparedClient> clients;
  clients.reserve(count);
  for (std::optional<PreparedClient>& one : prepared) clients.push_back(std::move(*one));
  return clients;
}

// One client signature verified as a server does it, in seconds, on this thread; the median of several rounds.
double measure_verify(const Deployment& deployment, const PreparedClient& client) {
  message::Validator validator(deployment.topology.system, SiteId(0), deployment.topology.sites.front().n(),
                               *deployment.directory);
  std::array<double, 9> rounds{};
  for (double& round : rounds) {
    constexpr std::size_t kVerifications = 500;
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kVerifications; ++i) {
      const message::Validation outcome = validator.client_op(client.updates[i % client.updates.size()]);
      CHECK(std::holds_alternative<message::VerifiedMessage>(outcome));
    }
    round = seconds_since(start) / kVerifications;
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 2];
}

double percentile_ms(std::vector<std::int64_t>& latencies, double share) {
  if (latencies.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
  std::nth_element(latencies.begin(), latencies.begin() + static_cast<std::ptrdiff_t>(rank), latencies.end());
  return static_cast<double>(latencies[rank]) * 1e-6;
}

double longest_ms(std::span<const std::int64_t> latencies) {
  return latencies.empty() ? 0 : static_cast<double>(*std::max_element(latencies.begin(), latencies.end())) * 1e-6;
}

FaultReport report_halves(const std::vector<std::int64_t>& latencies, std::uint64_t updates_before,
                          double seconds_before, double seconds) {
  const std::size_t first = std::min<std::size_t>(updates_before, latencies.size());
  const auto before = std::span(latencies).first(first);
  const auto after = std::span(latencies).subspan(first);
  FaultReport report;
  report.before_per_s = static_cast<double>(before.size()) / seconds_before;
  report.after_per_s = static_cast<double>(after.size()) / std::max(seconds - seconds_before, 1e-9);
  report.longest_before_ms = longest_ms(before);
  report.longest_after_ms = longest_ms(after);
  return report;
}

void add_views(const Node& node, ServerSet faulty, FaultReport& report) {
  for (const auto& server : node.servers()) {
    if (faulty.contains(server->id())) continue;
    const ordering::Status status = server->control().status().ordering;
    report.view = std::max(report.view, status.view.value());
    if (!status.view_change_took.has_value()) continue;
    report.view_change_ms = std::max(report.view_change_ms.value_or(0), status.view_change_took->seconds() * 1e3);
  }
}

}  // namespace

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max<std::size_t>(1, static_cast<std::size_t>(CPU_COUNT(&set)));
}

Result<OrderBenchRow> run_order_bench(const OrderBenchOptions& options, std::size_t clients, std::size_t payload_bytes,
                                      const std::function<void(const std::string&)>& progress) {
  Result<Deployment> dealt = deal(options, clients, payload_bytes);
  if (!dealt) return dealt.error();
  const Deployment& deployment = dealt.value();

  Result<PreparedClient> probe = prepare(deployment, 0, Incarnation(1), 64, payload_bytes);
  if (!probe) return probe.error();
  OrderBenchRow row;
  row.servers = options.servers;
  row.clients = clients;
  row.payload_bytes = payload_bytes;
  const double verify_s = measure_verify(deployment, probe.value());
  row.client_verify_us = verify_s * 1e6;
  row.crypto_bound_updates_per_s =
      static_cast<double>(usable_cores()) / (static_cast<double>(options.servers) * verify_s);

  const double per_second = std::min(row.crypto_bound_updates_per_s * kExpectedShareOfBound,
                                     static_cast<double>(clients) / kFastestRoundTripSeconds);
  const double total = per_second * (options.duration + options.warmup).seconds();
  const auto updates_each = static_cast<std::size_t>(std::ceil(total / static_cast<double>(clients))) + 4;
  Result<std::vector<PreparedClient>> prepared = prepare_all(deployment, updates_each, payload_bytes, progress);
  if (!prepared) return prepared.error();

  // Last to be destroyed: queues ring its doorbell.
  runtime::Worker client_worker(
      {.name = "clients", .cpu = {}, .dedicated = false, .ladder = runtime::IdleLadder::shared_cores()});
  std::optional<adversary::Attack> attack;
  if (!options.attack.empty()) {
    Result<adversary::Attack> asked =
        adversary::Attack::make(options.attack, adversary::attacked_site(deployment.topology, SiteId(0)), 0);
    if (!asked) return asked.error();
    attack = std::move(asked).value();
    attack->hold_back();
  }
  Result<std::unique_ptr<Node>> made =
      Node::make(deployment.topology, NodeKeys{*deployment.directory, deployment.server_bundles},
                 client_worker.doorbell(), attack.has_value() ? &*attack : nullptr);
  if (!made) return made.error();
  Node& node = *made.value();
  const config::SiteSettings& site = deployment.topology.sites.front();
  std::vector<server::ClientPart*> parts;
  for (const auto& server : node.servers()) parts.push_back(&server->client());
  ClosedLoop loop({.system = deployment.topology.system,
                   .site = site.id,
                   .epoch = deployment.topology.crypto.epoch,
                   .n = site.n(),
                   .f = site.f,
                   .pattern = client::pattern_of(deployment.topology)},
                  std::move(parts), std::move(prepared).value());
  client_worker.add(loop);
  if (Result<void> started = node.start(); !started) return started.error();
  if (Result<void> started = client_worker.start(); !started) return started.error();

  std::this_thread::sleep_for(std::chrono::nanoseconds(options.warmup.ns()));
  loop.start_measuring();
  const auto start = std::chrono::steady_clock::now();
  const auto run_until = [&](double end_s) {
    std::uint64_t shown = loop.completed();
    double next_line = seconds_since(start) + 1.0;
    while (seconds_since(start) < end_s && !loop.exhausted()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      if (seconds_since(start) < next_line) continue;
      next_line += 1.0;
      progress("running: " + std::to_string(loop.completed() - shown) + " updates/s");
      shown = loop.completed();
    }
  };
  run_until(options.duration.seconds() / 2);
  const std::uint64_t updates_before = loop.completed();
  const double seconds_before = seconds_since(start);
  if (attack.has_value()) attack->begin();
  ServerSet faulty = attack.has_value() ? attack->faulty() : ServerSet();
  if (options.crash_leader) {
    const ServerId leader = node.servers().front()->control().status().ordering.leader;
    node.halt({site.id, leader});
    faulty.insert(leader);
  }
  run_until(options.duration.seconds());
  row.updates = loop.completed();
  row.seconds = seconds_since(start);
  for (const auto& server : node.servers()) row.status.push_back(status_of(node, id_of(*server)));
  loop.stop();
  row.states_equal = all_equal(compare_states(node));
  client_worker.stop();
  node.stop();

  row.fault = report_halves(loop.latencies_ns(), updates_before, seconds_before, row.seconds);
  add_views(node, faulty, row.fault);
  row.updates_per_s = static_cast<double>(row.updates) / row.seconds;
  std::vector<std::int64_t> latencies = loop.latencies_ns();
  row.p50_ms = percentile_ms(latencies, 0.50);
  row.p99_ms = percentile_ms(latencies, 0.99);
  row.resent = loop.resent();
  if (attack.has_value()) row.acted = adversary::describe_acts(attack->conspiracy());
  row.bad_replies = loop.bad_replies();
  std::uint64_t signatures = 0;
  for (const auto& server : node.servers()) {
    for (const DropCounters* drops : {&server->lan().drops(), &server->crypto().drops(), &server->control().drops(),
                                      &server->client().drops(), &node.lan_stage(id_of(*server)).counters().drops}) {
      for (std::size_t i = 0; i < kDropReasons; ++i) {
        const auto reason = static_cast<DropReason>(i);
        if (drops->get(reason) > 0) row.drops[std::string(name(reason))] += drops->get(reason);
      }
    }
    signatures += server->crypto().signatures_made();
  }
  row.updates_per_signature = signatures == 0 ? 0 : static_cast<double>(row.updates) / static_cast<double>(signatures);
  return row;
}

}  // namespace garrison::node
