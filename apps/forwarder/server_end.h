// A server's session with one forwarder of its site: connects, presents what its queue holds, hands on what comes from
// other sites, and connects again after a growing pause whenever anything fails.
//
// Belongs to one io thread, where every call and every call-back happens. Held by shared_ptr: handlers that are under
// way keep it alive after stop().
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"
#include "dataplane/base/instant.h"
#include "dataplane/forwarder/presented_queue.h"
#include "dataplane/forwarder/session_stream.h"

namespace garrison::forwarder {

class ServerEnd : public std::enable_shared_from_this<ServerEnd> {
 public:
  struct Config {
    SystemId system;
    SiteId site;
    ServerId self;
    Role forwarder = Role::primary;
    config::Endpoint endpoint;
    crypto::SecretBytes shared;
    Duration retry_min = milliseconds(50);  // pause after a failure; doubles up to retry_max
    Duration retry_max = seconds(2);
  };
  // Of all forwarders of its site, the primary first; `bundle` is the server's own. An error is one line for the
  // operator.
  [[nodiscard]] static Result<std::vector<Config>> configs(const config::Topology& topology,
                                                           const crypto::KeyDirectory& directory,
                                                           const crypto::PrivateBundle& bundle);
  // What came; false: there is no room now, so that it is offered again at retry().
  using Arrived = std::function<bool(SiteId source, ByteView message)>;

  // `queue` outlives every call-back: none follows stop().
  ServerEnd(asio::io_context& io, Config config, PresentedQueue& queue, Arrived arrived);

  void start();
  void stop();
  // The queue has more.
  void flush();
  // There is room again for what arrives.
  void retry();

  [[nodiscard]] bool connected() const { return stream_.has_value(); }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }  // of sessions and attempts

 private:
  void connect();
  void greet();
  void read();
  // True when the session is to be read on.
  bool take();
  void fail();
  void disconnect();

  asio::io_context& io_;
  Config config_;
  PresentedQueue* queue_;
  Arrived arrived_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  std::uint64_t attempt_ = 0;  // of the connection that handlers belong to
  Hello hello_;
  std::array<std::uint8_t, kHelloBytes> answer_{};
  std::optional<SessionStream> stream_;
  bool writing_ = false;
  bool held_ = false;  // an arrival found no room
  Bytes out_;
  Duration pause_;
  std::uint64_t failures_ = 0;
};

}  // namespace garrison::forwarder
