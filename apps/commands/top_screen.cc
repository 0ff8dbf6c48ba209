#include "apps/commands/top_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "apps/commands/status_text.h"

namespace garrison::apps {

namespace {

using nlohmann::json;

class Screen {
 public:
  Screen(const config::Topology& topology, const Look& before, const Look& now)
      : topology_(topology), before_(before), now_(now), elapsed_(now.seconds - before.seconds) {}

  [[nodiscard]] std::string text(std::size_t most_drops) {
    head();
    if (topology_.sites.size() > 1) sites();
    servers();
    drops(most_drops);
    return std::move(text_);
  }

 private:
  [[nodiscard]] const json* find(const std::string& server) const {
    const auto at = now_.servers.find(server);
    return at == now_.servers.end() ? nullptr : &at->second;
  }

  // Per second, of a number below `path` of a server's status; none without two looks at the same life of it.
  [[nodiscard]] std::optional<double> rate(const std::string& server, const std::string& path) const {
    const auto old = before_.servers.find(server);
    const json* const status = find(server);
    const json::json_pointer at(path);
    if (status == nullptr || old == before_.servers.end() || elapsed_ <= 0) return std::nullopt;
    if (!status->contains(at) || !old->second.contains(at)) return std::nullopt;
    const auto value = status->at(at).get<double>();
    const auto was = old->second.at(at).get<double>();
    return value < was ? std::nullopt : std::optional((value - was) / elapsed_);
  }
  [[nodiscard]] std::string shown(const std::string& server, const std::string& path) const {
    const auto per_second = rate(server, path);
    return per_second.has_value() ? fmt::format("{:.0f}", *per_second) : "-";
  }

  // The server of a site that has executed most: what it says of the site is newest. None when nobody answers.
  [[nodiscard]] const config::ServerSettings* best_of(const config::SiteSettings& site) const {
    const config::ServerSettings* best = nullptr;
    std::uint64_t most = 0;
    for (const config::ServerSettings& server : site.servers) {
      const json* const status = find(server.name);
      if (status == nullptr) continue;
      const auto executed = status->at("updates_executed").get<std::uint64_t>();
      if (best != nullptr && executed <= most) continue;
      best = &server;
      most = executed;
    }
    return best;
  }

  void head() {
    std::size_t all = 0;
    for (const config::SiteSettings& site : topology_.sites) all += site.n();
    text_ += fmt::format("{}: {} {}, {} of {} servers answer\n", topology_.name, topology_.sites.size(),
                         topology_.sites.size() == 1 ? "site" : "sites", now_.servers.size(), all);
    for (const config::SiteSettings& site : topology_.sites) {
      const auto silent = static_cast<std::size_t>(std::ranges::count_if(
          site.servers, [&](const config::ServerSettings& server) { return find(server.name) == nullptr; }));
      if (silent <= site.f) continue;
      text_ += fmt::format("site {}: {} servers are silent, more than f = {}\n", site.name, silent, site.f);
    }
  }

  void sites() {
    text_ += fmt::format("\n{:<5} {:>6} {:>7} {:>15} {:>9} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9}  {}\n", "site", "view",
                         "leader", "TAT/bound ms", "ordered/s", "links/s", "signed/s", "kB/s out", "parts/msg",
                         "needless", "cancelled", "demoted");
    for (const config::SiteSettings& site : topology_.sites) {
      const config::ServerSettings* const best = best_of(site);
      if (best == nullptr || find(best->name)->at("among_sites").is_null()) continue;
      const json& among = find(best->name)->at("among_sites");
      double bytes = 0;
      for (const config::ServerSettings& server : site.servers) {
        bytes += rate(server.name, "/among_sites/bytes_sent").value_or(0);
      }
      const Hub hub = hub_of(site);
      text_ += fmt::format("{:<5} {:>6} {:>7} {:>15} {:>9} {:>9} {:>9} {:>10.1f} {:>10} {:>9} {:>9}  {}\n", site.name,
                           among.at("view").get<std::uint64_t>(), leader(among), turnaround(among),
                           shown(best->name, "/among_sites/globally_ordered"),
                           shown(best->name, "/among_sites/link_messages_executed"),
                           shown(best->name, "/among_sites/site_signatures"), bytes / 1e3, hub.parts, hub.needless,
                           hub.cancelled, joined(among.at("demoted_on_hub")));
    }
  }

  struct Hub {
    std::string parts = "-";  // sent of each link message; k of them decode it
    std::string needless = "-";
    std::string cancelled = "-";
  };
  [[nodiscard]] Hub hub_of(const config::SiteSettings& site) const {
    const auto sum = [&](const char* what) {
      double all = 0;
      for (const config::ServerSettings& server : site.servers) {
        all += rate(server.name, std::string("/among_sites/hub/") + what).value_or(0);
      }
      return all;
    };
    const double messages = sum("link_messages") / static_cast<double>(site.n());
    if (messages <= 0) return {};
    const double parts = sum("sent_first_set") + sum("sent_second_set") + sum("sent_asked");
    return {.parts = fmt::format("{:.2f}", parts / messages),
            .needless = fmt::format("{:.0f}%", parts > 0 ? 100 * sum("needless") / parts : 0),
            .cancelled = fmt::format("{:.0f}", sum("cancelled"))};
  }

  void servers() {
    text_ += fmt::format("\n{:<7} {:>6} {:>7} {:>13} {:>9} {:>8} {:>9} {:>10} {:>9} {:>9} {:>8}  {:<9} {}\n", "server",
                         "view", "leader", "TAT/bound ms", "updates/s", "waiting", "signed/s", "verified/s",
                         "frames in", "frames out", "drops/s", "blacklist", "state");
    for (const config::SiteSettings& site : topology_.sites) {
      for (const config::ServerSettings& server : site.servers) row(server.name);
    }
  }

  void row(const std::string& name) {
    const json* const status = find(name);
    if (status == nullptr) {
      text_ += fmt::format("{:<7} does not answer\n", name);
      return;
    }
    double drops = 0;
    for (const auto& [reason, count] : status->at("drops").items()) drops += dropped(name, reason).value_or(0);
    const bool running = status->at("running").get<bool>();
    const bool catches_up = status->at("state_transfer").at("catching_up").get<bool>();
    text_ +=
        fmt::format("{:<7} {:>6} {:>7} {:>13} {:>9} {:>8} {:>9} {:>10} {:>9} {:>9} {:>8.0f}  {:<9} {}\n", name,
                    status->at("view").get<std::uint64_t>(), leader(*status), turnaround(*status),
                    shown(name, "/updates_executed"), status->at("updates_waiting").get<std::uint64_t>(),
                    shown(name, "/messages_signed"), shown(name, "/messages_verified"), shown(name, "/frames_received"),
                    shown(name, "/frames_sent"), drops, joined(status->at("blacklist")),
                    !running     ? "stopped"
                    : catches_up ? "catches up"
                                 : "runs");
  }

  // Drops of one reason per second; a reason that was not there before counts from zero.
  [[nodiscard]] std::optional<double> dropped(const std::string& server, const std::string& reason) const {
    const auto old = before_.servers.find(server);
    if (old == before_.servers.end() || elapsed_ <= 0) return std::nullopt;
    const auto count = find(server)->at("drops").at(reason).get<double>();
    const double was = old->second.at("drops").value(reason, 0.0);
    return count < was ? std::nullopt : std::optional((count - was) / elapsed_);
  }

  void drops(std::size_t most) {
    struct Reason {
      std::string name;
      double per_second = 0;
      std::uint64_t total = 0;
    };
    std::map<std::string, Reason> by_name;
    for (const auto& [server, status] : now_.servers) {
      for (const auto& [reason, count] : status.at("drops").items()) {
        Reason& one = by_name[reason];
        one.name = reason;
        one.per_second += dropped(server, reason).value_or(0);
        one.total += count.get<std::uint64_t>();
      }
    }
    if (by_name.empty()) return;
    std::vector<Reason> reasons;
    for (const auto& [name, reason] : by_name) reasons.push_back(reason);
    std::ranges::sort(reasons, [](const Reason& a, const Reason& b) {
      return std::tie(b.per_second, b.total, a.name) < std::tie(a.per_second, a.total, b.name);
    });
    text_ += fmt::format("\n{:<40} {:>9} {:>12}\n", "dropped by all servers", "per s", "in all");
    for (std::size_t i = 0; i < std::min(most, reasons.size()); ++i) {
      text_ += fmt::format("{:<40} {:>9.0f} {:>12}\n", reasons[i].name, reasons[i].per_second, reasons[i].total);
    }
    if (reasons.size() > most) text_ += fmt::format("and {} reasons more\n", reasons.size() - most);
  }

  const config::Topology& topology_;
  const Look& before_;
  const Look& now_;
  double elapsed_;
  std::string text_;
};

}  // namespace

std::string top_screen(const config::Topology& topology, const Look& before, const Look& now, std::size_t most_drops) {
  return Screen(topology, before, now).text(most_drops);
}

}  // namespace garrison::apps
