#include "apps/commands/demo_sites.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/demo_forwarder.h"
#include "apps/commands/demo_load.h"
#include "apps/commands/signals.h"
#include "apps/node/digests.h"
#include "apps/node/node.h"
#include "apps/node/order_bench.h"
#include "apps/node/tcp_clients.h"
#include "control/config/key_files.h"
#include "control/config/names.h"
#include "control/config/timing.h"
#include "control/config/topology_text.h"

namespace garrison::apps {
namespace {

// What 16 servers on two cores carry: every tick of every server is ordered by its site, and every batch signed.
constexpr Duration kSiteClockTick = milliseconds(20);
constexpr Duration kSiteClockRest = milliseconds(60);
constexpr Duration kSignPeriod = milliseconds(20);
// [PRIME] 4: PO-REQUEST, PO-ACK, PO-SUMMARY, PRE-PREPARE, PREPARE and COMMIT each cross the wide area once.
constexpr int kCrossings = 6;
// For the first update of all and of a stretch, and for the last ones, on however slow a machine.
constexpr std::chrono::seconds kLongestWait{240};
constexpr int kDigestAttempts = 300;

double milliseconds_of(Duration duration) { return duration.seconds() * 1e3; }

Result<config::Topology> make_topology(const SitesDemoOptions& options) {
  config::NewTopology wishes;
  wishes.name = "demo";
  wishes.sites = options.sites;
  wishes.servers = options.servers;
  wishes.clients = options.clients;
  wishes.link = options.link;
  wishes.forwarders_inside = true;
  std::uint64_t id = 0;
  CHECK(getrandom(&id, sizeof id, 0) == static_cast<ssize_t>(sizeof id));
  wishes.system = SystemId(id >> 1U);
  Result<std::string> text = config::new_topology_text(wishes);
  if (!text) return text.error();
  Result<config::Topology> parsed = config::parse_topology(text.value(), "demo");
  if (!parsed) return parsed.error();
  config::Topology topology = std::move(parsed).value();
  topology.crypto.site_scheme = options.site_scheme;
  topology.wan.rate = options.wan_rate;
  for (config::WanPair& pair : topology.wan.pairs) pair.delay = options.wan_delay;
  config::GlobalSettings& global = topology.global;
  global.site_clock_tick = kSiteClockTick;
  global.site_clock_rest = kSiteClockRest;
  global.sign_period = kSignPeriod;
  const config::GlobalBounds bounds = config::global_bounds(global, topology.prime);
  global.clock_bound = std::max(global.clock_bound, bounds.clock_bound);
  global.prime.delta_pp = std::max(global.prime.delta_pp, bounds.delta_pp);
  // A client that hears nothing asks others: not before an update can have come around.
  topology.client.timeout = std::max(topology.client.timeout, options.wan_delay * (4 * kCrossings));
  return topology;
}

class SitesDemo {
 public:
  explicit SitesDemo(const SitesDemoOptions& options) : options_(options) {}
  SitesDemo(const SitesDemo&) = delete;
  SitesDemo& operator=(const SitesDemo&) = delete;
  ~SitesDemo() {
    loads_.clear();
    clients_.stop();
    forwarders_.clear();
    if (node_ != nullptr) node_->stop();
  }

  int run() {
    if (const Result<void> up = bring_up(); !up) return complain(up.error().message), kFailed;
    bool well = first_update() && stretch("all sites");
    if (well && interrupted_ == 0) {
      halt_local_leader();
      well = stretch("without " + halted_.back());
    }
    if (well && interrupted_ == 0 && topology_.global.f > 0) {
      well = halt_site() && stretch("without site " + halted_.back());
    }
    return finish(well);
  }

 private:
  Result<void> bring_up() {
    Result<config::Topology> topology = make_topology(options_);
    if (!topology) return topology.error();
    topology_ = std::move(topology).value();
    if (Result<void> dealt = deal(); !dealt) return dealt;
    Result<std::unique_ptr<node::Node>> made =
        node::Node::make(topology_, node::NodeKeys{keys_->directory, bundles_}, clients_.doorbell());
    if (!made) return made.error();
    node_ = std::move(made).value();
    if (Result<void> forwarding = start_forwarders(); !forwarding) return forwarding;
    for (const auto& server : node_->servers()) {
      config::ServerSettings& settings = topology_.sites[server->site().index()].servers[server->id().index()];
      settings.client.port = 0;  // whatever is free
      Result<config::Endpoint> bound = clients_.listen(server->name(), server->client(), settings.client);
      if (!bound) return bound.error();
      settings.client = bound.value();
      if (server->forwarder() == nullptr) continue;
      auto ends = forwarder::ServerEnd::configs(topology_, keys_->directory, bundles_.at(node::id_of(*server)));
      if (!ends) return ends.error();
      clients_.connect(*server->forwarder(), std::move(ends).value());
    }
    if (Result<void> started = node_->start(); !started) return started;
    for (const auto& forwarder : forwarders_) forwarder->start();
    clients_.start();
    if (Result<void> started = start_loads(); !started) return started;
    tell_conditions();
    return {};
  }

  // Where the links go over them, on the ports that the node has for them.
  Result<void> start_forwarders() {
    for (const crypto::PrivateBundle& bundle : keys_->bundles) {
      if (bundle.self.kind != crypto::Principal::Kind::forwarder) continue;
      config::ForwarderSettings& settings = topology_.sites[bundle.self.site.index()].forwarders[bundle.self.index];
      settings.local.port = 0;  // whatever is free
      settings.admin.port = 0;  // none
      auto made = DemoForwarder::make(topology_, keys_->directory, bundle, *node_);
      if (!made) return made.error();
      settings.local = made.value()->local();
      forwarders_.push_back(std::move(made).value());
    }
    return {};
  }

  Result<void> deal() {
    fmt::print("dealing {} keys for {} sites on all cores: each is a search for two rare primes\n",
               crypto::name(options_.site_scheme), options_.sites);
    const auto start = std::chrono::steady_clock::now();
    Result<config::DealtKeys> dealt = config::deal_keys_in_memory(topology_, [](std::size_t done, std::size_t total) {
      fmt::print("\r  {} of {} keys", done, total);
      std::fflush(stdout);
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (!dealt) return dealt.error();
    fmt::print(" in {:.1f} s\n", took.count());
    keys_ = std::make_unique<config::DealtKeys>(std::move(dealt).value());
    for (const crypto::PrivateBundle& bundle : keys_->bundles) {
      if (bundle.self.kind != crypto::Principal::Kind::server) continue;
      bundles_[{bundle.self.site, ServerId(static_cast<std::uint16_t>(bundle.self.index))}] = bundle;
    }
    return measure_share();
  }

  // The median of some shares, on this thread.
  Result<void> measure_share() {
    const auto kind = crypto::SiteKeyKind::one_correct;
    const auto& [id, bundle] = *bundles_.begin();
    Result<std::unique_ptr<crypto::ThresholdSigner>> signer =
        crypto::make_signer(*keys_->directory.find_site_key({id.site, kind}), id.server, bundle.site_secrets.at(kind));
    if (!signer) return signer.error();
    std::array<double, 15> took{};
    for (std::size_t i = 0; i < took.size(); ++i) {
      const Bytes message(64, static_cast<std::uint8_t>(i));
      const auto start = std::chrono::steady_clock::now();
      CHECK(!signer.value()->share(message).empty());
      took[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    std::sort(took.begin(), took.end());
    share_seconds_ = took[took.size() / 2];
    return {};
  }

  // One load for each site, so that the clients of a site can end before their site does.
  Result<void> start_loads() {
    for (std::size_t i = 0; i < options_.sites; ++i) loads_.push_back(std::make_unique<DemoLoad>(options_.in_flight));
    for (const crypto::PrivateBundle& bundle : keys_->bundles) {
      if (bundle.self.kind != crypto::Principal::Kind::client) continue;
      const ClientId id(bundle.self.index);
      client::NativeClient::Config config = client::NativeClient::config_from(topology_, id);
      config.deadline = seconds(kLongestWait.count());
      DemoLoad& load = *loads_[topology_.home_of(id).id.index()];
      if (Result<void> added = load.add_client(config, bundle, keys_->directory); !added) return added;
    }
    for (const auto& load : loads_) load->start();
    return {};
  }

  void tell_conditions() const {
    const config::SiteSettings& site = topology_.sites.front();
    fmt::print(
        "{} sites of {} servers each run in this process; any {} of each site's servers and any {} whole {} may "
        "be faulty\n",
        options_.sites, site.n(), site.f, topology_.global.f, topology_.global.f == 1 ? "site" : "sites");
    fmt::print("  between sites {} one way, {}; site clock tick {}, sign period {}\n",
               config::to_string(options_.wan_delay),
               options_.wan_rate ? "each site sends " + config::to_string(*options_.wan_rate) : "no limit of rate",
               config::to_string(topology_.global.site_clock_tick), config::to_string(topology_.global.sign_period));
    fmt::print(
        "  one share of a site's signature takes {:.2f} ms; {} {} that did nothing else could make {:.0f} "
        "signatures/s for each site\n\n",
        share_seconds_ * 1e3, node::usable_cores(), node::usable_cores() == 1 ? "core" : "cores",
        possible_signatures());
    std::fflush(stdout);
  }

  // Of each site, if all cores made nothing but the shares of every server.
  [[nodiscard]] double possible_signatures() const {
    return static_cast<double>(node::usable_cores()) / (share_seconds_ * static_cast<double>(node_->servers().size()));
  }

  // The sites must have heard of each other, and clients opened their sessions.
  bool first_update() {
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t updates = 0; updates == 0 && interrupted_ == 0;) {
      interrupted_ = signals_.wait_for(50);
      updates = take_window().updates;
      if (std::chrono::steady_clock::now() - start > kLongestWait) return complain("nothing was ordered"), false;
    }
    return true;
  }

  // Of all clients, since the last call.
  LoadWindow take_window() {
    LoadWindow all;
    for (const auto& load : loads_) {
      const LoadWindow window = load->take_window();
      all.updates += window.updates;
      all.errors += window.errors;
      all.seconds = std::max(all.seconds, window.seconds);
      all.latencies_ms.insert(all.latencies_ms.end(), window.latencies_ms.begin(), window.latencies_ms.end());
    }
    return all;
  }

  // Known to the running server of the site that knows most.
  [[nodiscard]] std::uint64_t signatures_of(SiteId site) const {
    std::uint64_t most = 0;
    for (const auto& server : node_->servers()) {
      if (server->site() != site || !node_->running(node::id_of(*server))) continue;
      most = std::max(most, server->control().status().site_signatures);
    }
    return most;
  }

  // Live progress for a while. False when nothing was ordered or a client saw an error.
  bool stretch(const std::string& title) {
    fmt::print("{} ({} servers running), clients keep {} operations in flight each, half reads, all ordered\n", title,
               running_count(), options_.in_flight);
    (void)take_window();
    std::vector<std::uint64_t> signed_before;
    for (const config::SiteSettings& site : topology_.sites) signed_before.push_back(signatures_of(site.id));
    LoadWindow whole;
    const auto start = std::chrono::steady_clock::now();
    const auto go_on = [&](int second) {
      if (second <= options_.seconds) return interrupted_ == 0;
      return whole.updates == 0 && interrupted_ == 0 && std::chrono::steady_clock::now() - start < kLongestWait;
    };
    int second = 1;
    for (; go_on(second); ++second) {
      interrupted_ = signals_.wait_for(1000);
      LoadWindow window = take_window();
      tell_second(second, window, signed_before);
      whole.updates += window.updates;
      whole.errors += window.errors;
      whole.latencies_ms.insert(whole.latencies_ms.end(), window.latencies_ms.begin(), window.latencies_ms.end());
    }
    summary_ += fmt::format("  {:<16} {:>7} updates, {:.0f}/s, p50 {:.0f} ms, p99 {:.0f} ms\n", title, whole.updates,
                            static_cast<double>(whole.updates) / std::max(second - 1, 1), whole.percentile(0.5),
                            whole.percentile(0.99));
    for (const auto& load : loads_) {
      if (!load->last_error().empty()) complain("a client saw an error: " + load->last_error());
    }
    if (whole.updates == 0 && interrupted_ == 0) complain("nothing was ordered");
    return whole.errors == 0 && (whole.updates > 0 || interrupted_ != 0);
  }

  void tell_second(int second, LoadWindow& window, std::vector<std::uint64_t>& signed_before) {
    const double crossings_ms = milliseconds_of(options_.wan_delay) * kCrossings;
    std::string signatures;
    for (const config::SiteSettings& site : topology_.sites) {
      const std::uint64_t now = signatures_of(site.id);
      std::uint64_t& before = signed_before[site.id.index()];
      // A site that is halted, or whose best informed server is, has nothing to say.
      const double rate = now > before ? static_cast<double>(now - before) / window.seconds : 0;
      signatures += fmt::format(" {} {:.0f}", site.name, rate);
      before = std::max(before, now);
    }
    const double p50 = window.percentile(0.5);
    fmt::print(
        "  {:2} s {:>6.0f} updates/s   p50 {:>5.0f} ms, {} crossings {:.0f} ms, local {:>4.0f} ms   p99 {:>5.0f} "
        "ms   signatures/s{} of {:.0f}{}\n",
        second, window.rate(), p50, kCrossings, crossings_ms, window.updates == 0 ? 0 : p50 - crossings_ms,
        window.percentile(0.99), signatures, possible_signatures(),
        window.errors == 0 ? "" : fmt::format("   {} errors", window.errors));
    std::fflush(stdout);
  }

  [[nodiscard]] std::size_t running_count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        node_->servers(), [this](const auto& server) { return node_->running(node::id_of(*server)); }));
  }

  void halt(node::SiteServer id) {
    if (!node_->running(id)) return;
    clients_.halt(node_->server(id).client());
    if (node_->server(id).forwarder() != nullptr) clients_.halt(*node_->server(id).forwarder());
    node_->halt(id);
  }

  // As the first server of the first site sees it.
  [[nodiscard]] SiteId leader_site() const {
    const server::ControlStatus status = node_->servers().front()->control().status();
    return SiteId(status.global.has_value() ? status.global->leader.value() : std::uint16_t{0});
  }

  void halt_local_leader() {
    const SiteId site = leader_site();
    const node::SiteServer leader{site, node_->server({site, ServerId(0)}).control().status().ordering.leader};
    halted_.push_back(config::server_name(site, leader.server));
    fmt::print("\nstopping {}, which leads inside site {}, which leads among the sites\n", halted_.back(),
               topology_.site(site).name);
    halt(leader);
  }

  // The last site that does not lead: those that remain replace a leader site as well, but need many crossings for it.
  bool halt_site() {
    const SiteId leader = leader_site();
    const SiteId site = topology_.sites.back().id == leader ? topology_.sites.front().id : topology_.sites.back().id;
    halted_.push_back(topology_.site(site).name);
    fmt::print("\nstopping all of site {}, its clients first: {} of {} sites remain\n", halted_.back(),
               options_.sites - 1, options_.sites);
    const bool drained = loads_[site.index()]->drain(kLongestWait);
    loads_[site.index()]->stop();
    if (!drained) complain("some operations of clients of site " + halted_.back() + " did not end");
    for (const config::ServerSettings& server : topology_.site(site).servers) halt({site, server.id});
    for (const auto& forwarder : forwarders_) {
      if (forwarder->site() == site) forwarder->stop();
    }
    return drained;
  }

  bool same_states() {
    const std::vector<node::ServerState> states = node::compare_states(*node_, kDigestAttempts);
    const bool equal = node::all_equal(states);
    fmt::print("\nstate digests {}\n", equal ? "are equal:" : "DIFFER:");
    for (const node::ServerState& state : states) {
      std::string hex;
      for (std::size_t i = 0; i < 12; ++i) hex += fmt::format("{:02x}", state.digest[i]);
      fmt::print("  {}  after {:>8} updates  {}...\n", config::server_name(state.server.site, state.server.server),
                 state.state_sequence, hex);
    }
    std::fflush(stdout);
    return equal;
  }

  // When no worker runs any more.
  void tell_wide_area() const {
    const io::SegmentCounters& counters = node_->wide_area()->counters();
    fmt::print("\nbetween sites: {} frames sent, {} arrived", counters.copies_due.get(), counters.frames_out.get());
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      const auto reason = static_cast<DropReason>(i);
      if (counters.drops.get(reason) > 0) fmt::print(", {} lost: {}", counters.drops.get(reason), text(reason));
    }
    fmt::print("\n");
  }

  int finish(bool well) {
    bool drained = true;
    for (const auto& load : loads_) drained = load->drain(kLongestWait) && drained;
    if (!drained) complain("some operations did not end");
    const bool equal = same_states();
    for (const auto& load : loads_) load->stop();
    clients_.stop();
    for (const auto& forwarder : forwarders_) forwarder->stop();
    node_->stop();
    tell_wide_area();
    fmt::print("\n{}summary\n{}", interrupted_ != 0 ? "interrupted; " : "", summary_);
    const bool good = well && drained && equal;
    fmt::print("  {}\n", good ? "no error, no difference between the servers" : "FAILED, see above");
    return good ? kDone : kFailed;
  }

  EndSignals signals_;  // before any thread starts
  SitesDemoOptions options_;
  node::TcpClients clients_;  // outlives the node: its queues ring this doorbell
  config::Topology topology_;
  std::unique_ptr<config::DealtKeys> keys_;
  std::map<node::SiteServer, crypto::PrivateBundle> bundles_;
  double share_seconds_ = 0;
  std::unique_ptr<node::Node> node_;
  std::vector<std::unique_ptr<DemoForwarder>> forwarders_;
  std::vector<std::unique_ptr<DemoLoad>> loads_;  // by site
  std::vector<std::string> halted_;
  int interrupted_ = 0;
  std::string summary_;
};

}  // namespace

int demonstrate_sites(const SitesDemoOptions& options) { return SitesDemo(options).run(); }

}  // namespace garrison::apps
