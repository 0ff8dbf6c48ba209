#include "apps/lab/simulation.h"

#include <algorithm>
#include <optional>

#include "apps/lab/bounded_delay.h"
#include "control/client/pattern.h"
#include "crypto/digest.h"

namespace garrison::lab {

namespace {

constexpr Duration kLookAtLeader = milliseconds(10);

// Draws what goes wrong and when. Everything heals at options.faults_for, except for what has crashed.
class FaultPlan {
 public:
  FaultPlan(const SimulationOptions& options, EventQueue& events, LabSite& site, BoundedDelay& bounded_delay,
            Duration session_time)
      : options_(options),
        events_(events),
        site_(site),
        bounded_delay_(bounded_delay),
        session_time_(session_time),
        rng_(options.seed ^ 0x666f756c74ULL) {}

  void schedule() {
    const auto span = static_cast<std::uint64_t>(options_.faults_for.ns());
    site_.network().set_model(draw_model());
    for (std::uint64_t i = rng_.between(2, 5); i > 0; --i) {
      events_.schedule(at(rng_.below(span)), [this] { site_.network().set_model(draw_model()); });
    }
    if (options_.laggards) {
      schedule_absences(span);
    } else if (options_.unseat_leaders) {
      cut_off_leader();
    } else {
      schedule_partitions(span);
    }
    schedule_crashes(span);
    events_.schedule(at(span), [this] {
      healed_ = true;
      site_.network().partition({});
      site_.network().set_model({});
    });
    events_.schedule(at(span) + session_time_, [this] { bounded_delay_.healed(); });
  }

  // Before schedule(): who starts late.
  ServerSet draw_late() {
    if (options_.laggards && rng_.below(2) == 0) late_ = ServerSet::only(draw_correct());
    return late_;
  }

  std::size_t partitions = 0;
  std::size_t crashes = 0;
  std::size_t late_starts = 0;

 private:
  static Instant at(std::uint64_t ns) { return Instant(static_cast<std::int64_t>(ns)); }

  // Partitions one after the other, each healed before the next.
  void schedule_partitions(std::uint64_t span) {
    std::uint64_t start = rng_.below(span / 4);
    for (std::uint64_t i = rng_.between(1, 4); i > 0 && start < span; --i) {
      const std::uint64_t length = rng_.between(100'000'000, 3'000'000'000);
      const ServerSet side = draw_side();
      events_.schedule(at(start), [this, side] {
        ++partitions;
        site_.network().partition(side);
      });
      events_.schedule(at(std::min(start + length, span)), [this] { site_.network().partition({}); });
      start += length + rng_.below(span / 3);
    }
  }

  // One correct server away after the other, each for so long that the others forget what it misses.
  void schedule_absences(std::uint64_t span) {
    std::uint64_t start = rng_.below(span / 8);
    late_.for_each([&](ServerId late) {
      victims_.insert(late);  // does not crash as well
      start = rng_.between(span / 4, span / 2);
      events_.schedule(at(start), [this, late] {
        ++late_starts;
        site_.join(late);
      });
    });
    while (start < span) {
      const std::uint64_t length = rng_.between(span / 5, span / 3);
      const ServerSet side = ServerSet::only(draw_correct());
      events_.schedule(at(start), [this, side] {
        ++partitions;
        site_.network().partition(side);
      });
      events_.schedule(at(std::min(start + length, span)), [this] { site_.network().partition({}); });
      start += length + rng_.between(span / 10, span / 5);
    }
  }

  ServerId draw_correct() {
    for (;;) {
      const ServerId drawn(static_cast<std::uint16_t>(rng_.below(site_.size())));
      if (!site_.faulty().contains(drawn)) return drawn;
    }
  }

  // The network attack of [PRIME] 2.2: correct leaders are cut off until a faulty server leads.
  void cut_off_leader() {
    if (healed_) return;
    const ServerSet faulty = site_.faulty();
    ordering::Status newest;
    for (std::size_t i = 0; i < site_.size(); ++i) {
      const ServerId id(static_cast<std::uint16_t>(i));
      if (faulty.contains(id)) continue;
      const ordering::Status status = site_.server(id).control().core().status();
      if (i == 0 || status.view >= newest.view) newest = status;
    }
    const ServerSet side = faulty.contains(newest.leader) ? ServerSet() : ServerSet::only(newest.leader);
    if (!side.empty() && side != cut_off_) ++partitions;
    cut_off_ = side;
    site_.network().partition(side);
    events_.schedule(events_.now() + kLookAtLeader, [this] { cut_off_leader(); });
  }

  // Up to f servers crash for good or are faulty.
  void schedule_crashes(std::uint64_t span) {
    const ServerSet faulty = site_.faulty();
    for (std::uint64_t i = rng_.below(options_.f - faulty.size() + 1); i > 0; --i) {
      const ServerId victim(static_cast<std::uint16_t>(rng_.below(site_.size())));
      if (victims_.contains(victim) || faulty.contains(victim)) continue;
      victims_.insert(victim);
      events_.schedule(at(rng_.below(span)), [this, victim] {
        ++crashes;
        site_.crash(victim);
        bounded_delay_.crashed(victim);
      });
    }
  }

  NetworkModel draw_model() {
    NetworkModel model;
    model.delay = microseconds(static_cast<std::int64_t>(rng_.between(50, 2'000)));
    model.jitter = microseconds(static_cast<std::int64_t>(rng_.between(10, 2'000)));
    model.loss = rng_.below(100'001);  // up to 10 %
    model.duplication = rng_.below(50'001);
    model.reordering = rng_.below(100'001);
    return model;
  }

  ServerSet draw_side() {
    ServerSet side;
    const std::uint64_t size = rng_.between(1, site_.size() / 2);
    while (side.size() < size) side.insert(ServerId(static_cast<std::uint16_t>(rng_.below(site_.size()))));
    return side;
  }

  const SimulationOptions& options_;
  EventQueue& events_;
  LabSite& site_;
  BoundedDelay& bounded_delay_;
  Duration session_time_;
  Rng rng_;
  ServerSet victims_;
  ServerSet late_;
  ServerSet cut_off_;
  bool healed_ = false;
};

// Of a site whose network has healed. A core's wish waits a hop to be signed, and a frame that holds a whole message a
// hop to be taken in; each may come when a pass has just begun, and wait one more.
DelayParameters delay_parameters(const config::PrimeSettings& prime, Duration hop) {
  const NetworkModel healed;
  const Duration one_way = healed.delay + healed.jitter + hop * 4;
  return {.bounded = one_way,
          .timely = one_way,
          .aggregation = std::max(prime.po_summary_period, prime.summary_matrix_period),
          .preprepare = prime.delta_pp,
          .acknowledgement = prime.po_request_period,
          .reconciliation = prime.reconciliation_delay,
          .k_lat = prime.k_lat,
          .flood_on_request = prime.flood_on_request};
}

// From the time at which an update is late until enough servers have suspected the leader: it is measured by a standard
// once round trips are known, then reported within a period, and NEW-LEADER and its proof take a round each.
Duration suspicion(const config::PrimeSettings& prime, const DelayParameters& delays) {
  return prime.rtt_ping_period + prime.tat_measure_period + delays.bounded * 5;
}

}  // namespace

SimulationResult simulate(const SimulationOptions& options, std::shared_ptr<const LabKeys> keys) {
  EventQueue events;
  LabSiteOptions site_options{.seed = options.seed};
  std::optional<adversary::Attack> attack;
  if (!options.attack.empty()) {
    Result<adversary::Attack> made =
        adversary::Attack::make(options.attack, adversary::attacked_site(keys->topology, SiteId(0)), options.seed);
    CHECK(made.ok());
    attack = std::move(made).value();
    site_options.attack = &*attack;
  }
  ServerSet correct = ServerSet::all(keys->servers.size());
  if (attack.has_value()) correct = attack->conspiracy().correct();
  const DelayParameters delays = delay_parameters(keys->topology.prime, site_options.hop);
  BoundedDelay bounded_delay(correct, delay_bound(delays), suspicion(keys->topology.prime, delays));
  site_options.watcher = &bounded_delay;
  const client::Pattern pattern = client::pattern_of(keys->topology);
  LabSite site(events, std::move(keys), site_options);
  FaultPlan plan(options, events, site, bounded_delay, session_time(delays.timely));
  const std::size_t clients = options.clients;
  const std::size_t updates_each = (options.updates + clients - 1) / clients;

  site.start(plan.draw_late());
  plan.schedule();
  // So that the updates spread over all of the time.
  const Duration busy = options.faults_for + options.calm_for;
  const Duration think = busy * 2 / static_cast<std::int64_t>(updates_each + 1);
  site.clients().start({.updates_each = updates_each,
                        .think = think,
                        .pattern = pattern,
                        .faulty = options.faulty_clients,
                        .reads = options.reads,
                        .query_lies = attack.has_value(),
                        .careless = options.careless});

  const Instant deadline = Instant(busy.ns()) + options.grace;
  const auto finished = [&] {
    return events.now() >= Instant(options.faults_for.ns()) && site.clients().completed() == site.clients().wanted() &&
           site.caught_up();
  };
  while (!site.checkers().violation().has_value() && !events.empty() && events.now() < deadline && !finished()) {
    events.run_next();
    if (const auto late = bounded_delay.violation(events.now()); late.has_value()) site.checkers().report(*late);
  }

  SimulationResult result;
  result.seed = options.seed;
  result.virtual_s = static_cast<double>(events.now().ns()) * 1e-9;
  result.updates = site.checkers().agreed();
  result.network = site.network().counts();
  result.partitions = plan.partitions;
  result.crashes = plan.crashes;
  result.late_starts = plan.late_starts;
  for (std::size_t i = 0; i < site.size(); ++i) {
    result.restores += site.checkers().restored(ServerId(static_cast<std::uint16_t>(i)));
  }
  result.misdeeds = site.clients().misdeeds();
  result.client_timeouts = site.clients().timeouts();
  result.queries = site.clients().query_stats();
  result.query_lies = site.clients().query_lies();
  result.events = events.executed();
  result.held_to_bound = bounded_delay.counted();
  result.slowest = bounded_delay.worst();
  result.bound = bounded_delay.bound();
  result.view_changes = bounded_delay.view_changes();
  std::optional<std::string> idle;
  if (options.faulty_clients > 0 && result.misdeeds == 0) idle = "no faulty client ever acted";
  if (attack.has_value()) {
    result.acted = adversary::describe_acts(attack->conspiracy());
    if (const auto one = adversary::find_idle(options.attack, attack->conspiracy()); one.has_value()) idle = one;
  }
  if (options.reads == client::Reads::site) {
    if (result.queries.answered == 0) idle = "no query was answered within the site";
    if (attack.has_value() && result.query_lies == 0) idle = "no faulty server was asked a query";
  }
  if (site.checkers().violation().has_value()) {
    result.violation = *site.checkers().violation();
  } else if (!finished()) {
    result.violation = "liveness: " + std::to_string(site.clients().completed()) + " of " +
                       std::to_string(site.clients().wanted()) + " updates answered" +
                       (site.caught_up() ? "" : ", and a correct server lags behind");
  } else if (const std::optional<std::string> difference = site.state_difference(); difference.has_value()) {
    result.violation = *difference;
  } else if (const std::optional<std::string> accusation = site.false_accusation(); accusation.has_value()) {
    result.violation = *accusation;
  } else if (const std::optional<std::string> accounts = site.accounts_difference(); accounts.has_value()) {
    result.violation = *accounts;
  } else if (idle.has_value()) {
    result.violation = "attack: " + *idle;
  }

  std::array<std::uint8_t, 24> tail{};
  Writer(tail)
      .u64(site.network().fingerprint())
      .u64(static_cast<std::uint64_t>(events.now().ns()))
      .u64(events.executed());
  crypto::Sha256 hash;
  hash.update(tail).update(site.checkers().order_digest());
  for (std::size_t i = 0; i < site.size(); ++i) {
    hash.update(site.server(ServerId(static_cast<std::uint16_t>(i))).control().executor().state_digest());
  }
  result.digest = hash.finish();
  return result;
}

}  // namespace garrison::lab
