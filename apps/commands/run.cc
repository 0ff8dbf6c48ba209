#include "apps/commands/run.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/attack_options.h"
#include "apps/commands/chosen_servers.h"
#include "apps/commands/command.h"
#include "apps/commands/signals.h"
#include "apps/node/admin.h"
#include "apps/node/evidence_file.h"
#include "apps/node/lifetimes.h"
#include "apps/node/node.h"
#include "apps/node/tcp_clients.h"
#include "control/config/key_files.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
  std::string state = "state";
  std::vector<std::string> servers;  // empty: all
  adversary::AttackText attack;
};

const config::ServerSettings& settings_of(const config::Topology& topology, const server::Server& server) {
  return topology.site(server.site()).servers[server.id().index()];
}

int serve(const Options& options, const config::Topology& topology, const node::NodeKeys& keys,
          const std::optional<adversary::Attack>& attack) {
  EndSignals signals;  // before any thread
  // Last to be destroyed: queues ring its doorbell.
  node::TcpClients clients;
  std::vector<std::unique_ptr<node::EvidenceFile>> evidence;  // servers write to it
  Result<std::unique_ptr<node::Node>> made =
      node::Node::make(topology, keys, clients.doorbell(), attack.has_value() ? &*attack : nullptr);
  if (!made) return complain(made.error().message), kFailed;
  node::Node& node = *made.value();
  for (const auto& server : node.servers()) {
    Result<std::unique_ptr<node::EvidenceFile>> file =
        node::EvidenceFile::open(options.state, server->name(), topology.system, topology.crypto.epoch);
    if (!file) return complain(file.error().message), kMisused;
    server->control().set_evidence(*evidence.emplace_back(std::move(file).value()));
  }
  node::Admin admin(node);
  for (const auto& server : node.servers()) {
    const config::ServerSettings& settings = settings_of(topology, *server);
    const Result<config::Endpoint> bound = clients.listen(server->name(), server->client(), settings.client);
    if (!bound) return complain(bound.error().message), kFailed;
    if (server->forwarder() != nullptr) {
      const node::SiteServer id{server->site(), server->id()};
      auto ends = forwarder::ServerEnd::configs(topology, keys.directory, keys.bundles.at(id));
      if (!ends) return complain(ends.error().message), kMisused;
      clients.connect(*server->forwarder(), std::move(ends).value());
    }
    if (const Result<void> listening = admin.serve(server->site(), settings); !listening) {
      return complain(listening.error().message), kFailed;
    }
  }
  // Only now, when nothing but the workers' start is left: a server that could not open its ports promised nothing.
  for (const auto& server : node.servers()) {
    const Result<void> first = node::begin_life(options.state, server->name(), topology.system, topology.crypto.epoch);
    if (!first) return complain(first.error().message), kMisused;
  }
  if (const Result<void> started = node.start(); !started) return complain(started.error().message), kFailed;
  clients.start();
  for (const auto& server : node.servers()) {
    const config::ServerSettings& settings = settings_of(topology, *server);
    fmt::print("{} runs: clients at {}, status at http://{}/status\n", server->name(),
               config::to_string(settings.client), config::to_string(settings.admin));
  }
  std::fflush(stdout);

  const int received = signals.wait();
  admin.stop();
  clients.stop();
  node.stop();
  for (const auto& file : evidence) {
    if (const std::string trouble = file->trouble(); !trouble.empty()) complain("evidence is not on disk: " + trouble);
  }
  print_acts(attack);
  fmt::print("stopped by {}\n", received == SIGINT ? "SIGINT" : "SIGTERM");
  return kDone;
}

int run(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  const Result<std::vector<node::SiteServer>> chosen = chosen_servers(options.servers, topology);
  if (!chosen) return complain(chosen.error().message), kMisused;
  const Result<std::optional<adversary::Attack>> attack = make_attack(options.attack, topology);
  if (!attack) return complain(attack.error().message), kMisused;
  const Result<crypto::KeyDirectory> directory = crypto::load_public(config::public_keys_path(options.keys));
  if (!directory) return complain(directory.error().message), kMisused;

  node::NodeKeys keys{directory.value(), {}};
  for (const node::SiteServer id : chosen.value()) {
    const crypto::Principal principal = crypto::Principal::server(id.site, id.server);
    Result<crypto::PrivateBundle> bundle = crypto::load_private(config::private_key_path(options.keys, principal));
    if (!bundle) return complain(bundle.error().message), kMisused;
    keys.bundles[id] = std::move(bundle).value();
  }
  return serve(options, topology, keys, attack.value());
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("run", "run servers until SIGINT or SIGTERM");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  add_keys_option(command, options->keys);
  add_servers_option(command, "server to run, such as A1; repeat for more; default: all", options->servers);
  command
      .add_option("--state", options->state,
                  "directory that remembers which servers have run, and keeps what convicts others")
      ->capture_default_str();
  add_attack_options(command, "--adversary", options->attack);
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

}  // namespace garrison::apps
