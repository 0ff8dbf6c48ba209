#include "apps/commands/tap.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/commands/signals.h"
#include "apps/commands/terminal.h"
#include "apps/tap/account.h"
#include "apps/tap/live_tap.h"
#include "apps/tap/report.h"
#include "apps/tap/run_files.h"
#include "apps/tap/screen.h"
#include "control/config/key_files.h"
#include "control/config/names.h"
#include "control/config/port_device.h"
#include "control/config/topology.h"
#include "crypto/key_store.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
  bool unverified = false;
  std::vector<std::string> ports;
  std::vector<std::string> files;
  double seconds = 0;
  double interval_s = 1;
  std::size_t messages = 10;
  bool json = false;
  tap::CaptureOptions capture;
  std::vector<std::string> capture_from;
  std::vector<std::string> capture_kinds;
  bool capture_refused = false;
  std::string inject;
  std::string as;
  std::string bundle;
};

// What a tap works on, in the order in which it goes away.
struct Setup {
  const Options& options;
  const config::Topology& topology;
  tap::Account& account;
  std::unique_ptr<tap::CaptureWriter> capture{};
  std::optional<tap::Injector> injector{};
};

void print(const Setup& setup, nlohmann::json more) {
  const Options& options = setup.options;
  const nlohmann::json rows = tap::report_rows(setup.account, options.messages);
  if (setup.capture != nullptr) {
    more["capture"] = setup.capture->first_file();
    more["capture_frames"] = setup.capture->written();
    more["capture_dropped"] = setup.capture->dropped();
  }
  if (setup.injector.has_value()) more["injected_frames"] = setup.injector->injected();
  if (options.json) {
    nlohmann::json conditions = base_conditions();
    conditions["topology"] = options.topology;
    conditions["verified"] = setup.account.verifies();
    conditions.update(more);
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(2));
    return;
  }
  fmt::print("{}\n", tap::report_text(rows));
  for (const auto& [key, value] : more.items()) fmt::print("{}: {}\n", key, value.dump());
  const std::string guilty = tap::guilty_names(rows);
  if (!setup.account.verifies()) {
    fmt::print("nothing was verified: whose a part is, and that a message is its site's, are claims\n");
  } else {
    fmt::print("{}\n", guilty.empty() ? "nobody is proven to be faulty" : "proven to be faulty: " + guilty);
  }
}

// Whether all of it is in the files.
bool end_capture(const Setup& setup) {
  if (setup.capture == nullptr) return true;
  const Result<void> closed = setup.capture->close();
  if (!closed) complain(closed.error().message);
  return closed.ok();
}

int read_files(const Setup& setup, tap::Pipeline& pipeline) {
  const Result<std::vector<std::string>> faults = tap::run_files(setup.options.files, pipeline);
  if (!faults) return complain(faults.error().message), kFailed;
  const bool captured = end_capture(setup);
  print(setup, {{"source", "files"}});
  for (const std::string& fault : faults.value()) complain(fault);
  return faults.value().empty() && captured ? kDone : kFailed;
}

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Until the time is over or a signal comes; with a screen where there is one for it.
void watch(const Setup& setup, EndSignals& signals, std::mutex& mutex) {
  const Options& options = setup.options;
  const double start = now_s();
  std::optional<Terminal> terminal;
  if (!options.json && ::isatty(STDOUT_FILENO) == 1) terminal.emplace();
  const auto look = [&] {
    const std::lock_guard lock(mutex);
    return tap::Look{now_s(), tap::report_rows(setup.account, std::min<std::size_t>(options.messages, 2))};
  };
  tap::Look before = look();
  while (true) {
    const double left = options.seconds > 0 ? start + options.seconds - now_s() : options.interval_s;
    if (left <= 0 || signals.wait_for(static_cast<long>(std::min(left, options.interval_s) * 1e3) + 1) != 0) return;
    if (!terminal.has_value()) continue;
    tap::Look now = look();
    terminal->show(tap::tap_screen(before, now));
    before = std::move(now);
  }
}

int listen(Setup& setup, tap::Pipeline& pipeline, const std::vector<config::PortSettings>& ports) {
  EndSignals signals;
  std::mutex mutex;
  tap::Injector* const injector = setup.injector.has_value() ? &*setup.injector : nullptr;
  auto started = tap::LiveTap::start(ports, setup.topology.cores, pipeline, mutex, injector);
  if (!started) return complain(started.error().message), kFailed;
  tap::LiveTap& live = *started.value();
  fmt::print(stderr, "the tap listens{}\n", injector == nullptr ? ", and can send nothing" : " and injects");
  watch(setup, signals, mutex);
  live.stop();
  const bool captured = end_capture(setup);
  print(setup, {{"source", "ports"}, {"silent", injector == nullptr}, {"port_missed", live.missed()}});
  return captured ? kDone : kFailed;
}

Result<std::vector<config::PortSettings>> ports_of(const Options& options) {
  std::vector<config::PortSettings> ports;
  for (const std::string& text : options.ports) {
    Result<config::PortSettings> port = config::parse_port(text);
    if (!port) return port.error();
    if (port.value().port == config::PortSettings::Port::inproc)
      return Error{"--port inproc: a tap has a port of its own"};
    ports.push_back(std::move(port).value());
  }
  return ports;
}

Result<void> make_injector(Setup& setup, const crypto::KeyDirectory* keys) {
  const Options& options = setup.options;
  if (options.inject.empty()) return {};
  const std::optional<tap::Injection> kind = tap::injection(options.inject);
  if (!kind.has_value()) return Error{"--inject " + options.inject + ": there are forged, wrong and spurious"};
  const auto as = config::parse_server_name(options.as);
  if (!as.has_value() || setup.topology.find_server(options.as) == nullptr) {
    return Error{"--as " + options.as + " is no server of " + options.topology};
  }
  std::optional<crypto::BatchSigner> signer;
  if (tap::signs(*kind)) {
    const auto bundle = crypto::load_private(options.bundle);
    if (!bundle) return bundle.error();
    if (bundle.value().self != crypto::Principal::server(as->first, as->second)) {
      return Error{options.bundle + " holds the keys of " + config::principal_name(bundle.value().self)};
    }
    if (keys != nullptr) {
      if (auto belongs = crypto::check_belongs(bundle.value(), *keys); !belongs) return belongs.error();
    }
    auto key = crypto::PrivateKey::parse(bundle.value().scheme, bundle.value().signing);
    if (!key) return key.error();
    signer.emplace(bundle.value().system, bundle.value().self, bundle.value().epoch, std::move(key).value());
  }
  setup.injector.emplace(*kind, setup.topology, tap::Sender{as->first, as->second}, std::move(signer));
  return {};
}

Result<void> make_capture(Setup& setup) {
  tap::CaptureOptions capture = setup.options.capture;
  if (capture.path.empty()) return {};
  capture.waits = !setup.options.files.empty();
  capture.interfaces = capture.waits ? setup.options.files : setup.options.ports;
  capture.interfaces.resize(tap::kMaxTaps, "none");
  auto writer = tap::CaptureWriter::open(capture);
  if (!writer) return writer.error();
  setup.capture = std::move(writer).value();
  return {};
}

int run(const Options& options) {
  if (options.ports.empty() == options.files.empty()) return complain("tap takes --port or --read"), kMisused;
  const auto topology = config::load_topology(options.topology);
  if (!topology) return complain(topology.error().message), kMisused;
  const auto ports = ports_of(options);
  if (!ports) return complain(ports.error().message), kMisused;
  std::optional<crypto::KeyDirectory> keys;
  if (!options.unverified) {
    auto loaded = crypto::load_public(config::public_keys_path(options.keys));
    if (!loaded) return complain(loaded.error().message + "; or say --unverified"), kMisused;
    keys = std::move(loaded).value();
  }
  auto filter =
      tap::CaptureFilter::parse(topology.value(), options.capture_from, options.capture_kinds, options.capture_refused);
  if (!filter) return complain(filter.error().message), kMisused;
  tap::Account account(topology.value(), keys.has_value() ? &*keys : nullptr);
  Setup setup{.options = options, .topology = topology.value(), .account = account};
  if (const auto made = make_injector(setup, keys.has_value() ? &*keys : nullptr); !made) {
    return complain(made.error().message), kMisused;
  }
  if (const auto made = make_capture(setup); !made) return complain(made.error().message), kMisused;
  tap::Pipeline pipeline(account, std::move(filter).value(), setup.capture.get());
  return options.files.empty() ? listen(setup, pipeline, ports.value()) : read_files(setup, pipeline);
}

void add_capture_options(CLI::App& command, Options& options) {
  CLI::Option* const capture =
      command.add_option("--capture", options.capture.path, "write what is heard into this pcapng file");
  command
      .add_option("--capture-size", options.capture.file_bytes, "begin another file at so many bytes, such as 100MB")
      ->transform(CLI::AsSizeValue(false))
      ->needs(capture);
  command.add_option("--capture-files", options.capture.files, "of those keep the newest ones alone")->needs(capture);
  command.add_option("--capture-from", options.capture_from, "only frames of these servers: A1,A2")
      ->delimiter(',')
      ->needs(capture);
  command
      .add_option("--capture-kind", options.capture_kinds,
                  "only frames of these kinds: hello, channel, part, request, other")
      ->delimiter(',')
      ->needs(capture);
  command.add_flag("--capture-refused", options.capture_refused, "only frames that do not count")->needs(capture);
}

void add_injection_options(CLI::App& command, Options& options, CLI::Option* port) {
  const std::string group = "For laboratories alone: a faulty server on a live hub";
  CLI::Option* const inject =
      command
          .add_option("--inject", options.inject, "send what a faulty server would: forged, wrong or spurious parts")
          ->group(group)
          ->needs(port);
  CLI::Option* const as = command.add_option("--as", options.as, "the server that is faulty, such as A3");
  as->group(group)->needs(inject);
  inject->needs(as);
  command.add_option("--bundle", options.bundle, "its private key file; forged parts need none")
      ->group(group)
      ->needs(inject);
}

}  // namespace

void add_tap_command(CLI::App& app, int& exit_status) {
  CLI::App& command =
      *app.add_subcommand("tap", "hub experiment: overhear, count, capture; the port of a tap can send nothing");
  const auto options = std::make_shared<Options>();
  command.add_option("-t,--topology,topology", options->topology, "topology file")->capture_default_str();
  add_keys_option(command, options->keys);
  command.add_flag("--unverified", options->unverified, "without any keys: counts, but can name nobody as faulty");
  CLI::Option* const port = command.add_option(
      "--port", options->ports, "on a hub: af_packet:INTERFACE, a PCI address or a DPDK device; two: two taps");
  port->expected(1, 2);
  command.add_option("--read", options->files, "a .pcap or .pcapng file; two: a tap each")->expected(1, 2);
  command.add_option("--seconds", options->seconds, "stop after so long; 0: at SIGINT or SIGTERM")
      ->check(CLI::Range(0.0, 1e6));
  command.add_option("--interval", options->interval_s, "seconds between two looks at the screen")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_option("--messages", options->messages, "show how so many of the last messages of each link went")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  command.add_flag("--json", options->json, "one object with conditions and results");
  add_capture_options(command, *options);
  add_injection_options(command, *options, port);
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

}  // namespace garrison::apps
