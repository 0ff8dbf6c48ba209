// A client's connection to one server, for as long as the client lives: connects, answers the CLIENT-CHALLENGE,
// carries messages, verifies replies, and connects again after a growing pause whenever any of it fails.
//
// Belongs to one io thread, where every call and every call-back happens. Held by shared_ptr: handlers that are under
// way keep it alive after stop().
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "apps/client/framing.h"
#include "control/message/messages.h"
#include "crypto/mac.h"
#include "dataplane/base/instant.h"

namespace garrison::client {

class ServerSession : public std::enable_shared_from_this<ServerSession> {
 public:
  struct Config {
    SystemId system;
    SiteId site;
    ServerId server;
    ClientId client;
    KeyEpoch epoch;
    asio::ip::tcp::endpoint endpoint;
    Duration greeting_timeout = seconds(5);  // from connecting to the challenge
    Duration retry_min = milliseconds(50);   // pause after a failure; doubles up to retry_max
    Duration retry_max = seconds(2);
    std::size_t max_unsent_bytes = std::size_t{4} << 20U;
  };
  // Called back on the io thread. A reply's views live until the call returns.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual void on_ready(ServerId server) = 0;
    virtual void on_lost(ServerId server) = 0;
    virtual void on_reply(ServerId server, const message::ClientReply& reply) = 0;
    virtual void on_answer(ServerId server, const message::QueryReply& reply) = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` outlives every call-back: none follows stop().
  ServerSession(asio::io_context& io, const Config& config, crypto::HmacKey key, Owner& owner);

  // Says hello as `incarnation` from now on; a connection that stands is replaced.
  void start(Incarnation incarnation);
  void stop();

  // Whether the server knows who we are, so that its replies reach us.
  [[nodiscard]] bool ready() const { return ready_; }
  // Queues a message; false when there is no connection or too much waits unsent. Goes out with flush().
  bool send(ByteView message);
  // The same of content that this session's MAC vouches for.
  bool send_tagged(ByteView content);
  void flush();
  // Why the last connection failed; empty while there was no failure.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }
  [[nodiscard]] std::uint64_t bad_messages() const { return bad_messages_; }

 private:
  void connect();
  void connected();
  void read();
  void write();
  // Takes whole messages out of the reader. False: the server does not speak our protocol.
  bool take_messages();
  bool take(ByteView message);
  bool greet(ByteView message);
  void fail(std::string why);
  void disconnect();

  asio::io_context& io_;
  Config config_;
  crypto::HmacKey key_;
  Owner* owner_;
  Incarnation incarnation_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  // Of the connection that handlers belong to: a handler of an earlier one finds another number and does nothing.
  std::uint64_t attempt_ = 0;
  bool ready_ = false;
  bool writing_ = false;
  Duration pause_;
  FrameReader reader_;
  Bytes unsent_;
  Bytes in_flight_;  // being written
  std::string last_error_;
  std::uint64_t bad_messages_ = 0;
};

}  // namespace garrison::client
