#include "apps/lab/system_simulation.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "apps/adversary/site_liar.h"
#include "apps/lab/blink_hold.h"
#include "apps/lab/bounded_delay.h"
#include "apps/server/wan_setup.h"
#include "control/client/pattern.h"
#include "control/config/names.h"
#include "control/config/timing.h"
#include "crypto/digest.h"

namespace garrison::lab {

namespace {

// The network among sites once it is healed: what LabSystem sets per pair, and what the topology says.
constexpr std::int64_t kJitterShare = 20;
constexpr std::int64_t kGraceWhenLate = 20;  // times as long, where every link message waits for most of a timeout

Instant at(std::uint64_t ns) { return Instant(static_cast<std::int64_t>(ns)); }

// Who is faulty in one run, and how. Outlives the system.
struct Adversaries {
  std::vector<adversary::Attack> on_servers;  // by site
  std::vector<adversary::Attack> on_sites;    // by ServerId
  std::deque<adversary::SiteLiar> liars;
  std::deque<adversary::HubLiar> hub_liars;
  std::deque<adversary::BlinkLiar> blink_liars;
  std::vector<std::string> liars_are;
  ServerSet faulty_sites;
};

// A seed of 0 draws the first ones.
adversary::Attack make_attack(const std::string& specs, const adversary::AttackedSite& site, std::uint64_t seed) {
  Result<adversary::Attack> made =
      adversary::Attack::make(adversary::AttackText{specs, std::to_string(site.f)}, site, seed);
  CHECK(made.ok());
  return std::move(made).value();
}

// What goes wrong in the network and which servers crash. Everything heals at options.faults_for, except for what has
// crashed.
class FaultPlan {
 public:
  FaultPlan(const SystemSimulationOptions& options, EventQueue& events, const config::Topology& topology,
            LabSystem& system, BoundedDelay& bounded_delay, Duration session_time)
      : options_(options),
        events_(events),
        topology_(topology),
        system_(system),
        bounded_delay_(bounded_delay),
        session_time_(session_time),
        rng_(options.seed ^ 0x73797374656dULL) {}

  void schedule() {
    const auto span = static_cast<std::uint64_t>(options_.faults_for.ns());
    system_.wan().set_model(draw_model());
    for (std::uint64_t i = rng_.between(1, 3); i > 0; --i) {
      events_.schedule(at(rng_.below(span)), [this] { system_.wan().set_model(draw_model()); });
    }
    schedule_cut_offs(span);
    schedule_crashes(span);
    if (options_.laggards) schedule_absences(span);
    if (options_.forwarder_liars) schedule_compromises(span);
    events_.schedule(at(span), [this] {
      system_.wan().partition({});
      system_.wan().set_model({.delay = {}, .jitter = {}});
      for (const config::SiteSettings& site : topology_.sites) system_.site(site.id).network().partition({});
    });
    events_.schedule(at(span) + session_time_, [this] { bounded_delay_.healed(); });
  }

  // What compromised forwarders did; empty: none was, or none did anything.
  [[nodiscard]] std::string compromises() const {
    std::string text;
    for (const auto& [who, forwarder] : compromised_) {
      if (forwarder->acted() == 0) continue;
      text += (text.empty() ? "" : ", ") + who + " " + std::to_string(forwarder->acted()) + " times";
    }
    return text;
  }

  std::size_t cut_offs = 0;
  std::size_t crashes = 0;
  std::size_t absences = 0;

 private:
  // One site after the other is cut off from all others.
  void schedule_cut_offs(std::uint64_t span) {
    std::uint64_t start = rng_.below(span / 2);
    for (std::uint64_t i = rng_.between(1, 2); i > 0 && start < span; --i) {
      const std::uint64_t length = rng_.between(200'000'000, 2'000'000'000);
      const SiteId site(static_cast<std::uint16_t>(rng_.below(topology_.sites.size())));
      events_.schedule(at(start), [this, site] {
        ++cut_offs;
        system_.wan().partition(system_.stations(site));
      });
      events_.schedule(at(std::min(start + length, span)), [this] { system_.wan().partition({}); });
      start += length + rng_.below(span / 3);
    }
  }

  // In each site, up to f servers crash for good or are faulty.
  void schedule_crashes(std::uint64_t span) {
    for (const config::SiteSettings& site : topology_.sites) {
      const std::size_t faulty = system_.site(site.id).faulty().size();
      if (faulty >= site.f || rng_.below(3) > 0) continue;
      const ServerId victim(static_cast<std::uint16_t>(rng_.below(site.n())));
      if (system_.site(site.id).faulty().contains(victim) || system_.watched(site.id) == victim) continue;
      events_.schedule(at(rng_.below(span)), [this, id = site.id, victim] {
        ++crashes;
        system_.crash(id, victim);
      });
    }
  }

  // In each site a correct server hears nothing of the others for so long that they forget what it misses. Not the one
  // whose core among sites is watched.
  void schedule_absences(std::uint64_t span) {
    for (const config::SiteSettings& site : topology_.sites) {
      std::vector<ServerId> candidates;
      for (const config::ServerSettings& server : site.servers) {
        const bool other = system_.site(site.id).faulty().contains(server.id) || system_.watched(site.id) == server.id;
        if (!other) candidates.push_back(server.id);
      }
      if (candidates.empty()) continue;
      const ServerId away = candidates[rng_.below(candidates.size())];
      const std::uint64_t start = rng_.below(span / 4);
      events_.schedule(at(start), [this, id = site.id, away] {
        ++absences;
        system_.site(id).network().partition(ServerSet::only(away));
      });
      events_.schedule(at(start + rng_.between(span / 3, span / 2)),
                       [this, id = site.id] { system_.site(id).network().partition({}); });
    }
  }

  // Its site's operator sees to a forwarder in time to leave the backup some of the bad time. A backup may crash, too;
  // while the primary works, it has nothing to be bad with.
  void schedule_compromises(std::uint64_t span) {
    Rng rng(options_.seed ^ 0x6466ULL);
    for (const config::SiteSettings& site : topology_.sites) {
      const auto lie = static_cast<ForwarderLie>(rng.below(kForwarderLies));
      const bool backup = lie == ForwarderLie::crash && rng.below(2) == 0;
      LabForwarder* const forwarder = system_.forwarders(site.id).at(backup ? 1 : 0).get();
      compromised_.emplace_back(config::forwarder_name(site.id, backup) + " " + std::string(name(lie)), forwarder);
      const std::uint64_t seed = rng.next();
      events_.schedule(at(rng.below(span / 3)), [forwarder, lie, seed] { forwarder->corrupt(lie, seed); });
      events_.schedule(at(span * 3 / 5), [forwarder] { forwarder->crash(); });
    }
  }

  NetworkModel draw_model() {
    NetworkModel model;
    model.loss = rng_.below(30'001);  // up to 3 %
    model.duplication = rng_.below(20'001);
    model.reordering = rng_.below(50'001);
    return model;
  }

  const SystemSimulationOptions& options_;
  EventQueue& events_;
  const config::Topology& topology_;
  LabSystem& system_;
  BoundedDelay& bounded_delay_;
  Duration session_time_;
  Rng rng_;
  std::vector<std::pair<std::string, const LabForwarder*>> compromised_;
};

// Cores among sites are stepped with their sites' clocks, which have no common zero; the bound is on true time.
class InTrueTime final : public CoreWatcher {
 public:
  InTrueTime(const EventQueue& events, BoundedDelay& watcher) : events_(events), watcher_(watcher) {}
  void on_introduced(Instant /*now*/, const prime::PreorderId& id) override {
    watcher_.on_introduced(events_.now(), id);
  }
  void on_executed(Instant /*now*/, ServerId site, const prime::PreorderId& id) override {
    watcher_.on_executed(events_.now(), site, id);
  }
  void on_restored(ServerId site, const prime::SummaryVector& executed) override {
    watcher_.on_restored(site, executed);
  }
  void on_view(Instant /*now*/, ServerId site, View view) override { watcher_.on_view(events_.now(), site, view); }

 private:
  const EventQueue& events_;
  BoundedDelay& watcher_;
};

// What faulty servers of the sender's site can add on a hub: the local timeout; or, where what is heard there does not
// leave or nobody waits for a timeout, the time until the other site asks for what it misses, and hears it.
Duration hub_wait(const config::Topology& topology, const config::WanPair& pair, std::optional<adversary::HubLie> lie) {
  if (!config::on_hub(pair.kind) || pair.kind == config::LinkKind::hub_immediate) return {};
  const bool asks = pair.kind == config::LinkKind::hub_minimum_parts || lie == adversary::HubLie::unsent;
  if (asks) return server::hub_request_after(topology, pair) + pair.delay * 2;
  return topology.wan.longest_hub_timeout.value_or(topology.wan.hub_timeout);
}

// Two ends of 2f pairs are faulty at most, and each such pair is in office until a timeout ends that.
Duration blink_wait(const config::Topology& topology) {
  Duration longest;
  for (const config::WanPair& pair : topology.wan.pairs) {
    if (pair.kind != config::LinkKind::blink) continue;
    const std::size_t faulty = topology.site(pair.first).f + topology.site(pair.second).f;
    longest = std::max(longest, topology.wan.blink_timeout * static_cast<std::int64_t>(faulty));
  }
  return longest;
}

// Among sites a message takes from the core that wants it said to the core that hears it: a place in the next batch
// (the batches before it signed, their signatures ordered), the signature, the way, and two local orderings, of the
// parts and of the tick that moves the clock.
DelayParameters delay_parameters(const config::Topology& topology, std::optional<adversary::HubLie> hub_lie) {
  const config::GlobalSettings& global = topology.global;
  const Duration ordered = config::local_ordering_bound(topology.prime);
  Duration way;
  for (const config::WanPair& pair : topology.wan.pairs) {
    way = std::max(way, pair.delay + pair.delay / kJitterShare + hub_wait(topology, pair, hub_lie));
  }
  const Duration said = (global.sign_period + global.site_clock_tick + ordered) * 2;
  const Duration one_way = said + way + blink_wait(topology) + ordered * 2;
  return {.bounded = one_way,
          .timely = one_way,
          .aggregation = std::max(global.prime.po_summary_period, global.prime.summary_matrix_period),
          .preprepare = global.prime.delta_pp,
          .acknowledgement = global.prime.po_request_period,
          .reconciliation = global.prime.reconciliation_delay,
          .k_lat = global.prime.k_lat,
          .flood_on_request = global.prime.flood_on_request};
}

Duration suspicion(const config::PrimeSettings& prime, const DelayParameters& delays) {
  return prime.rtt_ping_period + prime.tat_measure_period + delays.bounded * 5;
}

std::uint64_t acts_of(const adversary::Conspiracy& conspiracy) {
  std::uint64_t sum = 0;
  for (const adversary::Conspiracy::Record& record : conspiracy.records()) sum += record.acted.get();
  return sum;
}

Adversaries make_adversaries(const SystemSimulationOptions& options, const config::Topology& topology) {
  Adversaries made;
  if (!options.attack.empty()) {
    for (const config::SiteSettings& site : topology.sites) {
      made.on_servers.push_back(
          make_attack(options.attack, adversary::attacked_site(topology, site.id), options.seed + site.id.value()));
    }
  }
  if (!options.attack_on_sites.empty()) {
    const adversary::AttackedSite sites{.system = topology.system,
                                        .epoch = topology.crypto.epoch,
                                        .n = topology.sites.size(),
                                        .f = topology.global.f,
                                        .of_sites = true};
    for (std::size_t i = 0; i < topology.sites.front().n(); ++i) {
      made.on_sites.push_back(make_attack(options.attack_on_sites, sites, options.first_sites ? 0 : options.seed));
    }
    made.faulty_sites = made.on_sites.front().faulty();
  }
  if (options.site_liars && made.faulty_sites.empty()) {
    const std::size_t sites = topology.sites.size();
    for (std::size_t i = 0; i < topology.global.f; ++i) {
      made.faulty_sites.insert(
          ServerId(static_cast<std::uint16_t>((options.first_sites ? i : options.seed + i) % sites)));
    }
  }
  return made;
}

}  // namespace

SystemSimulationResult simulate_system(const SystemSimulationOptions& options, std::shared_ptr<const LabKeys> keys) {
  EventQueue events;
  const config::Topology& topology = keys->topology;
  Adversaries adversaries = make_adversaries(options, topology);
  LabSystemOptions system_options{.seed = options.seed};
  for (const adversary::Attack& attack : adversaries.on_servers) system_options.attacks.push_back(&attack);
  for (const adversary::Attack& attack : adversaries.on_sites) system_options.attacks_on_sites.push_back(&attack);
  Rng rng(options.seed ^ 0x6c6961ULL);
  // A pair both of whose ends are late is in office from the start, and stays there.
  const bool late = options.blink_liars == adversary::BlinkLie::late;
  if (options.liars || options.hub_liars.has_value() || options.blink_liars.has_value()) {
    // Those that attack the local protocol, too, if any do; else f of each site in turn.
    system_options.is_liar = [&](SiteId site, ServerId server) {
      const config::SiteSettings& settings = topology.site(site);
      const bool all = options.site_liars && adversaries.faulty_sites.contains(ServerId(site.value()));
      if (all) return true;
      const std::size_t first = late ? 0 : (options.seed + site.index()) % settings.n();
      return adversaries.on_servers.empty() ? (server.index() + settings.n() - first) % settings.n() < settings.f
                                            : adversaries.on_servers[site.index()].faulty().contains(server);
    };
  }
  if (options.hub_liars.has_value()) {
    system_options.hub_liar = [&](SiteId site, ServerId server) -> adversary::HubLiar* {
      if (!system_options.is_liar(site, server)) return nullptr;
      return &adversaries.hub_liars.emplace_back(*options.hub_liars, topology.site(site).n());
    };
  }
  if (options.blink_liars.has_value()) {
    system_options.blink_liar = [&](SiteId site, ServerId server) -> adversary::BlinkLiar* {
      if (!system_options.is_liar(site, server)) return nullptr;
      return &adversaries.blink_liars.emplace_back(*options.blink_liars, blink_hold(topology));
    };
  }
  if (options.liars) {
    system_options.liar = [&](SiteId site, ServerId server) -> adversary::SiteLiar* {
      if (!system_options.is_liar(site, server)) return nullptr;
      adversaries.liars_are.push_back(config::server_name(site, server));
      const bool over_forwarders = !topology.site(site).forwarders.empty();
      return &adversaries.liars.emplace_back(rng.next(), over_forwarders);
    };
  }

  if (options.site_liars) system_options.false_witnesses = adversaries.faulty_sites;
  const DelayParameters delays = delay_parameters(topology, options.hub_liars);
  ServerSet correct_sites;
  for (std::size_t i = 0; i < topology.sites.size(); ++i) {
    const ServerId site(static_cast<std::uint16_t>(i));
    if (!adversaries.faulty_sites.contains(site)) correct_sites.insert(site);
  }
  BoundedDelay bounded_delay(correct_sites, delay_bound(delays), suspicion(topology.global.prime, delays));
  InTrueTime watcher(events, bounded_delay);
  system_options.watcher = &watcher;

  system_options.fair_uplinks = options.fair_uplinks;
  LabSystem system(events, keys, system_options);
  FaultPlan plan(options, events, topology, system, bounded_delay, session_time(delays.timely - blink_wait(topology)));
  const std::size_t updates_each = (options.updates + options.clients - 1) / options.clients;
  system.start();
  plan.schedule();
  const Duration busy = options.faults_for + options.calm_for;
  const Duration think = busy * 2 / static_cast<std::int64_t>(updates_each + 1);
  std::vector<Duration> latencies;
  for (const config::SiteSettings& site : topology.sites) {
    // Whoever trusts a faulty site is owed nothing; its clients give it something to order.
    const bool correct = correct_sites.contains(ServerId(site.id.value()));
    const auto clients = static_cast<std::size_t>(std::ranges::count_if(keys->clients, [&](const auto& bundle) {
      return topology.home_of(ClientId(bundle.self.index)).id == site.id;
    }));
    system.site(site.id).clients().on_finished([&](Duration latency) {
      if (events.now() - latency > Instant(options.faults_for.ns())) latencies.push_back(latency);
    });
    system.site(site.id).clients().start({.updates_each = updates_each,
                                          .think = think,
                                          .pattern = client::pattern_of(topology),
                                          .timeout = seconds(4),
                                          .faulty = correct ? 0 : clients,
                                          .reads = options.reads,
                                          .query_lies = true});
  }

  const Instant deadline = Instant(busy.ns()) + (late ? options.grace * kGraceWhenLate : options.grace);
  const auto finished = [&] {
    return events.now() >= Instant(options.faults_for.ns()) && system.completed() == system.wanted() &&
           system.caught_up();
  };
  std::optional<std::string> overdue;
  while (!system.violation().has_value() && !overdue.has_value() && !events.empty() && events.now() < deadline &&
         !finished()) {
    events.run_next();
    // Who is late just in time is never found: GLOBAL-BOUNDED-DELAY does not hold over blink links.
    if (!late) overdue = bounded_delay.violation(events.now());
  }

  SystemSimulationResult result;
  result.seed = options.seed;
  result.virtual_s = static_cast<double>(events.now().ns()) * 1e-9;
  result.updates = system.common().order.size();
  result.wan = system.wan().counts();
  result.cut_offs = plan.cut_offs;
  result.crashes = plan.crashes;
  result.absences = plan.absences;
  result.held_to_bound = bounded_delay.counted();
  result.slowest = bounded_delay.worst();
  result.bound = late ? Duration() : bounded_delay.bound();
  for (const config::SiteSettings& site : topology.sites) {
    result.queries += system.site(site.id).clients().query_stats();
    result.query_lies += system.site(site.id).clients().query_lies();
  }
  std::ranges::sort(latencies);
  result.calm_updates = latencies.size();
  if (!latencies.empty()) {
    result.p50 = latencies[latencies.size() / 2];
    result.p99 = latencies[latencies.size() * 99 / 100];
  }
  crypto::Sha256 hash;
  for (const config::SiteSettings& site : topology.sites) {
    const server::ControlPart& control = system.site(site.id).server(ServerId(0)).control();
    result.site_signatures += control.member()->signatures();
    for (const config::ServerSettings& server : site.servers) {
      const server::ControlPart& each = system.site(site.id).server(server.id).control();
      result.restores += each.status().transfer.restored > SeqNum() ? 1 : 0;
    }
    result.link_messages += control.machine()->status().link_messages;
    result.global_view = std::max(result.global_view, control.machine()->replica().core().status().view.value());
    result.failed_decodings += control.machine()->status().failed_decodings;
    hash.update(control.machine()->status().fingerprint);
  }
  const auto add_acts = [&](const std::string& text) { result.acted += (result.acted.empty() ? "" : ", ") + text; };
  std::optional<std::string> idle;
  for (std::size_t i = 0; i < adversaries.on_servers.size(); ++i) {
    const adversary::Attack& attack = adversaries.on_servers[i];
    const SiteId site(static_cast<std::uint16_t>(i));
    const auto name_of = [&](ServerId server) { return config::server_name(site, server); };
    add_acts(adversary::describe_acts(attack.conspiracy(), name_of));
    if (idle.has_value()) continue;
    idle =
        adversary::find_idle({options.attack, std::to_string(topology.sites.front().f)}, attack.conspiracy(), name_of);
  }
  if (!adversaries.on_sites.empty()) {
    // The servers of a faulty site act alike, but for those that attack their own site and lag behind.
    const adversary::Conspiracy& busiest =
        std::ranges::max_element(adversaries.on_sites, {}, [](const adversary::Attack& each) {
          return acts_of(each.conspiracy());
        })->conspiracy();
    const auto name_of = [](ServerId site) { return "site " + config::site_name(SiteId(site.value())); };
    add_acts(adversary::describe_acts(busiest, name_of));
    if (!idle.has_value()) {
      idle = adversary::find_idle({options.attack_on_sites, std::to_string(topology.global.f)}, busiest, name_of);
    }
  }
  if (options.site_liars) {
    add_acts("false witnesses " + std::to_string(system.false_witness_acts()) + " times");
    if (system.false_witness_acts() == 0 && !idle.has_value()) idle = "no site was a false witness";
  }
  for (const adversary::HubLiar& liar : adversaries.hub_liars) result.hub_lies += liar.acted();
  if (options.hub_liars.has_value()) {
    add_acts("on the hub " + std::string(name(*options.hub_liars)) + " " + std::to_string(result.hub_lies) + " times");
    if (result.hub_lies == 0) idle = "nobody lied on the hub";
  }
  if (options.blink_liars.has_value()) {
    std::uint64_t acted = 0;
    for (const adversary::BlinkLiar& liar : adversaries.blink_liars) acted += liar.acted();
    add_acts("on blink links " + std::string(name(*options.blink_liars)) + " " + std::to_string(acted) + " times");
    if (acted == 0) idle = "nobody lied on a blink link";
  }
  result.rotations = system.rotations();
  result.hub = system.hub_counts();
  result.parts_per_message = result.hub.parts_per_message(topology.sites.front().n());
  for (std::size_t s = 0; s < topology.sites.size(); ++s) {
    LabSite& site = system.site(SiteId(static_cast<std::uint16_t>(s)));
    result.demotions += site.server(ServerId(0)).control().machine()->status().demotions;
  }
  result.listed = system.links().listed();
  std::uint64_t lied = 0;
  for (std::size_t i = 0; i < adversaries.liars.size(); ++i) {
    std::string lies;
    for (const adversary::SiteLie lie : adversaries.liars[i].lies()) lies += " " + std::string(name(lie));
    add_acts(adversaries.liars_are[i] + lies + " " + std::to_string(adversaries.liars[i].acted()) + " times");
    lied += adversaries.liars[i].acted();
  }
  if (options.forwarder_liars) {
    add_acts(plan.compromises());
    if (plan.compromises().empty()) idle = "no forwarder was bad";
  }
  // One may have had no occasion: on the naive link most servers send no parts, and one that attacks the local protocol
  // may have silenced itself.
  if (!adversaries.liars.empty() && lied == 0) idle = "nobody lied";
  if (options.reads == client::Reads::site) {
    if (result.queries.answered == 0) idle = "no query was answered within a site";
    const bool can_lie = options.liars || !options.attack.empty();
    if (can_lie && result.query_lies == 0) idle = "no faulty server was asked a query";
  }

  if (system.violation().has_value()) {
    result.violation = *system.violation();
  } else if (overdue.has_value()) {
    result.violation = *overdue;
  } else if (!finished()) {
    result.violation = "liveness: " + std::to_string(system.completed()) + " of " + std::to_string(system.wanted()) +
                       " updates answered" + (system.caught_up() ? "" : ", and a correct server lags behind");
  } else if (const auto difference = system.state_difference(); difference.has_value()) {
    result.violation = *difference;
  } else if (const auto failures = system.too_many_failures(); failures.has_value()) {
    result.violation = *failures;
  } else if (!result.wan.balanced()) {
    result.violation = "accounts: frames sent are not frames delivered and named losses";
  } else if (idle.has_value()) {
    result.violation = "attack: " + *idle;
  }

  std::array<std::uint8_t, 24> tail{};
  Writer(tail)
      .u64(system.wan().fingerprint())
      .u64(static_cast<std::uint64_t>(events.now().ns()))
      .u64(events.executed());
  result.digest = hash.update(tail).finish();
  return result;
}

}  // namespace garrison::lab
