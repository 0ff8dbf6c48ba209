#include "dataplane/io/ethdev_port.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/unit/runtime/eal_environment.h"

namespace garrison::io {
namespace {

constexpr MacAddress kTo = {0x02, 0, 0, 0, 2, 1};
constexpr MacAddress kFrom = {0x02, 0, 0, 0, 2, 2};

std::unique_ptr<EthdevPort> open_port(const std::string& devargs, const Pool& pool) {
  Result<std::unique_ptr<EthdevPort>> port = EthdevPort::open({.devargs = devargs, .pool = pool.get()});
  EXPECT_TRUE(port.ok()) << port.error().message;
  return port.ok() ? std::move(port).value() : nullptr;
}

TEST(EthdevPortTest, a_net_ring_port_gives_back_what_was_sent_and_can_be_opened_again) {
  const Pool pool = test::test_pool(2047);
  for (int round = 0; round < 2; ++round) {
    const std::unique_ptr<EthdevPort> port = open_port("net_ring0", pool);
    ASSERT_NE(port, nullptr);
    EXPECT_EQ(port->name(), "net_ring0");
    EXPECT_LT(port->fd(), 0);
    EXPECT_TRUE(port->needs_polling());
    std::array<rte_mbuf*, 3> out{};
    for (std::uint32_t tag = 0; tag < 3; ++tag) out[tag] = test::make_frame(pool, test::ethernet(kTo, kFrom, tag));
    ASSERT_EQ(port->tx_burst(out), 3U);
    std::array<rte_mbuf*, 8> in{};
    ASSERT_EQ(port->rx_burst(in), 3U);
    for (std::uint32_t tag = 0; tag < 3; ++tag) {
      EXPECT_EQ(test::tag_of(test::bytes_of(in[tag])), tag);
      test::free_frame(in[tag]);
    }
    EXPECT_EQ(port->stats().rx_frames, 3U);
    EXPECT_EQ(port->stats().tx_frames, 3U);
  }
  EXPECT_EQ(test::in_use(pool), 0U);
}

TEST(EthdevPortTest, a_port_that_only_listens_has_no_transmit_queue) {
  const Pool pool = test::test_pool(2047);
  Result<std::unique_ptr<EthdevPort>> port =
      EthdevPort::open({.devargs = "net_null0,size=128", .pool = pool.get(), .listens_only = true});
  ASSERT_TRUE(port.ok()) << port.error().message;
  std::uint16_t id = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name("net_null0", &id), 0);
  rte_eth_dev_info info{};
  ASSERT_EQ(rte_eth_dev_info_get(id, &info), 0);
  EXPECT_EQ(info.nb_rx_queues, 1U);
  EXPECT_EQ(info.nb_tx_queues, 0U);
  std::array<rte_mbuf*, 16> frames{};
  ASSERT_EQ(port.value()->rx_burst(frames), 16U);
  EXPECT_DEATH(static_cast<void>(port.value()->tx_burst(frames)), "CHECK");
  for (rte_mbuf* const frame : frames) test::free_frame(frame);
}

TEST(EthdevPortTest, a_net_null_port_makes_frames_and_swallows_them) {
  const Pool pool = test::test_pool(2047);
  const std::unique_ptr<EthdevPort> port = open_port("net_null0,size=128", pool);
  ASSERT_NE(port, nullptr);
  std::array<rte_mbuf*, 16> frames{};
  ASSERT_EQ(port->rx_burst(frames), 16U);
  EXPECT_EQ(test::bytes_of(frames[0]).size(), 128U);
  EXPECT_EQ(port->tx_burst(frames), 16U);
}

TEST(EthdevPortTest, a_device_that_cannot_be_opened_is_an_error_of_one_line_that_names_it) {
  const Pool pool = test::test_pool(255);
  for (const char* const devargs : {"net_nonsense0", "net_af_packet9,iface=no_such_if0", "no such thing"}) {
    const Result<std::unique_ptr<EthdevPort>> port = EthdevPort::open({.devargs = devargs, .pool = pool.get()});
    ASSERT_FALSE(port.ok()) << devargs;
    EXPECT_NE(port.error().message.find(devargs), std::string::npos) << port.error().message;
    EXPECT_EQ(port.error().message.find('\n'), std::string::npos) << port.error().message;
  }
}

TEST(EthdevPortTest, the_same_device_cannot_be_opened_twice) {
  const Pool pool = test::test_pool(2047);
  const std::unique_ptr<EthdevPort> port = open_port("net_ring1", pool);
  ASSERT_NE(port, nullptr);
  EXPECT_FALSE(EthdevPort::open({.devargs = "net_ring1", .pool = pool.get()}).ok());
  EXPECT_EQ(port->stats().rx_frames, 0U);  // and is not harmed by the attempt
}

// A pair of veth interfaces in a network namespace of the calling thread; without the right to make one, not ready.
bool make_veth_namespace() {
  if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) return false;
  return std::system(
             "ip link add gt0 type veth peer name gt1 2>/dev/null && ip link set gt0 up && ip link set gt1 up") ==
         0;  // NOLINT(concurrency-mt-unsafe): one thread runs here
}

void exchange_over_veth(bool& skipped) {
  if (!make_veth_namespace()) {
    skipped = true;
    return;
  }
  const Pool pool = test::test_pool(4095);
  const std::unique_ptr<EthdevPort> left = open_port("net_af_packet0,iface=gt0", pool);
  const std::unique_ptr<EthdevPort> right = open_port("net_af_packet1,iface=gt1", pool);
  ASSERT_TRUE(left != nullptr && right != nullptr);
  EXPECT_TRUE(right->promiscuous());
  ASSERT_GE(right->fd(), 0);
  EXPECT_NE(right->fd(), left->fd());
  EXPECT_NE(right->mac(), left->mac());
  EXPECT_NE(right->mac(), MacAddress{});

  // More than the driver's default ring would hold, in bursts, before anyone reads.
  constexpr std::uint32_t kFrames = 1024;
  for (std::uint32_t tag = 0; tag < kFrames; ++tag) {
    std::array<rte_mbuf*, 1> frame = {test::make_frame(pool, test::ethernet(kTo, kFrom, tag, 1400))};
    ASSERT_NE(frame[0], nullptr);
    while (left->tx_burst(frame) == 0) std::this_thread::yield();
  }
  // Others speak here too (IPv6 neighbour discovery): count ours.
  std::uint32_t expected = 0;
  std::array<rte_mbuf*, 32> in{};
  while (expected < kFrames) {
    pollfd wait{.fd = right->fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&wait, 1, 10'000), 1) << "after " << expected;
    const std::size_t count = right->rx_burst(in);
    for (std::size_t i = 0; i < count; ++i) {
      const ByteView frame = test::bytes_of(in[i]);
      if (std::equal(kTo.begin(), kTo.end(), frame.begin())) {
        EXPECT_EQ(test::tag_of(frame), expected);
        ++expected;
      }
      test::free_frame(in[i]);
    }
  }
}

TEST(EthdevPortTest, af_packet_ports_exchange_frames_over_veth_and_their_socket_tells_of_them) {
  bool skipped = false;
  std::thread inside([&] { exchange_over_veth(skipped); });  // a thread: the namespace ends with it
  inside.join();
  if (skipped) GTEST_SKIP() << "needs root and veth";
}

}  // namespace
}  // namespace garrison::io
