#include "apps/commands/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/client_identity.h"
#include "apps/commands/command.h"
#include "apps/gateway/gateway.h"
#include "control/config/key_files.h"
#include "control/config/names.h"
#include "crypto/key_store.h"

namespace garrison::apps {
namespace {

constexpr std::chrono::milliseconds kWatchPeriod{500};
// In flight and waiting, of one identity; the gateway keeps below it.
constexpr std::size_t kMaxOperations = 4096;

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
  std::vector<std::string> clients{"c1"};
  std::string listen{"127.0.0.1:6379"};
  unsigned deadline_s = 10;
  client::Reads reads = client::Reads::ordered;
  bool strict_order = false;
};

std::optional<config::Endpoint> parse_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  asio::error_code error;
  const asio::ip::address_v4 ip = asio::ip::make_address_v4(text.substr(0, colon), error);
  config::Endpoint endpoint;
  const char* const end = text.data() + text.size();
  const auto [rest, wrong] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
  if (error || wrong != std::errc() || rest != end) return std::nullopt;
  endpoint.ip = ip.to_bytes();
  return endpoint;
}

using Clients = std::vector<std::unique_ptr<client::NativeClient>>;

// The least connected of several identities speaks for all.
std::size_t servers_ready(const Clients& clients) {
  std::size_t least = kMaxServersPerSite;
  for (const auto& one : clients) least = std::min(least, one->stats().servers_ready);
  return least;
}

// Says on standard error how many servers are connected, whenever that changes.
class Watch {
 public:
  Watch(asio::io_context& io, const Clients& clients, const config::SiteSettings& site)
      : timer_(io), clients_(clients), site_(site) {}

  void start() {
    timer_.expires_after(kWatchPeriod);
    timer_.async_wait([this](const asio::error_code& error) {
      if (!error) look();
    });
  }

 private:
  void look() {
    const std::size_t ready = servers_ready(clients_);
    if (ready != last_) {
      const bool enough = ready >= site_.n() - site_.f;
      fmt::print(stderr, "garrison: {} of {} servers connected{}\n", ready, site_.n(),
                 enough ? "" : fmt::format("; {} are needed", site_.n() - site_.f));
      last_ = ready;
    }
    start();
  }

  asio::steady_timer timer_;
  const Clients& clients_;
  const config::SiteSettings& site_;
  std::optional<std::size_t> last_;
};

int serve(asio::io_context& io, const config::Topology& topology, const config::SiteSettings& home,
          const Clients& clients, const gateway::Gateway::Config& config) {
  std::vector<gateway::Gateway::Replicate> identities;
  for (const auto& one : clients) identities.push_back(replicate_as(*one));
  gateway::Gateway gateway(io, config, std::move(identities));
  gateway.set_servers_ready([&clients] { return servers_ready(clients); });
  const Result<config::Endpoint> bound = gateway.listen();
  if (!bound) return complain(bound.error().message), kFailed;

  const std::string host = fmt::format("{}", config::to_string(bound.value().ip));
  fmt::print("gateway of {} ready; try\n  redis-cli -h {} -p {}\n", topology.name,
             host == "0.0.0.0" ? "127.0.0.1" : host, bound.value().port);
  std::fflush(stdout);
  if (bound.value().ip[0] != 127) {
    fmt::print(stderr, "garrison: whoever reaches {} can read and write everything, unasked who they are\n",
               config::to_string(bound.value()));
  }
  Watch watch(io, clients, home);
  watch.start();
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const asio::error_code& error, int) {
    if (error) return;
    gateway.stop();
    io.stop();
  });
  io.run();
  return kDone;
}

// The one site that all of the identities talk to; the error is one line for the operator.
Result<const config::SiteSettings*> home_of(const std::vector<std::string>& clients, const config::Topology& topology) {
  const config::SiteSettings* home = &topology.sites.front();
  for (const std::string& name : clients) {
    const std::optional<ClientId> id = config::parse_client_name(name);
    if (!id) continue;  // open_client() says so
    const config::SiteSettings* const site = &topology.home_of(*id);
    if (name == clients.front()) home = site;
    if (site != home) {
      return Error{
          fmt::format("client {} is of site {}, and {} of site {}; a gateway speaks to one site, so name "
                      "clients of one",
                      clients.front(), home->name, name, site->name)};
    }
  }
  return home;
}

int run(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  if (topology.service != config::ServiceKind::kv) {
    return complain(fmt::format("{}: the service is {}; a gateway needs kv", options.topology,
                                config::name(topology.service))),
           kMisused;
  }
  gateway::Gateway::Config config;
  const std::optional<config::Endpoint> listen = parse_endpoint(options.listen);
  if (!listen)
    return complain(fmt::format("--listen {}: write an address like 127.0.0.1:6379", options.listen)), kMisused;
  config.listen = *listen;
  config.strict_order = options.strict_order;
  config.limits.max_operations = kMaxOperations;
  const Result<const config::SiteSettings*> home = home_of(options.clients, topology);
  if (!home) return complain(home.error().message), kMisused;
  const auto directory = crypto::load_public(config::public_keys_path(options.keys));
  if (!directory) return complain(directory.error().message), kMisused;

  asio::io_context io(1);
  Clients clients;
  for (auto name = options.clients.begin(); name != options.clients.end(); ++name) {
    if (std::find(options.clients.begin(), name, *name) != name) {
      return complain(fmt::format("client {} is named twice", *name)), kMisused;
    }
    auto opened =
        open_client(io, topology, directory.value(), options.keys, *name, seconds(options.deadline_s), options.reads);
    if (!opened) return complain(opened.error().message), kMisused;
    clients.push_back(std::move(opened).value());
  }
  return serve(io, topology, *home.value(), clients, config);
}

}  // namespace

void add_gateway_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("gateway", "let redis-cli and other Redis clients use the kv service");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  add_keys_option(command, options->keys);
  command.add_option("-c,--client,--clients", options->clients, "client identities, such as c1,c2: each adds a window")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("-l,--listen", options->listen, "address and port for Redis clients")->capture_default_str();
  command.add_option("--deadline", options->deadline_s, "seconds before a command without an answer fails")
      ->check(CLI::Range(1U, 3600U))
      ->capture_default_str();
  add_reads_option(command, options->reads);
  command.add_flag("--strict-order", options->strict_order,
                   "one command of a connection at a time, even where they touch different keys");
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

}  // namespace garrison::apps
