// Port: where frames enter and leave a worker, as bursts of mbufs. A network interface (EthdevPort) or one end of an
// in-process cable (RingPort).
//
// Thread: one worker calls rx_burst and tx_burst; the rest may be called by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

struct rte_mbuf;

namespace garrison::io {

using MacAddress = std::array<std::uint8_t, 6>;

inline constexpr MacAddress kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// What the port itself counted. Software ports drop silently in places the driver does not see (af_packet and af_xdp
// rings): losses are told by the frames' own sequence numbers, never from here alone.
struct PortStats {
  std::uint64_t rx_frames = 0;
  std::uint64_t tx_frames = 0;
  std::uint64_t rx_missed = 0;  // no room in the receive ring
  std::uint64_t rx_errors = 0;
  std::uint64_t rx_no_mbuf = 0;  // no buffer to receive into
  std::uint64_t tx_errors = 0;
};

class Port {
 public:
  Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  virtual ~Port() = default;

  // Fills `out` from the front and returns how many; the caller owns those mbufs.
  virtual std::size_t rx_burst(std::span<rte_mbuf*> out) = 0;
  // Takes from the front, in order, and returns how many; the port owns those, the caller keeps the rest.
  virtual std::size_t tx_burst(std::span<rte_mbuf*> frames) = 0;

  [[nodiscard]] virtual MacAddress mac() const = 0;
  // Readable when frames wait, or -1. Owned by the port.
  [[nodiscard]] virtual int fd() const { return -1; }
  // True when neither an fd nor a doorbell tells of frames: the worker must look by itself every now and then.
  [[nodiscard]] virtual bool needs_polling() const { return fd() < 0; }
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual PortStats stats() const = 0;
};

}  // namespace garrison::io
