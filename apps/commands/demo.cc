#include "apps/commands/demo.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "apps/commands/attack_options.h"
#include "apps/commands/client_identity.h"
#include "apps/commands/command.h"
#include "apps/commands/demo_load.h"
#include "apps/commands/demo_sites.h"
#include "apps/commands/signals.h"
#include "apps/gateway/gateway.h"
#include "apps/node/digests.h"
#include "apps/node/node.h"
#include "apps/node/tcp_clients.h"
#include "control/config/key_files.h"
#include "control/config/names.h"
#include "control/config/text_values.h"
#include "control/config/topology_text.h"

namespace garrison::apps {
namespace {

struct Options {
  std::size_t sites = 1;
  std::size_t servers = 4;  // of each site
  std::uint32_t clients = 8;
  std::size_t in_flight = 16;
  int seconds = 6;  // of each stretch
  std::uint16_t gateway_port = 6379;
  bool stay = false;
  adversary::AttackText attack;
  std::string wan_delay = "25ms";
  std::string wan_rate;  // empty: no limit
  std::string link{config::name(config::LinkKind::erasure)};
  std::string site_scheme{crypto::name(crypto::ThresholdScheme::shoup_rsa2048)};
};

struct Deployment {
  config::Topology topology;
  std::unique_ptr<crypto::KeyDirectory> directory;
  std::map<node::SiteServer, crypto::PrivateBundle> servers;
  std::vector<crypto::PrivateBundle> clients;
};

// Fresh keys in memory; clients take ports the system chooses. The last client is the gateway's.
Result<Deployment> deal(const Options& options) {
  config::NewTopology wishes;
  wishes.name = "demo";
  wishes.servers = options.servers;
  wishes.clients = options.clients + 1;
  std::uint64_t id = 0;
  CHECK(getrandom(&id, sizeof id, 0) == static_cast<ssize_t>(sizeof id));
  wishes.system = SystemId(id >> 1U);
  Result<std::string> text = config::new_topology_text(wishes);
  if (!text) return text.error();
  Result<config::Topology> topology = config::parse_topology(text.value(), "demo");
  if (!topology) return topology.error();
  Deployment made{.topology = std::move(topology).value(), .directory = nullptr, .servers = {}, .clients = {}};
  Result<config::DealtKeys> dealt = config::deal_keys_in_memory(made.topology, [](std::size_t, std::size_t) {});
  if (!dealt) return dealt.error();
  made.directory = std::make_unique<crypto::KeyDirectory>(std::move(dealt.value().directory));
  for (crypto::PrivateBundle& bundle : dealt.value().bundles) {
    if (bundle.self.kind == crypto::Principal::Kind::server) {
      made.servers[{bundle.self.site, ServerId(static_cast<std::uint16_t>(bundle.self.index))}] = std::move(bundle);
    } else {
      made.clients.push_back(std::move(bundle));
    }
  }
  return made;
}

constexpr SiteId kSite(0);
constexpr ServerId kFirstLeader(0);
constexpr ServerId kWitness(1);
constexpr std::chrono::seconds kReplacementTime{10};
constexpr Duration kLongestDelay = seconds(1);

class Demo {
 public:
  explicit Demo(const Options& options) : options_(options), load_(options.in_flight) {}
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;
  ~Demo() {
    load_.stop();
    stop_gateway();
    clients_.stop();
    if (node_ != nullptr) node_->stop();
  }

  int run() {
    if (const Result<void> up = bring_up(); !up) return complain(up.error().message), kFailed;
    load_.start();
    bool well = stretch("all servers", node_->servers().size());
    well = well && same_states();
    if (interrupted_ == 0 && well && options_.attack.empty()) well = malicious_leader();
    if (interrupted_ == 0 && well) {
      const ServerId victim = node_->servers().back()->id();
      fmt::print("\nstopping {}: {} of {} servers remain\n", name_of(victim), node_->servers().size() - 1,
                 node_->servers().size());
      clients_.halt(node_->server({kSite, victim}).client());
      node_->halt({kSite, victim});
      well = stretch("without " + name_of(victim), node_->servers().size() - 1) && same_states();
    }
    if (well && interrupted_ == 0 && options_.stay) {
      fmt::print("\nstaying up; Ctrl-C ends it\n");
      std::fflush(stdout);
      interrupted_ = signals_.wait();
    }
    return finish(well);
  }

 private:
  Result<void> bring_up() {
    Result<Deployment> dealt = deal(options_);
    if (!dealt) return dealt.error();
    deployment_ = std::move(dealt).value();
    config::SiteSettings& site = deployment_.topology.sites.front();
    const bool leader_turns = options_.attack.empty();
    if (leader_turns) {
      Result<adversary::Attack> attack =
          adversary::Attack::make({.specs = "leader-slow", .faulty = name_of(kFirstLeader)},
                                  adversary::attacked_site(deployment_.topology, kSite), 0);
      if (!attack) return attack.error();
      attack_ = std::move(attack).value();
      attack_->hold_back();
    } else {
      Result<std::optional<adversary::Attack>> attack = make_attack(options_.attack, deployment_.topology);
      if (!attack) return attack.error();
      attack_ = std::move(attack).value();
    }
    Result<std::unique_ptr<node::Node>> made =
        node::Node::make(deployment_.topology, node::NodeKeys{*deployment_.directory, deployment_.servers},
                         clients_.doorbell(), attack_.has_value() ? &*attack_ : nullptr);
    if (!made) return made.error();
    node_ = std::move(made).value();
    for (const auto& server : node_->servers()) {
      config::ServerSettings& settings = site.servers[server->id().index()];
      settings.client.port = 0;  // whatever is free
      Result<config::Endpoint> bound = clients_.listen(server->name(), server->client(), settings.client);
      if (!bound) return bound.error();
      settings.client = bound.value();
    }
    if (Result<void> started = node_->start(); !started) return started;
    clients_.start();
    for (std::size_t i = 0; i < options_.clients; ++i) {
      const crypto::PrivateBundle& bundle = deployment_.clients[i];
      const auto config = client::NativeClient::config_from(deployment_.topology, ClientId(bundle.self.index));
      if (Result<void> added = load_.add_client(config, bundle, *deployment_.directory); !added) return added;
    }
    if (Result<void> started = start_gateway(); !started) return started;
    fmt::print("{} servers of site {} run in this process, f = {}: any {} of them may be faulty\n",
               node_->servers().size(), site.name, site.f, site.f);
    fmt::print("\n  redis-cli -p {}\n\n", redis_port_);
    std::fflush(stdout);
    return {};
  }

  // On a thread of its own, under the last client's identity.
  Result<void> start_gateway() {
    const crypto::PrivateBundle& bundle = deployment_.clients.back();
    const auto config = client::NativeClient::config_from(deployment_.topology, ClientId(bundle.self.index));
    Result<std::unique_ptr<client::NativeClient>> made =
        client::NativeClient::make(gateway_io_, config, bundle, *deployment_.directory);
    if (!made) return made.error();
    gateway_client_ = std::move(made).value();
    const auto open = [&](std::uint16_t port) {
      gateway::Gateway::Config listen;
      listen.listen.port = port;
      gateway_ = std::make_unique<gateway::Gateway>(
          gateway_io_, listen, std::vector<gateway::Gateway::Replicate>{replicate_as(*gateway_client_)});
      return gateway_->listen();
    };
    Result<config::Endpoint> bound = open(options_.gateway_port);
    if (!bound) bound = open(0);  // a Redis of the machine's own may have the usual port
    if (!bound) return bound.error();
    redis_port_ = bound.value().port;
    gateway_thread_ = std::thread([this] {
      const auto guard = asio::make_work_guard(gateway_io_);
      gateway_io_.run();
    });
    return {};
  }

  void stop_gateway() {
    if (!gateway_thread_.joinable()) return;
    gateway_io_.stop();
    gateway_thread_.join();
    gateway_.reset();
    gateway_client_.reset();
  }

  static std::string name_of(ServerId id) { return config::server_name(kSite, id); }

  // Live progress for a while. False when nothing was ordered or a client saw an error.
  bool stretch(const std::string& title, std::size_t running) {
    fmt::print("{} ({} running), {} clients with {} operations in flight each, half reads, all ordered\n", title,
               running, options_.clients, options_.in_flight);
    (void)load_.take_window();
    std::uint64_t updates = 0;
    std::uint64_t errors = 0;
    for (int second = 1; second <= options_.seconds && interrupted_ == 0; ++second) {
      interrupted_ = signals_.wait_for(1000);
      LoadWindow window = load_.take_window();
      updates += window.updates;
      errors += window.errors;
      fmt::print("  {:2} s {:>8.0f} updates/s   p50 {:>6.1f} ms   p99 {:>6.1f} ms{}\n", second, window.rate(),
                 window.percentile(0.5), window.percentile(0.99),
                 window.errors == 0 ? "" : fmt::format("   {} errors", window.errors));
      std::fflush(stdout);
    }
    summary_ += fmt::format("  {:<16} {:>9} updates, {:.0f}/s\n", title, updates,
                            static_cast<double>(updates) / options_.seconds);
    if (errors > 0) complain("a client saw an error: " + load_.last_error());
    if (updates == 0 && interrupted_ == 0) complain("nothing was ordered");
    return errors == 0 && (updates > 0 || interrupted_ != 0);
  }

  // The leader delays what it proposes until the others replace it, as one of them sees it; then a stretch under the
  // next leader.
  bool malicious_leader() {
    server::Server& witness = node_->server({kSite, kWitness});
    ordering::Status seen = witness.control().status().ordering;
    if (seen.leader != kFirstLeader) {
      fmt::print("\n{} does not lead any more: this machine was once too slow for its leader's bound\n",
                 name_of(kFirstLeader));
      return true;
    }
    fmt::print("\n{} leads, and from now on sends each PRE-PREPARE 100 ms late. What {} sees:\n", name_of(kFirstLeader),
               name_of(kWitness));
    const auto start = std::chrono::steady_clock::now();
    const auto tell = [&](Duration tat_leader, Duration tat_acceptable, const std::string& what) {
      const std::chrono::duration<double, std::milli> since = std::chrono::steady_clock::now() - start;
      fmt::print("  {:>6.0f} ms  TAT of the leader {:>6.1f} ms, acceptable {:>6.1f} ms  {}\n", since.count(),
                 tat_leader.seconds() * 1e3, tat_acceptable.seconds() * 1e3, what);
      std::fflush(stdout);
    };
    tell(seen.tat_leader, seen.tat_acceptable, fmt::format("view {}", seen.view.value()));
    const View first = seen.view;
    attack_->begin();
    for (bool told = false; interrupted_ == 0 && (seen.view == first || !seen.view_installed);) {
      if (std::chrono::steady_clock::now() - start > kReplacementTime) {
        complain(name_of(kFirstLeader) + " was not replaced");
        return false;
      }
      interrupted_ = signals_.wait_for(1);
      seen = witness.control().status().ordering;
      if (told || !seen.last_suspicion.has_value() || seen.last_suspicion->view != first) continue;
      told = true;
      tell(seen.last_suspicion->tat_leader, seen.last_suspicion->tat_acceptable,
           fmt::format("suspects {}", name_of(kFirstLeader)));
    }
    if (interrupted_ != 0) return true;
    tell(seen.tat_leader, seen.tat_acceptable,
         fmt::format("view {}, led by {}, after a view change of {:.1f} ms", seen.view.value(), name_of(seen.leader),
                     seen.view_change_took.value_or(Duration()).seconds() * 1e3));
    const bool well = stretch("led by " + name_of(seen.leader), node_->servers().size()) && same_states();
    attack_->hold_back();
    return well;
  }

  bool same_states() {
    const std::vector<node::ServerState> states = node::compare_states(*node_);
    const bool equal = node::all_equal(states);
    fmt::print("state digests {}\n", equal ? "are equal:" : "DIFFER:");
    for (const node::ServerState& state : states) {
      std::string hex;
      for (std::size_t i = 0; i < 12; ++i) hex += fmt::format("{:02x}", state.digest[i]);
      fmt::print("  {}  after {:>8} updates  {}...\n", name_of(state.server.server), state.state_sequence, hex);
    }
    std::fflush(stdout);
    return equal;
  }

  int finish(bool well) {
    const bool drained = load_.drain();
    load_.stop();
    stop_gateway();
    clients_.stop();
    node_->stop();
    if (!drained) complain("some operations did not end");
    print_acts(attack_);
    fmt::print("\n{}summary\n{}", interrupted_ != 0 ? "interrupted; " : "", summary_);
    fmt::print("  {}\n", well && drained ? "no error, no difference between the servers" : "FAILED, see above");
    return well && drained ? kDone : kFailed;
  }

  EndSignals signals_;  // before any thread starts
  Options options_;
  node::TcpClients clients_;  // outlives the node: its queues ring this doorbell
  Deployment deployment_;
  std::optional<adversary::Attack> attack_;
  std::unique_ptr<node::Node> node_;
  DemoLoad load_;
  asio::io_context gateway_io_;
  std::unique_ptr<client::NativeClient> gateway_client_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::thread gateway_thread_;
  std::uint16_t redis_port_ = 0;
  int interrupted_ = 0;
  std::string summary_;
};

// What is meant for one site alone, or for several; none when it fits.
std::optional<std::string> misfit(const CLI::App& command, bool several) {
  const std::vector<const char*> others =
      several ? std::vector<const char*>{"--port", "--adversary", "--stay"}
              : std::vector<const char*>{"--wan-delay", "--wan-rate", "--link", "--site-keys"};
  for (const char* const option : others) {
    if (command.count(option) > 0) {
      return fmt::format("{} is for {}", option,
                         several ? "one site alone" : "several sites; say how many with --sites");
    }
  }
  return std::nullopt;
}

int demonstrate_several(const Options& options) {
  const std::optional<Duration> delay = config::parse_duration(options.wan_delay);
  if (!delay || *delay > kLongestDelay) {
    return complain(
               fmt::format("--wan-delay is a duration of at most {}, such as 25ms", config::to_string(kLongestDelay))),
           kMisused;
  }
  SitesDemoOptions wanted{.sites = options.sites,
                          .servers = options.servers,
                          .clients = options.clients,
                          .in_flight = options.in_flight,
                          .seconds = options.seconds,
                          .link = *config::link_kind(options.link),
                          .wan_delay = *delay,
                          .wan_rate = {},
                          .site_scheme = *crypto::threshold_scheme_from_name(options.site_scheme)};
  if (!options.wan_rate.empty()) {
    wanted.wan_rate = config::parse_rate(options.wan_rate);
    if (!wanted.wan_rate) return complain("--wan-rate is a rate, such as 10Mbit/s"), kMisused;
  }
  return demonstrate_sites(wanted);
}

}  // namespace

void add_demo_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("demo", "the whole story on one machine: no NIC, no root, no hugepages");
  const auto options = std::make_shared<Options>();
  command.add_option("--sites", options->sites, "sites; several order among themselves")
      ->check(CLI::Range(1, 7))
      ->capture_default_str();
  command.add_option("--servers", options->servers, "servers of each site, 3f+1: 4, 7, 10, 13 or 16")
      ->check(CLI::IsMember({4, 7, 10, 13, 16}))
      ->capture_default_str();
  command.add_option("--clients", options->clients, "clients")->check(CLI::Range(1, 256))->capture_default_str();
  command.add_option("--in-flight", options->in_flight, "operations each client keeps going")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--seconds", options->seconds, "how long each stretch lasts")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command.add_option("--port", options->gateway_port, "where redis-cli finds it; 0: a free port")
      ->capture_default_str();
  add_attack_options(command, "--adversary", options->attack);
  command.add_flag("--stay", options->stay, "stay up afterwards, until Ctrl-C");
  command.add_option("--wan-delay", options->wan_delay, "one way between any two sites")->capture_default_str();
  command.add_option("--wan-rate", options->wan_rate,
                     "what a site may send to others, such as 10Mbit/s; else no limit");
  command.add_option("--link", options->link, "between sites; the wan ports of a site stand on a hub for some")
      ->check(CLI::IsMember(
          {"erasure", "naive", "forwarder", "hub-optimistic", "hub-minimum-parts", "hub-immediate", "blink"}))
      ->capture_default_str();
  command.add_option("--site-keys", options->site_scheme, "scheme of the sites' signatures; dealing takes its time")
      ->check(CLI::IsMember(
          {crypto::name(crypto::ThresholdScheme::shoup_rsa1024), crypto::name(crypto::ThresholdScheme::shoup_rsa2048)}))
      ->capture_default_str();
  command.callback([options, &command, &exit_status] {
    const bool several = options->sites > 1;
    if (const auto refused = misfit(command, several); refused.has_value()) {
      complain(*refused);
      exit_status = kMisused;
      return;
    }
    exit_status = several ? demonstrate_several(*options) : Demo(*options).run();
  });
}

}  // namespace garrison::apps
