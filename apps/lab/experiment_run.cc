#include "apps/lab/experiment_run.h"

#include <algorithm>
#include <ctime>
#include <numeric>
#include <optional>
#include <vector>

#include "apps/lab/egress_meter.h"
#include "apps/lab/lab_site.h"

namespace garrison::lab {

namespace {

constexpr std::uint64_t kEventsBetweenLooks = 4096;
constexpr std::string_view kConnections = "clients' connections";

// What is counted since the start, at one moment.
struct Totals {
  std::uint64_t egress_bytes = 0;
  EgressMeter::Bytes egress_by;
  std::vector<std::uint64_t> sent;                      // bytes, by server
  std::vector<std::array<Duration, kOperations>> busy;  // by server
};

class Run {
 public:
  Run(const Series& series, std::size_t clients)
      : series_(series),
        setup_(series.setup),
        keys_(make_keys(clients)),
        attack_(make_attack()),
        meter_(setup_.servers),
        site_(events_, keys_, options()) {
    site_.network().set_model(setup_.network);
    site_.network().set_egress(setup_.egress, setup_.egress_scope);
    for (const PairDelay& pair : setup_.pairs) {
      site_.network().set_delay(pair.from, pair.to, pair.delay, pair.jitter);
    }
    site_.network().set_tap([this](ServerId from, ServerId to, ByteView frame) { meter_.on_frame(from, to, frame); });
    site_.clients().on_finished([this](Duration latency) {
      if (measuring_) latencies_.push_back(latency);
    });
  }

  // False when stopped.
  bool go(RunControl& control) {
    const Instant begin = Instant() + setup_.warmup;
    const Instant end = begin + setup_.measure;
    site_.start();
    site_.clients().start(setup_.workload);
    events_.schedule(begin, [this] {
      measuring_ = true;
      before_ = totals();
    });
    for (std::uint64_t i = 0; events_.now() < end && !events_.empty(); ++i) {
      if (site_.checkers().violation().has_value()) break;
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
    point.updates_per_s = static_cast<double>(point.updates) / setup_.measure.seconds();
    point.limit_updates_per_s = limit_updates_per_s(setup_);
    for (const PaperPoint& paper : series_.paper) {
      if (paper.clients == clients && paper.updates_per_s != 0) point.paper = paper.updates_per_s;
    }
    add_latencies(point);
    add_egress(point);
    add_processor(point);
    const NetworkCounts& counts = site_.network().counts();
    point.frames_lost = counts.egress_full + counts.lost;
    for (std::size_t i = 0; i < site_.size(); ++i) {
      const Host& host = site_.host(ServerId(static_cast<std::uint16_t>(i)));
      point.frames_lost += host.frames_overrun();
      point.view = std::max(point.view, host.server().control().core().status().view.value());
    }
    point.client_timeouts = site_.clients().timeouts();
    point.events = events_.executed();
    if (attack_.has_value()) point.acted = adversary::describe_acts(attack_->conspiracy());
    point.violation = site_.checkers().violation().value_or(site_.accounts_difference().value_or(""));
    return point;
  }

 private:
  [[nodiscard]] std::shared_ptr<const LabKeys> make_keys(std::size_t clients) const {
    return make_lab_keys({.servers = setup_.servers,
                          .clients = clients,
                          .lossy = setup_.network.loss > 0,
                          .service = config::ServiceKind::null,
                          .ip_mtu = setup_.ip_mtu,
                          .prime = setup_.prime,
                          .bft = setup_.bft,
                          .protocol = series_.protocol,
                          .server_scheme = setup_.server_signatures,
                          .client_scheme = setup_.client_signatures});
  }

  [[nodiscard]] std::optional<adversary::Attack> make_attack() const {
    if (series_.adversary.empty()) return std::nullopt;
    const adversary::AttackedSite site = adversary::attacked_site(keys_->topology, SiteId(0));
    Result<adversary::Attack> attack = adversary::Attack::make(series_.adversary, site, setup_.seed);
    CHECK(attack.ok());  // or the series would be unavailable
    return std::move(attack).value();
  }

  [[nodiscard]] LabSiteOptions options() const {
    return {.seed = setup_.seed, .costs = setup_.costs.get(), .attack = attack_.has_value() ? &*attack_ : nullptr};
  }

  [[nodiscard]] Totals totals() const {
    Totals now{
        .egress_bytes = site_.network().counts().sent_bytes, .egress_by = meter_.bytes(), .sent = {}, .busy = {}};
    for (std::size_t i = 0; i < site_.size(); ++i) {
      const ServerId server(static_cast<std::uint16_t>(i));
      const Host& host = site_.host(server);
      const std::uint64_t carried = site_.network().carried_bytes(server);
      now.egress_bytes += carried;
      if (carried > 0) now.egress_by[kConnections] += carried;
      now.sent.push_back(host.server().lan().bytes_sent() + carried);
      now.busy.push_back(host.processor().busy_by_operation());
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
    for (std::size_t i = 0; i < before_.sent.size() && setup_.egress.bits_per_s > 0; ++i) {
      const double bits = 8 * static_cast<double>(after.sent[i] - before_.sent[i]);
      const double room = static_cast<double>(setup_.egress.bits_per_s) * setup_.measure.seconds();
      point.busiest_egress = std::max(point.busiest_egress, bits / room);
    }
    const auto updates = static_cast<double>(point.updates);
    point.egress_bytes_per_update = static_cast<double>(after.egress_bytes - before_.egress_bytes) / updates;
    for (const auto& [what, bytes] : after.egress_by) {
      point.egress_by[std::string(what)] = static_cast<double>(bytes - before_.egress_by[what]) / updates;
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

  const Series& series_;
  const RunSetup& setup_;
  std::shared_ptr<const LabKeys> keys_;
  std::optional<adversary::Attack> attack_;
  EventQueue events_;
  EgressMeter meter_;
  LabSite site_;
  bool measuring_ = false;
  Totals before_;
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
