#include "apps/node/own_ports.h"

#include <algorithm>
#include <utility>

#include "apps/node/ports.h"
#include "control/config/port_device.h"
#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/locality.h"

namespace garrison::node {

Result<OwnPorts> OwnPorts::open(const std::string& name, const std::vector<Wish>& wishes,
                                const config::CoreSettings& cores) {
  const runtime::MemoryNeed need{{-1, kOwnMemoryMib + kPortMemoryMib * wishes.size()}};
  runtime::EalOptions eal;
  eal.memory_mib = need.at(-1);
  eal.hugepages = cores.hugepages && runtime::hugepages_suffice(runtime::hugepage_pools({}), need);
  eal.pci = std::ranges::any_of(
      wishes, [](const Wish& wish) { return config::device_of(wish.settings).kind == config::PortDevice::Kind::pci; });
  if (Result<void> started = runtime::start_eal(eal); !started) return started.error();
  OwnPorts own;
  Result<io::Pool> pool = io::make_pool({.name = "pool-" + name, .mbufs = (kPoolBuffers + 1) * wishes.size() - 1});
  if (!pool) return pool.error();
  own.pool_ = std::move(pool).value();
  for (const Wish& wish : wishes) {
    CHECK(wish.settings.port != config::PortSettings::Port::inproc);
    auto port = open_device(wish.settings, own.ports_.size(), *own.pool_, wish.listens_only);
    if (!port) return port.error();
    own.ports_.push_back(std::move(port).value());
  }
  return own;
}

}  // namespace garrison::node
