// [global] and [wan]: what several sites have among themselves.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "control/config/link_pairs.h"
#include "control/config/names.h"
#include "control/config/text_values.h"
#include "control/config/timing.h"
#include "control/config/topology_tables.h"

namespace garrison::config {
namespace {

constexpr std::array<std::pair<std::string_view, GlobalProtocol>, 1> kGlobalProtocols{
    {{"prime", GlobalProtocol::prime}}};
constexpr std::array<std::pair<std::string_view, LinkKind>, 7> kLinkKinds{
    {{"erasure", LinkKind::erasure},
     {"naive", LinkKind::naive},
     {"forwarder", LinkKind::forwarder},
     {"hub-optimistic", LinkKind::hub_optimistic},
     {"hub-minimum-parts", LinkKind::hub_minimum_parts},
     {"hub-immediate", LinkKind::hub_immediate},
     {"blink", LinkKind::blink}}};

template <typename T>
using Choices = std::span<const std::pair<std::string_view, T>>;

constexpr Duration kShortestTick = milliseconds(1);
constexpr Duration kLongestPeriod = seconds(10);
constexpr Duration kLongestBound = seconds(600);
constexpr std::string_view kWantedRate =
    "a rate; write digits and bit/s, kbit/s, Mbit/s or Gbit/s, such as \"10Mbit/s\"";

// Timers of the global protocol go off when a tick moves the site clock.
void check_periods(Section& section, const GlobalSettings& out) {
  for (const auto& [key, period] :
       {std::pair("po_request_period", out.prime.po_request_period),
        std::pair("po_summary_period", out.prime.po_summary_period),
        std::pair("summary_matrix_period", out.prime.summary_matrix_period),
        std::pair("pre_prepare_period", out.prime.pre_prepare_period),
        std::pair("tat_measure_period", out.prime.tat_measure_period),
        std::pair("rtt_ping_period", out.prime.rtt_ping_period), std::pair("sign_period", out.sign_period)}) {
    if (period >= out.site_clock_tick) continue;
    section.fault(key, fmt::format("{} is {}, and a site's clock moves once per tick of {}; raise it, or lower "
                                   "site_clock_tick",
                                   key, to_string(period), to_string(out.site_clock_tick)));
  }
}

// Where these do not hold, correct sites would suspect each other, or let a faulty server move their clocks.
void check_bounds(Section& section, const GlobalSettings& out, const PrimeSettings& local) {
  const GlobalBounds bounds = global_bounds(out, local);
  const auto ordered = [&](Duration tick) {
    return fmt::format("a tick of {} and the {} that a site may take to order it", to_string(tick),
                       to_string(local_ordering_bound(local)));
  };
  if (out.site_clock_rest < out.site_clock_tick) {
    section.fault("site_clock_rest", fmt::format("site_clock_rest is {}, less than site_clock_tick = {}; raise it",
                                                 to_string(out.site_clock_rest), to_string(out.site_clock_tick)));
  }
  if (out.clock_bound < bounds.clock_bound) {
    section.fault("clock_bound",
                  fmt::format("clock_bound is {}, less than four times {}; raise it to {}", to_string(out.clock_bound),
                              ordered(out.site_clock_rest), to_string(bounds.clock_bound)));
  }
  if (out.prime.delta_pp < bounds.delta_pp) {
    section.fault("delta_pp",
                  fmt::format("delta_pp of [global] is {}, less than pre_prepare_period, sign_period and "
                              "twice {}: a correct leader site would be suspected; raise it to {}",
                              to_string(out.prime.delta_pp), ordered(out.site_clock_tick), to_string(bounds.delta_pp)));
  }
}

// What [wan] says of all pairs, and a pair of itself.
void read_link_kind(Section& section, bool in_process, WanPair& out) {
  section.one_of("kind", out.kind, Choices<LinkKind>(kLinkKinds));
  section.duration("delay", out.delay, Duration(), seconds(10));
  if (section.has("delay") && !in_process) {
    section.fault("delay",
                  "delay is of the network inside one process, and these wan ports are not \"inproc\"; take "
                  "it away: a real network has its own");
  }
}

void read_rate(Section& section, std::string_view key, std::optional<BitRate>& out) {
  BitRate rate;
  section.parsed(key, rate, parse_rate, kWantedRate);
  if (section.has(key)) out = rate;
}

// The two sites that `between` names, the lower one first.
std::optional<std::pair<SiteId, SiteId>> read_between(Section& section, std::size_t sites) {
  std::vector<std::string> names;
  section.texts("between", names);
  std::vector<SiteId> named;
  for (const std::string& name : names) {
    const auto site = parse_site_name(name);
    if (site && site->index() < sites) named.push_back(*site);
  }
  if (names.size() != 2 || named.size() != 2 || named[0] == named[1]) {
    section.fault(
        "between",
        fmt::format(
            "between names no two sites of this file; write two of {}, such as "
            "[\"A\", \"B\"]",
            sites == 2 ? "A and B" : fmt::format("A to {}", site_name(SiteId(static_cast<std::uint16_t>(sites - 1))))));
    return std::nullopt;
  }
  return std::minmax({named[0], named[1]});
}

void read_pair(Faults& faults, const toml::table& table, bool in_process, std::size_t sites, WanSettings& out,
               std::vector<std::pair<SiteId, SiteId>>& seen) {
  Section section(faults, table, "[[wan.pair]]", {"between", "kind", "delay", "rate"}, {"between"});
  const auto between = read_between(section, sites);
  if (!between) return;
  if (std::ranges::find(seen, *between) != seen.end()) {
    return section.fault("between", fmt::format("{} and {} have a [[wan.pair]] already; keep one",
                                                site_name(between->first), site_name(between->second)));
  }
  seen.push_back(*between);
  WanPair& pair = *std::ranges::find_if(
      out.pairs, [&](const WanPair& one) { return std::pair(one.first, one.second) == *between; });
  read_link_kind(section, in_process, pair);
  read_rate(section, "rate", pair.rate);
  if (pair.rate && out.rate && *pair.rate > *out.rate) {
    section.fault("rate", fmt::format("a site sends at most {} in all ([wan] rate), so not {} to one other; lower it",
                                      to_string(*out.rate), to_string(*pair.rate)));
  }
}

void read_wan(Faults& faults, const toml::table& table, bool in_process, std::size_t sites, WanSettings& out) {
  Section section(faults, table, "[wan]",
                  {"kind", "delay", "rate", "hub_timeout", "longest_hub_timeout", "adaptive_sets", "blink_timeout",
                   "ip_mtu", "lossy", "pair"});
  WanPair common;
  read_link_kind(section, in_process, common);
  read_rate(section, "rate", out.rate);
  section.duration("hub_timeout", out.hub_timeout, kShortestTick, kLongestPeriod);
  if (section.has("longest_hub_timeout")) {
    section.duration("longest_hub_timeout", out.longest_hub_timeout.emplace(), out.hub_timeout, kLongestPeriod);
  }
  section.boolean("adaptive_sets", out.adaptive_sets);
  section.duration("blink_timeout", out.blink_timeout, kShortestTick, kLongestBound);
  read_link(section, out.link);
  for (std::size_t first = 0; first < sites; ++first) {
    for (std::size_t second = first + 1; second < sites; ++second) {
      common.first = SiteId(static_cast<std::uint16_t>(first));
      common.second = SiteId(static_cast<std::uint16_t>(second));
      out.pairs.push_back(common);
    }
  }
  std::vector<std::pair<SiteId, SiteId>> seen;
  for (const toml::table* pair : section.tables("pair")) read_pair(faults, *pair, in_process, sites, out, seen);
}

void check_naive(Section& root, const Topology& out) {
  for (const WanPair& pair : out.wan.pairs) {
    const SiteSettings& first = out.site(pair.first);
    const SiteSettings& second = out.site(pair.second);
    const std::size_t copies = naive_copies({first.n(), first.f}, {second.n(), second.f});
    if (pair.kind != LinkKind::naive || copies <= kMaxLinkParts) continue;
    return root.fault("wan", fmt::format("a naive link between {} and {} would carry {} copies of each message, and {} "
                                         "can be told apart; write kind = \"erasure\"",
                                         first.name, second.name, copies, kMaxLinkParts));
  }
}

// A pair of correct servers would be taken for a faulty one.
void check_blink(Section& root, const Topology& out) {
  for (const WanPair& pair : out.wan.pairs) {
    const Duration bound = blink_timeout_bound(out, pair);
    if (pair.kind != LinkKind::blink || out.wan.blink_timeout >= bound) continue;
    return root.fault("wan", fmt::format("blink_timeout is {}, and an acknowledgement between {} and {} may take {}; "
                                         "raise it",
                                         to_string(out.wan.blink_timeout), out.site(pair.first).name,
                                         out.site(pair.second).name, to_string(bound)));
  }
}

// A site has forwarders exactly where one of its links goes over them.
void check_forwarders(Section& root, const Topology& out) {
  for (const SiteSettings& site : out.sites) {
    const bool needed = std::ranges::any_of(out.wan.pairs, [&](const WanPair& pair) {
      return pair.kind == LinkKind::forwarder && (pair.first == site.id || pair.second == site.id);
    });
    if (needed == !site.forwarders.empty()) continue;
    return root.fault("site", needed
                                  ? fmt::format("links of site {} are of the kind \"forwarder\", and it has none; add "
                                                "\"forwarder\" to [[site]] {}",
                                                site.name, site.name)
                                  : fmt::format("site {} has a forwarder, and no link of that kind; take it away, or "
                                                "write kind = \"forwarder\" in [wan]",
                                                site.name));
  }
}

// Nothing is learned on a port: a forwarder with one must be told whom its frames go to.
void check_forwarder_ports(Section& root, const Topology& out) {
  std::vector<std::string> without;
  bool need_all = false;
  for (const SiteSettings& site : out.sites) {
    for (const ForwarderSettings& forwarder : site.forwarders) {
      if (!forwarder.wan_port.has_value()) without.push_back(site.name);
      need_all = need_all || (forwarder.wan_port.has_value() && !forwarder.wan_port->gateway.has_value());
    }
  }
  if (!need_all || without.empty()) return;
  root.fault("site", fmt::format("a forwarder with a port and no gateway reaches only forwarders with a port, and that "
                                 "of site {} has none; write its wan as a table, or add the gateway",
                                 without.front()));
}

}  // namespace

void read_global(Faults& faults, const toml::table& table, std::size_t sites, const PrimeSettings& local,
                 GlobalSettings& out) {
  std::vector<std::string_view> known{"protocol",    "f",          "site_clock_tick", "site_clock_rest",
                                      "sign_period", "hurry_rate", "clock_bound"};
  known.insert(known.end(), kPrimeKeys.begin(), kPrimeKeys.end());
  Section section(faults, table, "[global]", std::move(known));
  section.one_of("protocol", out.protocol, Choices<GlobalProtocol>(kGlobalProtocols));
  out.f = (sites - 1) / 3;
  section.integer("f", out.f, std::size_t{0}, kMaxFaults);
  if (sites < 3 * out.f + 1) {
    section.fault("f", fmt::format("there are {} sites, too few for f = {} in [global]; make it {} sites or f = {}",
                                   sites, out.f, 3 * out.f + 1, (sites - 1) / 3));
  }
  section.duration("site_clock_tick", out.site_clock_tick, kShortestTick, kLongestPeriod);
  section.duration("site_clock_rest", out.site_clock_rest, kShortestTick, kLongestPeriod);
  section.duration("sign_period", out.sign_period, kShortestTick, kLongestPeriod);
  read_rate(section, "hurry_rate", out.hurry_rate);
  section.duration("clock_bound", out.clock_bound, kShortestTick, kLongestBound);
  read_prime(section, out.prime);
  check_periods(section, out);
  check_bounds(section, out, local);
}

void read_wide_area(Faults& faults, Section& root, Topology& out) {
  const std::size_t sites = out.sites.size();
  if (sites == 1) {
    for (const std::string_view key : {"global", "wan"}) {
      if (!root.has(key)) continue;
      root.fault(key, fmt::format("[{}] is for several sites, and there is one; take it away, or add the others as "
                                  "[[site]]",
                                  key));
    }
    return;
  }
  if (out.local_protocol != LocalProtocol::prime) {
    return root.fault("protocol",
                      "with several sites their servers order more than clients' updates, which BFT cannot; "
                      "write local = \"prime\"");
  }
  // Without the tables, their defaults must fit what the others say.
  const toml::table none;
  const toml::table* const global = root.table("global");
  const toml::table* const wan = root.table("wan");
  if (faults.any()) return;
  const bool in_process = out.sites.front().servers.front().wan->port == PortSettings::Port::inproc;
  read_global(faults, global != nullptr ? *global : none, sites, out.prime, out.global);
  read_wan(faults, wan != nullptr ? *wan : none, in_process, sites, out.wan);
  check_naive(root, out);
  check_blink(root, out);
  check_forwarders(root, out);
  check_forwarder_ports(root, out);
}

std::string_view name(GlobalProtocol protocol) {
  return std::ranges::find(kGlobalProtocols, protocol, [](const auto& choice) { return choice.second; })->first;
}

std::string_view name(LinkKind kind) {
  return std::ranges::find(kLinkKinds, kind, [](const auto& choice) { return choice.second; })->first;
}

std::optional<LinkKind> link_kind(std::string_view name) {
  const auto found = std::ranges::find(kLinkKinds, name, [](const auto& choice) { return choice.first; });
  return found == kLinkKinds.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace garrison::config
