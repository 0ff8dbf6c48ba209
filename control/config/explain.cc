// What a topology promises, in the words of an operator.
#include <fmt/format.h>

#include "control/config/topology.h"
#include "control/ordering/quorum.h"

namespace garrison::config {
namespace {

std::string_view plural(std::size_t count) { return count == 1 ? "" : "s"; }

std::string describe(const PortSettings& lan) {
  switch (lan.port) {
    case PortSettings::Port::inproc:
      return "inproc";
    case PortSettings::Port::af_packet:
      return "af_packet:" + lan.device;
    case PortSettings::Port::dpdk:
      return lan.device;
  }
  return lan.device;
}

std::string describe(const SiteSettings& site) {
  const std::size_t n = site.n();
  const std::size_t f = site.f;
  std::string text =
      fmt::format("site {}: n = {} servers, f = {}, quorum {}\n", site.name, n, f, ordering::quorum(n, f));
  text += fmt::format(
      "  tolerates {0} server{1} in the hands of an attacker, crashed or cut off: the service stays consistent and "
      "goes\n"
      "  on. With more than {0} silent it stops, consistent, until {2} are back; with more than {0} compromised "
      "nothing\n"
      "  is promised. A client believes a result that {3} servers agree on: one of them is correct.\n",
      f, plural(f), ordering::quorum(n, f), f + 1);
  for (const ServerSettings& server : site.servers) {
    text += fmt::format("  {:<4} lan {} {} {}:{}  clients {}  admin {}\n", server.name, describe(server.lan),
                        to_string(server.lan.mac), to_string(server.lan.ip), server.lan.udp_port,
                        to_string(server.client), to_string(server.admin));
  }
  if (site.servers.front().lan.port == PortSettings::Port::inproc) {
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

std::string describe(const PrimeSettings& prime) {
  return fmt::format("prime: {}, PO-REQUEST {}, PO-SUMMARY {}, SUMMARY-MATRIX {}, PRE-PREPARE {}\n",
                     prime.eager ? "at once when idle, at least every" : "once every",
                     to_string(prime.po_request_period), to_string(prime.po_summary_period),
                     to_string(prime.summary_matrix_period), to_string(prime.pre_prepare_period)) +
         fmt::format("a leader is replaced when its turnaround exceeds {} round trips and {}\n", prime.k_lat,
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

}  // namespace

std::string explain(const Topology& topology) {
  std::string text = fmt::format("system {} (id {:#x}): service {}, {} site{}, {} client{}\n", topology.name,
                                 topology.system.value(), name(topology.service), topology.sites.size(),
                                 plural(topology.sites.size()), topology.client.count, plural(topology.client.count));
  for (const SiteSettings& site : topology.sites) text += describe(site);

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
  text += fmt::format("link: IP packets of at most {} bytes, TIMELY messages sent {}\n", topology.link.ip_mtu,
                      topology.link.lossy ? "twice" : "once");
  return text + (topology.local_protocol == LocalProtocol::prime ? describe(topology.prime) : describe(topology.bft));
}

}  // namespace garrison::config
