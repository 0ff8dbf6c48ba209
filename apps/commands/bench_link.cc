#include "apps/commands/bench_link.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/node/link_bench.h"
#include "dataplane/runtime/eal.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string port = "inproc";
  std::vector<std::size_t> faults{1, 2};
  std::vector<std::size_t> messages{200, 1400, 7000, 60'000};
  double milliseconds = 450;
  bool json = false;
};

constexpr std::size_t kPoolMib = 96;  // mbufs, and the rings between 32 servers

nlohmann::json conditions(const Options& options, const node::LinkBenchOptions& bench) {
  nlohmann::json stated = base_conditions();
  stated["threads"] = "1: it is all servers of both sites in turn";
  stated["port"] = "inproc: an rte_ring each way, mbufs handed over; 4 KiB pages";
  stated["link"] = "erasure, both sites 3f+1 servers, k = f+1 of n parts decode";
  stated["statistic"] = fmt::format("median of {} rounds of processor time, caches warm", bench.rounds);
  stated["milliseconds_per_round"] = bench.per_round.seconds() * 1e3;
  stated["milliseconds_per_row"] = options.milliseconds;
  stated["tx"] =
      "one sender: its own row encoded, wide-area channel, GMAC per frame, handed to the port; acknowledgements taken";
  stated["rx"] =
      "one receiver: frames taken, GMAC, reassembly, acknowledgement; every part collected and each message decoded "
      "once, from the parts that are combinations of rows";
  stated["signatures"] = "none; a part has a header of 16 bytes in place of LINK-PART's";
  stated["goodput"] = "bits of link messages over the processor time of all 2n servers together";
  stated["bare_port"] =
      "of as many frames of as many bytes over such a port, with one copy in and one out: its time over the link's";
  stated["coding_only"] = "all rows of the same messages encoded one by one, then decoded from the last k";
  stated["local_ordering"] = "none: parts are collected as they come";
  return stated;
}

nlohmann::json to_json(const node::LinkBenchOptions& bench, const node::LinkBenchRow& row) {
  return {{"link", "erasure"},
          {"f", bench.f},
          {"n", row.n},
          {"k", row.k},
          {"port", "inproc"},
          {"message_bytes", bench.message_bytes},
          {"part_bytes", row.part_bytes},
          {"longest_frame_bytes", kEthernetHeaderBytes + bench.path_ip_bytes},
          {"frames_per_part", row.frames_per_part},
          {"tx_parts_per_s", row.tx_parts_per_s},
          {"rx_parts_per_s", row.rx_parts_per_s},
          {"goodput_gbps", row.goodput_gbps},
          {"bare_port_ratio", row.bare_port_ratio},
          {"coding_only_parts_per_s", row.coding_only_parts_per_s}};
}

int bench_link(const Options& options) {
  if (const Result<void> started = runtime::start_eal({.memory_mib = kPoolMib}); !started) {
    return complain(started.error().message), kFailed;
  }
  node::LinkBenchOptions bench;
  bench.per_round =
      Duration(static_cast<std::int64_t>(options.milliseconds * 1e6)) / static_cast<std::int64_t>(3 * bench.rounds);
  nlohmann::json rows = nlohmann::json::array();
  if (!options.json) {
    fmt::print("{:>2} {:>7} {:>8} {:>8} {:>7} {:>12} {:>12} {:>8} {:>8} {:>14}\n", "f", "(n, k)", "message", "part",
               "frames", "tx parts/s", "rx parts/s", "Gbit/s", "of port", "coding parts/s");
  }
  for (const std::size_t f : options.faults) {
    for (const std::size_t message : options.messages) {
      bench.f = f;
      bench.message_bytes = message;
      const Result<node::LinkBenchRow> measured = node::run_link_bench(bench);
      if (!measured) return complain(measured.error().message), kFailed;
      const node::LinkBenchRow& row = measured.value();
      rows.push_back(to_json(bench, row));
      if (options.json) continue;
      fmt::print("{:>2} {:>7} {:>8} {:>8} {:>7.2f} {:>12.0f} {:>12.0f} {:>8.3f} {:>7.0f}% {:>14.0f}\n", f,
                 fmt::format("({}, {})", row.n, row.k), message, row.part_bytes, row.frames_per_part,
                 row.tx_parts_per_s, row.rx_parts_per_s, row.goodput_gbps, 100 * row.bare_port_ratio,
                 row.coding_only_parts_per_s);
      std::fflush(stdout);
    }
  }
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions(options, bench)}, {"results", rows}}.dump(2));
  }
  return kDone;
}

}  // namespace

void add_bench_link_command(CLI::App& bench, int& exit_status) {
  CLI::App& command = *bench.add_subcommand("link", "parts per second that the erasure link between two sites carries");
  const auto options = std::make_shared<Options>();
  command.add_option("--port", options->port, "inproc")->check(CLI::IsMember({"inproc"}))->capture_default_str();
  command.add_option("--f", options->faults, "faulty servers tolerated per site, one row each")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, kMaxFaults))
      ->capture_default_str();
  command.add_option("--message", options->messages, "bytes of a link message, one row each")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, kMaxMessageBytes))
      ->capture_default_str();
  command.add_option("--milliseconds", options->milliseconds, "measured time of each row")
      ->check(CLI::Range(1.0, 600'000.0))
      ->capture_default_str();
  command.add_flag("--json", options->json, "print one JSON object");
  command.callback([options, &exit_status] { exit_status = bench_link(*options); });
}

}  // namespace garrison::apps
