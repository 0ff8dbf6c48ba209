#include "apps/commands/chosen_servers.h"

#include <fmt/format.h>

#include <set>

#include "control/config/names.h"

namespace garrison::apps {

CLI::Option& add_servers_option(CLI::App& command, const std::string& help, std::vector<std::string>& out) {
  return *command.add_option("-s,--server", out, help)->delimiter(',');
}

Result<std::vector<node::SiteServer>> chosen_servers(const std::vector<std::string>& names,
                                                     const config::Topology& topology) {
  std::set<node::SiteServer> chosen;
  for (const std::string& name : names) {
    if (topology.find_server(name) == nullptr) {
      return Error{fmt::format("{} is no server of {}", name, topology.file)};
    }
    const auto [site, server] = *config::parse_server_name(name);
    chosen.insert({site, server});
  }
  if (names.empty()) {
    for (const config::SiteSettings& site : topology.sites) {
      for (const config::ServerSettings& server : site.servers) chosen.insert({site.id, server.id});
    }
  }
  return std::vector(chosen.begin(), chosen.end());
}

}  // namespace garrison::apps
