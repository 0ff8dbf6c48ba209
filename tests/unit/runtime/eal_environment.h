// DPDK starts once per process: every test here shares one EAL, and makes its pools from these helpers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/io/pool.h"

struct rte_mbuf;

namespace garrison::test {

// A pool that fails the test program when it cannot be made. Unique names are made up.
io::Pool test_pool(std::size_t mbufs = 511);
// Mbufs out of the pool now, caches counted as in.
std::size_t in_use(const io::Pool& pool);

rte_mbuf* make_frame(const io::Pool& pool, ByteView bytes);
ByteView bytes_of(const rte_mbuf* frame);
MutableBytes mutable_bytes_of(rte_mbuf* frame);
void free_frame(rte_mbuf* frame);

// An Ethernet frame of `size` bytes with a 32-bit tag after the header.
Bytes ethernet(const std::array<std::uint8_t, 6>& to, const std::array<std::uint8_t, 6>& from, std::uint32_t tag,
               std::size_t size = 60);
std::uint32_t tag_of(ByteView frame);

}  // namespace garrison::test
