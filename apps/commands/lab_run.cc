#include "apps/commands/lab_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/commands/hub_row.h"
#include "apps/commands/protocol.h"
#include "apps/commands/signals.h"
#include "apps/lab/experiment_run.h"
#include "apps/lab/results.h"

namespace garrison::apps {
namespace {

constexpr long kProgressPeriodMs = 250;

struct Options {
  std::string file;
  std::string out = ".";
  std::vector<std::string> series;
  std::vector<std::size_t> clients;
  unsigned jobs = 0;
  bool bytes = false;
  bool links = false;
  bool json = false;
};

// One point to run, and what became of it.
struct Task {
  const lab::Series* series = nullptr;
  std::size_t clients = 0;
  lab::RunControl control;
  std::optional<lab::Point> point;
};

// Runs all tasks on some threads; the calling thread shows the progress and waits for signals.
class Runner {
 public:
  Runner(std::vector<std::unique_ptr<Task>>& tasks, const Options& options) : tasks_(tasks), options_(options) {}

  // False when a signal ended it.
  bool run(EndSignals& signals) {
    std::vector<std::thread> threads;
    const std::size_t count = std::min<std::size_t>(tasks_.size(), options_.jobs);
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    bool stopped = false;
    while (finished_ < tasks_.size() && !stopped) {
      stopped = signals.wait_for(kProgressPeriodMs) != 0;
      show_progress();
    }
    if (stopped) {
      for (const auto& task : tasks_) task->control.stop = true;
    }
    for (std::thread& thread : threads) thread.join();
    clear_progress();
    return !stopped;
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < tasks_.size(); i = next_++) {
      Task& task = *tasks_[i];
      {
        const std::lock_guard lock(mutex_);
        running_.push_back(&task);
      }
      task.point = lab::run_point(*task.series, task.clients, task.control);
      const std::lock_guard lock(mutex_);
      running_.erase(std::find(running_.begin(), running_.end(), &task));
      ++finished_;
      if (task.point.has_value()) show_point(*task.point);
    }
  }

  void show_point(const lab::Point& point) {
    clear_progress();
    // Standard output belongs to the JSON when that is asked for.
    fmt::print(
        options_.json ? stderr : stdout,
        "{:<16} {:>7} {:>10.1f} {:>10.1f} {:>8.1f} {:>8.1f} {:>10.1f} {:>7} {:>10.0f} {:>6.0f}% {:>6.0f}% {:>7.1f}\n",
        point.series, point.clients, point.updates_per_s, point.latency_mean_ms, point.p50_ms, point.p99_ms,
        point.limit_updates_per_s, point.paper.has_value() ? std::to_string(*point.paper) : "",
        point.egress_bytes_per_update, 100 * point.busiest_egress, 100 * point.busiest_processor, point.simulation_s);
    std::fflush(options_.json ? stderr : stdout);
  }

  void show_progress() {
    if (!terminal_) return;
    const std::lock_guard lock(mutex_);
    std::string line = fmt::format("{} of {} points", finished_.load(), tasks_.size());
    for (const Task* task : running_) {
      line +=
          fmt::format("; {} {} clients {:.0f}%", task->series->name, task->clients, 100 * task->control.done.load());
    }
    fmt::print(stderr, "\r\033[K{}", line);
    std::fflush(stderr);
  }
  void clear_progress() const {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }

  std::vector<std::unique_ptr<Task>>& tasks_;
  const Options& options_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> finished_{0};
  std::mutex mutex_;  // guards running_ and the terminal
  std::vector<const Task*> running_;
};

// The series that are asked for; all that this version can run when none is. An error: one that it does not know or
// cannot run, or nothing left.
Result<std::vector<const lab::Series*>> choose_series(const lab::Experiment& experiment, const Options& options) {
  std::vector<const lab::Series*> chosen;
  for (const std::string& name : options.series) {
    const auto found = std::find_if(experiment.series.begin(), experiment.series.end(),
                                    [&](const lab::Series& one) { return one.name == name; });
    if (found == experiment.series.end()) {
      return Error{fmt::format("{}: there is no series \"{}\"", experiment.file, name)};
    }
    if (found->unavailable.has_value()) return *found->unavailable;
    chosen.push_back(&*found);
  }
  if (!options.series.empty()) return chosen;
  for (const lab::Series& series : experiment.series) {
    if (series.unavailable.has_value()) {
      complain(fmt::format("series {} is left out: {}", series.name, series.unavailable->message));
    } else {
      chosen.push_back(&series);
    }
  }
  if (chosen.empty()) return Error{experiment.file + ": this version can run no series of it"};
  return chosen;
}

nlohmann::json json_row(const lab::Point& point) {
  nlohmann::json row = {
      {"series", point.series},
      {"clients", point.clients},
      {"updates_per_s", point.updates_per_s},
      {"latency_mean_ms", point.latency_mean_ms},
      {"p50_ms", point.p50_ms},
      {"p99_ms", point.p99_ms},
      {"limit_updates_per_s", point.limit_updates_per_s},
      {"paper", point.paper.has_value() ? nlohmann::json(*point.paper) : nlohmann::json(nullptr)},
      {"egress_bytes_per_update", point.egress_bytes_per_update},
      {"egress_bytes_per_update_by", point.egress_by},
      {"link_message_bytes_per_update_by", point.inside_links_by},
      {"busiest_egress", point.busiest_egress},
      {"busiest_processor", point.busiest_processor},
      {"busiest_processor_by", point.processor_by},
      {"updates", point.updates},
      {"updates_by_second", point.updates_by_second},
      {"view", point.view},
      {"client_timeouts", point.client_timeouts},
      {"frames_lost", point.frames_lost},
      {"events", point.events},
      {"simulation_s", point.simulation_s},
      {"acted", point.acted.empty() ? nlohmann::json(nullptr) : nlohmann::json(point.acted)},
      {"violation", point.violation.empty() ? nlohmann::json(nullptr) : nlohmann::json(point.violation)}};
  if (point.links.has_value()) {
    row["link"] = {{"overhead", point.links->overhead},
                   {"orderings", point.links->orderings},
                   {"delay_ms", point.links->delay_ms}};
  }
  return with_hub(std::move(row), point.hub, point.parts_per_message);
}

nlohmann::json sites_condition(const lab::SitesSetup& sites) {
  if (sites.count == 1) return 1;
  return {{"count", sites.count},
          {"F", sites.global.f},
          {"link", config::name(sites.link)},
          {"signatures", fmt::format("modelled, {} bytes", crypto::signature_bytes(sites.signatures))},
          {"delay_ms", sites.delay.seconds() * 1e3},
          {"egress_bit_per_s", sites.egress_bits_per_s}};
}

// What was sent per update and what of it was what, the most first.
void print_bytes(const std::string& title, const std::map<std::string, double>& by) {
  if (by.empty()) return;
  std::vector<std::pair<double, std::string>> rows;
  double sum = 0;
  for (const auto& [what, bytes] : by) {
    rows.emplace_back(bytes, what);
    sum += bytes;
  }
  std::ranges::sort(rows, std::greater<>());
  fmt::print("{}\n", title);
  for (const auto& [bytes, what] : rows) fmt::print("  {:<32} {:>12.1f} {:>6.1f}%\n", what, bytes, 100 * bytes / sum);
}

void print_bytes(const std::vector<lab::Point>& points) {
  for (const lab::Point& point : points) {
    fmt::print("\n{}, {} clients\n", point.series, point.clients);
    print_bytes("bytes sent per update", point.egress_by);
    print_bytes("bytes of link messages per update, before they are coded and signed", point.inside_links_by);
    const link::HubSenderStats& parts = point.hub.sent;
    if (parts.submitted == 0) continue;
    fmt::print(
        "on hubs {:.2f} parts per message: first set {}, second set {} (cancelled {}, needless {}), asked for {} in {} "
        "requests\n",
        point.parts_per_message, parts.sent_first, parts.sent_second, parts.cancelled, parts.needless, parts.sent_asked,
        point.hub.requested);
  }
}

// "least to most", or one where they are the same.
std::string from_to(const std::string& least, const std::string& most) {
  return least == most ? least : least + " to " + most;
}

// [ARCH] Table 1, as it was measured.
void print_links(const std::vector<lab::Point>& points) {
  fmt::print("\n{:<28} {:>2} {:>9} {:>14} {:>10} {:>12} {:>9}\n", "per link message", "f", "overhead", "Table 1",
             "orderings", "Table 1", "mean ms");
  for (const lab::Point& point : points) {
    if (!point.links.has_value()) continue;
    const lab::LinkFigures& links = *point.links;
    const std::optional<lab::LinkTable> table = lab::link_table(links.kind, links.f);
    std::string overhead;
    std::string orderings;
    if (table.has_value()) {
      overhead = from_to(fmt::format("{:.3f}", table->least_overhead), fmt::format("{:.3f}", table->most_overhead));
      orderings = from_to(std::to_string(table->least_orderings), std::to_string(table->most_orderings));
    }
    fmt::print("{:<28} {:>2} {:>9.3f} {:>14} {:>10.2f} {:>12} {:>9.1f}\n", point.series, links.f, links.overhead,
               overhead, links.orderings, orderings, links.delay_ms);
  }
}

nlohmann::json series_conditions(const lab::Series& series) {
  const lab::RunSetup& setup = series.setup;
  return {{"title", series.title},
          {"protocol", protocol_condition(series.protocol)},
          {"adversary", series.adversary},
          {"servers", setup.servers},
          {"f", setup.faults()},
          {"payload_bytes", setup.workload.payload_bytes.value_or(0)},
          {"signatures", fmt::format("modelled, {} bytes of a server, {} of a client",
                                     crypto::signature_bytes(setup.server_signatures),
                                     crypto::signature_bytes(setup.client_signatures))},
          {"cost_table", setup.costs == nullptr ? "none" : setup.costs->name},
          {"delay_ms", setup.network.delay.seconds() * 1e3},
          {"egress_bit_per_s", setup.egress.bits_per_s},
          {"sites", sites_condition(setup.sites)},
          {"warmup_s", setup.warmup.seconds()},
          {"measured_s", setup.measure.seconds()},
          {"seed", setup.seed}};
}

nlohmann::json to_json(const lab::Experiment& experiment, const std::vector<const lab::Series*>& series,
                       const std::vector<lab::Point>& points) {
  nlohmann::json conditions = base_conditions();
  conditions["experiment"] = experiment.name;
  conditions["title"] = experiment.title;
  conditions["source"] = experiment.source;
  conditions["time"] = "virtual";
  conditions["loop"] = "closed, one update in flight per client";
  for (const lab::Series* one : series) conditions["series"][one->name] = series_conditions(*one);
  nlohmann::json rows = nlohmann::json::array();
  for (const lab::Point& point : points) rows.push_back(json_row(point));
  return {{"conditions", conditions}, {"results", rows}};
}

Result<void> write_results(const Options& options, const lab::Experiment& experiment, const nlohmann::json& json,
                           const std::vector<lab::Point>& points) {
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) return Error{options.out + ": cannot be made: " + error.message()};
  const std::string stem = (std::filesystem::path(options.out) / experiment.name).string();
  const std::vector<std::pair<std::string, std::string>> files{
      {stem + ".csv", lab::to_csv(points)},
      {stem + ".json", json.dump(2) + "\n"},
      {stem + "-throughput.svg", lab::throughput_svg(experiment, points)},
      {stem + "-latency.svg", lab::latency_svg(experiment, points)}};
  for (const auto& [path, text] : files) {
    if (Result<void> written = lab::write_file(path, text); !written) return written;
    if (!options.json) fmt::print("{}\n", path);
  }
  return {};
}

int run(Options options) {
  if (options.jobs == 0) options.jobs = std::max(1U, std::thread::hardware_concurrency());
  const Result<lab::Experiment> experiment = lab::load_experiment(options.file);
  if (!experiment) return complain(experiment.error().message), kMisused;
  const auto series = choose_series(experiment.value(), options);
  if (!series) return complain(series.error().message), kMisused;

  std::vector<std::unique_ptr<Task>> tasks;
  for (const lab::Series* one : series.value()) {
    for (const std::size_t clients : options.clients.empty() ? one->setup.clients : options.clients) {
      tasks.push_back(std::make_unique<Task>());
      tasks.back()->series = one;
      tasks.back()->clients = clients;
    }
  }
  EndSignals signals;
  if (!options.json) {
    fmt::print("{:<16} {:>7} {:>10} {:>10} {:>8} {:>8} {:>10} {:>7} {:>10} {:>7} {:>7} {:>7}\n", "series", "clients",
               "updates/s", "mean ms", "p50 ms", "p99 ms", "limit/s", "paper", "bytes/upd.", "egress", "cpu", "took s");
    std::fflush(stdout);
  }
  if (!Runner(tasks, options).run(signals)) return kInterrupted;

  std::vector<lab::Point> points;
  for (const auto& task : tasks) points.push_back(*task->point);
  const nlohmann::json json = to_json(experiment.value(), series.value(), points);
  if (const Result<void> written = write_results(options, experiment.value(), json, points); !written) {
    return complain(written.error().message), kFailed;
  }
  if (options.json) fmt::print("{}\n", json.dump(2));
  if (options.bytes && !options.json) print_bytes(points);
  if (options.links && !options.json) print_links(points);
  int status = kDone;
  for (const lab::Point& point : points) {
    if (!point.acted.empty())
      complain(fmt::format("{}, {} clients: acted: {}", point.series, point.clients, point.acted));
    if (point.violation.empty()) continue;
    complain(fmt::format("{}, {} clients: {}", point.series, point.clients, point.violation));
    status = kFailed;
  }
  return status;
}

int list(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path().string());
  }
  if (error) {
    return complain(fmt::format("{}: cannot be read: {}; name the folder of the experiments", folder, error.message())),
           kMisused;
  }
  std::sort(files.begin(), files.end());
  int status = kDone;
  for (const std::string& file : files) {
    const Result<lab::Experiment> experiment = lab::load_experiment(file);
    if (!experiment) {
      complain(experiment.error().message);
      status = kMisused;
      continue;
    }
    fmt::print("{}\n  {} ({})\n", file, experiment.value().title, experiment.value().source);
    for (const lab::Series& series : experiment.value().series) {
      fmt::print("  {:<16} {}{}\n", series.name, series.title,
                 series.unavailable.has_value() ? "; not in this version" : "");
    }
  }
  return status;
}

}  // namespace

void add_lab_run_command(CLI::App& lab, int& exit_status) {
  CLI::App& command = *lab.add_subcommand("run", "run an experiment and write its figures");
  const auto options = std::make_shared<Options>();
  command.add_option("FILE", options->file, "experiment")->required();
  command.add_option("-o,--out", options->out, "directory for CSV, JSON and SVG files")->capture_default_str();
  command.add_option("--series", options->series, "run this series only; may be repeated")->delimiter(',');
  command.add_option("--clients", options->clients, "numbers of clients, instead of the experiment's")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, std::size_t{config::kMaxClients}));
  command.add_option("--jobs", options->jobs, "points at a time; 0: one per core")->capture_default_str();
  command.add_flag("--bytes", options->bytes, "print what the bytes of each point were");
  command.add_flag("--links", options->links, "print what each link message cost, beside [ARCH] Table 1");
  command.add_flag("--json", options->json, "print one JSON object");
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

void add_lab_list_command(CLI::App& lab, int& exit_status) {
  CLI::App& command = *lab.add_subcommand("list", "list the experiments of a folder");
  const auto folder = std::make_shared<std::string>("tools/experiments");
  command.add_option("FOLDER", *folder, "where the experiments are")->capture_default_str();
  command.callback([folder, &exit_status] { exit_status = list(*folder); });
}

}  // namespace garrison::apps
