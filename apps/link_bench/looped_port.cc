#include "apps/link_bench/looped_port.h"

#include <emmintrin.h>

#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/ring_port.h"

namespace garrison::link_bench {

namespace {

constexpr std::size_t kSlots = 1024;
constexpr std::size_t kMbufs = 2047;

// An in-process cable both of whose ends are here.
class Loop final : public io::Port {
 public:
  std::size_t rx_burst(std::span<rte_mbuf*> out) override { return cable_.far_end().rx_burst(out); }
  std::size_t tx_burst(std::span<rte_mbuf*> frames) override { return cable_.near_end().tx_burst(frames); }
  [[nodiscard]] io::MacAddress mac() const override { return {}; }
  [[nodiscard]] std::string_view name() const override { return "loop"; }
  [[nodiscard]] io::PortStats stats() const override { return cable_.far_end().stats(); }

 private:
  mutable io::RingCable cable_{"loop", io::MacAddress{}, kSlots};
};

std::uint64_t read_all(ByteView bytes) {
  __m128i even{};
  __m128i odd{};
  std::size_t i = 0;
  for (; i + 2 * sizeof even <= bytes.size(); i += 2 * sizeof even) {
    const auto* const words = reinterpret_cast<const __m128i*>(bytes.data() + i);
    even = _mm_xor_si128(even, _mm_loadu_si128(words));
    odd = _mm_xor_si128(odd, _mm_loadu_si128(words + 1));
  }
  auto sum = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_xor_si128(even, odd)));
  for (; i < bytes.size(); ++i) sum ^= bytes[i];
  return sum;
}

Result<std::unique_ptr<io::Port>> open_port(const std::string& kind, rte_mempool& pool) {
  if (kind == "inproc") return {std::make_unique<Loop>()};
  Result<std::unique_ptr<io::EthdevPort>> port =
      io::EthdevPort::open({.devargs = kind + "0", .pool = &pool, .rx_descriptors = kSlots, .tx_descriptors = kSlots});
  if (!port) return port.error();
  return {std::unique_ptr<io::Port>(std::move(port).value())};
}

}  // namespace

Result<std::unique_ptr<LoopedPort>> LoopedPort::open(const std::string& kind) {
  Result<io::Pool> pool = io::make_pool({.name = "looped", .mbufs = kMbufs});
  if (!pool) return pool.error();
  Result<std::unique_ptr<io::Port>> port = open_port(kind, *pool.value());
  if (!port) return port.error();
  return {std::unique_ptr<LoopedPort>(new LoopedPort(std::move(pool).value(), std::move(port).value()))};
}

std::size_t LoopedPort::drain() {
  std::array<rte_mbuf*, kBurst> burst;
  const std::size_t count = port_->rx_burst(burst);
  if (count > 0) io::give_back(std::span(burst).first(count));
  return count;
}

void LoopedPort::read_back() {
  std::array<rte_mbuf*, kBurst> burst;
  const std::size_t count = port_->rx_burst(burst);
  for (std::size_t i = 0; i < count; ++i) {
    read_ ^= read_all({rte_pktmbuf_mtod(burst[i], const std::uint8_t*), burst[i]->data_len});
  }
  io::give_back(std::span(burst).first(count));
}

}  // namespace garrison::link_bench
