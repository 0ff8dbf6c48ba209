#include "apps/lab/link_checkers.h"

#include "control/config/names.h"
#include "crypto/digest.h"

namespace garrison::lab {

void LinkCheckers::watch(SiteId site, ServerId server, site::LogicalMachine& machine) {
  machine.on_link = [this, site, server, &machine](const site::LinkName& name, ByteView content) {
    if (name.source == site) return on_said(name, content);
    on_executed(site, server, machine.status().events, name, content);
  };
  machine.on_convicted = [this, site, server](std::uint64_t events, const site::Conviction& conviction) {
    on_convicted(site, server, events, conviction);
  };
  machine.on_restored = [this, site, server, &machine] {
    on_restored(site, server, machine.status().events, machine.status().link_messages);
  };
}

void LinkCheckers::report(std::string what) {
  if (!common_->violation.has_value()) common_->violation = std::move(what);
}

// That all servers of a site say the same is held elsewhere.
void LinkCheckers::on_said(const site::LinkName& name, ByteView content) {
  said_.try_emplace({name.source, name.destination, name.traffic, name.sequence}, crypto::sha256(content));
}

void LinkCheckers::on_executed(SiteId site, ServerId server, std::uint64_t events, const site::LinkName& name,
                               ByteView content) {
  InStep<Executed>& links = executed_[site];
  const Executed executed{events, name.source, name.traffic, name.sequence, crypto::sha256(content)};
  if (!links.behind(server)) check_first(site, server, executed);
  if (links.agrees(server, executed)) return;
  report("same links: " + config::server_name(site, server) +
         " executes another link message than its site, or elsewhere");
}

void LinkCheckers::check_first(SiteId site, ServerId server, const Executed& executed) {
  const std::pair link(site, executed.source);
  bool in_turn = false;
  if (executed.traffic == TrafficClass::timely) {
    in_turn = timely_[link].insert(executed.sequence).second;
  } else {
    in_turn = executed.sequence == bounded_[link].next();
    bounded_[link] = executed.sequence;
  }
  if (byzantine_.contains(ServerId(executed.source.value()))) return;
  const std::string who = config::server_name(site, server);
  if (!in_turn) return report("links: " + who + " executes a link message of another turn");
  const auto at = said_.find({executed.source, site, executed.traffic, executed.sequence});
  if (at == said_.end() || at->second != executed.content) {
    report("links: " + who + " executes what site " + config::site_name(executed.source) + " has not said");
  }
}

void LinkCheckers::on_restored(SiteId site, ServerId server, std::uint64_t events, std::uint64_t link_messages) {
  listed_[site].jump(server, events);
  const std::size_t by_others = executed_[site].jump(server, events);
  if (by_others == link_messages) return;
  report("handed over: " + config::server_name(site, server) + " goes on behind " + std::to_string(link_messages) +
         " link messages, of which others of its site had executed " + std::to_string(by_others));
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
  if (!listed_[site].agrees(server, {events, conviction.site, conviction.servers, conviction.offence})) {
    report("blacklists: " + who + " lists others than its site, or elsewhere");
  }
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
    for (const Listed& each : list.done()) {
      if (each.servers.empty()) all.emplace(each.site, ~std::uint32_t{0});
      each.servers.for_each([&](ServerId server) { all.emplace(each.site, server.value()); });
    }
  }
  return all.size();
}

}  // namespace garrison::lab
