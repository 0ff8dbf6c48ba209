// Over ports inside the process.
#include "apps/forwarder/wide_port.h"

#include <cstring>

#include "control/config/net_address.h"
#include "dataplane/io/mbuf.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/ring_port.h"
#include "dataplane/runtime/eal.h"
#include "tests/unit/forwarder_process/forwarder_fixture.h"

namespace garrison::forwarder {
namespace {

constexpr io::MacAddress kMac = {2, 0, 0, 0, 0, 1};

class WidePortTest : public ForwarderFixture {
 protected:
  WidePortTest() : ForwarderFixture(true) {
    CHECK(runtime::eal_started() || runtime::start_eal({.memory_mib = 64}).ok());
    pool = io::make_pool({.name = "forwarders", .mbufs = 4095}).value();
    cable = std::make_unique<io::RingCable>("wide", kMac, 512);
  }
  ~WidePortTest() override {
    end_all();
    cable.reset();
  }

  ForwarderProcess::MakeTransport transport(std::pair<std::uint16_t, std::uint32_t> of) override {
    const auto bind = [this, of](runtime::Doorbell& receiver) -> io::Port& {
      io::RingPort& port = of.first == 0 ? cable->near_end() : cable->far_end();
      if (rings) port.set_receiver(receiver);
      return port;
    };
    return WidePort::over(bind, *pool);
  }
  void two_sites() {
    for (std::uint16_t site = 0; site < 2; ++site) {
      start(site, 0);
      for (std::uint16_t server = 0; server < 2; ++server) join(site, server, 0);
    }
  }

  bool rings = true;
  io::Pool pool;
  std::unique_ptr<io::RingCable> cable;
};

TEST_F(WidePortTest, what_servers_present_reaches_those_of_the_other_site) {
  two_sites();
  Texts all;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    all.push_back(std::to_string(i) + std::string(i % 10 == 0 ? 20'000 : 0, 'x'));
    for (std::uint16_t server = 0; server < 2; ++server) present(server, i, all.back());
  }
  ASSERT_TRUE(comes_true([&] { return at_b(0).size() == 40 && at_b(1).size() == 40; }));
  EXPECT_EQ(at_b(0), all);
  EXPECT_EQ(at_b(1), all);
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "datagrams_sent") >= 40 + 4 * (20'000 / 1'472); }));
}

// A site's own backup stands on the same segment; all others are behind the router.
TEST_F(WidePortTest, frames_to_other_sites_go_to_the_gateway) {
  const config::MacAddress router = {2, 0, 0, 9, 9, 9};
  const auto frames_of = [&] {
    const crypto::Principal self = crypto::Principal::forwarder(SiteId(0), 0);
    return make_setup(topology, *directory, bundles.at(self), Incarnation(1), {}).value().frames.value();
  };
  const ForwarderId backup{SiteId(0), Role::backup};
  const ForwarderId other{SiteId(1), Role::primary};
  const config::ForwarderSettings& far = topology.sites[1].forwarders[0];
  EXPECT_EQ(frames_of().peers.at(other), config::net_address(*far.wan_port));
  EXPECT_FALSE(frames_of().udp_checksum);
  topology.sites[0].forwarders[0].wan_port->gateway = router;
  topology.sites[0].forwarders[0].wan_port->port = config::PortSettings::Port::dpdk;
  EXPECT_EQ(frames_of().peers.at(other).mac, router);
  EXPECT_EQ(frames_of().peers.at(other).ipv4, config::net_address(*far.wan_port).ipv4);
  EXPECT_EQ(frames_of().peers.at(backup).mac, topology.sites[0].forwarders[1].wan_port->mac);
  EXPECT_TRUE(frames_of().udp_checksum);
  // One that has a socket of the kernel's is behind it, too, wherever it stands.
  topology.sites[0].forwarders[1].wan_port.reset();
  EXPECT_EQ(frames_of().peers.at(backup).mac, router);
  EXPECT_EQ(frames_of().peers.at(backup).udp_port, topology.sites[0].forwarders[1].wan.port);
}

TEST_F(WidePortTest, a_port_that_wakes_nobody_is_looked_at) {
  rings = false;
  two_sites();
  for (std::uint16_t server = 0; server < 2; ++server) present(server, 1, "one");
  ASSERT_TRUE(comes_true([&] { return at_b(0) == Texts{"one"} && at_b(1) == Texts{"one"}; }));
}

TEST_F(WidePortTest, frames_that_are_not_its_own_are_dropped) {
  rings = false;
  start(0, 0);
  join(0, 0, 0);
  for (const std::size_t size : {std::size_t{20}, std::size_t{1400}}) {
    rte_mbuf* frame = io::take_mbuf(*pool);
    ASSERT_NE(frame, nullptr);
    frame->data_len = static_cast<std::uint16_t>(size);
    frame->pkt_len = frame->data_len;
    std::memset(rte_pktmbuf_mtod(frame, void*), 0, size);
    ASSERT_EQ(cable->far_end().tx_burst({&frame, 1}), 1U);
  }
  ASSERT_TRUE(comes_true([&] { return drops(0, 0, "frame_truncated") + drops(0, 0, "frame_not_ours") == 2; }));
  EXPECT_EQ(status(0, 0, "datagrams_received"), 0U);
}

}  // namespace
}  // namespace garrison::forwarder
