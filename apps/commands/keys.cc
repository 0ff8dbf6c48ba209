#include "apps/commands/keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "apps/commands/command.h"
#include "control/config/key_files.h"
#include "control/config/topology.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
};

int deal(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();

  config::DealingProgress progress;
  const bool watched = ::isatty(STDERR_FILENO) == 1;
  if (watched) {
    progress = [](std::size_t done, std::size_t total) { fmt::print(stderr, "\rdealing keys: {}/{}", done, total); };
  }
  const auto dealt = config::deal_keys(topology, options.keys, progress);
  if (watched) fmt::print(stderr, "\r\033[K");
  if (!dealt) return complain(dealt.error().message), kMisused;
  fmt::print(
      "{}: public.keys and {} private files\n"
      "next: give every server public.keys and its own private file alone, then remove the rest from this machine\n",
      options.keys, topology.principals().size());
  return kDone;
}

}  // namespace

void add_keys_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("keys", "make every key of a topology");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  add_keys_option(command, options->keys);
  command.callback([options, &exit_status] { exit_status = deal(*options); });
}

}  // namespace garrison::apps
