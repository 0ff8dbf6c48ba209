#include "dataplane/io/pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include <algorithm>
#include <cstdint>

#include "dataplane/base/bounds.h"
#include "dataplane/runtime/eal.h"

namespace garrison::io {
namespace {

constexpr std::uint16_t kBufferBytes = RTE_MBUF_DEFAULT_BUF_SIZE;  // headroom and 2048 bytes
static_assert(kMaxFrameBytes <= RTE_MBUF_DEFAULT_DATAROOM);

// As rte_pktmbuf_pool_create(), but with our flags.
bool fill_pool(rte_mempool* pool) {
  rte_pktmbuf_pool_private sizes{};
  sizes.mbuf_data_room_size = kBufferBytes;
  if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr) != 0) return false;
  rte_pktmbuf_pool_init(pool, &sizes);
  if (rte_mempool_populate_default(pool) < 0) return false;
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return true;
}

}  // namespace

void PoolDeleter::operator()(rte_mempool* pool) const { rte_mempool_free(pool); }

Result<Pool> make_pool(const PoolOptions& options) {
  if (!runtime::eal_started()) return Error{"buffer pool '" + options.name + "': DPDK is not started"};
  // Without hugepages a pool that asks for IO-contiguous memory gets it page by page: three times slower per packet.
  const unsigned flags = rte_eal_has_hugepages() != 0 ? 0U : static_cast<unsigned>(RTE_MEMPOOL_F_NO_IOVA_CONTIG);
  const std::size_t cache = std::min<std::size_t>({options.cache, RTE_MEMPOOL_CACHE_MAX_SIZE, options.mbufs * 2 / 3});
  Pool pool(rte_mempool_create_empty(options.name.c_str(), static_cast<unsigned>(options.mbufs),
                                     sizeof(rte_mbuf) + kBufferBytes, static_cast<unsigned>(cache),
                                     sizeof(rte_pktmbuf_pool_private), options.numa_node, flags));
  if (pool == nullptr || !fill_pool(pool.get())) {
    return Error{"buffer pool '" + options.name + "' of " + std::to_string(options.mbufs) +
                 " buffers cannot be made: " + rte_strerror(rte_errno) + "; give DPDK more memory"};
  }
  return pool;
}

}  // namespace garrison::io
