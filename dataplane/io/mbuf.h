// Taking and giving back mbufs, with what ThreadSanitizer must be told: the pool's ring lives in DPDK's own library,
// which is not instrumented, so the edge "given back happens before taken again" is invisible to it.
#pragma once

#include <rte_mbuf.h>

#include <span>

#if defined(__SANITIZE_THREAD__)
#define GARRISON_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GARRISON_TSAN 1
#endif
#endif

#ifdef GARRISON_TSAN
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace garrison::io {

// Null when the pool is empty.
inline rte_mbuf* take_mbuf(rte_mempool& pool) {
  rte_mbuf* const mbuf = rte_mbuf_raw_alloc(&pool);
  if (mbuf == nullptr) return nullptr;
#ifdef GARRISON_TSAN
  __tsan_acquire(mbuf->buf_addr);
#endif
  rte_pktmbuf_reset(mbuf);
  return mbuf;
}

// Null ones are passed over.
inline void give_back(std::span<rte_mbuf*> mbufs) {
#ifdef GARRISON_TSAN
  for (rte_mbuf* mbuf : mbufs) {
    if (mbuf != nullptr) __tsan_release(mbuf->buf_addr);
  }
#endif
  rte_pktmbuf_free_bulk(mbufs.data(), static_cast<unsigned>(mbufs.size()));
}
inline void give_back(rte_mbuf* mbuf) { give_back(std::span(&mbuf, 1)); }

}  // namespace garrison::io
