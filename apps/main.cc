// `garrison <command>`. Exit status: 0 done, 1 a check failed, 2 wrong use or configuration.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "apps/commands/bench.h"
#include "apps/commands/check.h"
#include "apps/commands/client.h"
#include "apps/commands/command.h"
#include "apps/commands/demo.h"
#include "apps/commands/explain.h"
#include "apps/commands/forwarder.h"
#include "apps/commands/gateway.h"
#include "apps/commands/host.h"
#include "apps/commands/keys.h"
#include "apps/commands/lab.h"
#include "apps/commands/new.h"
#include "apps/commands/relay.h"
#include "apps/commands/run.h"
#include "apps/commands/status.h"
#include "apps/commands/tap.h"
#include "apps/commands/top.h"

namespace garrison::apps {
namespace {

void add_commands(CLI::App& app, int& exit_status) {
  add_demo_command(app, exit_status);
  add_new_command(app, exit_status);
  add_check_command(app, exit_status);
  add_explain_command(app, exit_status);
  add_keys_command(app, exit_status);
  add_status_command(app, exit_status);
  add_top_command(app, exit_status);
  add_tap_command(app, exit_status);
  add_run_command(app, exit_status);
  add_host_command(app, exit_status);
  add_forwarder_command(app, exit_status);
  add_relay_command(app, exit_status);
  add_gateway_command(app, exit_status);
  add_client_command(app, exit_status);
  add_lab_command(app, exit_status);
  add_bench_command(app, exit_status);
}

// The first line of a parser's message: errors are one line.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int run(int argc, char** argv) {
  int exit_status = kDone;
  CLI::App app("Garrison: replication that stays consistent and fast while an attacker owns some servers.", "garrison");
  app.set_version_flag("--version", "garrison " GARRISON_VERSION, "print the version");
  add_commands(app, exit_status);
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) {
      complain("no command is given; see 'garrison --help'");
      return kMisused;
    }
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked);
  } catch (const CLI::ParseError& error) {
    complain(first_line(error.what()) + "; see 'garrison --help'");
    return kMisused;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    complain("standard output cannot be written; the output is not complete");
    return kFailed;
  }
  return exit_status;
}

}  // namespace
}  // namespace garrison::apps

int main(int argc, char** argv) {
  try {
    return garrison::apps::run(argc, argv);
  } catch (const std::exception& error) {  // out of memory, say
    garrison::apps::complain(error.what());
    return garrison::apps::kFailed;
  }
}
