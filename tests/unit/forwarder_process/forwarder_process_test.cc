// Over loopback.
#include <asio/ip/udp.hpp>
#include <asio/write.hpp>
#include <deque>

#include "tests/unit/forwarder_process/forwarder_fixture.h"

namespace garrison::forwarder {
namespace {

class ForwarderProcessTest : public ForwarderFixture {};

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

TEST_F(ForwarderProcessTest, metrics_say_what_the_status_says) {
  start(0, 0);
  for (std::uint16_t server = 0; server < 2; ++server) join(0, server, 0);
  for (std::uint16_t server = 0; server < 2; ++server) present(server, 1, "one");
  ASSERT_TRUE(comes_true([&] { return status(0, 0, "messages_sent") == 1 && status(0, 0, "servers_connected") == 2; }));
  const std::string text = forwarders.at({0, 0}).process->metrics();
  const auto has = [&](const std::string& line) { return text.find("\n" + line + "\n") != std::string::npos; };
  const std::string labels = R"({forwarder="A-forwarder",site="A"})";
  EXPECT_TRUE(has("garrison_forwarder_messages_sent_total" + labels + " 1")) << text;
  EXPECT_TRUE(has("garrison_forwarder_servers_connected" + labels + " 2")) << text;
  EXPECT_TRUE(has(R"(garrison_forwarder_drops_total{forwarder="A-forwarder",site="A",reason="forwarder_bad_tag"} 0)"));
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
