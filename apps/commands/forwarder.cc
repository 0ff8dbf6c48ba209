#include "apps/commands/forwarder.h"

#include <fmt/format.h>

#include <asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "apps/commands/command.h"
#include "apps/forwarder/forwarder_process.h"
#include "apps/forwarder/wide_port.h"
#include "apps/node/own_ports.h"
#include "control/config/key_files.h"
#include "control/config/names.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
  std::string site;
  bool backup = false;
  forwarder::Limits limits;
};

// Rises from one start of a forwarder to the next, as long as its host's clock does.
Incarnation incarnation_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Incarnation(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
}

int run(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  const std::optional<SiteId> site = config::parse_site_name(options.site);
  if (!site || site->index() >= topology.sites.size()) {
    return complain(fmt::format("{} is no site of {}", options.site, options.topology)), kMisused;
  }
  const crypto::Principal self = crypto::Principal::forwarder(*site, options.backup ? 1 : 0);
  if (!topology.has(self)) {
    return complain(fmt::format("{}: site {} has no {}; add it to its [[site]]", options.topology, options.site,
                                options.backup ? "backup" : "forwarder")),
           kMisused;
  }
  const auto directory = crypto::load_public(config::public_keys_path(options.keys));
  if (!directory) return complain(directory.error().message), kMisused;
  const auto bundle = crypto::load_private(config::private_key_path(options.keys, self));
  if (!bundle) return complain(bundle.error().message), kMisused;
  if (bundle.value().self != self) {
    return complain(fmt::format("{} holds the keys of {}", config::private_key_path(options.keys, self),
                                config::principal_name(bundle.value().self))),
           kMisused;
  }
  if (const auto belongs = crypto::check_belongs(bundle.value(), directory.value()); !belongs) {
    return complain(belongs.error().message), kMisused;
  }
  auto setup = forwarder::make_setup(topology, directory.value(), bundle.value(), incarnation_now(), options.limits);
  if (!setup) return complain(setup.error().message), kMisused;
  const config::ForwarderSettings settings = setup.value().settings;
  const std::string name = setup.value().name;

  std::optional<node::OwnPorts> port;
  if (const auto& wan_port = settings.wan_port; wan_port.has_value()) {
    if (wan_port->port == config::PortSettings::Port::inproc) {
      return complain(
                 fmt::format("{}: the wan port of {} is inside the process of its servers; give it a device, or an "
                             "address \"IP:PORT\" for a socket",
                             options.topology, name)),
             kMisused;
    }
    auto opened = node::OwnPorts::open(name, {{.settings = *wan_port}}, topology.cores);
    if (!opened) return complain(opened.error().message), kFailed;
    port = std::move(opened).value();
  }
  forwarder::ForwarderProcess process(
      std::move(setup).value(),
      port.has_value()
          ? forwarder::WidePort::over([&port](runtime::Doorbell&) -> io::Port& { return port->port(0); }, port->pool())
          : forwarder::ForwarderProcess::over_socket);
  asio::signal_set signals(process.io(), SIGINT, SIGTERM);
  int received = 0;
  signals.async_wait([&](const asio::error_code& error, int number) {
    if (error) return;
    received = number;
    process.stop();
  });
  if (const auto opened = process.open(); !opened) return complain(opened.error().message), kFailed;
  fmt::print("{} runs: servers at {}, other forwarders at {}, status at http://{}/status\n", name,
             config::to_string(settings.local), config::to_string(settings.wan), config::to_string(settings.admin));
  std::fflush(stdout);
  process.run();
  fmt::print("stopped by {}\n", received == SIGINT ? "SIGINT" : "SIGTERM");
  return kDone;
}

}  // namespace

void add_forwarder_command(CLI::App& app, int& exit_status) {
  CLI::App& command =
      *app.add_subcommand("forwarder", "run the dependable forwarder of a site until SIGINT or SIGTERM");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  add_keys_option(command, options->keys);
  command.add_option("-s,--site", options->site, "the site, such as A")->required();
  command.add_flag("--backup", options->backup, "its backup");
  command.add_option("--local-threshold", options->limits.threshold,
                     "servers that must present a message before it is sent: f + 1 to 2f + 1; default: f + 1");
  command.add_option("--window", options->limits.window, "messages that a server may be ahead of what was sent")
      ->check(CLI::Range(std::size_t{1}, forwarder::kMaxWindow))
      ->capture_default_str();
  command.add_option("--queue", options->limits.queue, "messages of one site that wait for the servers")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}))
      ->capture_default_str();
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

}  // namespace garrison::apps
