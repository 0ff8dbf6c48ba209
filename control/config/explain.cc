// What a topology promises, in the words of an operator.
#include <fmt/format.h>

#include <map>
#include <string>

#include "control/config/hub_sets.h"
#include "control/config/link_pairs.h"
#include "control/config/timing.h"
#include "control/config/topology.h"
#include "control/ordering/quorum.h"

namespace garrison::config {
namespace {

std::string_view plural(std::size_t count) { return count == 1 ? "" : "s"; }

std::string_view device(const PortSettings& port) {
  return port.port == PortSettings::Port::inproc ? "inproc" : std::string_view(port.device);
}

std::string describe(const PortSettings& port) {
  return fmt::format("{}{} {} {}:{}", port.port == PortSettings::Port::af_packet ? "af_packet:" : "", device(port),
                     to_string(port.mac), to_string(port.ip), port.udp_port);
}

std::string promise(std::size_t n, std::size_t f) {
  return fmt::format(
      "  tolerates {0} server{1} in the hands of an attacker, crashed or cut off: the service stays consistent and "
      "goes\n"
      "  on. With more than {0} silent it stops, consistent, until {2} are back; with more than {0} compromised "
      "nothing\n"
      "  is promised. A client believes a result that {3} servers agree on: one of them is correct.\n",
      f, plural(f), ordering::quorum(n, f), f + 1);
}

// `alike`: the site before is like this one: what is true of both is said already.
std::string describe(const SiteSettings& site, bool alike) {
  const std::size_t n = site.n();
  const std::size_t f = site.f;
  std::string text =
      fmt::format("site {}: n = {} servers, f = {}, quorum {}\n", site.name, n, f, ordering::quorum(n, f));
  if (!alike) text += promise(n, f);
  for (const ServerSettings& server : site.servers) {
    text += fmt::format("  {:<4} lan {}  clients {}  admin {}\n", server.name, describe(server.lan),
                        to_string(server.client), to_string(server.admin));
    if (server.wan) {
      text += fmt::format("  {:<4} wan {}{}\n", "", describe(*server.wan),
                          server.wan->gateway ? "  gateway " + to_string(*server.wan->gateway) : "");
    }
  }
  if (!alike && site.servers.front().lan.port == PortSettings::Port::inproc) {
    text += "  inproc: all servers live in one process; that is for trying out, it tolerates no loss of the machine\n";
  }
  return text;
}

std::string_view first_to(ClientPattern pattern) {
  switch (pattern) {
    case ClientPattern::one_server:
      return "one server";
    case ClientPattern::f_plus_one:
      return "f + 1 servers";
    case ClientPattern::all:
      return "all servers";
  }
  return "?";
}

std::string describe(const PrimeSettings& prime, std::string_view whose, std::string_view leader) {
  return fmt::format("{}: {}, PO-REQUEST {}, PO-SUMMARY {}, SUMMARY-MATRIX {}, PRE-PREPARE {}\n", whose,
                     prime.eager ? "at once when idle, at least every" : "once every",
                     to_string(prime.po_request_period), to_string(prime.po_summary_period),
                     to_string(prime.summary_matrix_period), to_string(prime.pre_prepare_period)) +
         fmt::format("{} is replaced when its turnaround exceeds {} round trips and {}\n", leader, prime.k_lat,
                     to_string(prime.delta_pp));
}

std::string describe(const BftSettings& bft) {
  return fmt::format(
      "bft: the leader is suspected when a server's oldest update takes {}; a malicious leader may use all of it for "
      "every\n"
      "  update. The timeout doubles with every view change and {}.\n"
      "  PRE-PREPARE, PREPARE and COMMIT under {}, a checkpoint every {} sequence numbers, a window of {}\n",
      to_string(bft.timeout), bft.keep_timeout ? "is never lowered" : "is lowered when a view makes progress",
      bft.authentication == message::Authentication::channel ? "the channels' MACs" : "signatures",
      bft.checkpoint_interval, bft.window);
}

// What the loss of sites does.
std::string describe_sites(std::size_t n, std::size_t f) {
  const std::size_t quorum = ordering::quorum(n, f);
  std::string text = fmt::format("sites: N = {}, F = {}, quorum {}\n", n, f, quorum);
  if (n == 2) {
    return text +
           "  the loss of either site stops the other, consistent, until both are back: two sites tolerate no faulty "
           "one,\n"
           "  but any f servers in each. Losing one and going on takes four sites.\n";
  }
  if (f == 0) {
    return text +
           fmt::format(
               "  tolerates no faulty site: when one is lost, the others may stop, consistent, until it is back. "
               "It takes {}\n",
               n < 4 ? "four sites to go on without one" : "f = 1 in [global] to go on without one");
  }
  return text + fmt::format(
                    "  tolerates {0} site{1} in the hands of an attacker, lost or cut off, which a site is when more "
                    "than f of its\n"
                    "  servers are: the others stay consistent and go on. With more than {0} silent they stop, "
                    "consistent, until\n"
                    "  {2} are back; with more than {0} compromised nothing is promised.\n",
                    f, plural(f), quorum);
}

std::string describe_hub(LinkKind kind, LinkEnd sender, LinkEnd receiver) {
  const HubSets sets(sender, receiver);
  const double worst = static_cast<double>(sets.count()) / static_cast<double>(sets.needed());
  const std::size_t each = receiver.f + 1;
  const std::string parts = fmt::format("{} parts, any {} of them decode; overhead ", sets.count(), sets.needed());
  if (kind == LinkKind::hub_immediate)
    return parts + fmt::format("{:.2f}, {} local orderings", worst, each * sets.count());
  return parts + fmt::format("1 to {:.2f}, {} to {} local orderings", worst, each * sets.needed(), each * sets.count());
}

// What a link costs.
std::string describe_link(LinkKind kind, LinkEnd one, LinkEnd other) {
  if (kind == LinkKind::naive) {
    return fmt::format("f + 1 servers send the whole message to f + 1 each; overhead {}, at most {} local orderings",
                       (one.f + 1) * (other.f + 1), std::max(one.f, other.f) + 1);
  }
  if (kind == LinkKind::forwarder) {
    return fmt::format("dependable forwarders send each message once; overhead 1, {} local orderings",
                       std::max(one.f, other.f) + 1);
  }
  if (kind == LinkKind::blink) {
    return "one server of each site sends each message once, to its peer; overhead 1, 1 local ordering";
  }
  if (on_hub(kind)) return describe_hub(kind, one, other);
  const LinkPairs pairs(one, other);
  return fmt::format("{} parts, any {} of them decode; overhead {:.2f}, {} local orderings", pairs.count(),
                     pairs.needed(), static_cast<double>(pairs.count()) / static_cast<double>(pairs.needed()),
                     pairs.count());
}

std::string describe_links(const Topology& topology) {
  const auto end = [&](SiteId id) { return LinkEnd{topology.site(id).n(), topology.site(id).f}; };
  std::map<std::string, std::string> alike;  // by what is said of them, the pairs
  for (const WanPair& pair : topology.wan.pairs) {
    std::string said =
        fmt::format("{}: {}", name(pair.kind), describe_link(pair.kind, end(pair.first), end(pair.second)));
    if (pair.delay != Duration()) said += fmt::format(", {} one way", to_string(pair.delay));
    if (pair.rate) said += fmt::format(", at most {}", to_string(*pair.rate));
    std::string& pairs = alike[said];
    pairs += fmt::format("{}{}-{}", pairs.empty() ? "" : " ", topology.site(pair.first).name,
                         topology.site(pair.second).name);
  }
  std::string text =
      "links: overhead is what crosses the wide area over the size of a message, at best and at worst; local "
      "orderings are\n"
      "  what the receiving site orders for it; only hub-optimistic, hub-minimum-parts and blink ever wait for a "
      "timeout\n";
  for (const auto& [said, pairs] : alike) text += fmt::format("  {}  {}\n", alike.size() == 1 ? "all" : pairs, said);
  return text;
}

std::string describe_wide_area(const Topology& topology) {
  const GlobalSettings& global = topology.global;
  const WanSettings& wan = topology.wan;
  std::string text = describe_sites(topology.sites.size(), global.f) + describe_links(topology);
  text += fmt::format(
      "wan: IP packets of at most {} bytes, TIMELY messages sent {}, {}\n", wan.link.ip_mtu,
      wan.link.lossy ? "twice" : "once",
      wan.rate ? fmt::format("a site sends at most {}", to_string(*wan.rate)) : "no limit to what a site sends");
  text += describe(global.prime, "prime of the sites", "a leader site");
  return text + fmt::format(
                    "site clocks: a tick every {}, or {} at rest, ordered within {} at worst; one server's clock "
                    "counts up to {} from "
                    "its site's;\n"
                    "  a site signs once every {}{}\n",
                    to_string(global.site_clock_tick), to_string(global.site_clock_rest),
                    to_string(local_ordering_bound(topology.prime)), to_string(global.clock_bound),
                    to_string(global.sign_period),
                    global.hurry_rate
                        ? fmt::format(", and at once while it says less than {}", to_string(*global.hurry_rate))
                        : "");
}

}  // namespace

std::string explain(const Topology& topology) {
  std::string text = fmt::format("system {} (id {:#x}): service {}, {} site{}, {} client{}\n", topology.name,
                                 topology.system.value(), name(topology.service), topology.sites.size(),
                                 plural(topology.sites.size()), topology.client.count, plural(topology.client.count));
  const SiteSettings* previous = nullptr;
  for (const SiteSettings& site : topology.sites) {
    const auto port = [](const SiteSettings& one) { return one.servers.front().lan.port; };
    const bool alike = previous != nullptr && previous->f == site.f && port(*previous) == port(site);
    text += describe(site, alike);
    previous = &site;
  }
  if (topology.sites.size() > 1) text += describe_wide_area(topology);

  const crypto::Scheme server_scheme = topology.crypto.server_scheme;
  const crypto::Scheme client_scheme = topology.crypto.client_scheme;
  text += fmt::format("signatures: servers {} ({} bytes), clients {} ({} bytes), key epoch {}\n",
                      crypto::name(server_scheme), crypto::signature_bytes(server_scheme), crypto::name(client_scheme),
                      crypto::signature_bytes(client_scheme), topology.crypto.epoch.value());
  if (const auto site_scheme = topology.site_scheme()) {
    text += fmt::format("sites sign as one: {}, {} bytes\n", crypto::name(*site_scheme),
                        crypto::signature_bytes(*site_scheme));
  }
  text += fmt::format("clients: c1..c{}, {} operations in flight each, first to {}, to others after {}\n",
                      topology.client.count, topology.client.window, first_to(topology.client.pattern),
                      to_string(topology.client.timeout));
  if (topology.sites.size() > 1)
    text += "  of the sites in turn: c1 of A, c2 of B and so on; each talks to its own site\n";
  text += fmt::format("{}: IP packets of at most {} bytes, TIMELY messages sent {}\n",
                      topology.sites.size() > 1 ? "lan" : "link", topology.link.ip_mtu,
                      topology.link.lossy ? "twice" : "once");
  return text + (topology.local_protocol == LocalProtocol::prime ? describe(topology.prime, "prime", "a leader")
                                                                 : describe(topology.bft));
}

}  // namespace garrison::config
