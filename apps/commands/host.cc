#include "apps/commands/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/chosen_servers.h"
#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/host/host_init.h"
#include "apps/node/worker_table.h"
#include "control/config/topology.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology;  // empty: the machine alone
  std::vector<std::string> servers;
  bool json = false;
  bool yes = false;
  bool dry_run = false;
};

// Those that clients find at an address of this machine.
std::vector<node::SiteServer> servers_here(const config::Topology& topology, const runtime::SystemFiles& files) {
  const std::vector<std::string> addresses = host::local_addresses(files);
  std::vector<node::SiteServer> here;
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) {
      const config::Ipv4Address& ip = server.client.ip;
      if (ip[0] == 127 || std::ranges::find(addresses, config::to_string(ip)) != addresses.end()) {
        here.push_back({site.id, server.id});
      }
    }
  }
  return here;
}

void add_pollers(const std::vector<node::WorkerRow>& table, host::HostNeeds& needs) {
  for (const node::WorkerRow& row : table) {
    const bool polls = std::ranges::any_of(
        row.stages, [](const node::StageRow& stage) { return stage.kind != node::StageKind::crypto; });
    if (polls) needs.pollers.push_back({row.placement.name, row.placement.cpu});
  }
}

// One server with ports of its own, on a core of its own, near any device.
host::HostNeeds needs_of_any(const runtime::Machine& machine) {
  host::HostNeeds needs;
  needs.hugepages = needs.dedicated = true;
  needs.memory = node::memory_need({}, {node::SiteServer{}});
  const std::vector<runtime::WorkerWish> wish = {{.name = "poll-0", .cpu = {}, .near_numa_node = -1}};
  needs.pollers.push_back({"poll-0", runtime::place_workers(machine, wish, true).front().cpu});
  return needs;
}

Result<host::HostNeeds> needs_of(const Options& options, const runtime::SystemFiles& files) {
  const Result<runtime::Machine> machine = runtime::query_machine(files);
  if (!machine) return machine.error();
  if (options.topology.empty()) return needs_of_any(machine.value());
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return loaded.error();
  const config::Topology& topology = loaded.value();
  std::vector<node::SiteServer> servers;
  if (options.servers.empty()) {
    servers = servers_here(topology, files);
    if (servers.empty()) {
      return Error{
          fmt::format("no server of {} has its address for clients on this machine; name those that are to "
                      "run here with --server",
                      options.topology)};
    }
  } else {
    auto chosen = chosen_servers(options.servers, topology);
    if (!chosen) return chosen.error();
    servers = std::move(chosen).value();
  }
  std::vector<std::pair<SiteId, ServerId>> ids;
  for (const node::SiteServer id : servers) ids.emplace_back(id.site, id.server);
  host::HostNeeds needs = host::needs_of(topology, ids);
  const auto networks = node::networks_of(topology, servers);
  if (!networks) return networks.error();
  const auto table = node::plan_workers(machine.value(), topology, servers, networks.value(), files);
  if (!table) return table.error();
  needs.memory = node::memory_need(table.value(), servers);
  add_pollers(table.value(), needs);
  return needs;
}

host::Report check_now(const runtime::SystemFiles& files, const host::HostNeeds& needs) {
  const host::KernelEthtool ethtool;
  return host::check_host(files, ethtool, host::read_facts(files, ethtool), needs);
}

void print_json(const Options& options, const host::Report& report) {
  nlohmann::json conditions = base_conditions();
  conditions["topology"] = options.topology;
  conditions["findings"] = report.findings.size();
  nlohmann::json rows = nlohmann::json::array();
  for (const host::Fact& fact : report.facts) {
    rows.push_back({{"kind", "fact"}, {"topic", fact.topic}, {"subject", fact.subject}, {"text", fact.text}});
  }
  for (const host::Finding& finding : report.findings) {
    std::string commands;
    for (const host::Step& step : finding.fix.steps) {
      commands += (commands.empty() ? "" : "\n") + host::shell_text(step);
    }
    rows.push_back({{"kind", "finding"},
                    {"topic", finding.topic},
                    {"subject", finding.subject},
                    {"text", finding.text},
                    {"commands", commands},
                    {"advice", finding.fix.advice}});
  }
  // Names of devices are the kernel's bytes, and need not be UTF-8.
  fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(
                         2, ' ', false, nlohmann::json::error_handler_t::replace));
}

int check(const Options& options) {
  const runtime::SystemFiles files;
  const Result<host::HostNeeds> needs = needs_of(options, files);
  if (!needs) return complain(needs.error().message), kMisused;
  const host::Report report = check_now(files, needs.value());
  if (options.json) {
    print_json(options, report);
  } else {
    if (options.topology.empty()) fmt::print("no topology: what a server with DPDK ports of its own would need\n");
    fmt::print("{}", host::text_of(report));
  }
  return report.findings.empty() ? kDone : kFailed;
}

bool agreed() {
  fmt::print("carry these out? [y/N] ");
  std::fflush(stdout);
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

// What will be done, and what is left to people. Returns whether there is something to do.
bool print_plan(const std::vector<host::Finding>& findings) {
  bool any = false;
  for (const host::Finding& finding : findings) {
    any = any || !finding.fix.steps.empty();
    fmt::print("{} {}: {}{}\n{}", finding.topic, finding.subject, finding.text,
               finding.fix.steps.empty() ? " (not for this command)" : "", host::text_of(finding.fix, "    "));
  }
  return any;
}

int init(const Options& options) {
  const runtime::SystemFiles files;
  const Result<host::HostNeeds> needs = needs_of(options, files);
  if (!needs) return complain(needs.error().message), kMisused;
  const std::vector<host::Finding> findings = check_now(files, needs.value()).findings;
  if (findings.empty()) return fmt::print("nothing is wrong\n"), kDone;
  const bool any = print_plan(findings);
  if (options.dry_run) return kDone;
  if (!any) return complain("none of this can be done by a command; see above"), kFailed;
  if (!options.yes && !agreed()) return complain("nothing was changed"), kFailed;
  host::SystemActions actions(files);
  fmt::print("\n{}", host::text_of(host::carry_out(files, findings, actions)));

  const std::vector<host::Finding> left = check_now(files, needs.value()).findings;
  if (left.empty()) return fmt::print("nothing is wrong any more\n"), kDone;
  fmt::print("\nstill wrong\n");
  print_plan(left);
  return kFailed;
}

CLI::App& add(CLI::App& host, const std::string& name, const std::string& help, Options& options) {
  CLI::App& command = *host.add_subcommand(name, help);
  auto* const topology =
      command.add_option("-t,--topology", options.topology, "topology file; without it, the machine alone");
  add_servers_option(command,
                     "servers that are to run here, such as A1; repeat for more; default: those whose address for "
                     "clients is this machine's",
                     options.servers)
      .needs(topology);
  return command;
}

}  // namespace

void add_host_command(CLI::App& app, int& exit_status) {
  CLI::App& host = *app.add_subcommand("host", "is this machine fit for servers: report, then mend");
  host.require_subcommand(1);
  const auto options = std::make_shared<Options>();
  CLI::App& check_command =
      add(host, "check", "hugepages, drivers, cores, links: what is wrong and what mends it", *options);
  check_command.add_flag("--json", options->json, "print JSON");
  check_command.callback([options, &exit_status] { exit_status = check(*options); });
  CLI::App& init_command = add(host, "init", "do what 'host check' says, after asking", *options);
  auto* const yes = init_command.add_flag("-y,--yes", options->yes, "do not ask");
  init_command.add_flag("--dry-run", options->dry_run, "only print what would be done")->excludes(yes);
  init_command.callback([options, &exit_status] { exit_status = init(*options); });
}

}  // namespace garrison::apps
