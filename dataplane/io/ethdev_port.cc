#include "dataplane/io/ethdev_port.h"

#include <dirent.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dataplane/io/mbuf.h"
#include "dataplane/runtime/eal.h"

namespace garrison::io {
namespace {

constexpr std::uint16_t kQueue = 0;

Error failure(const std::string& devargs, const std::string& what, int code) {
  const std::string said = runtime::take_eal_message();
  return Error{"port '" + devargs + "' " + what + ": " + rte_strerror(std::abs(code)) +
               (said.empty() ? "" : " (" + said + ")")};
}

// The drivers hide their sockets; a packet socket is told from others by its domain.
bool is_packet_socket(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && (domain == AF_PACKET || domain == AF_XDP);
}

std::vector<int> packet_sockets() {
  std::vector<int> sockets;
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return sockets;
  while (const dirent* const entry = readdir(directory)) {  // NOLINT(concurrency-mt-unsafe): this stream is ours
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && is_packet_socket(fd)) sockets.push_back(fd);
  }
  closedir(directory);
  std::ranges::sort(sockets);
  return sockets;
}

// The socket that appeared since `before`, or -1.
int new_packet_socket(const std::vector<int>& before) {
  for (const int fd : packet_sockets()) {
    if (!std::ranges::binary_search(before, fd)) return fd;
  }
  return -1;
}

bool is_virtual(const std::string& devargs) { return devargs.starts_with("net_"); }

// With the driver's default of 512 slots a burst of a few hundred frames is lost without a trace.
std::string with_defaults(const std::string& devargs) {
  const bool needs_slots = devargs.starts_with("net_af_packet") && devargs.find("framecnt=") == std::string::npos;
  return needs_slots ? devargs + ",framecnt=4096" : devargs;
}

// The name under which the driver registers the port.
Result<std::string> device_name(const std::string& devargs) {
  rte_devargs parsed{};
  if (const int error = rte_devargs_parse(&parsed, devargs.c_str()); error != 0) {
    return failure(devargs, "is not a device DPDK knows", error);
  }
  std::string name = parsed.name;
  std::free(parsed.data);  // what rte_devargs_reset(), still experimental, does
  return name;
}

// The driver's socket hears every interface of the network namespace until it is bound to its own. What is in its ring
// by now may be anybody's.
void discard_what_others_sent(Port& port) {
  constexpr std::size_t kBurst = 32;
  constexpr std::size_t kRing = 16'384;  // more than it has
  std::array<rte_mbuf*, kBurst> frames{};
  for (std::size_t i = 0; i < kRing / kBurst; ++i) {
    const std::size_t count = port.rx_burst(frames);
    if (count == 0) return;
    give_back(std::span(frames).first(count));
  }
}

}  // namespace

std::string af_packet_devargs(const std::string& interface, std::size_t nth) {
  return "net_af_packet" + std::to_string(nth) + ",iface=" + interface + ",blocksz=65536";
}

Result<std::unique_ptr<EthdevPort>> EthdevPort::open(const EthdevOptions& options) {
  CHECK(options.pool != nullptr);
  if (!runtime::eal_started()) return Error{"port '" + options.devargs + "': DPDK is not started"};
  if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) {
    return Error{"port '" + options.devargs + "': a process owns at most " + std::to_string(RTE_MAX_ETHPORTS) +
                 " DPDK ports; use in-process segments"};
  }
  const std::string devargs = with_defaults(options.devargs);
  const Result<std::string> name = device_name(devargs);
  if (!name) return name.error();
  std::uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(name.value().c_str(), &id) == 0) {
    return Error{"port '" + devargs + "': " + name.value() + " is open already"};
  }

  const std::vector<int> before = packet_sockets();
  if (const int error = rte_dev_probe(devargs.c_str()); error != 0) return failure(devargs, "cannot attach", error);
  if (const int error = rte_eth_dev_get_port_by_name(name.value().c_str(), &id); error != 0) {
    return failure(devargs, "attached, but is no network port", error);
  }
  std::unique_ptr<EthdevPort> port(new EthdevPort(name.value(), id));
  if (Result<void> configured = port->configure(options); !configured) return configured.error();
  port->fd_ = new_packet_socket(before);
  if (port->name_.starts_with("net_af_packet")) discard_what_others_sent(*port);
  return port;
}

Result<void> EthdevPort::configure(const EthdevOptions& options) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = RTE_ETHER_MTU;
  listens_only_ = options.listens_only;
  const std::uint16_t tx_queues = listens_only_ ? 0 : 1;
  if (const int e = rte_eth_dev_configure(id_, 1, tx_queues, &conf); e != 0)
    return failure(name_, "cannot be configured", e);
  std::uint16_t rx = options.rx_descriptors;
  std::uint16_t tx = options.tx_descriptors;
  if (const int e = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx, &tx); e != 0) return failure(name_, "has no rings", e);
  const int node = rte_eth_dev_socket_id(id_);
  const auto socket = static_cast<unsigned>(node);  // SOCKET_ID_ANY (-1) included
  if (const int e = rte_eth_rx_queue_setup(id_, kQueue, rx, socket, nullptr, options.pool); e != 0) {
    return failure(name_, "has no receive queue", e);
  }
  if (const int e = listens_only_ ? 0 : rte_eth_tx_queue_setup(id_, kQueue, tx, socket, nullptr); e != 0) {
    return failure(name_, "has no transmit queue", e);
  }
  if (const int e = rte_eth_dev_start(id_); e != 0) return failure(name_, "does not start", e);
  started_ = true;
  rte_ether_addr mac{};
  if (const int e = rte_eth_macaddr_get(id_, &mac); e != 0) return failure(name_, "has no address", e);
  std::copy_n(mac.addr_bytes, mac_.size(), mac_.begin());
  return set_promiscuous(options.promiscuous);
}

Result<void> EthdevPort::set_promiscuous(bool on) {
  const int error = on ? rte_eth_promiscuous_enable(id_) : rte_eth_promiscuous_disable(id_);
  if (error == -ENOTSUP && (!on || is_virtual(name_))) return {};  // a software device without an address filter
  if (error != 0) return failure(name_, "refuses to change promiscuous mode", error);
  // Software devices hear everything anyway, so a missing mode would show only on a real interface: ask.
  if (promiscuous() != on) return Error{"port '" + name_ + "' did not take over promiscuous mode"};
  return {};
}

EthdevPort::~EthdevPort() {
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(id_, &info) == 0;
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  if (known && info.device != nullptr) rte_dev_remove(info.device);
}

std::size_t EthdevPort::rx_burst(std::span<rte_mbuf*> out) {
  const auto want = static_cast<std::uint16_t>(std::min<std::size_t>(out.size(), UINT16_MAX));
  return rte_eth_rx_burst(id_, kQueue, out.data(), want);
}

std::size_t EthdevPort::tx_burst(std::span<rte_mbuf*> frames) {
  CHECK(!listens_only_);
  const auto have = static_cast<std::uint16_t>(std::min<std::size_t>(frames.size(), UINT16_MAX));
  return rte_eth_tx_burst(id_, kQueue, frames.data(), have);
}

bool EthdevPort::promiscuous() const { return rte_eth_promiscuous_get(id_) == 1; }

PortStats EthdevPort::stats() const {
  rte_eth_stats driver{};
  if (rte_eth_stats_get(id_, &driver) != 0) return {};
  return {.rx_frames = driver.ipackets,
          .tx_frames = driver.opackets,
          .rx_missed = driver.imissed,
          .rx_errors = driver.ierrors,
          .rx_no_mbuf = driver.rx_nombuf,
          .tx_errors = driver.oerrors};
}

}  // namespace garrison::io
