// The gateway over loopback, on an io_context that the test runs itself, with a kv service that answers when told to.
#include "apps/gateway/gateway.h"

#include <gtest/gtest.h>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <deque>
#include <memory>
#include <string>

#include "apps/gateway/text.h"
#include "control/service/kv_service.h"

namespace garrison::gateway {
namespace {

class GatewayTest : public testing::Test {
 protected:
  void open(Gateway::Config config = {}) {
    config.listen = {{127, 0, 0, 1}, 0};
    gateway_ =
        std::make_unique<Gateway>(io_, config,
                                  std::vector<Gateway::Replicate>{[this](Bytes operation, bool reads_only,
                                                                         std::function<void(Result<Bytes>)> done) {
                                    pending_.push_back({std::move(operation), reads_only, std::move(done)});
                                    most_pending_ = std::max(most_pending_, pending_.size());
                                    if (at_once_) asio::post(io_, [this] { answer_one(); });
                                  }});
    const Result<config::Endpoint> bound = gateway_->listen();
    ASSERT_TRUE(bound.ok());
    port_ = bound.value().port;
  }

  void answer_one() { answer(0); }
  void answer(std::size_t index) {
    Pending one = std::move(pending_[index]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    Bytes result;
    one.reads_only ? kv_.query(one.operation, result) : kv_.apply(one.operation, result);
    one.done(std::move(result));
  }

  struct User {
    explicit User(asio::io_context& io) : socket(io) {}
    asio::ip::tcp::socket socket;
    std::array<char, 4096> input{};
    std::string received;
    bool ended = false;
  };

  std::unique_ptr<User> connect() {
    auto user = std::make_unique<User>(io_);
    user->socket.connect({asio::ip::address_v4::loopback(), port_});
    read(*user);
    return user;
  }
  void read(User& user) {
    user.socket.async_read_some(asio::buffer(user.input), [this, &user](const asio::error_code& error, std::size_t n) {
      user.received.append(user.input.data(), n);
      if (error) {
        user.ended = error != asio::error::operation_aborted;
        return;
      }
      read(user);
    });
  }
  static void send(User& user, std::string_view text) { asio::write(user.socket, asio::buffer(text)); }
  // Runs until `what` holds; gives up, so that a defect fails rather than hangs, after many turns without it.
  template <typename What>
  bool until(const What& what) {
    for (int turns = 0; turns < 200'000 && !what(); ++turns) {
      if (io_.run_one_for(std::chrono::milliseconds(50)) == 0 && ++idle_ > 200) return false;
    }
    return what();
  }
  // Nothing is left to do in the process: loopback sockets have delivered what was sent.
  void settle() {
    while (io_.run_one_for(std::chrono::milliseconds(50)) > 0) {
    }
  }
  bool receives(User& user, std::string_view text) {
    return until([&] { return user.received.size() >= text.size(); }) && user.received == text;
  }

  struct Pending {
    Bytes operation;
    bool reads_only;
    std::function<void(Result<Bytes>)> done;
  };
  asio::io_context io_{1};
  service::KvService kv_{service::ServiceOptions{}};
  std::unique_ptr<Gateway> gateway_;
  std::uint16_t port_ = 0;
  std::deque<Pending> pending_;
  std::size_t most_pending_ = 0;
  bool at_once_ = true;
  int idle_ = 0;
};

TEST_F(GatewayTest, replies_to_pipelined_commands_in_their_order) {
  at_once_ = false;
  open();
  const auto user = connect();
  send(*user, "SET a 1\r\nPING\r\nSET b 2\r\nGET c\r\n");
  ASSERT_TRUE(until([&] { return pending_.size() == 3; }));
  answer(2);  // GET c
  answer(1);  // SET b
  settle();
  EXPECT_EQ(user->received, "") << "SET a is not answered yet";
  answer(0);
  EXPECT_TRUE(receives(*user, "+OK\r\n+PONG\r\n+OK\r\n$-1\r\n"));
}

TEST_F(GatewayTest, says_of_each_operation_whether_it_only_reads) {
  at_once_ = false;
  open();
  const auto user = connect();
  send(*user, "GET a\r\nSET b 1\r\nMGET c d\r\nDEL e\r\n");
  ASSERT_TRUE(until([&] { return pending_.size() == 4; }));
  EXPECT_TRUE(pending_[0].reads_only);
  EXPECT_FALSE(pending_[1].reads_only);
  EXPECT_TRUE(pending_[2].reads_only);
  EXPECT_FALSE(pending_[3].reads_only);
  while (!pending_.empty()) answer_one();
}

TEST_F(GatewayTest, holds_a_command_back_until_earlier_ones_on_its_key_are_answered) {
  at_once_ = false;
  open();
  const auto user = connect();
  send(*user, "SET a 1\r\nGET a\r\n");
  ASSERT_TRUE(until([&] { return pending_.size() == 1; }));
  settle();
  EXPECT_EQ(pending_.size(), 1U);
  answer(0);
  ASSERT_TRUE(until([&] { return pending_.size() == 1; }));
  answer(0);
  EXPECT_TRUE(receives(*user, "+OK\r\n$1\r\n1\r\n"));
}

TEST_F(GatewayTest, stops_taking_commands_while_too_many_operations_are_in_flight) {
  at_once_ = false;
  Gateway::Config config;
  config.limits.max_operations = 4;
  open(config);
  const auto one = connect();
  const auto other = connect();
  std::string commands;
  std::string replies;
  for (int i = 0; i < 20; ++i) {
    commands += "SET k" + std::to_string(i) + " v\r\n";
    replies += "+OK\r\n";
  }
  send(*one, commands);
  send(*other, commands);
  while (one->received.size() + other->received.size() < 2 * replies.size()) {
    ASSERT_TRUE(until(
        [&] { return !pending_.empty() || one->received.size() + other->received.size() == 2 * replies.size(); }));
    if (!pending_.empty()) answer(0);
  }
  EXPECT_EQ(most_pending_, 4U);
  EXPECT_EQ(one->received, replies);
  EXPECT_EQ(other->received, replies);
}

TEST_F(GatewayTest, bounds_the_replies_that_one_connection_is_owed) {
  at_once_ = false;
  Gateway::Config config;
  config.limits.max_replies = 3;
  open(config);
  const auto user = connect();
  send(*user, "SET a 1\r\nSET b 1\r\nSET c 1\r\nSET d 1\r\n");
  ASSERT_TRUE(until([&] { return pending_.size() == 3; }));
  settle();
  EXPECT_EQ(pending_.size(), 3U);
  answer(0);
  EXPECT_TRUE(until([&] { return pending_.size() == 3; }));
}

TEST_F(GatewayTest, closes_after_quit_and_after_a_protocol_error) {
  open();
  const auto quitting = connect();
  send(*quitting, "SET a 1\r\nQUIT\r\nPING\r\n");
  ASSERT_TRUE(until([&] { return quitting->ended; }));
  EXPECT_EQ(quitting->received, "+OK\r\n+OK\r\n");
  const auto confused = connect();
  send(*confused, "*1\r\n$-5\r\n");
  ASSERT_TRUE(until([&] { return confused->ended; }));
  EXPECT_EQ(confused->received, "-ERR Protocol error: invalid bulk length\r\n");
}

TEST_F(GatewayTest, answers_what_was_asked_before_the_client_ended_its_input) {
  open();
  const auto user = connect();
  send(*user, "SET a 1\r\nGET a\r\n");
  user->socket.shutdown(asio::ip::tcp::socket::shutdown_send);
  ASSERT_TRUE(until([&] { return user->ended; }));
  EXPECT_EQ(user->received, "+OK\r\n$1\r\n1\r\n");
}

TEST_F(GatewayTest, survives_clients_that_leave_with_operations_in_flight) {
  at_once_ = false;
  Gateway::Config config;
  config.limits.max_operations = 1;
  open(config);
  {
    const auto leaving = connect();
    send(*leaving, "SET a 1\r\n");
    ASSERT_TRUE(until([&] { return pending_.size() == 1; }));
    leaving->socket.close();
    settle();
  }
  const auto staying = connect();
  send(*staying, "GET a\r\n");
  settle();
  EXPECT_EQ(pending_.size(), 1U) << "the operation of the one that left is still in flight";
  answer(0);
  ASSERT_TRUE(until([&] { return pending_.size() == 1; }));
  answer(0);
  EXPECT_TRUE(receives(*staying, "$1\r\n1\r\n"));
}

TEST_F(GatewayTest, turns_errors_of_the_client_into_error_replies) {
  at_once_ = false;
  open();
  const auto user = connect();
  send(*user, "GET a\r\n");
  ASSERT_TRUE(until([&] { return pending_.size() == 1; }));
  pending_.front().done(Error{"not executed: why"});
  EXPECT_TRUE(receives(*user, "-ERR not executed: why\r\n"));
}

TEST_F(GatewayTest, refuses_more_connections_than_it_may_have) {
  Gateway::Config config;
  config.limits.max_connections = 1;
  open(config);
  const auto first = connect();
  send(*first, "PING\r\n");
  ASSERT_TRUE(receives(*first, "+PONG\r\n"));
  const auto second = connect();
  ASSERT_TRUE(until([&] { return second->ended; }));
  EXPECT_EQ(second->received, "-ERR max number of clients reached\r\n");
}

TEST_F(GatewayTest, says_when_its_port_is_taken) {
  open();
  Gateway::Config config;
  config.listen = {{127, 0, 0, 1}, port_};
  Gateway second(io_, config, {[](Bytes, bool, const auto&) {}});
  const Result<config::Endpoint> bound = second.listen();
  ASSERT_FALSE(bound.ok());
  EXPECT_EQ(bound.error().message, "cannot listen on 127.0.0.1:" + std::to_string(port_) + ": Address already in use");
}

}  // namespace
}  // namespace garrison::gateway
