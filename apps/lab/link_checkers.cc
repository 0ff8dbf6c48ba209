#include "apps/lab/link_checkers.h"

#include <set>

#include "control/config/names.h"
#include "crypto/digest.h"

namespace garrison::lab {

void LinkCheckers::watch(SiteId site, ServerId server, site::LogicalMachine& machine) {
  machine.on_link = [this, site, server](const site::LinkName& name, ByteView content) {
    on_link(site, server, name, content);
  };
  machine.on_convicted = [this, site, server](std::uint64_t events, const site::Conviction& conviction) {
    on_convicted(site, server, events, conviction);
  };
}

void LinkCheckers::report(std::string what) {
  if (!common_->violation.has_value()) common_->violation = std::move(what);
}

void LinkCheckers::on_link(SiteId site, ServerId server, const site::LinkName& name, ByteView content) {
  const Name key{name.source, name.destination, name.traffic, name.sequence};
  if (name.source == site) {
    said_.try_emplace(key, crypto::sha256(content));  // that all servers of a site say the same is held elsewhere
    return;
  }
  const std::string who = config::server_name(site, server);
  SeqNum& executed = executed_[{site, server, name.source, name.traffic}];
  const bool in_order =
      name.traffic == TrafficClass::bounded ? name.sequence == executed.next() : name.sequence > executed;
  executed = name.sequence;
  if (byzantine_.contains(ServerId(name.source.value()))) return;
  if (!in_order) return report("links: " + who + " executes a link message of another turn");
  const auto at = said_.find(key);
  if (at == said_.end() || at->second != crypto::sha256(content)) {
    report("links: " + who + " executes what site " + config::site_name(name.source) + " has not said");
  }
}

void LinkCheckers::on_convicted(SiteId site, ServerId server, std::uint64_t events,
                                const site::Conviction& conviction) {
  const std::string who = config::server_name(site, server);
  const std::string offence(name(conviction.offence));
  if (!byzantine_.contains(ServerId(conviction.site.value()))) {
    if (conviction.servers.empty()) {
      report("blacklists: " + who + " lists site " + config::site_name(conviction.site) + " for " + offence);
    }
    conviction.servers.for_each([&](ServerId listed) {
      if (faulty_of_[conviction.site.index()].contains(listed)) return;
      report("blacklists: " + who + " lists " + config::server_name(conviction.site, listed) + " for " + offence);
    });
  }
  const Listed entry{events, conviction.site, conviction.servers, conviction.offence};
  std::vector<Listed>& list = listed_[site];
  std::size_t& position = position_[{site, server}];
  if (position == list.size()) list.push_back(entry);
  if (list[position++] != entry) report("blacklists: " + who + " lists others than its site, or elsewhere");
}

std::optional<std::string> LinkCheckers::too_many_failures(const site::LogicalMachine& machine, std::size_t f) const {
  const site::MachineStatus status = machine.status();
  const std::uint64_t bound = (machine.blacklist().sites() - 1) * (f + 1) + status.forgotten;
  if (status.failed_decodings <= bound) return std::nullopt;
  return "links: decoding failed " + std::to_string(status.failed_decodings) + " times, of " + std::to_string(bound);
}

std::size_t LinkCheckers::listed() const {
  std::set<std::pair<SiteId, std::uint32_t>> all;
  for (const auto& [site, list] : listed_) {
    for (const Listed& each : list) {
      if (each.servers.empty()) all.emplace(each.site, ~std::uint32_t{0});
      each.servers.for_each([&](ServerId server) { all.emplace(each.site, server.value()); });
    }
  }
  return all.size();
}

}  // namespace garrison::lab
