#include "control/site/hub_duties.h"

#include <algorithm>

namespace garrison::site {

HubDuties::HubDuties(const HubDutiesConfig& config) : config_(config), links_(config.sites) {
  CHECK(config.servers >= 3 * config.faulty + 1 && config.servers <= kMaxServersPerSite);
  CHECK(config.term > Duration() && config.longest_term >= config.term);
  for (Link& link : links_) {
    link.reports.resize(config.servers);
    link.standings.resize(config.servers);
  }
}

void HubDuties::on_report(Instant now, ServerId reporter, SiteId destination, ServerSet missed) {
  if (destination.index() >= links_.size() || reporter.index() >= config_.servers) return;
  Link& link = links_[destination.index()];
  link.reports[reporter.index()] = missed;
  judge(now, link);
}

void HubDuties::on_time(Instant now) {
  for (Link& link : links_) {
    const ServerSet before = link.demoted;
    before.for_each([&](ServerId server) {
      if (link.standings[server.index()].back > now) return;
      link.demoted.erase(server);
      for (ServerSet& report : link.reports) report.erase(server);  // what is said of it from now on counts anew
    });
    if (link.demoted != before) judge(now, link);
  }
}

void HubDuties::judge(Instant now, Link& link) {
  for (std::size_t i = 0; i < config_.servers && link.demoted.size() < config_.faulty; ++i) {
    const ServerId server(static_cast<std::uint16_t>(i));
    if (link.demoted.contains(server)) continue;
    const auto saying =
        std::ranges::count_if(link.reports, [&](const ServerSet& report) { return report.contains(server); });
    if (static_cast<std::size_t>(saying) <= config_.faulty) continue;
    Standing& standing = link.standings[i];
    const bool first = standing.term == Duration() || now >= standing.back + standing.term * kProbation;
    standing.term = first ? config_.term : std::min(standing.term * 2, config_.longest_term);
    standing.back = now + standing.term;
    link.demoted.insert(server);
    ++demotions_;
  }
}

ServerSet HubDuties::demoted() const {
  ServerSet all;
  for (const Link& link : links_) link.demoted.for_each([&](ServerId server) { all.insert(server); });
  return all;
}

Instant HubDuties::next_wakeup() const {
  Instant next = Instant::never();
  for (const Link& link : links_) {
    link.demoted.for_each([&](ServerId server) { next = earlier(next, link.standings[server.index()].back); });
  }
  return next;
}

}  // namespace garrison::site
