#include "control/config/port_device.h"

#include <algorithm>

namespace garrison::config {
namespace {

constexpr std::string_view kInterfaceArgument = ",iface=";

// In full and in small letters, as the kernel writes it: DPDK takes "3B:00.0" as well.
std::string whole_address(std::string address) {
  std::ranges::transform(address, address.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::ranges::count(address, ':') == 1 ? "0000:" + address : address;
}

}  // namespace

PortDevice device_of(const PortSettings& port) {
  const std::string& device = port.device;
  if (port.port == PortSettings::Port::inproc) return {};
  if (port.port == PortSettings::Port::af_packet) return {PortDevice::Kind::interface, device};
  const std::string name = device.substr(0, device.find(','));
  if (!name.starts_with("net_")) return {PortDevice::Kind::pci, whole_address(name)};
  const std::size_t argument = device.find(kInterfaceArgument);
  if (argument == std::string::npos) return {};
  const std::size_t start = argument + kInterfaceArgument.size();
  return {PortDevice::Kind::interface, device.substr(start, device.find(',', start) - start)};
}

}  // namespace garrison::config
