#include "apps/gateway/gateway.h"

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "apps/gateway/resp_connection.h"
#include "dataplane/base/check.h"

namespace garrison::gateway {

namespace {
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::string_view kTooMany = "-ERR max number of clients reached\r\n";
}  // namespace

class Gateway::Impl final : public RespConnection::Owner, public std::enable_shared_from_this<Gateway::Impl> {
 public:
  Impl(asio::io_context& io, const Config& config, std::vector<Replicate> identities)
      : config_(config), acceptor_(io), accept_pause_(io) {
    CHECK(!identities.empty());
    for (Replicate& identity : identities) identities_.push_back(counted(std::move(identity)));
  }

  Result<config::Endpoint> listen() {
    const asio::ip::tcp::endpoint wanted(asio::ip::address_v4(config_.listen.ip), config_.listen.port);
    asio::error_code error;
    acceptor_.open(wanted.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(wanted, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return Error{"cannot listen on " + config::to_string(config_.listen) + ": " + error.message()};
    config_.listen.port = acceptor_.local_endpoint(error).port();
    accept();
    return config_.listen;
  }

  void stop() {
    stopped_ = true;
    asio::error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    while (!connections_.empty()) std::shared_ptr(connections_.begin()->second)->close();
    stalled_.clear();
  }

  void set_servers_ready(std::function<std::uint64_t()> servers_ready) { servers_ready_ = std::move(servers_ready); }

  bool has_room(RespConnection& connection) override {
    if (in_flight_ < config_.limits.max_operations) return true;
    stalled_.push_back(connection.id());
    return false;
  }

  void closed(std::uint64_t connection) override { connections_.erase(connection); }

  [[nodiscard]] GatewayFacts facts() const override {
    const auto up = std::chrono::steady_clock::now() - started_;
    return {.port = config_.listen.port,
            .uptime_s = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(up).count()),
            .connections = connections_.size(),
            .connections_total = last_id_,
            .operations_total = operations_,
            .operations_in_flight = in_flight_,
            .servers_ready = servers_ready_ ? servers_ready_() : 0};
  }

 private:
  // Operations of a connection that is gone are in flight like others.
  Replicate counted(Replicate replicate) {
    return [this, replicate = std::move(replicate)](Bytes operation, bool reads_only,
                                                    std::function<void(Result<Bytes>)> done) {
      ++in_flight_;
      replicate(std::move(operation), reads_only,
                [self = shared_from_this(), done = std::move(done)](Result<Bytes> result) {
                  --self->in_flight_;
                  ++self->operations_;
                  done(std::move(result));
                  self->wake_stalled();
                });
    };
  }

  void wake_stalled() {
    while (!stalled_.empty()) {
      const auto next = connections_.find(stalled_.front());
      stalled_.pop_front();
      if (next == connections_.end()) continue;
      return next->second->on_room();
    }
  }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](const asio::error_code& error, asio::ip::tcp::socket socket) {
      if (self->stopped_) return;
      if (!error) {
        self->admit(std::move(socket));
        return self->accept();
      }
      // Out of descriptors, mostly: at once again would spin.
      self->accept_pause_.expires_after(kAcceptPause);
      self->accept_pause_.async_wait([self](const asio::error_code& cancelled) {
        if (!cancelled && !self->stopped_) self->accept();
      });
    });
  }

  void admit(asio::ip::tcp::socket socket) {
    asio::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (connections_.size() >= config_.limits.max_connections) {
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(kTooMany), ignored);
      return;
    }
    const std::uint64_t id = ++last_id_;
    const auto connection =
        std::make_shared<RespConnection>(std::move(socket), id, config_, *this, identities_[id % identities_.size()]);
    connections_.emplace(id, connection);
    connection->start();
  }

  Config config_;
  std::vector<Replicate> identities_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  std::function<std::uint64_t()> servers_ready_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool stopped_ = false;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::shared_ptr<RespConnection>> connections_;
  std::deque<std::uint64_t> stalled_;  // connections whose next operation waits for room; each at most once
  std::size_t in_flight_ = 0;
  std::uint64_t operations_ = 0;
};

Gateway::Gateway(asio::io_context& io, const Config& config, std::vector<Replicate> identities)
    : impl_(std::make_shared<Impl>(io, config, std::move(identities))) {}
Gateway::~Gateway() { impl_->stop(); }

Result<config::Endpoint> Gateway::listen() { return impl_->listen(); }
void Gateway::stop() { impl_->stop(); }
void Gateway::set_servers_ready(std::function<std::uint64_t()> servers_ready) {
  impl_->set_servers_ready(std::move(servers_ready));
}
GatewayFacts Gateway::facts() const { return impl_->facts(); }

}  // namespace garrison::gateway
