#include "apps/node/tcp_clients.h"

#include <gtest/gtest.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <thread>

#include "apps/client/framing.h"
#include "control/message/messages.h"
#include "control/service/kv_operation.h"
#include "tests/unit/native_client/test_site.h"

namespace garrison::client {
namespace {

// Someone who connects and is no client of ours.
class Stranger {
 public:
  explicit Stranger(const config::Endpoint& endpoint) : socket_(io_) {
    socket_.connect({asio::ip::address_v4(endpoint.ip), endpoint.port});
  }
  // The challenge's body; blocks.
  Bytes challenge() {
    std::array<std::uint8_t, kFrameHeaderBytes> header{};
    asio::read(socket_, asio::buffer(header));
    Bytes message(load_le<std::uint32_t>(header.data()));
    asio::read(socket_, asio::buffer(message));
    return message;
  }
  void send(ByteView bytes) {
    asio::error_code ignored;
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
  }
  void send_message(ByteView message) {
    Bytes framed;
    append_frame(framed, message);
    send(framed);
  }
  // Blocks until the server has closed the connection.
  void wait_for_end() {
    asio::error_code error;
    std::array<std::uint8_t, 256> rest{};
    while (!error) socket_.read_some(asio::buffer(rest), error);
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
};

Bytes set(std::string_view key) {
  return service::encode(service::KvSet{as_bytes(key), as_bytes(key), service::SetCondition::always}).value();
}

TEST(TcpClientsTest, says_which_endpoint_is_in_use) {
  TestSite site;
  site.start(0);
  TestSite other;
  node::TcpClients second;
  const config::Endpoint taken = site.endpoint(0);
  server::Queues queues;
  const crypto::SecretBytes secret(std::size_t{32});
  Slab slab(server::kReplyClasses, 1, 0);
  server::ClientPart part({}, secret, site.directory(), queues, slab, slab);
  const Result<config::Endpoint> bound = second.listen("A2", part, taken);
  ASSERT_FALSE(bound.ok());
  EXPECT_EQ(bound.error().message,
            "A2: cannot listen for clients on " + config::to_string(taken) + ": Address already in use");
}

TEST(TcpClientsTest, gives_every_session_another_challenge) {
  TestSite site;
  site.start(0);
  Stranger one(site.endpoint(0));
  Stranger other(site.endpoint(0));
  const Bytes first = one.challenge();
  EXPECT_TRUE(message::decode<message::ClientChallenge>(first).has_value());
  EXPECT_NE(first, other.challenge());
}

TEST(TcpClientsTest, closes_sessions_that_send_what_no_client_of_ours_sends) {
  TestSite site;
  site.start(0);
  const auto end_of = [&](const auto& act) {
    Stranger stranger(site.endpoint(0));
    const Bytes challenge = stranger.challenge();
    act(stranger, challenge);
    stranger.wait_for_end();
  };
  end_of([](Stranger& s, const Bytes&) { s.send(Bytes{0xff, 0xff, 0xff, 0x7f}); });  // longer than any message
  end_of([](Stranger& s, const Bytes&) { s.send_message(Bytes(40, 0)); });
  end_of([](Stranger& s, const Bytes& challenge) { s.send_message(challenge); });
  end_of([](Stranger& s, const Bytes& challenge) {  // a hello without the key
    const auto nonce = message::decode<message::ClientChallenge>(challenge)->nonce;
    const message::Envelope envelope{SystemId(77), crypto::Principal::client(ClientId(0)), KeyEpoch(1)};
    Bytes hello = message::encode(envelope, message::ClientHello{nonce, Incarnation(1)});
    hello.resize(hello.size() + 16);
    s.send_message(hello);
  });
  EXPECT_EQ(site.stats(0).hostile, 4U);
}

TEST(TcpClientsTest, makes_room_for_new_sessions_at_the_cost_of_strangers) {
  TestSite site;
  for (std::size_t i = 0; i < TestSite::kServers; ++i) site.start(i, {.max_sessions = 2});
  NativeClient::Config config = site.config();
  config.faults = TestSite::kServers - 1;  // an answer needs all: then every server knows the client's session
  auto made = NativeClient::make(config, site.bundle(), site.directory());
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(made.value()->call(set("k")).ok());
  Stranger first(site.endpoint(0));
  first.challenge();
  Stranger second(site.endpoint(0));
  second.challenge();
  first.wait_for_end();
  EXPECT_TRUE(made.value()->call(set("k")).ok());
  EXPECT_EQ(site.stats(0).sessions, 2U);
  EXPECT_EQ(site.stats(0).replaced, 1U);
}

TEST(TcpClientsTest, closes_sessions_that_never_say_hello) {
  TestSite site;
  site.start(0, {.greeting_timeout = milliseconds(1)});
  Stranger stranger(site.endpoint(0));
  stranger.wait_for_end();
  EXPECT_EQ(site.stats(0).replaced, 1U);
}

TEST(TcpClientsTest, holds_clients_back_while_the_server_has_no_room_and_loses_nothing) {
  TestSite site(4);
  site.start_all();
  NativeClient::Config config = site.config();
  config.timeout = seconds(60);  // no resending: what is read must arrive
  auto made = NativeClient::make(config, site.bundle(), site.directory());
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE(made.value()->call(set("k")).ok());
  site.pause(true);
  std::atomic<int> good{0};
  std::atomic<int> done{0};
  for (int i = 0; i < 40; ++i) {
    made.value()->submit(set("k" + std::to_string(i)), [&](const Result<Bytes>& result) {
      good += result.ok() ? 1 : 0;
      ++done;
    });
  }
  const auto held_back = [&] {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < TestSite::kServers; ++i) sum += site.stats(i).held_back;
    return sum;
  };
  while (held_back() == 0) std::this_thread::yield();
  site.pause(false);
  while (done < 40) std::this_thread::yield();
  EXPECT_EQ(good, 40);
  EXPECT_EQ(site.executed(), 41U);
}

TEST(TcpClientsTest, drops_replies_for_a_session_whose_buffer_is_full) {
  TestSite site;
  for (std::size_t i = 0; i < TestSite::kServers; ++i) site.start(i, {.max_unsent_bytes = 200});
  NativeClient::Config config = site.config();
  config.deadline = milliseconds(500);
  auto made = NativeClient::make(config, site.bundle(), site.directory());
  ASSERT_TRUE(made.ok());
  const std::string value(1000, 'v');
  const std::string key = "k";
  static_cast<void>(made.value()->call(
      service::encode(service::KvSet{as_bytes(key), as_bytes(value), service::SetCondition::always}).value()));
  const Result<Bytes> result = made.value()->call(service::encode(service::KvGet{as_bytes(key)}).value());
  EXPECT_FALSE(result.ok());
  EXPECT_GT(site.stats(0).too_slow, 0U);
}

TEST(FrameReaderTest, cuts_messages_wherever_the_stream_is_split) {
  Bytes stream;
  const std::vector<Bytes> messages = {
      Bytes(1, 'a'), Bytes(), Bytes(20'000, 'b'), Bytes(3, 'c'), Bytes(kMaxClientMessageBytes, 'd'), Bytes(5, 'e')};
  for (const Bytes& message : messages) append_frame(stream, message);
  for (const std::size_t chunk :
       {std::size_t{1}, std::size_t{3}, std::size_t{1000}, std::size_t{16384}, stream.size()}) {
    FrameReader reader;
    std::vector<Bytes> got;
    for (std::size_t at = 0; at < stream.size();) {
      const MutableBytes room = reader.room();
      const std::size_t size = std::min({chunk, room.size(), stream.size() - at});
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), size, room.begin());
      reader.filled(size);
      at += size;
      for (; reader.front().has_value(); reader.pop()) got.push_back(to_bytes(*reader.front()));
    }
    EXPECT_EQ(got, messages) << "in pieces of " << chunk;
    EXPECT_FALSE(reader.bad());
  }
}

TEST(FrameReaderTest, refuses_a_length_beyond_the_bound) {
  FrameReader reader;
  const MutableBytes room = reader.room();
  store_le(room.data(), static_cast<std::uint32_t>(kMaxClientMessageBytes + 1));
  reader.filled(3);
  EXPECT_FALSE(reader.bad());
  reader.filled(1);
  EXPECT_TRUE(reader.bad());
  EXPECT_FALSE(reader.front().has_value());
}

}  // namespace
}  // namespace garrison::client
