// Forwarders of two sites over loopback, each in a thread of its own, with servers that are only their sessions.
#include "apps/forwarder/forwarder_process.h"

#include <gtest/gtest.h>

#include <asio/write.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <thread>

#include "apps/forwarder/server_end.h"
#include "control/config/key_files.h"
#include "control/config/topology_text.h"
#include "crypto/agreement.h"

namespace garrison::forwarder {
namespace {

using Tcp = asio::ip::tcp;

// Ports of this test that nobody uses, from one that the kernel gave.
std::uint16_t free_port(asio::io_context& io) {
  Tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

class ForwarderProcessTest : public ::testing::Test {
 protected:
  ForwarderProcessTest() {
    config::NewTopology wishes;
    wishes.system = SystemId(3);
    wishes.sites = 2;
    wishes.link = config::LinkKind::forwarder;
    wishes.backup_forwarders = true;
    topology = config::parse_topology(config::new_topology_text(wishes).value(), "t").value();
    topology.client.count = 0;
    topology.crypto.site_scheme = crypto::ThresholdScheme::shoup_rsa1024;
    std::set<std::uint16_t> ports;
    while (ports.size() < 12) ports.insert(free_port(io));
    auto port = ports.begin();
    for (config::SiteSettings& site : topology.sites) {
      for (config::ForwarderSettings& forwarder : site.forwarders) {
        for (config::Endpoint* endpoint : {&forwarder.local, &forwarder.wan, &forwarder.admin})
          endpoint->port = *port++;
      }
    }
    directory = std::make_unique<crypto::KeyDirectory>(topology.system, topology.crypto.epoch);
    for (const crypto::Principal principal : topology.principals()) {
      crypto::PublicKeys keys;
      bundles.emplace(principal, crypto::make_bundle(topology.system, topology.crypto.epoch, principal,
                                                     topology.scheme_of(principal), keys)
                                     .value());
      EXPECT_TRUE(directory->add(principal, keys).ok());
    }
  }
  ~ForwarderProcessTest() override {
    for (auto& [id, session] : sessions) session.end->stop();
    for (auto& [id, running] : forwarders) halt(running);
  }

  struct Running {
    std::unique_ptr<ForwarderProcess> process;
    std::thread thread;
  };
  void start(std::uint16_t site, std::uint32_t index, std::uint64_t incarnation = 1) {
    const crypto::Principal self = crypto::Principal::forwarder(SiteId(site), index);
    auto setup = make_setup(topology, *directory, bundles.at(self), Incarnation(incarnation), {.window = 8});
    ASSERT_TRUE(setup.ok());
    Running& running = forwarders[{site, index}];
    running.process = std::make_unique<ForwarderProcess>(std::move(setup).value());
    const auto opened = running.process->open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    running.thread = std::thread([raw = running.process.get()] { raw->run(); });
  }
  static void halt(Running& running) {
    if (!running.thread.joinable()) return;
    asio::post(running.process->io(), [raw = running.process.get()] { raw->stop(); });
    running.thread.join();
    running.process.reset();
  }
  void stop(std::uint16_t site, std::uint32_t index) { halt(forwarders.at({site, index})); }

  struct Session {
    PresentedQueue queue{kPresentedMessages};
    std::shared_ptr<ServerEnd> end;
  };
  void join(std::uint16_t site, std::uint16_t server, std::uint32_t index, bool impostor = false) {
    const crypto::Principal forwarder = crypto::Principal::forwarder(SiteId(site), index);
    const crypto::Principal self = crypto::Principal::server(SiteId(site), ServerId(server));
    auto shared = crypto::agree(bundles.at(self).agreement, directory->find(forwarder)->agreement).value();
    if (impostor) shared = crypto::SecretBytes(Bytes(32, 1));
    Session& session = sessions[{site, server, index}];
    session.end =
        std::make_shared<ServerEnd>(io,
                                    ServerEnd::Config{.system = topology.system,
                                                      .site = SiteId(site),
                                                      .self = ServerId(server),
                                                      .forwarder = index == 0 ? Role::primary : Role::backup,
                                                      .endpoint = topology.site(SiteId(site)).forwarders[index].local,
                                                      .shared = shared},
                                    session.queue, [this, site, server](SiteId source, ByteView message) {
                                      EXPECT_EQ(source, SiteId(1 - site));
                                      got[{site, server}].push_back(std::string(message.begin(), message.end()));
                                      return true;
                                    });
    session.end->start();
  }
  // Server `server` of A has a message for B.
  void present(std::uint16_t server, std::uint64_t sequence, const std::string& text) {
    for (std::uint32_t index = 0; index < 2; ++index) {
      const auto session = sessions.find({0, server, index});
      if (session == sessions.end()) continue;
      session->second.queue.push({{SeqNum(sequence), 0b10, TrafficClass::bounded}, to_bytes(as_bytes(text))});
      session->second.end->flush();
    }
  }
  // Until it is so, or for long enough that something must be wrong.
  template <typename Condition>
  [[nodiscard]] bool comes_true(const Condition& condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) io.run_for(std::chrono::milliseconds(10));
    return condition();
  }
  [[nodiscard]] std::uint64_t status(std::uint16_t site, std::uint32_t index, const std::string& key) {
    return forwarders.at({site, index}).process->status().at(key).get<std::uint64_t>();
  }
  [[nodiscard]] std::uint64_t drops(std::uint16_t site, std::uint32_t index, const std::string& reason) {
    return forwarders.at({site, index}).process->status().at("drops").value(reason, std::uint64_t{0});
  }
  using Texts = std::vector<std::string>;
  [[nodiscard]] Texts& at_b(std::uint16_t server) { return got[{1, server}]; }

  asio::io_context io;
  config::Topology topology;
  std::unique_ptr<crypto::KeyDirectory> directory;
  std::map<crypto::Principal, crypto::PrivateBundle> bundles;
  std::map<std::pair<std::uint16_t, std::uint32_t>, Running> forwarders;
  std::map<std::tuple<std::uint16_t, std::uint16_t, std::uint32_t>, Session> sessions;
  std::map<std::pair<std::uint16_t, std::uint16_t>, Texts> got;  // by site and server
};

TEST_F(ForwarderProcessTest, what_f_plus_1_servers_present_reaches_the_servers_of_the_other_site_once) {
  start(0, 0);
  start(1, 0);
  for (std::uint16_t server = 0; server < 3; ++server) {
    join(0, server, 0);
    join(1, server, 0);
  }
  const std::string large(20'000, 'x');
  Texts all;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    all.push_back(std::to_string(i) + (i % 10 == 0 ? large : ""));
    present(0, i, all.back());
    if (i > 30) present(1, i, "forged");
    if (i <= 30) present(1, i, all.back());
  }
  ASSERT_TRUE(comes_true([&] { return at_b(0).size() == 30 && at_b(2).size() == 30; }));
  EXPECT_EQ(at_b(0), Texts(all.begin(), all.begin() + 30));
  EXPECT_EQ(at_b(2), Texts(all.begin(), all.begin() + 30));
  // The third was not needed so far, and is for the rest.
  for (std::uint64_t i = 1; i <= 40; ++i) present(2, i, all[i - 1]);
  ASSERT_TRUE(comes_true([&] { return at_b(1).size() == 40; }));
  EXPECT_EQ(at_b(1), all);
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "messages_sent") == 40; }));
}

TEST_F(ForwarderProcessTest, a_backup_stands_in_for_its_primary) {
  start(0, 0);
  start(0, 1);
  start(1, 0);
  for (std::uint16_t server = 0; server < 2; ++server) {
    for (std::uint32_t index = 0; index < 2; ++index) join(0, server, index);
    join(1, server, 0);
  }
  for (std::uint16_t server = 0; server < 2; ++server) present(server, 1, "one");
  ASSERT_TRUE(comes_true([&] { return at_b(0).size() == 1; }));
  stop(0, 0);
  for (std::uint16_t server = 0; server < 2; ++server) present(server, 2, "two");
  const auto has = [&](const std::string& text) {
    const Texts& texts = at_b(0);
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  };
  ASSERT_TRUE(comes_true([&] { return has("two"); }));
  // It finds its place again with nothing but what the servers say.
  start(0, 0, 2);
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "servers_connected") == 2; }));
  for (std::uint16_t server = 0; server < 2; ++server) present(server, 3, "three");
  ASSERT_TRUE(comes_true([&] { return has("three"); }));
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "last_sent") == 3; }));
}

TEST_F(ForwarderProcessTest, who_has_not_the_key_takes_nobodys_session) {
  start(0, 0);
  join(0, 0, 0);
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "servers_connected") == 1; }));
  const Session honest = sessions.extract({0, 0, 0}).mapped();
  join(0, 0, 0, true);
  ASSERT_TRUE(comes_true([&] { return drops(0, 0, "forwarder_bad_tag") >= 2; }));
  EXPECT_EQ(honest.end->failures(), 0U);
  EXPECT_EQ(status(0, 0, "servers_connected"), 1U);
  honest.end->stop();
}

TEST_F(ForwarderProcessTest, a_session_that_replaces_another_is_the_server_s) {
  start(0, 0);
  join(0, 0, 0);
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "servers_connected") == 1; }));
  const Session before = sessions.extract({0, 0, 0}).mapped();
  join(0, 0, 0);
  ASSERT_TRUE(comes_true([&] { return before.end->failures() >= 1; }));
  before.end->stop();
  ASSERT_TRUE(comes_true([&] { return sessions.at({0, 0, 0}).end->connected(); }));
}

TEST_F(ForwarderProcessTest, rubbish_ends_a_connection_and_nothing_else) {
  start(0, 0);
  join(0, 0, 0);
  for (const std::size_t size : {std::size_t{1}, kHelloBytes, std::size_t{5000}}) {
    Tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), topology.sites[0].forwarders[0].local.port});
    asio::error_code ignored;
    asio::write(socket, asio::buffer(Bytes(size, 0x47)), ignored);
    socket.close();
  }
  asio::ip::udp::socket udp(io, asio::ip::udp::v4());
  udp.send_to(asio::buffer(Bytes(100)), {asio::ip::address_v4::loopback(), topology.sites[0].forwarders[0].wan.port});
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "strangers_refused") == 3; }));
  EXPECT_EQ(drops(0, 0, "forwarder_malformed"), 2U);
  ASSERT_TRUE(comes_true([&] { return drops(0, 0, "frame_unknown_peer") == 1; }));
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "servers_connected") == 1; }));
}

TEST_F(ForwarderProcessTest, two_forwarders_do_not_share_an_endpoint) {
  start(0, 0);
  auto setup =
      make_setup(topology, *directory, bundles.at(crypto::Principal::forwarder(SiteId(0), 0)), Incarnation(2), {});
  ForwarderProcess second(std::move(setup).value());
  const auto opened = second.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("cannot be bound"), std::string::npos);
}

TEST_F(ForwarderProcessTest, a_threshold_that_proves_nothing_is_refused) {
  const crypto::PrivateBundle& bundle = bundles.at(crypto::Principal::forwarder(SiteId(0), 0));
  for (const std::size_t threshold : {1U, 4U}) {
    EXPECT_FALSE(make_setup(topology, *directory, bundle, Incarnation(1), {.threshold = threshold}).ok());
  }
  EXPECT_TRUE(make_setup(topology, *directory, bundle, Incarnation(1), {.threshold = 3}).ok());
}

}  // namespace
}  // namespace garrison::forwarder
