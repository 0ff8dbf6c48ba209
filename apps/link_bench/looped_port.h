// A port what is sent on which comes back, and bursts of frames put on it and taken from it with nothing behind. One
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/base/result.h"
#include "dataplane/io/mbuf.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/port.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::link_bench {

class LoopedPort {
 public:
  static constexpr std::size_t kBurst = stages::LanStage::kBurst;

  // "inproc", or the name of a PMD. After start_eal().
  [[nodiscard]] static Result<std::unique_ptr<LoopedPort>> open(const std::string& kind);

  [[nodiscard]] io::Port& port() { return *port_; }
  [[nodiscard]] rte_mempool& pool() { return *pool_; }

  // A burst of at most kBurst frames, sent: write(i, at) writes the i-th and says how long it is.
  template <typename Write>
  void send(std::size_t count, Write&& write) {
    std::array<rte_mbuf*, kBurst> burst;
    for (std::size_t i = 0; i < count; ++i) {
      burst[i] = io::take_mbuf(*pool_);
      CHECK(burst[i] != nullptr);
      const std::size_t size = write(i, rte_pktmbuf_mtod(burst[i], std::uint8_t*));
      burst[i]->data_len = static_cast<std::uint16_t>(size);
      burst[i]->pkt_len = static_cast<std::uint32_t>(size);
    }
    CHECK(port_->tx_burst(std::span(burst).first(count)) == count);
  }
  // Frees a burst of what has come; read_back() reads all of it before. Returns how many frames.
  std::size_t drain();
  void read_back();

 private:
  LoopedPort(io::Pool pool, std::unique_ptr<io::Port> port) : pool_(std::move(pool)), port_(std::move(port)) {}

  io::Pool pool_;
  std::unique_ptr<io::Port> port_;
  std::uint64_t read_ = 0;
};

}  // namespace garrison::link_bench
