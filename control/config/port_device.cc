#include "control/config/port_device.h"

#include <fmt/format.h>

#include <algorithm>

namespace garrison::config {
namespace {

constexpr std::size_t kMaxInterfaceNameBytes = 15;  // Linux IFNAMSIZ, less the final zero
constexpr std::string_view kAfPacket = "af_packet:";
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

Result<PortSettings> parse_port(std::string_view text) {
  PortSettings port;
  if (text == "inproc") return port;
  if (text.starts_with(kAfPacket)) {
    port.port = PortSettings::Port::af_packet;
    port.device = text.substr(kAfPacket.size());
    if (!port.device.empty() && port.device.size() <= kMaxInterfaceNameBytes &&
        port.device.find_first_of("/:, \t") == std::string::npos) {
      return port;
    }
    return Error{fmt::format("\"{}\" is not the name of a network interface; 'ip link' lists them", port.device)};
  }
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  const bool pci = !text.empty() && hex(text.front()) && text.find(':') != std::string_view::npos;
  if (!pci && !text.starts_with("net_")) {
    return Error{
        fmt::format("port \"{}\" is not known; write \"inproc\", \"af_packet:INTERFACE\", a PCI address such as "
                    "\"0000:3b:00.0\" or a DPDK device such as \"net_memif0,...\"",
                    text)};
  }
  port.port = PortSettings::Port::dpdk;
  port.device = text;
  return port;
}

}  // namespace garrison::config
