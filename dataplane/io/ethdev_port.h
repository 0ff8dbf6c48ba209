// EthdevPort: any interface DPDK can drive, named by one devargs string: "0000:03:00.0", "net_af_packet0,iface=lan0",
// "net_af_xdp0,iface=lan0", "net_memif0,role=client", "net_pcap0,...", "net_ring0", "net_null0".
//
// One receive and one transmit queue, for one worker; of a port that only listens there is no transmit queue.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "dataplane/base/drops.h"
#include "dataplane/base/result.h"
#include "dataplane/io/port.h"

struct rte_mempool;

namespace garrison::io {

struct EthdevOptions {
  std::string devargs{};
  rte_mempool* pool = nullptr;          // mbufs to receive into; outlives the port
  std::uint16_t rx_descriptors = 1024;  // wishes; the driver may round
  std::uint16_t tx_descriptors = 1024;
  bool promiscuous = true;    // hear every frame; read back from the driver, and an error where it does not hold
  bool listens_only = false;  // there is no transmit queue: nothing can be sent, and tx_burst() is never called
};

// Of an interface of the kernel, over af_packet; `nth` tells the devices of a process apart.
[[nodiscard]] std::string af_packet_devargs(const std::string& interface, std::size_t nth);

class EthdevPort final : public Port {
 public:
  // After start_eal(), from one thread at a time: attaches the device in the caller's network namespace, configures
  // and starts it.
  static Result<std::unique_ptr<EthdevPort>> open(const EthdevOptions& options);
  // Stops and detaches the device. No worker uses it any more.
  ~EthdevPort() override;

  std::size_t rx_burst(std::span<rte_mbuf*> out) override;
  std::size_t tx_burst(std::span<rte_mbuf*> frames) override;
  [[nodiscard]] MacAddress mac() const override { return mac_; }
  [[nodiscard]] int fd() const override { return fd_; }
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] PortStats stats() const override;
  [[nodiscard]] bool promiscuous() const;  // as the driver says

 private:
  EthdevPort(std::string name, std::uint16_t id) : name_(std::move(name)), id_(id) {}
  Result<void> configure(const EthdevOptions& options);
  Result<void> set_promiscuous(bool on);

  std::string name_;
  std::uint16_t id_;
  MacAddress mac_{};
  int fd_ = -1;  // the driver's hidden socket, still the driver's
  bool started_ = false;
  bool listens_only_ = false;
};

}  // namespace garrison::io
