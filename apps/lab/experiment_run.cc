#include "apps/lab/experiment_run.h"

#include <algorithm>
#include <ctime>
#include <deque>
#include <numeric>
#include <optional>
#include <vector>

#include "apps/lab/blink_hold.h"
#include "apps/lab/egress_meter.h"
#include "apps/lab/lab_site.h"
#include "apps/lab/lab_system.h"
#include "control/site/link_plan.h"

namespace garrison::lab {

namespace {

constexpr std::uint64_t kEventsBetweenLooks = 4096;
constexpr std::string_view kConnections = "clients' connections";

// What is counted since the start, at one moment.
struct Totals {
  std::uint64_t egress_bytes = 0;
  EgressMeter::Bytes egress_by;
  EgressMeter::Bytes inside_links;
  std::uint64_t link_copies = 0;
  LinkMeter::Totals links;
  std::vector<std::uint64_t> sent;                      // bytes, by server, or by site of several
  std::vector<std::array<Duration, kOperations>> busy;  // by server
};

// A site alone, or several; the checkers hold every server to the same either way.
class Subject {
 public:
  Subject(EventQueue& events, const RunSetup& setup, const std::shared_ptr<const LabKeys>& keys,
          const adversary::Attack* attack) {
    if (setup.sites.count == 1) {
      alone_ = std::make_unique<LabSite>(
          events, keys, LabSiteOptions{.seed = setup.seed, .costs = setup.costs.get(), .attack = attack});
      sites_.push_back(alone_.get());
      alone_->network().set_model(setup.network);
      alone_->network().set_egress(setup.egress, setup.egress_scope);
      for (const PairDelay& pair : setup.pairs) {
        alone_->network().set_delay(pair.from, pair.to, pair.delay, pair.jitter);
      }
      return;
    }
    LabSystemOptions options{.seed = setup.seed, .costs = setup.costs.get()};
    options.fair_uplinks = setup.sites.fair_uplinks;
    if (setup.sites.hub_liars.has_value()) {
      options.hub_liar = [&](SiteId, ServerId server) -> adversary::HubLiar* {
        if (server.index() < setup.servers - setup.faults()) return nullptr;
        return &hub_liars_.emplace_back(*setup.sites.hub_liars, setup.servers, setup.sites.hub_liars_period);
      };
    }
    if (setup.sites.blink_liars.has_value()) {
      options.blink_liar = [&](SiteId, ServerId server) -> adversary::BlinkLiar* {
        if (server.index() >= setup.faults()) return nullptr;
        return &blink_liars_.emplace_back(*setup.sites.blink_liars, blink_hold(keys->topology));
      };
    }
    system_ = std::make_unique<LabSystem>(events, keys, options);
    for (std::size_t i = 0; i < system_->size(); ++i) {
      sites_.push_back(&system_->site(SiteId(static_cast<std::uint16_t>(i))));
      sites_.back()->network().set_model(setup.network);
    }
  }

  void start() {
    if (system_ != nullptr) return system_->start();
    alone_->start();
  }
  [[nodiscard]] const std::vector<LabSite*>& sites() const { return sites_; }
  // The network whose bytes the figures are about.
  [[nodiscard]] Network& network() const { return system_ != nullptr ? system_->wan() : alone_->network(); }
  [[nodiscard]] std::uint64_t bytes_sent(LabSite& site, ServerId server) const {
    if (system_ != nullptr) return site.server(server).wan() == nullptr ? 0 : site.server(server).wan()->bytes_sent();
    return site.server(server).lan().bytes_sent() + alone_->network().carried_bytes(server);
  }
  // Of the site's forwarders.
  [[nodiscard]] std::uint64_t bytes_forwarded(const LabSite& site) const {
    std::uint64_t sum = 0;
    if (system_ == nullptr) return sum;
    for (const auto& forwarder : system_->forwarders(site.id())) sum += forwarder->bytes_sent();
    return sum;
  }
  [[nodiscard]] bool is_forwarder(StationId station) const {
    return system_ != nullptr && system_->is_forwarder(station);
  }
  [[nodiscard]] std::uint64_t carried_bytes(ServerId server) const {
    return alone_ != nullptr ? alone_->network().carried_bytes(server) : 0;
  }
  [[nodiscard]] server::HubCounts hub_counts() const {
    return system_ != nullptr ? system_->hub_counts() : server::HubCounts();
  }
  // The latest view that somebody is in: of the protocol among sites, where there are several.
  [[nodiscard]] std::uint64_t view() const {
    std::uint64_t latest = 0;
    for (LabSite* site : sites_) {
      for (std::size_t i = 0; i < site->size(); ++i) {
        const server::ControlPart& control = site->server(ServerId(static_cast<std::uint16_t>(i))).control();
        const ordering::OrderingCore& core =
            control.machine() != nullptr ? control.machine()->replica().core() : control.core();
        latest = std::max(latest, core.status().view.value());
      }
    }
    return latest;
  }
  [[nodiscard]] std::optional<std::string> violation() const {
    return system_ != nullptr ? system_->violation() : alone_->checkers().violation();
  }
  // At the end.
  [[nodiscard]] std::optional<std::string> difference() const {
    return system_ != nullptr ? system_->too_many_failures() : alone_->accounts_difference();
  }

 private:
  std::deque<adversary::HubLiar> hub_liars_;
  std::deque<adversary::BlinkLiar> blink_liars_;
  std::unique_ptr<LabSite> alone_;
  std::unique_ptr<LabSystem> system_;
  std::vector<LabSite*> sites_;
};

class Run {
 public:
  Run(const Series& series, std::size_t clients)
      : series_(series),
        setup_(series.setup),
        keys_(make_keys(clients)),
        attack_(make_attack()),
        meter_(keys_->servers.size() + keys_->forwarders.size()),
        subject_(events_, setup_, keys_, attack_.has_value() ? &*attack_ : nullptr) {
    subject_.network().set_tap([this](StationId from, StationId to, ByteView frame) {
      if (subject_.is_forwarder(from)) return meter_.on_forwarder_frame(frame);
      meter_.on_frame(from, to, frame);
    });
    for (LabSite* site : subject_.sites()) {
      site->clients().on_finished([this](Duration latency) {
        const auto second = static_cast<std::size_t>((events_.now() - Instant()).seconds());
        if (second >= by_second_.size()) by_second_.resize(second + 1);
        ++by_second_[second];
        if (measuring_) latencies_.push_back(latency);
      });
      if (setup_.sites.count > 1) meter_links(*site);
    }
  }

  // False when stopped.
  bool go(RunControl& control) {
    const Instant begin = Instant() + setup_.warmup;
    const Instant end = begin + setup_.measure;
    subject_.start();
    for (LabSite* site : subject_.sites()) site->clients().start(setup_.workload);
    events_.schedule(begin, [this] {
      measuring_ = true;
      before_ = totals();
    });
    for (std::uint64_t i = 0; events_.now() < end && !events_.empty(); ++i) {
      if (subject_.violation().has_value()) break;
      events_.run_next();
      if (i % kEventsBetweenLooks != 0) continue;
      control.done = static_cast<double>(events_.now().ns()) / static_cast<double>(end.ns());
      if (control.stop) return false;
    }
    return true;
  }

  [[nodiscard]] Point result(std::size_t clients) {
    Point point;
    point.series = series_.name;
    point.clients = clients;
    point.updates = latencies_.size();
    point.updates_by_second = by_second_;
    point.updates_per_s = static_cast<double>(point.updates) / setup_.measure.seconds();
    point.limit_updates_per_s = limit_updates_per_s(setup_);
    for (const PaperPoint& paper : series_.paper) {
      if (paper.clients == clients && paper.updates_per_s != 0) point.paper = paper.updates_per_s;
    }
    add_latencies(point);
    add_egress(point);
    add_processor(point);
    add_links(point);
    const NetworkCounts& counts = subject_.network().counts();
    point.frames_lost = counts.egress_full + counts.lost;
    for (LabSite* site : subject_.sites()) {
      for (std::size_t i = 0; i < site->size(); ++i) {
        point.frames_lost += site->host(ServerId(static_cast<std::uint16_t>(i))).frames_overrun();
      }
      point.client_timeouts += site->clients().timeouts();
    }
    point.hub = subject_.hub_counts();
    point.parts_per_message = point.hub.parts_per_message(setup_.servers);
    point.view = subject_.view();
    point.events = events_.executed();
    if (attack_.has_value()) point.acted = adversary::describe_acts(attack_->conspiracy());
    point.violation = subject_.violation().value_or(subject_.difference().value_or(""));
    return point;
  }

 private:
  [[nodiscard]] std::shared_ptr<const LabKeys> make_keys(std::size_t clients) const {
    LabTopology wishes{.servers = setup_.servers,
                       .clients = clients,
                       .lossy = setup_.network.loss > 0,
                       .service = config::ServiceKind::null,
                       .ip_mtu = setup_.ip_mtu,
                       .prime = setup_.prime,
                       .bft = setup_.bft,
                       .protocol = series_.protocol,
                       .server_scheme = setup_.server_signatures,
                       .client_scheme = setup_.client_signatures,
                       .site_scheme = setup_.sites.signatures};
    const SitesSetup& sites = setup_.sites;
    if (sites.count > 1) {
      wishes.sites = sites.count;
      wishes.f_global = sites.global.f;
      wishes.link = sites.link;
      wishes.global = sites.global;
      wishes.wan_delay = sites.delay;
      if (sites.egress_bits_per_s > 0) wishes.wan_rate = config::BitRate{sites.egress_bits_per_s};
      wishes.wan_ip_mtu = sites.ip_mtu;
      wishes.adaptive_sets = sites.adaptive_sets;
      wishes.longest_hub_timeout = sites.longest_hub_timeout;
    }
    return make_lab_keys(wishes);
  }

  [[nodiscard]] std::optional<adversary::Attack> make_attack() const {
    if (series_.adversary.empty()) return std::nullopt;
    const adversary::AttackedSite site = adversary::attacked_site(keys_->topology, SiteId(0));
    Result<adversary::Attack> attack = adversary::Attack::make(series_.adversary, site, setup_.seed);
    CHECK(attack.ok());  // or the series would be unavailable
    return std::move(attack).value();
  }

  // What the first server of a site closes, all of them do. One that is faulty nobody else watches.
  void meter_links(LabSite& site) {
    site::LogicalMachine& machine = *site.server(ServerId(0)).control().machine();
    machine.on_link = [this, id = site.id(), others = std::move(machine.on_link)](const site::LinkName& name,
                                                                                  ByteView content) {
      if (others) others(name, content);
      if (name.source != id) return link_meter_.on_executed(events_.now(), name);
      meter_.on_link_message(content);
      link_meter_.on_said(events_.now(), name);
    };
    machine.on_executed = [this](const message::VerifiedMessage& event) { link_meter_.on_event(event.type()); };
  }

  [[nodiscard]] Totals totals() const {
    Totals now{.egress_bytes = subject_.network().counts().sent_bytes,
               .egress_by = meter_.bytes(),
               .inside_links = meter_.inside_links(),
               .link_copies = meter_.link_copies(),
               .links = link_meter_.totals(),
               .sent = {},
               .busy = {}};
    for (LabSite* site : subject_.sites()) {
      std::uint64_t of_site = subject_.bytes_forwarded(*site);
      for (std::size_t i = 0; i < site->size(); ++i) {
        const ServerId server(static_cast<std::uint16_t>(i));
        const std::uint64_t carried = subject_.carried_bytes(server);
        now.egress_bytes += carried;
        if (carried > 0) now.egress_by[kConnections] += carried;
        const std::uint64_t sent = subject_.bytes_sent(*site, server);
        of_site += sent;
        if (setup_.sites.count == 1) now.sent.push_back(sent);
        now.busy.push_back(site->host(server).processor().busy_by_operation());
      }
      if (setup_.sites.count > 1) now.sent.push_back(of_site);
    }
    return now;
  }

  void add_latencies(Point& point) {
    if (latencies_.empty()) return;
    std::sort(latencies_.begin(), latencies_.end());
    const auto ms = [](Duration d) { return d.seconds() * 1e3; };
    const auto quantile = [&](double q) {
      return ms(latencies_[static_cast<std::size_t>(q * static_cast<double>(latencies_.size() - 1))]);
    };
    point.p50_ms = quantile(0.5);
    point.p99_ms = quantile(0.99);
    const Duration sum = std::accumulate(latencies_.begin(), latencies_.end(), Duration());
    point.latency_mean_ms = ms(sum) / static_cast<double>(latencies_.size());
  }

  void add_egress(Point& point) {
    if (point.updates == 0) return;
    const Totals after = totals();
    const std::uint64_t rate = setup_.sites.count > 1 ? setup_.sites.egress_bits_per_s : setup_.egress.bits_per_s;
    for (std::size_t i = 0; i < before_.sent.size() && rate > 0; ++i) {
      const double bits = 8 * static_cast<double>(after.sent[i] - before_.sent[i]);
      point.busiest_egress =
          std::max(point.busiest_egress, bits / (static_cast<double>(rate) * setup_.measure.seconds()));
    }
    const auto updates = static_cast<double>(point.updates);
    point.egress_bytes_per_update = static_cast<double>(after.egress_bytes - before_.egress_bytes) / updates;
    for (const auto& [what, bytes] : after.egress_by) {
      point.egress_by[std::string(what)] = static_cast<double>(bytes - before_.egress_by[what]) / updates;
    }
    for (const auto& [what, bytes] : after.inside_links) {
      point.inside_links_by[std::string(what)] = static_cast<double>(bytes - before_.inside_links[what]) / updates;
    }
  }

  void add_processor(Point& point) {
    const Totals after = totals();
    for (std::size_t i = 0; i < before_.busy.size(); ++i) {
      std::map<std::string, double> by;
      double share = 0;
      for (std::size_t o = 0; o < kOperations; ++o) {
        const double one = (after.busy[i][o] - before_.busy[i][o]).seconds() / setup_.measure.seconds();
        by[std::string(name(static_cast<Operation>(o)))] = one;
        share += one;
      }
      if (share <= point.busiest_processor) continue;
      point.busiest_processor = share;
      point.processor_by = std::move(by);
    }
  }

  void add_links(Point& point) const {
    const Totals after = totals();
    const std::uint64_t said = after.links.said - before_.links.said;
    const std::uint64_t executed = after.links.executed - before_.links.executed;
    if (said == 0 || executed == 0) return;
    const config::LinkEnd end{.n = setup_.servers, .f = setup_.faults()};
    const link::PartCode code = site::LinkPlan{setup_.sites.link, end, end}.code();
    const auto copies = static_cast<double>(after.link_copies - before_.link_copies);
    const auto ordered = static_cast<double>(after.links.ordered - before_.links.ordered);
    const Duration delay = after.links.delay - before_.links.delay;
    point.links = {.kind = setup_.sites.link,
                   .f = setup_.faults(),
                   .overhead = copies / code.k / static_cast<double>(said),
                   .orderings = ordered / static_cast<double>(executed),
                   .delay_ms = delay.seconds() * 1e3 / static_cast<double>(executed)};
  }

  const Series& series_;
  const RunSetup& setup_;
  std::shared_ptr<const LabKeys> keys_;
  std::optional<adversary::Attack> attack_;
  EventQueue events_;
  EgressMeter meter_;
  LinkMeter link_meter_;
  Subject subject_;
  bool measuring_ = false;
  Totals before_;
  std::vector<std::uint64_t> by_second_;
  std::vector<Duration> latencies_;
};

// Of the calling thread: what a run costs whatever else the machine does.
double processor_seconds() {
  timespec now{};
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

std::optional<Point> run_point(const Series& series, std::size_t clients, RunControl& control) {
  const double start = processor_seconds();
  Run run(series, clients);
  if (!run.go(control)) return std::nullopt;
  Point point = run.result(clients);
  point.simulation_s = processor_seconds() - start;
  return point;
}

}  // namespace garrison::lab
