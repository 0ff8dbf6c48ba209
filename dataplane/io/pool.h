// Pools of mbufs: the memory that frames are received into and written in, taken once at start.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "dataplane/base/result.h"

struct rte_mempool;

namespace garrison::io {

struct PoolDeleter {
  void operator()(rte_mempool* pool) const;
};
// Destroyed after every port and stage that holds its mbufs.
using Pool = std::unique_ptr<rte_mempool, PoolDeleter>;

struct PoolOptions {
  std::string name{};        // unique in the process, at most 20 bytes
  std::size_t mbufs = 4095;  // 2^k - 1 uses memory best; about 2.4 KiB each
  std::size_t cache = 128;   // per worker; at most 512, and mbufs / 1.5
  int numa_node = -1;        // -1: any
};

// After start_eal(). Any thread. Every mbuf has room for kMaxFrameBytes behind DPDK's usual headroom.
Result<Pool> make_pool(const PoolOptions& options);

}  // namespace garrison::io
