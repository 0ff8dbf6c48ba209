#include "apps/node/admin.h"

#include <httplib.h>

#include <chrono>

#include "apps/metrics/families.h"
#include "apps/node/counters.h"
#include "apps/node/digests.h"
#include "apps/node/evidence_file.h"
#include "apps/node/health.h"
#include "apps/node/metrics.h"
#include "control/config/names.h"

namespace garrison::node {

namespace {

constexpr int kTimeoutSeconds = 2;
constexpr int kDigestTimeoutSeconds = 10;

std::string ip_of(const config::Endpoint& endpoint) { return config::to_string(endpoint.ip); }

// Milliseconds; null for what is not known.
nlohmann::json milliseconds_of(Duration duration) {
  if (duration > message::kLongestMeasured) return nullptr;
  return duration.seconds() * 1e3;
}

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest) text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return text;
}

nlohmann::json transfer_of(const server::ControlStatus& control) {
  const state_transfer::Status& transfer = control.transfer;
  return {{"catching_up", transfer.catching_up},
          {"executed_sequence", control.progress.executed.value()},
          {"evident_sequence", control.progress.evident.value()},
          {"target_sequence", transfer.target.value()},
          {"chunks", transfer.chunks},
          {"chunks_held", transfer.chunks_held},
          {"last_checkpoint", transfer.checkpoint.value()},
          {"restored_sequence", transfer.restored.value()},
          {"snapshots_kept", transfer.snapshots_kept}};
}

nlohmann::json to_json(const NamedCounts& counts) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, count] : counts) object[std::string(name)] = count;
  return object;
}

// Those that there were.
nlohmann::json drops_json(const DropTotals& totals) {
  nlohmann::json drops = nlohmann::json::object();
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (totals[i] > 0) drops[std::string(name(static_cast<DropReason>(i)))] = totals[i];
  }
  return drops;
}

// What a server has done on the hub of its site; null where no link of it is on one.
nlohmann::json hub_of(const server::WanPart* wan) {
  const auto counts = wan == nullptr ? std::nullopt : wan->hub();
  if (!counts.has_value()) return nullptr;
  nlohmann::json hub = to_json(hub_parts(*counts));
  hub["link_messages"] = counts->sent.submitted;
  hub["requested"] = counts->requested;
  return hub;
}

// The blink links of a site, by the site that they lead to; null where it has none.
nlohmann::json blink_of(const site::MachineStatus& machine) {
  nlohmann::json links;
  for (const site::MachineStatus::Office& office : machine.offices) {
    links[config::site_name(office.to)] = {{"pair", office.pair}, {"rotations", office.rotations}};
  }
  return links;
}

// What a server of a site among others shows beside: the protocol among sites as its site's machine runs it, and its
// port towards them. Null in a site alone.
nlohmann::json among_sites(SiteId site, const server::ControlStatus& control, const stages::LanStage* wan,
                           const server::WanPart* part) {
  if (!control.global.has_value()) return nullptr;
  const ordering::Status& global = *control.global;
  nlohmann::json demoted = nlohmann::json::array();
  control.machine.demoted.for_each([&](ServerId server) { demoted.push_back(config::server_name(site, server)); });
  return {{"view", global.view.value()},
          {"leader", config::site_name(SiteId(global.leader.value()))},
          {"view_installed", global.view_installed},
          {"leader_suspected", global.leader_suspected},
          {"tat_leader_ms", milliseconds_of(global.tat_leader)},
          {"tat_acceptable_ms", milliseconds_of(global.tat_acceptable)},
          {"globally_ordered", global.globally_ordered.value()},
          {"events_executed", control.machine.events},
          {"link_messages_executed", control.machine.link_messages},
          {"batches_closed", control.machine.batches},
          {"site_signatures", control.site_signatures},
          {"frames_received", wan == nullptr ? 0 : wan->counters().rx_frames.get()},
          {"frames_sent", wan == nullptr ? 0 : wan->counters().tx_frames.get()},
          {"bytes_sent", part == nullptr ? 0 : part->bytes_sent()},
          {"hub", hub_of(part)},
          {"demoted_on_hub", std::move(demoted)},
          {"blink", blink_of(control.machine)}};
}

nlohmann::json workers_of(const Node& node) {
  nlohmann::json workers = nlohmann::json::array();
  for (const auto& worker : node.workers()) {
    nlohmann::json stages = nlohmann::json::array();
    for (std::size_t i = 0; i < worker->stages(); ++i) {
      stages.push_back({{"stage", worker->stage_name(i)},
                        {"busy_passes", worker->stage_counters(i).busy_passes.get()},
                        {"work", worker->stage_counters(i).work.get()}});
    }
    workers.push_back({{"worker", worker->name()},
                       {"passes", worker->counters().passes.get()},
                       {"busy_passes", worker->counters().busy_passes.get()},
                       {"sleeps", worker->counters().sleeps.get()},
                       {"stages", std::move(stages)}});
  }
  return workers;
}

}  // namespace

nlohmann::json suspicion_of(const ordering::Status& status) {
  if (!status.last_suspicion.has_value()) return nullptr;
  return {{"view", status.last_suspicion->view.value()},
          {"tat_leader_ms", milliseconds_of(status.last_suspicion->tat_leader)},
          {"tat_acceptable_ms", milliseconds_of(status.last_suspicion->tat_acceptable)}};
}

nlohmann::json status_of(const Node& node, SiteServer id) {
  server::Server& server = node.server(id);
  const server::ControlStatus control = server.control().status();
  nlohmann::json blacklist = nlohmann::json::array();
  control.ordering.blacklist.for_each(
      [&](ServerId listed) { blacklist.push_back(config::server_name(server.site(), listed)); });
  const stages::LanCounters& port = node.lan_stage(id).counters();
  return {{"server", server.name()},
          {"running", node.running(id)},
          {"view", control.ordering.view.value()},
          {"leader", config::server_name(server.site(), control.ordering.leader)},
          {"view_installed", control.ordering.view_installed},
          {"leader_suspected", control.ordering.leader_suspected},
          {"tat_leader_ms", milliseconds_of(control.ordering.tat_leader)},
          {"tat_acceptable_ms", milliseconds_of(control.ordering.tat_acceptable)},
          {"last_suspicion", suspicion_of(control.ordering)},
          {"view_change_ms", control.ordering.view_change_took.has_value()
                                 ? milliseconds_of(*control.ordering.view_change_took)
                                 : nlohmann::json()},
          {"globally_ordered", control.ordering.globally_ordered.value()},
          {"updates_executed", control.state_sequence},
          {"updates_waiting", control.ordering.updates_waiting},
          {"requests_outstanding", control.ordering.requests_outstanding},
          {"blacklist", std::move(blacklist)},
          {"state_transfer", transfer_of(control)},
          {"frames_received", port.rx_frames.get()},
          {"frames_sent", port.tx_frames.get()},
          {"signatures_made", server.crypto().signatures_made()},
          {"messages_signed", server.crypto().messages_signed()},
          {"messages_verified", server.crypto().messages_verified()},
          {"replies_sent", server.client().replies_sent()},
          {"queries_answered", server.control().queries().answered()},
          {"drops", drops_json(drops_of(node, id))},
          {"queues", to_json(queue_depths(server.queues()))},
          {"among_sites", among_sites(server.site(), control, node.wan_stage(id), server.wan())},
          {"workers", workers_of(node)}};
}

Admin::Admin(const Node& node) : node_(node) {}

Admin::~Admin() { stop(); }

Result<void> Admin::serve(SiteId site, const config::ServerSettings& server) {
  auto http = std::make_unique<httplib::Server>();
  http->new_task_queue = [] { return new httplib::ThreadPool(1); };  // the library takes ownership
  http->set_keep_alive_max_count(1);
  http->set_read_timeout(kTimeoutSeconds);
  http->set_write_timeout(kTimeoutSeconds);
  http->set_payload_max_length(1024);
  http->Get("/status",
            [this, id = SiteServer{site, server.id}](const httplib::Request& request, httplib::Response& response) {
              nlohmann::json status = status_of(node_, id);
              if (request.has_param("digest")) {
                const ServerState state = state_of(node_.server(id));
                status["updates_executed"] = state.state_sequence;
                status["state_digest"] = hex(state.digest);
              }
              response.set_content(status.dump(), "application/json");
            });
  http->Get("/evidence",
            [this, id = SiteServer{site, server.id}](const httplib::Request& /*request*/, httplib::Response& response) {
              nlohmann::json all = nlohmann::json::array();
              for (const site::Conviction& each : node_.server(id).control().evidence().all()) {
                all.push_back(to_json(each));
              }
              response.set_content(all.dump(), "application/json");
            });
  http->Get("/metrics", [this, id = SiteServer{site, server.id}](const httplib::Request&, httplib::Response& response) {
    response.set_content(metrics_of(node_, id), metrics::kContentType);
  });
  const auto answer = [](const std::vector<std::string>& troubles, httplib::Response& response) {
    std::string text;
    for (const std::string& trouble : troubles) text += trouble + "\n";
    response.status = troubles.empty() ? 200 : 503;
    response.set_content(troubles.empty() ? "ok\n" : text, "text/plain");
  };
  http->Get("/livez",
            [this, answer, id = SiteServer{site, server.id}](const httplib::Request&, httplib::Response& response) {
              answer(not_live(node_, id), response);
            });
  http->Get("/readyz",
            [this, answer, id = SiteServer{site, server.id}](const httplib::Request&, httplib::Response& response) {
              answer(not_ready(node_.running(id), node_.server(id).control().status()), response);
            });
  if (!http->bind_to_port(ip_of(server.admin).c_str(), server.admin.port)) {
    return Error{"admin endpoint " + config::to_string(server.admin) + " of " + server.name +
                 " cannot be bound; is another server running there?"};
  }
  threads_.emplace_back([raw = http.get()] { raw->listen_after_bind(); });
  servers_.push_back(std::move(http));
  return {};
}

void Admin::stop() {
  for (const auto& http : servers_) {
    // stop() is without effect before the thread has begun to listen.
    while (!http->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    http->stop();
  }
  for (std::thread& thread : threads_) thread.join();
  servers_.clear();
  threads_.clear();
}

namespace {

Result<nlohmann::json> fetch(const config::ServerSettings& server, const char* path, int timeout_s) {
  httplib::Client http(ip_of(server.admin), server.admin.port);
  http.set_connection_timeout(kTimeoutSeconds);
  http.set_read_timeout(timeout_s);
  const httplib::Result answer = http.Get(path);
  if (!answer || answer->status != 200) {
    return Error{server.name + " does not answer at " + config::to_string(server.admin)};
  }
  nlohmann::json body = nlohmann::json::parse(answer->body, nullptr, false);
  if (body.is_discarded())
    return Error{server.name + ": what answers at " + config::to_string(server.admin) + " is not a Garrison server"};
  return body;
}

}  // namespace

Result<nlohmann::json> fetch_status(const config::ServerSettings& server, bool with_digest) {
  return with_digest ? fetch(server, "/status?digest=1", kDigestTimeoutSeconds)
                     : fetch(server, "/status", kTimeoutSeconds);
}

Result<nlohmann::json> fetch_evidence(const config::ServerSettings& server) {
  return fetch(server, "/evidence", kTimeoutSeconds);
}

}  // namespace garrison::node
