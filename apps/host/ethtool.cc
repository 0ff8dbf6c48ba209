#include "apps/host/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace garrison::host {
namespace {

template <typename Command>
bool ask(const std::string& interface, Command& command) {
  ifreq request{};
  if (interface.size() >= sizeof request.ifr_name) return false;
  std::ranges::copy(interface, request.ifr_name);
  request.ifr_data = reinterpret_cast<char*>(&command);
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0) return false;
  const bool answered = ioctl(any, SIOCETHTOOL, &request) == 0;
  close(any);
  return answered;
}

}  // namespace

std::optional<Rings> KernelEthtool::rings(const std::string& interface) const {
  ethtool_ringparam command{};
  command.cmd = ETHTOOL_GRINGPARAM;
  if (!ask(interface, command)) return std::nullopt;
  return Rings{command.rx_pending, command.rx_max_pending, command.tx_pending, command.tx_max_pending};
}

std::optional<PauseFrames> KernelEthtool::pause(const std::string& interface) const {
  ethtool_pauseparam command{};
  command.cmd = ETHTOOL_GPAUSEPARAM;
  if (!ask(interface, command)) return std::nullopt;
  return PauseFrames{command.autoneg != 0, command.rx_pause != 0, command.tx_pause != 0};
}

}  // namespace garrison::host
