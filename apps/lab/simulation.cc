#include "apps/lab/simulation.h"

#include "crypto/digest.h"

namespace garrison::lab {

namespace {

// Draws what goes wrong and when. Everything heals at options.faults_for, except for what has crashed.
class FaultPlan {
 public:
  FaultPlan(const SimulationOptions& options, EventQueue& events, LabSite& site)
      : options_(options), events_(events), site_(site), rng_(options.seed ^ 0x666f756c74ULL) {}

  void schedule() {
    const auto span = static_cast<std::uint64_t>(options_.faults_for.ns());
    site_.network().set_model(draw_model());
    for (std::uint64_t i = rng_.between(2, 5); i > 0; --i) {
      events_.schedule(at(rng_.below(span)), [this] { site_.network().set_model(draw_model()); });
    }
    // Partitions one after the other, each healed before the next.
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
    // Up to f servers crash for good.
    for (std::uint64_t i = rng_.below(options_.f + 1); i > 0; --i) {
      const ServerId victim(static_cast<std::uint16_t>(rng_.below(site_.size())));
      if (victims_.contains(victim)) continue;
      victims_.insert(victim);
      events_.schedule(at(rng_.below(span)), [this, victim] {
        ++crashes;
        site_.crash(victim);
      });
    }
    events_.schedule(at(span), [this] {
      site_.network().partition({});
      site_.network().set_model({});
    });
  }

  std::size_t partitions = 0;
  std::size_t crashes = 0;

 private:
  static Instant at(std::uint64_t ns) { return Instant(static_cast<std::int64_t>(ns)); }

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
  Rng rng_;
  ServerSet victims_;
};

}  // namespace

SimulationResult simulate(const SimulationOptions& options, std::shared_ptr<const LabKeys> keys) {
  EventQueue events;
  LabSite site(events, std::move(keys), {.seed = options.seed});
  FaultPlan plan(options, events, site);
  const std::size_t clients = options.clients;
  const std::size_t updates_each = (options.updates + clients - 1) / clients;

  site.start();
  plan.schedule();
  // So that the updates spread over the time of the faults.
  const Duration think = options.faults_for * 2 / static_cast<std::int64_t>(updates_each + 1);
  site.clients().start({.updates_each = updates_each, .think = think});

  const Instant deadline = Instant(options.faults_for.ns()) + options.grace;
  const auto finished = [&] {
    return events.now() >= Instant(options.faults_for.ns()) && site.clients().completed() == site.clients().wanted() &&
           site.caught_up();
  };
  while (!site.checkers().violation().has_value() && !events.empty() && events.now() < deadline && !finished()) {
    events.run_next();
  }

  SimulationResult result;
  result.seed = options.seed;
  result.virtual_s = static_cast<double>(events.now().ns()) * 1e-9;
  result.updates = site.checkers().agreed();
  result.network = site.network().counts();
  result.partitions = plan.partitions;
  result.crashes = plan.crashes;
  result.client_timeouts = site.clients().timeouts();
  result.events = events.executed();
  if (site.checkers().violation().has_value()) {
    result.violation = *site.checkers().violation();
  } else if (!finished()) {
    result.violation = "liveness: " + std::to_string(site.clients().completed()) + " of " +
                       std::to_string(site.clients().wanted()) + " updates answered" +
                       (site.caught_up() ? "" : ", and a correct server lags behind");
  } else if (const std::optional<std::string> difference = site.state_difference(); difference.has_value()) {
    result.violation = *difference;
  } else if (const std::optional<std::string> accounts = site.accounts_difference(); accounts.has_value()) {
    result.violation = *accounts;
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
