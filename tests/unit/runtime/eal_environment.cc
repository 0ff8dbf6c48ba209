#include "tests/unit/runtime/eal_environment.h"

#include <gtest/gtest.h>
#include <rte_mempool.h>

#include <algorithm>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/io/mbuf.h"
#include "dataplane/runtime/eal.h"

namespace garrison::test {
namespace {

class EalEnvironment final : public ::testing::Environment {
 public:
  void SetUp() override {
    const Result<void> started = runtime::start_eal({});
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
};

const ::testing::Environment* const kEnvironment = ::testing::AddGlobalTestEnvironment(new EalEnvironment);

}  // namespace

io::Pool test_pool(std::size_t mbufs) {
  static int next = 0;
  Result<io::Pool> pool = io::make_pool({.name = "test" + std::to_string(next++), .mbufs = mbufs, .cache = 32});
  EXPECT_TRUE(pool.ok()) << pool.error().message;
  return std::move(pool).value();
}

std::size_t in_use(const io::Pool& pool) { return rte_mempool_in_use_count(pool.get()); }

rte_mbuf* make_frame(const io::Pool& pool, ByteView bytes) {
  rte_mbuf* const frame = io::take_mbuf(*pool);
  if (frame == nullptr) return nullptr;
  char* const room = rte_pktmbuf_append(frame, static_cast<std::uint16_t>(bytes.size()));
  CHECK(room != nullptr);
  std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(room));
  return frame;
}

ByteView bytes_of(const rte_mbuf* frame) {
  return {static_cast<const std::uint8_t*>(frame->buf_addr) + frame->data_off, frame->data_len};
}

MutableBytes mutable_bytes_of(rte_mbuf* frame) {
  return {static_cast<std::uint8_t*>(frame->buf_addr) + frame->data_off, frame->data_len};
}

void free_frame(rte_mbuf* frame) { io::give_back(frame); }

Bytes ethernet(const std::array<std::uint8_t, 6>& to, const std::array<std::uint8_t, 6>& from, std::uint32_t tag,
               std::size_t size) {
  CHECK(size >= kEthernetHeaderBytes + sizeof tag);
  Bytes frame(size);
  Writer writer(frame);
  writer.bytes(to).bytes(from).u16(0x0008).u32(tag);
  return frame;
}

std::uint32_t tag_of(ByteView frame) { return load_le<std::uint32_t>(frame.data() + kEthernetHeaderBytes); }

}  // namespace garrison::test
