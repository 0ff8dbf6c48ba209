// Forwarders of two sites, each in a thread of its own, with servers that are only their sessions.
#pragma once

#include <gtest/gtest.h>

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "apps/forwarder/forwarder_process.h"
#include "apps/forwarder/server_end.h"
#include "control/config/key_files.h"
#include "control/config/topology_text.h"
#include "crypto/agreement.h"

namespace garrison::forwarder {

using Tcp = asio::ip::tcp;

// Ports of this test that nobody uses, from one that the kernel gave.
inline std::uint16_t free_port(asio::io_context& io) {
  Tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

class ForwarderFixture : public ::testing::Test {
 protected:
  // `inside`: they have ports inside this process.
  explicit ForwarderFixture(bool inside = false) {
    config::NewTopology wishes;
    wishes.system = SystemId(3);
    wishes.sites = 2;
    wishes.link = config::LinkKind::forwarder;
    wishes.backup_forwarders = true;
    wishes.forwarders_inside = inside;
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
  ~ForwarderFixture() override { end_all(); }
  void end_all() {
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
    running.process = std::make_unique<ForwarderProcess>(std::move(setup).value(), transport({site, index}));
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

  // Of the forwarder of this site and index.
  [[nodiscard]] virtual ForwarderProcess::MakeTransport transport(std::pair<std::uint16_t, std::uint32_t>) {
    return ForwarderProcess::over_socket;
  }

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

}  // namespace garrison::forwarder
