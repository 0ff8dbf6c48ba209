// Over ports inside the process.
#include "apps/forwarder/wide_port.h"

#include <cstring>

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
    return [this, of](asio::io_context& on, const forwarder::Setup& setup, WideEnd& end, std::function<Instant()> now,
                      std::function<void()> received) {
      const auto bind = [&](runtime::Doorbell& receiver) -> io::Port& {
        io::RingPort& port = of.first == 0 ? cable->near_end() : cable->far_end();
        if (rings) port.set_receiver(receiver);
        return port;
      };
      return std::make_unique<WidePort>(on, *setup.frames, end, bind, *pool, std::move(now), std::move(received));
    };
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
