#include "apps/commands/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/commands/status_text.h"
#include "apps/node/admin.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  bool json = false;
  bool drops = false;
  bool digest = false;
  bool evidence = false;
};

// "-", or how far a server that lacks what its peers keep is with taking over their state.
std::string catching_up(const nlohmann::json& transfer) {
  if (!transfer.at("catching_up").get<bool>()) return "-";
  const auto chunks = transfer.at("chunks").get<std::uint64_t>();
  if (chunks == 0) return fmt::format("asks for the state beyond {}", transfer.at("executed_sequence").dump());
  return fmt::format("{}/{} of the state at {}", transfer.at("chunks_held").dump(), chunks,
                     transfer.at("target_sequence").dump());
}

void print_row(const nlohmann::json& status, bool with_drops) {
  std::uint64_t drops = 0;
  for (const auto& [reason, count] : status.at("drops").items()) drops += count.get<std::uint64_t>();
  fmt::print("{:<6} {:>5} {:>7} {:>13} {:>10} {:>10} {:>8} {:>11} {:>10} {:>10} {:>8}  {:<9} {:>10}  {}\n",
             status.at("server").get<std::string>(), status.at("view").get<std::uint64_t>(), leader(status),
             turnaround(status), status.at("globally_ordered").get<std::uint64_t>(),
             status.at("updates_executed").get<std::uint64_t>(), status.at("updates_waiting").get<std::uint64_t>(),
             status.at("requests_outstanding").get<std::uint64_t>(), status.at("frames_received").get<std::uint64_t>(),
             status.at("frames_sent").get<std::uint64_t>(), drops, joined(status.at("blacklist")),
             status.at("state_transfer").at("last_checkpoint").get<std::uint64_t>(),
             catching_up(status.at("state_transfer")));
  if (status.contains("state_digest"))
    fmt::print("       state digest {}\n", status.at("state_digest").get<std::string>());
  if (!with_drops) return;
  for (const auto& [reason, count] : status.at("drops").items()) {
    fmt::print("       {:>12}  {}\n", count.get<std::uint64_t>(), reason);
  }
}

// Of a server of a site among others: what its site's logical machine shows.
void print_among_sites(const nlohmann::json& status) {
  const nlohmann::json& sites = status.at("among_sites");
  fmt::print("{:<6} {:>5} {:>7} {:>13} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n",
             status.at("server").get<std::string>(), sites.at("view").get<std::uint64_t>(), leader(sites),
             turnaround(sites), sites.at("globally_ordered").get<std::uint64_t>(),
             sites.at("events_executed").get<std::uint64_t>(), sites.at("link_messages_executed").get<std::uint64_t>(),
             sites.at("site_signatures").get<std::uint64_t>(), sites.at("frames_received").get<std::uint64_t>(),
             sites.at("frames_sent").get<std::uint64_t>());
}

void print_hub(const nlohmann::json& status) {
  const nlohmann::json& hub = status.at("among_sites").at("hub");
  const auto count = [&](const char* what) { return hub.at(what).get<std::uint64_t>(); };
  fmt::print("{:<6} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n", status.at("server").get<std::string>(),
             count("link_messages"), count("sent_first_set"), count("sent_second_set"), count("needless"),
             count("cancelled"), count("overheard"), count("sent_asked"), count("requested"));
}

void print_hubs(const nlohmann::json& rows) {
  const auto without = [](const nlohmann::json& row) {
    return row.at("among_sites").is_null() || row.at("among_sites").at("hub").is_null();
  };
  if (std::ranges::all_of(rows, without)) return;
  fmt::print("\nparts of link messages on the hubs of the sites\n");
  fmt::print("{:<6} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "server", "messages", "first set",
             "second set", "needless", "cancelled", "overheard", "asked for", "requested");
  for (const nlohmann::json& row : rows) {
    if (!without(row)) print_hub(row);
  }
}

// Those that answered.
void print_table(const nlohmann::json& rows, bool with_drops) {
  fmt::print("{:<6} {:>5} {:>7} {:>13} {:>10} {:>10} {:>8} {:>11} {:>10} {:>10} {:>8}  {:<9} {:>10}  {}\n", "server",
             "view", "leader", "TAT/bound ms", "ordered", "executed", "waiting", "outstanding", "frames in",
             "frames out", "drops", "blacklist", "checkpoint", "catching up");
  for (const nlohmann::json& row : rows) print_row(row, with_drops);
  const auto alone = [](const nlohmann::json& row) { return row.at("among_sites").is_null(); };
  if (std::ranges::all_of(rows, alone)) return;
  fmt::print("\nthe sites among themselves, as each server's site has it\n");
  fmt::print("{:<6} {:>5} {:>7} {:>13} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "server", "view", "leader",
             "TAT/bound ms", "ordered", "events", "links in", "signatures", "frames in", "frames out");
  for (const nlohmann::json& row : rows) {
    if (!alone(row)) print_among_sites(row);
  }
  print_hubs(rows);
}

// "A1 lists B3: signed a part that is not of the link message (wrong-part)", and the messages that prove it.
void print_evidence(const std::string& server, const nlohmann::json& convictions) {
  for (const nlohmann::json& each : convictions) {
    const std::string who =
        each.at("servers").empty() ? "site " + each.at("site").get<std::string>() : joined(each.at("servers"));
    fmt::print("{} lists {}: {} ({})\n", server, who, each.at("text").get<std::string>(),
               each.at("offence").get<std::string>());
    for (const nlohmann::json& message : each.at("messages")) {
      fmt::print("    {} of {}{}: {}\n", message.at("name").get<std::string>(), message.at("signer").get<std::string>(),
                 message.at("signed").get<bool>() ? "" : ", not signed yet", message.at("hex").get<std::string>());
    }
  }
}

// What convicts others, as every server has it.
int evidence(const Options& options, const config::Topology& topology) {
  nlohmann::json rows = nlohmann::json::array();
  std::size_t silent = 0;
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) {
      Result<nlohmann::json> answer = node::fetch_evidence(server);
      if (!answer) {
        ++silent;
        complain(answer.error().message);
      } else if (options.json) {
        rows.push_back({{"server", server.name}, {"convictions", std::move(answer).value()}});
      } else {
        print_evidence(server.name, answer.value());
      }
    }
  }
  if (options.json) {
    nlohmann::json conditions = base_conditions();
    conditions["topology"] = options.topology;
    conditions["silent_servers"] = silent;
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(2));
  }
  return silent == 0 ? kDone : kFailed;
}

int status(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  if (options.evidence) return evidence(options, loaded.value());
  nlohmann::json rows = nlohmann::json::array();
  std::size_t silent = 0;
  for (const config::SiteSettings& site : loaded.value().sites) {
    std::size_t silent_here = 0;
    for (const config::ServerSettings& server : site.servers) {
      Result<nlohmann::json> answer = node::fetch_status(server, options.digest);
      if (!answer) {
        ++silent_here;
        complain(answer.error().message);
      } else {
        rows.push_back(std::move(answer).value());
      }
    }
    silent += silent_here;
    if (silent_here > site.f) {
      complain(fmt::format("{} servers of site {} are silent: more than f = {}", silent_here, site.name, site.f));
    }
  }
  if (options.json) {
    nlohmann::json conditions = base_conditions();
    conditions["topology"] = options.topology;
    conditions["silent_servers"] = silent;
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(2));
  } else {
    print_table(rows, options.drops);
  }
  return silent == 0 ? kDone : kFailed;
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand(
      "status",
      "view, leader and its turnaround time against the bound, progress, blacklist and drops of every server");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  command.add_flag("--drops", options->drops, "list the drops by reason");
  command.add_flag("--digest", options->digest, "add the digest of each server's state; walks all of it");
  command.add_flag("--evidence", options->evidence,
                   "instead: servers and sites that were found faulty on links, and the signed messages that prove it");
  command.add_flag("--json", options->json, "print one JSON object");
  command.callback([options, &exit_status] { exit_status = status(*options); });
}

}  // namespace garrison::apps
