#include "apps/commands/tap.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/tap/account.h"
#include "apps/tap/report.h"
#include "apps/tap/run_files.h"
#include "control/config/key_files.h"
#include "control/config/topology.h"
#include "crypto/key_store.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
  bool unverified = false;
  std::vector<std::string> files;
  std::size_t messages = 10;
  bool json = false;
};

void print(const Options& options, const tap::Account& account) {
  const nlohmann::json rows = tap::report_rows(account, options.messages);
  if (options.json) {
    nlohmann::json conditions = base_conditions();
    conditions["topology"] = options.topology;
    conditions["verified"] = account.verifies();
    conditions["source"] = "files";
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(2));
    return;
  }
  fmt::print("{}", tap::report_text(rows));
  const std::string guilty = tap::guilty_names(rows);
  if (!account.verifies()) {
    fmt::print("\nnothing was verified: whose a part is, and that a message is its site's, are claims\n");
  } else {
    fmt::print("\n{}\n", guilty.empty() ? "nobody is proven to be faulty" : "proven to be faulty: " + guilty);
  }
}

int read_files(const Options& options, tap::Account& account) {
  const Result<std::vector<std::string>> faults = tap::run_files(options.files, account);
  if (!faults) return complain(faults.error().message), kFailed;
  print(options, account);
  for (const std::string& fault : faults.value()) complain(fault);
  return faults.value().empty() ? kDone : kFailed;
}

int run(const Options& options) {
  const auto topology = config::load_topology(options.topology);
  if (!topology) return complain(topology.error().message), kMisused;
  std::optional<crypto::KeyDirectory> keys;
  if (!options.unverified) {
    auto loaded = crypto::load_public(config::public_keys_path(options.keys));
    if (!loaded) return complain(loaded.error().message + "; or say --unverified"), kMisused;
    keys = std::move(loaded).value();
  }
  tap::Account account(topology.value(), keys.has_value() ? &*keys : nullptr);
  return read_files(options, account);
}

}  // namespace

void add_tap_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("tap", "hub experiment: overhear, count, capture; never sends a frame");
  const auto options = std::make_shared<Options>();
  command.add_option("-t,--topology,topology", options->topology, "topology file")->capture_default_str();
  add_keys_option(command, options->keys);
  command.add_flag("--unverified", options->unverified, "without any keys: counts, but can name nobody as faulty");
  command.add_option("--read", options->files, "a .pcap or .pcapng file; two: a tap each")->expected(1, 2)->required();
  command.add_option("--messages", options->messages, "show how so many of the last messages of each link went")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  command.add_flag("--json", options->json, "one object with conditions and results");
  command.callback([options, &exit_status] { exit_status = run(*options); });
}

}  // namespace garrison::apps
