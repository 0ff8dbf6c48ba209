#include "apps/host/interfaces.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "dataplane/runtime/locality.h"

namespace garrison::host {
namespace {

using runtime::SystemFiles;

constexpr std::string_view kNetworkClass = "0x02";  // of PCI: network controllers
constexpr std::string_view kBridgeClass = "0x06";

std::string interface_path(const std::string& name, const char* what) { return "/sys/class/net/" + name + "/" + what; }
std::string pci_path(const std::string& address, const char* what) {
  return "/sys/bus/pci/devices/" + address + "/" + what;
}

std::optional<std::uint64_t> hexadecimal(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0000:3b:00.0"
bool is_pci_address(std::string_view text) {
  constexpr std::string_view kShape = "hhhh:hh:hh.h";
  return text.size() == kShape.size() && std::ranges::equal(text, kShape, [](char c, char shape) {
           return shape == 'h' ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') : c == shape;
         });
}

// Of the device that it stands on, which for a virtio interface is not its parent.
std::string pci_of(const SystemFiles& files, const std::string& interface) {
  std::string found;
  std::istringstream path(files.resolved(interface_path(interface, "device")).value_or(""));
  for (std::string part; std::getline(path, part, '/');) {
    if (is_pci_address(part)) found = part;
  }
  return found;
}

// The words of each line of a table of /proc, less its first line.
std::vector<std::vector<std::string>> table(const SystemFiles& files, const std::string& path, bool headed) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(files.text(path).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string>& row = rows.emplace_back();
    for (std::string word; words >> word;) row.push_back(word);
  }
  if (headed && !rows.empty()) rows.erase(rows.begin());
  return rows;
}

constexpr std::size_t kRouteWords = 8;  // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
constexpr std::uint64_t kRouteUp = 1;

std::vector<std::string> default_route_interfaces(const SystemFiles& files) {
  std::vector<std::string> found;
  for (const auto& row : table(files, "/proc/net/route", true)) {
    if (row.size() < kRouteWords || hexadecimal(row[1]) != 0U || hexadecimal(row[7]) != 0U) continue;
    if ((hexadecimal(row[3]).value_or(0) & kRouteUp) != 0) found.push_back(row[0]);
  }
  constexpr std::size_t kIpv6Words = 10;  // destination, its length, ..., flags, interface
  for (const auto& row : table(files, "/proc/net/ipv6_route", false)) {
    if (row.size() < kIpv6Words || row[0] != std::string(32, '0') || row[1] != "00" || row[9] == "lo") continue;
    if ((hexadecimal(row[8]).value_or(0) & kRouteUp) != 0) found.push_back(row[9]);
  }
  return found;
}

std::string ipv4_text(std::uint64_t little_endian) {
  return fmt::format("{}.{}.{}.{}", little_endian & 255U, little_endian >> 8U & 255U, little_endian >> 16U & 255U,
                     little_endian >> 24U & 255U);
}

void sort_once(std::vector<std::string>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

std::optional<Interface> read_interface(const SystemFiles& files, const Ethtool& ethtool, const std::string& name) {
  constexpr std::uint64_t kUp = 0x1;             // IFF_UP
  constexpr std::uint64_t kPromiscuous = 0x100;  // IFF_PROMISC
  if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.') ||
      !files.exists("/sys/class/net/" + name)) {
    return std::nullopt;
  }
  Interface found;
  found.name = name;
  found.pci = pci_of(files, name);
  found.driver = files.link(interface_path(name, "device/driver")).value_or("");
  found.mac = files.text(interface_path(name, "address")).value_or("");
  found.numa_node = runtime::node_of_interface(files, name);
  const std::uint64_t flags = hexadecimal(files.text(interface_path(name, "flags")).value_or("")).value_or(0);
  found.up = (flags & kUp) != 0;
  found.promiscuous = (flags & kPromiscuous) != 0;
  if (const auto carrier = files.number(interface_path(name, "carrier"))) found.carrier = *carrier != 0;
  found.mtu = files.number(interface_path(name, "mtu"));
  found.speed_mbps = files.number(interface_path(name, "speed"));
  if (found.speed_mbps && *found.speed_mbps <= 0) found.speed_mbps.reset();  // of a link that is down
  found.rings = ethtool.rings(name);
  found.pause = ethtool.pause(name);
  return found;
}

std::optional<PciFunction> read_pci_function(const SystemFiles& files, const std::string& address) {
  if (!is_pci_address(address) || !files.exists("/sys/bus/pci/devices/" + address)) return std::nullopt;
  PciFunction found;
  found.address = address;
  found.driver = files.link(pci_path(address, "driver")).value_or("");
  for (const std::string& interface : device_interfaces(files)) {
    if (pci_of(files, interface) == address) found.interfaces.push_back(interface);
  }
  found.iommu_group = files.link(pci_path(address, "iommu_group")).value_or("");
  for (const std::string& other : files.names(pci_path(address, "iommu_group/devices"))) {
    const std::string driver = files.link(pci_path(other, "driver")).value_or("");
    const bool bridge = files.text(pci_path(other, "class")).value_or("").starts_with(kBridgeClass);
    if (other == address || driver.empty() || driver == "vfio-pci" || bridge) continue;
    found.held.push_back(fmt::format("{} ({})", other, driver));
  }
  found.numa_node = runtime::node_of_pci_device(files, address);
  return found;
}

std::vector<std::string> device_interfaces(const SystemFiles& files) {
  std::vector<std::string> found;
  for (const std::string& name : files.names("/sys/class/net")) {
    if (files.exists(interface_path(name, "device"))) found.push_back(name);
  }
  return found;
}

std::vector<std::string> network_functions(const SystemFiles& files) {
  std::vector<std::string> found;
  for (const std::string& address : files.names("/sys/bus/pci/devices")) {
    if (files.text(pci_path(address, "class")).value_or("").starts_with(kNetworkClass)) found.push_back(address);
  }
  return found;
}

std::vector<std::string> default_route_devices(const SystemFiles& files) {
  std::vector<std::string> found;
  for (const std::string& interface : default_route_interfaces(files)) {
    for (const std::string& each : runtime::with_lower_interfaces(files, interface)) {
      found.push_back(each);
      if (const std::string pci = pci_of(files, each); !pci.empty()) found.push_back(pci);
    }
  }
  sort_once(found);
  return found;
}

std::vector<Neighbour> read_neighbours(const SystemFiles& files) {
  constexpr std::size_t kWords = 6;         // address, type, flags, MAC, mask, device
  constexpr std::uint64_t kComplete = 0x2;  // ATF_COM
  std::vector<Neighbour> found;
  for (const auto& row : table(files, "/proc/net/arp", true)) {
    if (row.size() < kWords || (hexadecimal(row[2]).value_or(0) & kComplete) == 0) continue;
    found.push_back({row[0], row[3], row[5]});
  }
  return found;
}

std::vector<std::string> local_addresses(const SystemFiles& files) {
  std::vector<std::string> found;
  std::string last;
  for (const auto& row : table(files, "/proc/net/fib_trie", false)) {
    if (row.size() == 2 && row[0] == "|--") last = row[1];
    if (row.size() == 3 && row[0] == "/32" && row[2] == "LOCAL" && !last.empty()) found.push_back(last);
  }
  sort_once(found);
  return found;
}

std::vector<std::string> routers_over(const SystemFiles& files, const std::string& interface) {
  std::vector<std::string> found;
  for (const auto& row : table(files, "/proc/net/route", true)) {
    if (row.size() < kRouteWords || row[0] != interface) continue;
    if (const auto router = hexadecimal(row[2]); router && *router != 0) found.push_back(ipv4_text(*router));
  }
  sort_once(found);
  return found;
}

}  // namespace garrison::host
