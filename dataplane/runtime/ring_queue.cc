#include "dataplane/runtime/ring_queue.h"

// The C11 model is as cheap on x86, and the only one ThreadSanitizer understands.
#ifndef RTE_USE_C11_MEM_MODEL
#error "build with -DRTE_USE_C11_MEM_MODEL (runtime_dep sets it)"
#endif
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "dataplane/base/check.h"

namespace garrison::runtime {
namespace {

constexpr std::size_t kMaxCapacity = (std::size_t{1} << 30U) - 1;

unsigned at_most(std::size_t count, std::size_t capacity) { return static_cast<unsigned>(std::min(count, capacity)); }

}  // namespace

void RawRing::Free::operator()(rte_ring* ring) const { std::free(ring); }

RawRing::RawRing(std::size_t element_bytes, std::size_t capacity)
    : element_bytes_(static_cast<unsigned>(element_bytes)), capacity_(capacity) {
  CHECK(element_bytes > 0 && element_bytes % 4 == 0);
  CHECK(capacity >= 1 && capacity <= kMaxCapacity);
  const auto slots = static_cast<unsigned>(std::bit_ceil(capacity + 1));  // the ring keeps one slot empty
  const ssize_t bytes = rte_ring_get_memsize_elem(element_bytes_, slots);
  CHECK(bytes > 0);
  const std::size_t rounded = (static_cast<std::size_t>(bytes) + alignof(rte_ring) - 1) & ~(alignof(rte_ring) - 1);
  void* const memory = std::aligned_alloc(alignof(rte_ring), rounded);
  CHECK(memory != nullptr);
  std::memset(memory, 0, rounded);  // touches every page: no page fault on the packet path
  ring_.reset(static_cast<rte_ring*>(memory));
  CHECK(rte_ring_init(ring_.get(), "garrison", static_cast<unsigned>(capacity),
                      RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ) == 0);
}

std::size_t RawRing::enqueue(const void* items, std::size_t count) {
  if (count == 0) return 0;
  return rte_ring_sp_enqueue_burst_elem(ring_.get(), items, element_bytes_, at_most(count, capacity_), nullptr);
}

std::size_t RawRing::dequeue(void* out, std::size_t count) {
  if (count == 0) return 0;
  return rte_ring_sc_dequeue_burst_elem(ring_.get(), out, element_bytes_, at_most(count, capacity_), nullptr);
}

std::size_t RawRing::size() const {
  // rte_ring_count() reads the tails plainly. The consumer's tail first: read after it, the producer's can only be
  // further on, so the difference never wraps. acquire: keeps that order.
  const std::uint32_t consumed = __atomic_load_n(&ring_->cons.tail, __ATOMIC_ACQUIRE);
  const std::uint32_t produced = __atomic_load_n(&ring_->prod.tail, __ATOMIC_ACQUIRE);
  return std::min<std::size_t>(produced - consumed, capacity_);
}

}  // namespace garrison::runtime
