#include "apps/node/own_port.h"

#include <utility>

#include "apps/node/ports.h"
#include "control/config/port_device.h"
#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/locality.h"

namespace garrison::node {

Result<OwnPort> OwnPort::open(const std::string& name, const config::PortSettings& settings,
                              const config::CoreSettings& cores) {
  CHECK(settings.port != config::PortSettings::Port::inproc);
  const runtime::MemoryNeed need{{-1, kOwnMemoryMib + kPortMemoryMib}};
  runtime::EalOptions eal;
  eal.memory_mib = need.at(-1);
  eal.hugepages = cores.hugepages && runtime::hugepages_suffice(runtime::hugepage_pools({}), need);
  eal.pci = config::device_of(settings).kind == config::PortDevice::Kind::pci;
  if (Result<void> started = runtime::start_eal(eal); !started) return started.error();
  OwnPort own;
  Result<io::Pool> pool = io::make_pool({.name = "pool-" + name, .mbufs = kPoolBuffers});
  if (!pool) return pool.error();
  own.pool_ = std::move(pool).value();
  Result<std::unique_ptr<io::EthdevPort>> port = open_device(settings, 0, *own.pool_);
  if (!port) return port.error();
  own.port_ = std::move(port).value();
  return own;
}

}  // namespace garrison::node
