// Devices of ports: drivers, addresses, links, what they can take; and neighbours as the kernel knows them.
#include <fmt/format.h>

#include <algorithm>

#include "apps/host/host_check.h"
#include "dataplane/io/ethdev_port.h"

namespace garrison::host {
namespace {

using config::PortDevice;
using runtime::SystemFiles;

constexpr std::string_view kVfio = "vfio-pci";

// Drivers of the kernel that DPDK works beside, not instead of.
bool bifurcated(const std::string& driver) { return driver == "mlx4_core" || driver == "mlx5_core"; }

bool carries_default_route(const HostFacts& facts, const std::string& device) {
  return std::ranges::binary_search(facts.default_route, device);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

std::string on_off(bool on) { return on ? "on" : "off"; }

std::string describe(const Interface& interface, const HostFacts& facts) {
  std::string text = fmt::format(
      "driver {}{}, node {}, {}, {}, promiscuous {}, MTU {}", interface.driver.empty() ? "none" : interface.driver,
      interface.pci.empty() ? "" : " on " + interface.pci,
      interface.numa_node < 0 ? "not known" : std::to_string(interface.numa_node),
      interface.mac.empty() ? "no MAC" : interface.mac,
      !interface.up                       ? "down"
      : interface.carrier.value_or(false) ? "link up"
                                          : "no link",
      on_off(interface.promiscuous), interface.mtu ? std::to_string(*interface.mtu) : "not known");
  if (interface.speed_mbps) text += fmt::format(", {} Mbit/s", *interface.speed_mbps);
  text += interface.rings ? fmt::format(", rings rx {}/{} tx {}/{}", interface.rings->rx, interface.rings->rx_max,
                                        interface.rings->tx, interface.rings->tx_max)
                          : ", rings not told";
  text += interface.pause
              ? fmt::format(", pause frames rx {} tx {}", on_off(interface.pause->rx), on_off(interface.pause->tx))
              : ", pause frames not told";
  return text + (carries_default_route(facts, interface.name) ? ", carries the default route" : "");
}

// One device of one port: what it is, and each thing that is wrong with it.
class DeviceCheck {
 public:
  DeviceCheck(const SystemFiles& files, const Ethtool& ethtool, const HostFacts& facts, const HostNeeds& needs,
              const PortNeed& port, Report& out)
      : files_(files), ethtool_(ethtool), facts_(facts), needs_(needs), port_(port), out_(out) {}

  void interface() {
    const auto found = read_interface(files_, ethtool_, port_.device.name);
    if (!found) {
      std::vector<std::string> names = files_.names("/sys/class/net");
      std::erase(names, "lo");
      return advise("there is no such interface here; there are: " + joined(names), edit("port"));
    }
    if (refused()) return;
    addresses(*found);
    link(*found);
    settings(*found);
  }

  void pci() {
    const auto found = read_pci_function(files_, port_.device.name);
    if (!found) {
      return advise("there is no such PCI device here; network controllers are: " + joined(facts_.functions),
                    edit("port"));
    }
    out_.facts.push_back({"device", found->address,
                          fmt::format("driver {}, IOMMU group {}, node {}; link, rings and promiscuous state are "
                                      "{}",
                                      found->driver.empty() ? "none" : found->driver,
                                      found->iommu_group.empty() ? "none" : found->iommu_group,
                                      found->numa_node < 0 ? "not known" : std::to_string(found->numa_node),
                                      found->interfaces.empty() ? "DPDK's: 'garrison run' reads them back"
                                                                : "those of " + joined(found->interfaces))});
    if (refused()) return;
    if (!bifurcated(found->driver)) bind(*found);
    if (bifurcated(found->driver)) {
      for (const std::string& name : found->interfaces) {
        if (const auto interface = read_interface(files_, ethtool_, name)) settings(*interface);
      }
    }
  }

 private:
  [[nodiscard]] std::string edit(const char* what) const {
    return fmt::format("correct {} in {} of {}", what, port_.owner, needs_.topology);
  }
  void add(std::string text, Fix fix) {
    if (!fix.steps.empty()) fix.touches.push_back(port_.device.name);
    out_.findings.push_back({"device", port_.device.name, fmt::format("{}: {}", port_.owner, text), std::move(fix)});
  }
  void advise(std::string text, std::string advice) {
    Fix fix;
    fix.advice = std::move(advice);
    add(std::move(text), std::move(fix));
  }
  void mend(std::string text, std::vector<Step> steps, std::string advice = "until the next boot") {
    Fix fix;
    fix.steps = std::move(steps);
    fix.advice = std::move(advice);
    add(std::move(text), std::move(fix));
  }

  // Nothing else is said of such a device, or somebody would mend it.
  bool refused() {
    if (!carries_default_route(facts_, port_.device.name)) return false;
    advise("it carries the default route: a server there would share it with everything, or cut this machine off",
           "give the port another NIC; Garrison changes nothing on this one");
    return true;
  }

  void addresses(const Interface& found) {
    if (found.mac == port_.mac) return;
    advise(
        fmt::format("it has the MAC {}, and the topology says {}", found.mac.empty() ? "none" : found.mac, port_.mac),
        edit("mac"));
  }

  void link(const Interface& found) {
    const std::string& name = found.name;
    if (!found.up) {
      mend("it is down", {run_step({"ip", "link", "set", "dev", name, "up"})});
    } else if (!found.carrier.value_or(true)) {
      advise("it has no link", "look at the cable and at the other end: ethtool " + name);
    }
  }

  void settings(const Interface& found) {
    const std::string& name = found.name;
    if (found.mtu && *found.mtu < static_cast<std::int64_t>(port_.ip_mtu)) {
      mend(fmt::format("its MTU is {}, and IP packets of {} bytes are to fit", *found.mtu, port_.ip_mtu),
           {run_step({"ip", "link", "set", "dev", name, "mtu", std::to_string(port_.ip_mtu)})});
    }
    if (found.pause && (found.pause->rx || found.pause->tx)) {
      mend("pause frames are on: whoever sends some on the segment silences this server",
           {run_step({"ethtool", "-A", name, "autoneg", "off", "rx", "off", "tx", "off"})});
    }
    if (found.rings) rings(name, *found.rings);
  }

  void rings(const std::string& name, const Rings& has) {
    const io::EthdevOptions wanted;
    const std::uint32_t rx = std::min<std::uint32_t>(wanted.rx_descriptors, has.rx_max);
    const std::uint32_t tx = std::min<std::uint32_t>(wanted.tx_descriptors, has.tx_max);
    if (has.rx >= rx && has.tx >= tx) return;
    mend(fmt::format("its rings have {} and {} places (rx, tx): a burst of frames is lost", has.rx, has.tx),
         {run_step({"ethtool", "-G", name, "rx", std::to_string(std::max(rx, has.rx)), "tx",
                    std::to_string(std::max(tx, has.tx))})});
  }

  void bind(const PciFunction& found) {
    const std::string& address = found.address;
    if (!found.held.empty()) {
      advise(fmt::format("its IOMMU group {} holds {}, and a group goes to DPDK as a whole", found.iommu_group,
                         joined(found.held)),
             "bind those to vfio-pci as well, or move the card to a slot with a group of its own");
    }
    if (found.driver == kVfio) return;
    const std::string device = "/sys/bus/pci/devices/" + address;
    std::vector<Step> steps;
    if (!facts_.vfio_loaded) steps.push_back(run_step({"modprobe", std::string(kVfio)}));
    for (const std::string& interface : found.interfaces) {
      steps.push_back(run_step({"ip", "link", "set", "dev", interface, "down"}));
      steps.back().undo = {run_step({"ip", "link", "set", "dev", interface, "up"})};
    }
    steps.push_back(write_step(device + "/driver_override", std::string(kVfio)));
    // A device must not be left without any driver.
    steps.back().undo = {write_step(device + "/driver_override", ""),
                         write_step("/sys/bus/pci/drivers_probe", address)};
    if (!found.driver.empty()) steps.push_back(write_step(device + "/driver/unbind", address));
    steps.push_back(write_step("/sys/bus/pci/drivers_probe", address));
    mend(found.driver.empty() ? std::string("no driver has it; DPDK wants vfio-pci")
                              : fmt::format("{} has it; DPDK wants vfio-pci", found.driver),
         std::move(steps), "until the next boot; docs/real-nics.md keeps it");
  }

  const SystemFiles& files_;
  const Ethtool& ethtool_;
  const HostFacts& facts_;
  const HostNeeds& needs_;
  const PortNeed& port_;
  Report& out_;
};

// Of a machine alone: is there one for a server at all.
void check_spare(const HostFacts& facts, Report& out) {
  const bool spare = std::ranges::any_of(
      facts.functions, [&](const std::string& address) { return !carries_default_route(facts, address); });
  if (spare) return;
  Finding finding{"device", "", "no network controller on the PCI bus is free for a server", {}};
  finding.fix.advice = facts.functions.empty() ? "there is none; add a NIC, or use af_packet ports"
                                               : "those there are carry the default route; add a NIC, or use af_packet "
                                                 "ports on interfaces of other kinds";
  out.findings.push_back(std::move(finding));
}

// What the kernel heard from `ip` over ARP, or was told, against what it should be.
void compare(const Neighbour& neighbour, const std::string& owner, const std::string& mac, Report& out) {
  if (neighbour.mac == mac) return;
  Finding finding{"neighbours",
                  neighbour.ip,
                  fmt::format("{}: the kernel has it at {} on {}, and the topology says {}", owner, neighbour.mac,
                              neighbour.interface, mac),
                  {}};
  finding.fix.steps = {run_step(
      {"ip", "neigh", "replace", neighbour.ip, "lladdr", mac, "nud", "permanent", "dev", neighbour.interface})};
  finding.fix.advice = "if the topology is right; then somebody else answers for this address: find out who";
  finding.fix.touches = {neighbour.interface};
  out.findings.push_back(std::move(finding));
}

}  // namespace

void check_devices(const SystemFiles& files, const Ethtool& ethtool, const HostFacts& facts, const HostNeeds& needs,
                   Report& out) {
  out.facts.push_back({"route", "", "the default route leads over " + joined(facts.default_route)});
  for (const Interface& interface : facts.interfaces) {
    out.facts.push_back({"device", interface.name, describe(interface, facts)});
  }
  for (const PortNeed& port : needs.ports) {
    DeviceCheck check(files, ethtool, facts, needs, port, out);
    port.device.kind == PortDevice::Kind::pci ? check.pci() : check.interface();
  }
  if (needs.topology.empty()) check_spare(facts, out);
}

void check_neighbours(const HostFacts& facts, const SystemFiles& files, const HostNeeds& needs, Report& out) {
  out.facts.push_back({"neighbours", "", fmt::format("the kernel knows {}", facts.neighbours.size())});
  for (const Neighbour& neighbour : facts.neighbours) {
    for (const KnownAddress& known : needs.addresses) {
      if (known.ip == neighbour.ip) compare(neighbour, known.owner, known.mac, out);
    }
    for (const PortNeed& port : needs.ports) {
      if (!port.gateway || port.device.name != neighbour.interface) continue;
      const std::vector<std::string> routers = routers_over(files, neighbour.interface);
      if (std::ranges::find(routers, neighbour.ip) != routers.end()) {
        compare(neighbour, "gateway of the " + port.owner, *port.gateway, out);
      }
    }
  }
}

}  // namespace garrison::host
