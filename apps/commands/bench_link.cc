#include "apps/commands/bench_link.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/link_bench/link_channels.h"
#include "apps/link_bench/link_limit.h"
#include "dataplane/runtime/eal.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string port = "inproc";
  std::vector<std::size_t> faults{1, 2};
  std::vector<std::size_t> messages{};  // empty: as the measurement has them
  double milliseconds = 450;
  std::string measure = "channels";
  std::vector<std::size_t> code{7, 5};
  std::vector<std::size_t> in_flight{64};
  bool json = false;
};

constexpr std::size_t kPoolMib = 96;  // mbufs, and the rings between 32 servers

nlohmann::json conditions(const Options& options, const link_bench::LinkChannelsOptions& bench) {
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

nlohmann::json to_json(const link_bench::LinkChannelsOptions& bench, const link_bench::LinkChannelsRow& row) {
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

nlohmann::json limit_conditions(const Options& options, const link_bench::LinkLimitOptions& bench) {
  nlohmann::json stated = base_conditions();
  stated["threads"] = "1";
  stated["port"] = options.port == "inproc" ? "inproc: an rte_ring, mbufs handed over; 4 KiB pages"
                                            : "net_ring: the PMD on one ring, both ends here; 4 KiB pages";
  stated["physical"] = "no: port limit";
  stated["stages"] =
      "LanStage, wire, HubLinks (assembler, receiver or sender), PartCollector, Code; signatures left out (every part "
      "counts as verified), and the order of the receiving site";
  stated["limit"] = "1 / R = 1 / bare + 1 / coding, in turn with the link in every round, on the same buffers";
  stated["bare"] = "the frame's bytes copied into an mbuf, sent, received, read word by word, freed";
  stated["sending"] =
      "one row that is a combination encoded, submitted, cut into a frame, sent; the other end frees it";
  stated["receiving"] =
      "frames put in an mbuf, sent, received, parts collected, messages decoded: of all subsets of k parts in turn, "
      "shuffled among all messages in flight; each message compared with what was sent, outside the clock";
  stated["overhearing"] =
      "own site's parts, none heard before, each counted and second sets cancelled, less the same frames received and "
      "freed; tables full";
  stated["statistic"] =
      fmt::format("median of {} rounds; in each, of pieces of 64 frames timed by the time stamp counter", bench.rounds);
  return stated;
}

nlohmann::json to_json(const link_bench::LinkLimitSide& side) {
  return {{"bare_ns", side.bare},
          {"coding_ns", side.coding},
          {"link_ns", side.link},
          {"of_limit", side.of_limit},
          {"parts_per_s", side.parts_per_s()}};
}

nlohmann::json to_json(const link_bench::LinkLimitOptions& bench, const link_bench::LinkLimitRow& row) {
  nlohmann::json overheard;
  if (row.overheard.has_value()) {
    overheard = {
        {"hub_ns", row.overheard->hub}, {"rx_and_free_ns", row.overheard->rx_and_free}, {"ns", row.overheard->cost()}};
  }
  return {{"link", "hub"},
          {"f", bench.n - bench.k},
          {"n", bench.n},
          {"k", bench.k},
          {"port", bench.port},
          {"message_bytes", bench.message_bytes},
          {"part_bytes", row.part_bytes},
          {"frame_bytes", row.frame_bytes},
          {"messages_in_flight", bench.messages},
          {"bytes_in_flight", row.bytes_in_flight},
          {"tx_parts_per_s", row.sending.parts_per_s()},
          {"rx_parts_per_s", row.receiving.parts_per_s()},
          {"goodput_gbps", static_cast<double>(8 * bench.message_bytes) /
                               (static_cast<double>(bench.k) * (row.sending.link + row.receiving.link))},
          {"bare_port_ratio", row.receiving.bare / row.receiving.link},
          {"coding_only_parts_per_s", 1e9 / row.receiving.coding},
          {"sending", to_json(row.sending)},
          {"receiving", to_json(row.receiving)},
          {"overhearing", overheard},
          {"messages_checked", row.checked}};
}

void print(const link_bench::LinkLimitOptions& bench, const link_bench::LinkLimitRow& row) {
  const auto line = [&](const char* what, const link_bench::LinkLimitSide& side) {
    fmt::print("{:>7} {:>8} {:>9} {:>10} {:>8.1f} {:>8.1f} {:>8.1f} {:>10.0f} {:>5.2f}\n",
               fmt::format("({}, {})", bench.n, bench.k), bench.message_bytes, bench.messages, what, side.bare,
               side.coding, side.link, side.parts_per_s(), side.of_limit);
  };
  line("sending", row.sending);
  line("receiving", row.receiving);
  if (!row.overheard.has_value()) return;
  fmt::print("{:>37} {:>8.1f} {:>17.1f} {:>16.1f} ns for each\n", "overhearing", row.overheard->rx_and_free,
             row.overheard->hub, row.overheard->cost());
}

int bench_limit(const Options& options) {
  link_bench::LinkLimitOptions bench{.port = options.port, .n = options.code[0], .k = options.code[1]};
  bench.per_slice =
      Duration(static_cast<std::int64_t>(options.milliseconds * 1e6)) / static_cast<std::int64_t>(8 * bench.rounds);
  nlohmann::json rows = nlohmann::json::array();
  if (!options.json) {
    fmt::print("{:>7} {:>8} {:>9} {:>10} {:>8} {:>8} {:>8} {:>10} {:>5}\n", "(n, k)", "message", "in flight", "",
               "bare ns", "code ns", "link ns", "parts/s", "of R");
  }
  for (const std::size_t message : options.messages) {
    for (const std::size_t messages : options.in_flight) {
      bench.message_bytes = message;
      bench.messages = messages;
      const Result<link_bench::LinkLimitRow> measured = link_bench::run_link_limit(bench);
      if (!measured) return complain(measured.error().message), kFailed;
      rows.push_back(to_json(bench, measured.value()));
      if (!options.json) print(bench, measured.value());
    }
  }
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"conditions", limit_conditions(options, bench)}, {"results", rows}}.dump(2));
  }
  return kDone;
}

int bench_channels(const Options& options) {
  link_bench::LinkChannelsOptions bench;
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
      const Result<link_bench::LinkChannelsRow> measured = link_bench::run_link_channels(bench);
      if (!measured) return complain(measured.error().message), kFailed;
      const link_bench::LinkChannelsRow& row = measured.value();
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

// Options that the chosen measurement does not have, or cannot use.
std::optional<std::string> find_misuse(const CLI::App& command, const Options& options) {
  if (options.measure == "limit") {
    if (command.count("--f") > 0) return "--f is for --measure channels; --measure limit takes --code n,k";
    const std::size_t n = options.code[0];
    const std::size_t k = options.code[1];
    if (k < 1 || k > n || n > kMaxServersPerSite) return "--code is n,k with 1 <= k <= n <= 16";
    return std::nullopt;
  }
  for (const char* const name : {"--code", "--in-flight"}) {
    if (command.count(name) > 0) return std::string(name) + " is for --measure limit; add that, or leave it out";
  }
  if (options.port != "inproc") return "--measure channels knows the port inproc alone";
  return std::nullopt;
}

int bench_link(const CLI::App& command, Options options) {
  if (const auto misuse = find_misuse(command, options); misuse.has_value()) return complain(*misuse), kMisused;
  const bool limit = options.measure == "limit";
  if (options.messages.empty()) {
    options.messages = limit ? std::vector<std::size_t>{7000} : std::vector<std::size_t>{200, 1400, 7000, 60'000};
  }
  if (const Result<void> started = runtime::start_eal({.memory_mib = kPoolMib}); !started) {
    return complain(started.error().message), kFailed;
  }
  return limit ? bench_limit(options) : bench_channels(options);
}

}  // namespace

void add_bench_link_command(CLI::App& bench, int& exit_status) {
  CLI::App& command = *bench.add_subcommand("link", "what a link between two sites carries");
  const auto options = std::make_shared<Options>();
  command.add_option("--port", options->port, "inproc; limit: or net_ring")
      ->check(CLI::IsMember({"inproc", "net_ring"}))
      ->capture_default_str();
  command.add_option("--f", options->faults, "channels: faulty servers tolerated per site, one row each")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, kMaxFaults))
      ->capture_default_str();
  command
      .add_option("--message", options->messages,
                  "bytes of a link message, one row each (200,1400,7000,60000; limit: 7000)")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, kMaxMessageBytes));
  command.add_option("--milliseconds", options->milliseconds, "measured time of each row")
      ->check(CLI::Range(1.0, 600'000.0))
      ->capture_default_str();
  command
      .add_option("--measure", options->measure,
                  "channels: the erasure link, authenticated channels included; limit: the stages of the hub link that "
                  "carry and code parts, against what its port and its code allow")
      ->check(CLI::IsMember({"channels", "limit"}))
      ->capture_default_str();
  command.add_option("--code", options->code, "limit: n,k, parts of a message and how many decode it")
      ->delimiter(',')
      ->expected(2)
      ->capture_default_str();
  command.add_option("--in-flight", options->in_flight, "limit: messages under way at a time, one row each")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{32}, std::size_t{65'536}))
      ->capture_default_str();
  command.add_flag("--json", options->json, "print one JSON object");
  command.callback([options, &command, &exit_status] { exit_status = bench_link(command, *options); });
}

}  // namespace garrison::apps
