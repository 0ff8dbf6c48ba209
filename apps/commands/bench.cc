#include "apps/commands/bench.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/attack_options.h"
#include "apps/commands/bench_crypto.h"
#include "apps/commands/bench_link.h"
#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/commands/protocol.h"
#include "apps/node/order_bench.h"

extern char** environ;

namespace garrison::apps {
namespace {

struct Options {
  std::string protocol{config::name(config::LocalProtocol::prime)};
  std::size_t servers = 4;
  std::vector<std::size_t> clients{1, 10, 50, 100, 400, 2000};
  std::vector<std::size_t> payloads{0, 200};
  double seconds = 10;
  double warmup = 3;
  std::string server_signatures = "ed25519";
  std::string client_signatures = "rsa2048";
  bool json = false;
  adversary::AttackText attack;
  bool single = false;  // one point, its row as JSON on standard output
};

// The one fault that is not an adversary's.
bool crashes_leader(const adversary::AttackText& attack) { return attack.specs == "leader-crash"; }

nlohmann::json to_json(const node::OrderBenchRow& row) {
  return {{"servers", row.servers},
          {"clients", row.clients},
          {"payload_bytes", row.payload_bytes},
          {"updates_per_s", row.updates_per_s},
          {"p50_ms", row.p50_ms},
          {"p99_ms", row.p99_ms},
          {"crypto_bound_updates_per_s", row.crypto_bound_updates_per_s},
          {"client_verify_us", row.client_verify_us},
          {"seconds", row.seconds},
          {"updates", row.updates},
          {"fault",
           {{"updates_per_s_before", row.fault.before_per_s},
            {"updates_per_s_after", row.fault.after_per_s},
            {"longest_ms_before", row.fault.longest_before_ms},
            {"longest_ms_after", row.fault.longest_after_ms},
            {"view_change_ms",
             row.fault.view_change_ms.has_value() ? nlohmann::json(*row.fault.view_change_ms) : nlohmann::json()},
            {"view", row.fault.view}}},
          {"resent", row.resent},
          {"bad_replies", row.bad_replies},
          {"drops", row.drops},
          {"status", row.status},
          {"updates_per_signature", row.updates_per_signature},
          {"acted", row.acted.empty() ? nlohmann::json(nullptr) : nlohmann::json(row.acted)},
          {"states_equal", row.states_equal}};
}

int run_single(const Options& options, const node::OrderBenchOptions& bench) {
  const Result<node::OrderBenchRow> row =
      node::run_order_bench(bench, options.clients.front(), options.payloads.front(), [&](const std::string& line) {
        fmt::print(stderr, "\r\033[K{} clients, {} bytes: {}", options.clients.front(), options.payloads.front(), line);
        std::fflush(stderr);
      });
  fmt::print(stderr, "\r\033[K");
  if (!row) return complain(row.error().message), kFailed;
  fmt::print("{}\n", to_json(row.value()).dump());
  return kDone;
}

// Runs this program again for one point and returns the row it prints.
std::optional<nlohmann::json> spawn_point(const Options& options, std::size_t clients, std::size_t payload) {
  std::array<int, 2> pipe_ends{};
  if (pipe(pipe_ends.data()) != 0) return std::nullopt;
  std::vector<std::string> words{"garrison",
                                 "bench",
                                 "order",
                                 "--single",
                                 "--protocol",
                                 options.protocol,
                                 "--servers",
                                 std::to_string(options.servers),
                                 "--clients",
                                 std::to_string(clients),
                                 "--payload",
                                 std::to_string(payload),
                                 "--seconds",
                                 std::to_string(options.seconds),
                                 "--warmup",
                                 std::to_string(options.warmup),
                                 "--server-signatures",
                                 options.server_signatures,
                                 "--client-signatures",
                                 options.client_signatures};
  if (!options.attack.empty()) {
    for (const std::string& word :
         {std::string("--fault"), options.attack.specs, std::string("--faulty"), options.attack.faulty}) {
      words.push_back(word);
    }
  }
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
  pid_t child = 0;
  const int spawned = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  std::string text;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; spawned == 0 && (got = read(pipe_ends[0], chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  close(pipe_ends[0]);
  int status = 0;
  if (spawned != 0 || waitpid(child, &status, 0) != child || status != 0) return std::nullopt;
  nlohmann::json row = nlohmann::json::parse(text, nullptr, false);
  if (row.is_discarded()) return std::nullopt;
  return row;
}

nlohmann::json conditions(const Options& options) {
  nlohmann::json stated = base_conditions();
  const config::LocalProtocol protocol = local_protocol(options.protocol);
  stated["protocol"] = protocol_condition(protocol);
  stated["fault"] = options.attack.empty() ? "none"
                    : crashes_leader(options.attack)
                        ? "the leader loses its network half way"
                        : options.attack.specs + " at " + options.attack.faulty + ", from half way on";
  stated["client_pattern"] = protocol == config::LocalProtocol::bft ? "all servers"
                             : options.attack.empty()               ? "one server"
                                                                    : "f+1 at once";
  stated["loop"] = "closed, one update in flight per client";
  stated["server_signatures"] = options.server_signatures + ", Merkle batches";
  stated["client_signatures"] = options.client_signatures + ", one per update, signed before the clock starts";
  stated["client_keys"] = "clients share 8 signing keys; ids, sessions and MAC keys are their own";
  stated["reply_authentication"] = "HMAC-SHA-256 per client and server; counted at f+1 matching replies";
  stated["service"] = "null for 0 bytes, kv SET otherwise";
  stated["lan"] = "in-process segment (copying), GMAC per frame, no UDP checksum";
  stated["client_transport"] = "in process, no sockets";
  stated["shared_between_servers"] = "nothing verified or decoded";
  stated["bound"] = "cores / (servers x one client-signature verification measured before the run)";
  return stated;
}

void print_fault(const nlohmann::json& row) {
  const nlohmann::json& fault = row.at("fault");
  const nlohmann::json& view_change = fault.at("view_change_ms");
  fmt::print(
      "{:>15} before the fault: {:.0f} updates/s, longest {:.1f} ms; from then on: {:.0f} updates/s, "
      "longest {:.1f} ms; view {}{}\n",
      "", fault.at("updates_per_s_before").get<double>(), fault.at("longest_ms_before").get<double>(),
      fault.at("updates_per_s_after").get<double>(), fault.at("longest_ms_after").get<double>(),
      fault.at("view").get<std::uint64_t>(),
      view_change.is_null() ? "" : fmt::format(", view change {:.1f} ms", view_change.get<double>()));
  if (!row.at("acted").is_null()) fmt::print("{:>15} acted: {}\n", "", row.at("acted").get<std::string>());
}

int order(const Options& options) {
  node::OrderBenchOptions bench;
  bench.protocol = local_protocol(options.protocol);
  bench.servers = options.servers;
  bench.duration = Duration(static_cast<std::int64_t>(options.seconds * 1e9));
  bench.warmup = Duration(static_cast<std::int64_t>(options.warmup * 1e9));
  const auto server_scheme = crypto::scheme_from_name(options.server_signatures);
  const auto client_scheme = crypto::scheme_from_name(options.client_signatures);
  if (!server_scheme || !client_scheme) {
    return complain("signatures are ed25519, rsa2048 or rsa3072"), kMisused;
  }
  bench.server_scheme = *server_scheme;
  bench.client_scheme = *client_scheme;
  bench.crash_leader = crashes_leader(options.attack);
  if (!bench.crash_leader) bench.attack = options.attack;
  if (const auto specs = adversary::parse_specs(bench.attack.specs);
      !bench.attack.empty() && bench.attack.specs != "random" && !specs) {
    return complain(specs.error().message), kMisused;
  }
  if (options.single) return run_single(options, bench);

  nlohmann::json rows = nlohmann::json::array();
  if (!options.json) {
    fmt::print("{:>7} {:>7} {:>8} {:>12} {:>9} {:>9} {:>12} {:>9}\n", "servers", "clients", "payload", "updates/s",
               "p50 ms", "p99 ms", "bound/s", "of bound");
  }
  for (const std::size_t payload : options.payloads) {
    for (const std::size_t clients : options.clients) {
      const std::optional<nlohmann::json> row = spawn_point(options, clients, payload);
      if (!row) return complain(fmt::format("the run with {} clients failed", clients)), kFailed;
      rows.push_back(*row);
      if (options.json) continue;
      const double rate = row->at("updates_per_s");
      const double bound = row->at("crypto_bound_updates_per_s");
      fmt::print("{:>7} {:>7} {:>8} {:>12.0f} {:>9.2f} {:>9.2f} {:>12.0f} {:>8.0f}%{}\n", options.servers, clients,
                 payload, rate, row->at("p50_ms").get<double>(), row->at("p99_ms").get<double>(), bound,
                 100 * rate / bound, row->at("states_equal").get<bool>() ? "" : "  STATES DIFFER");
      if (!options.attack.empty()) print_fault(*row);
      std::fflush(stdout);
    }
  }
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions(options)}, {"results", rows}}.dump(2));
  }
  for (const nlohmann::json& row : rows) {
    if (!row.at("states_equal").get<bool>()) return complain("servers ended in different states"), kFailed;
  }
  return kDone;
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_status) {
  CLI::App& bench = *app.add_subcommand("bench", "measurements");
  bench.require_subcommand(1);
  add_bench_crypto_command(bench, exit_status);
  add_bench_link_command(bench, exit_status);
  CLI::App& command = *bench.add_subcommand("order", "updates per second that one site orders, in one process");
  const auto options = std::make_shared<Options>();
  add_protocol_option(command, options->protocol);
  command.add_option("--servers", options->servers, "servers, 3f+1")->check(CLI::Range(4, 16))->capture_default_str();
  command.add_option("--clients", options->clients, "closed-loop clients, one run each")
      ->delimiter(',')
      ->check(CLI::Range(1, 4000))
      ->capture_default_str();
  command.add_option("--payload", options->payloads, "bytes of an operation, one run each")
      ->delimiter(',')
      ->check(CLI::Range(0, 30'000))
      ->capture_default_str();
  command.add_option("--seconds", options->seconds, "measured time of a run")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_option("--warmup", options->warmup, "unmeasured time before it")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  command.add_option("--server-signatures", options->server_signatures, "ed25519, rsa2048, rsa3072")
      ->capture_default_str();
  command.add_option("--client-signatures", options->client_signatures, "ed25519, rsa2048, rsa3072")
      ->capture_default_str();
  add_attack_options(command, "--fault", options->attack)
      ->description(
          "what fails half way: leader-crash, or what faulty servers do, such as leader-slow or "
          "late:by=20ms,replay; `garrison lab adversaries` lists it all");
  command.add_flag("--json", options->json, "print one JSON object");
  command.add_flag("--single", options->single)->group("");
  command.callback([options, &exit_status] { exit_status = order(*options); });
}

}  // namespace garrison::apps
