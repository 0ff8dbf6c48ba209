#include "apps/commands/relay.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/signals.h"
#include "control/config/names.h"
#include "control/config/text_values.h"
#include "control/config/topology.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/relay.h"
#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/worker.h"
#include "dataplane/stages/lan_stage.h"
#include "dataplane/stages/relay_end.h"

namespace garrison::apps {
namespace {

constexpr std::size_t kPoolMbufs = 16'383;
constexpr std::size_t kMemoryMib = 128;
constexpr double kMillionthsOfPercent = 10'000;

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::vector<std::string> ports;
  std::vector<std::string> pairs;
  std::string delay{"25ms"};
  std::string jitter{"0ms"};
  double loss_percent = 0;
  std::optional<std::string> rate;
  std::uint64_t seed = 1;
};

// What is between two sites, or, first, between any two.
struct Path {
  Duration delay;
  Duration jitter;
  std::uint32_t loss_ppm = 0;
};

std::optional<SiteId> site_of(std::string_view name, const config::Topology& topology) {
  const auto site = config::parse_site_name(name);
  return site.has_value() && site->index() < topology.sites.size() ? site : std::nullopt;
}

// "A-B".
std::optional<std::pair<SiteId, SiteId>> sites_of(std::string_view between, const config::Topology& topology) {
  const std::size_t dash = between.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = site_of(between.substr(0, dash), topology);
  const auto second = site_of(between.substr(dash + 1), topology);
  if (!first.has_value() || !second.has_value() || *first == *second) return std::nullopt;
  return std::pair(*first, *second);
}

Result<Duration> duration_of(const std::string& what, std::string_view text) {
  const auto duration = config::parse_duration(text);
  if (duration.has_value() && *duration <= seconds(10)) return *duration;
  return Error{fmt::format("{} {} is no duration up to 10s; write it as 25ms", what, text)};
}

// The interfaces of all sites, by site.
Result<std::vector<std::string>> interfaces_of(const Options& options, const config::Topology& topology) {
  std::vector<std::string> interfaces(topology.sites.size());
  for (const std::string& text : options.ports) {
    const std::size_t equals = text.find('=');
    const auto site = site_of(std::string_view(text).substr(0, equals), topology);
    if (!site.has_value() || equals == std::string::npos || equals + 1 == text.size()) {
      return Error{fmt::format("--port {} is not SITE=INTERFACE, with a site of {}", text, options.topology)};
    }
    std::string& interface = interfaces[site->index()];
    if (!interface.empty()) return Error{fmt::format("--port {}: the site has {} already", text, interface)};
    interface = text.substr(equals + 1);
  }
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    if (!interfaces[i].empty()) continue;
    return Error{fmt::format("site {} has no --port; the relay stands on the wide-area network of every site",
                             config::site_name(SiteId(static_cast<std::uint16_t>(i))))};
  }
  return interfaces;
}

Result<void> read_path_value(const std::string& pair, std::string_view key, std::string_view value, Path& out) {
  if (key == "delay" || key == "jitter") {
    const Result<Duration> duration = duration_of("--pair " + pair + ":", value);
    if (!duration) return duration.error();
    (key == "delay" ? out.delay : out.jitter) = duration.value();
    return {};
  }
  double percent = -1;
  if (key == "loss" && CLI::detail::lexical_cast(std::string(value), percent) && percent >= 0 && percent <= 100) {
    out.loss_ppm = static_cast<std::uint32_t>(percent * kMillionthsOfPercent);
    return {};
  }
  return Error{fmt::format("--pair {}: write it as A-B,delay=25ms,jitter=2ms,loss=0.1 (percent)", pair)};
}

// Both directions of the pairs that the options name, over what holds for all.
Result<void> read_pairs(const Options& options, const config::Topology& topology,
                        std::vector<std::vector<Path>>& paths) {
  for (const std::string& pair : options.pairs) {
    const std::size_t end = pair.find(',');
    const std::string_view between = std::string_view(pair).substr(0, end);
    const auto sites = sites_of(between, topology);
    if (!sites.has_value()) {
      return Error{fmt::format("--pair {}: {} are no two sites of {}", pair, between, options.topology)};
    }
    const auto [first, second] = *sites;
    Path& path = paths[first.index()][second.index()];
    for (std::size_t at = end; at != std::string::npos;) {
      const std::size_t next = pair.find(',', at + 1);
      const std::string_view part = std::string_view(pair).substr(at + 1, next - at - 1);
      const std::size_t equals = part.find('=');
      const std::string_view value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
      if (const auto read = read_path_value(pair, part.substr(0, equals), value, path); !read) return read;
      at = next;
    }
    paths[second.index()][first.index()] = path;
  }
  return {};
}

Result<io::WideAreaConfig> paths_of(const Options& options, const config::Topology& topology) {
  const std::size_t sites = topology.sites.size();
  Path all;
  for (const auto& [name, text, out] :
       {std::tuple("--delay", options.delay, &all.delay), std::tuple("--jitter", options.jitter, &all.jitter)}) {
    const Result<Duration> duration = duration_of(name, text);
    if (!duration) return duration.error();
    *out = duration.value();
  }
  all.loss_ppm = static_cast<std::uint32_t>(options.loss_percent * kMillionthsOfPercent);
  std::vector<std::vector<Path>> paths(sites, std::vector<Path>(sites, all));
  if (const auto read = read_pairs(options, topology, paths); !read) return read.error();

  std::uint64_t bytes_per_s = 0;
  if (options.rate.has_value()) {
    const auto rate = config::parse_rate(*options.rate);
    if (!rate.has_value()) return Error{fmt::format("--rate {} is no rate; write it as 10Mbit/s", *options.rate)};
    bytes_per_s = rate->bits_per_s / 8;
  }
  io::WideAreaConfig config;
  config.bytes_per_s.assign(sites, bytes_per_s);
  config.seed = options.seed;
  for (const std::vector<Path>& row : paths) {
    auto& delay = config.delay.emplace_back();
    auto& jitter = config.jitter.emplace_back();
    auto& loss = config.loss_ppm.emplace_back();
    for (const Path& path : row) {
      delay.push_back(path.delay);
      jitter.push_back(path.jitter);
      loss.push_back(path.loss_ppm);
    }
  }
  return config;
}

std::map<io::MacAddress, SiteId> addresses_of(const config::Topology& topology) {
  std::map<io::MacAddress, SiteId> addresses;
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) {
      if (server.wan.has_value()) addresses.emplace(server.wan->mac, site.id);
    }
  }
  return addresses;
}

// One site's network.
struct End {
  std::unique_ptr<io::EthdevPort> port;
  std::unique_ptr<stages::RelayEnd> end;
  std::unique_ptr<stages::LanStage> stage;
};

int run(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  if (topology.sites.size() < 2) return complain(options.topology + ": a site alone has no wide area"), kMisused;
  const auto interfaces = interfaces_of(options, topology);
  if (!interfaces) return complain(interfaces.error().message), kMisused;
  const auto paths = paths_of(options, topology);
  if (!paths) return complain(paths.error().message), kMisused;

  EndSignals signals;
  if (const auto started = runtime::start_eal({.memory_mib = kMemoryMib}); !started) {
    return complain(started.error().message), kFailed;
  }
  const Result<io::Pool> pool = io::make_pool({.name = "relay", .mbufs = kPoolMbufs});
  if (!pool) return complain(pool.error().message), kFailed;
  io::Relay relay(paths.value(), addresses_of(topology));
  std::vector<End> ends;
  for (std::size_t i = 0; i < interfaces.value().size(); ++i) {
    auto port =
        io::EthdevPort::open({.devargs = io::af_packet_devargs(interfaces.value()[i], i), .pool = pool.value().get()});
    if (!port) return complain(port.error().message), kFailed;
    const SiteId site(static_cast<std::uint16_t>(i));
    End& end = ends.emplace_back();
    end.port = std::move(port).value();
    end.end = std::make_unique<stages::RelayEnd>(relay, site);
    end.stage =
        std::make_unique<stages::LanStage>("site " + config::site_name(site), *end.port, *end.end, *pool.value());
  }
  runtime::Worker worker({.name = "relay", .ladder = runtime::IdleLadder::shared_cores()});
  for (const End& end : ends) worker.add(*end.stage);
  if (const auto started = worker.start(); !started) return complain(started.error().message), kFailed;
  fmt::print("the relay runs between {} sites\n", ends.size());
  std::fflush(stdout);

  const int received = signals.wait();
  worker.stop();
  const io::RelayCounts& counts = relay.counts();
  fmt::print(
      "frames: {} heard, {} delivered, {} within their site, {} lost, dropped: {} for want of room, {} to unknown "
      "addresses, {} malformed\nstopped by {}\n",
      counts.frames_in, counts.delivered, counts.local, relay.lost(), counts.full, counts.unknown, counts.malformed,
      received == SIGINT ? "SIGINT" : "SIGTERM");
  return kDone;
}

}  // namespace

void add_relay_command(CLI::App& app, int& exit_status) {
  CLI::App& command =
      *app.add_subcommand("relay", "stand in for the wide area between sites of a laboratory, until SIGINT or SIGTERM");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  command.add_option("--port", options->ports, "SITE=INTERFACE: the wide-area network of a site; once for each")
      ->required();
  command.add_option("--delay", options->delay, "one way, between any two sites")->capture_default_str();
  command.add_option("--jitter", options->jitter, "up to so much more; frames keep their order")->capture_default_str();
  command.add_option("--loss", options->loss_percent, "of all frames, in percent")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--rate", options->rate, "what each site may send in all, such as 10Mbit/s; default: no limit");
  command.add_option("--pair", options->pairs, "A-B,delay=40ms,jitter=2ms,loss=0.1: other values between two sites");
  command.add_option("--seed", options->seed, "of jitter and loss")->capture_default_str();
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

}  // namespace garrison::apps
