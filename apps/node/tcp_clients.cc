#include "apps/node/tcp_clients.h"

#include <pthread.h>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "apps/node/client_listener.h"
#include "apps/node/forwarder_sessions.h"

namespace garrison::node {

namespace {
constexpr std::chrono::milliseconds kRetryPeriod{1};
constexpr std::chrono::seconds kSweepPeriod{1};
}  // namespace

class TcpClients::Impl {
 public:
  explicit Impl(const TcpLimits& limits)
      : limits_(limits), bell_(io_, doorbell_.fd()), retry_timer_(io_), sweep_timer_(io_) {}
  ~Impl() {
    stop();
    bell_.release();  // the descriptor is the doorbell's
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  runtime::Doorbell& doorbell() { return doorbell_; }

  Result<config::Endpoint> listen(const std::string& name, server::ClientPart& part, const config::Endpoint& endpoint) {
    CHECK(!thread_.joinable());
    auto listener = std::make_unique<ClientListener>(io_, part, limits_, [this] { retry_soon(); });
    Result<config::Endpoint> bound = listener->listen(name, endpoint);
    if (bound.ok()) listeners_.push_back(std::move(listener));
    return bound;
  }

  void connect(server::ForwarderPart& part, std::vector<forwarder::ServerEnd::Config> ends) {
    CHECK(!thread_.joinable());
    forwarders_.push_back(std::make_unique<ForwarderSessions>(io_, part, std::move(ends)));
  }

  void start() {
    CHECK(!thread_.joinable());
    for (const auto& sessions : forwarders_) sessions->start();
    for (const auto& listener : listeners_) listener->start();
    asio::post(io_, [this] { serve(); });
    sweep();
    thread_ = std::thread([this] {
      static_cast<void>(::pthread_setname_np(::pthread_self(), "mgmt"));
      io_.run();
    });
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      for (const auto& listener : listeners_) listener->stop();
      for (const auto& sessions : forwarders_) sessions->stop();
      io_.stop();
    });
    thread_.join();
  }

  void halt(const server::ClientPart& part) {
    asio::post(io_, [this, &part] {
      for (const auto& listener : listeners_) {
        if (&listener->part() == &part) listener->stop();
      }
    });
  }

  void halt(const server::ForwarderPart& part) {
    asio::post(io_, [this, &part] {
      for (const auto& sessions : forwarders_) {
        if (&sessions->part() == &part) sessions->stop();
      }
    });
  }

  [[nodiscard]] Stats stats() const {
    Stats sum;
    for (const auto& listener : listeners_) {
      const Stats one = listener->stats();
      sum.sessions += one.sessions;
      sum.accepted += one.accepted;
      sum.hostile += one.hostile;
      sum.replaced += one.replaced;
      sum.too_slow += one.too_slow;
      sum.held_back += one.held_back;
    }
    return sum;
  }

 private:
  std::size_t poll() {
    std::size_t handled = 0;
    for (const auto& listener : listeners_) handled += listener->poll();
    for (const auto& sessions : forwarders_) handled += sessions->poll();
    return handled;
  }

  // The consumer's side of the doorbell, see doorbell.h: arm, look once more, only then sleep. While there is work,
  // sockets have their turn between two rounds.
  void serve() {
    doorbell_.disarm();
    bool busy = poll() > 0;
    if (!busy) {
      doorbell_.arm();
      busy = poll() > 0;
    }
    if (busy) return asio::post(io_, [this] { serve(); });
    bell_.async_wait(asio::posix::descriptor_base::wait_read, [this](const asio::error_code& error) {
      if (!error) serve();
    });
  }

  // Room comes when other threads take messages out, and nobody tells this one.
  void retry_soon() {
    if (retrying_) return;
    retrying_ = true;
    retry_timer_.expires_after(kRetryPeriod);
    retry_timer_.async_wait([this](const asio::error_code& error) {
      if (error) return;
      // on_held_ calls meanwhile find retrying_ set, so the timer is set at most once, below.
      bool waiting = false;
      for (const auto& listener : listeners_) waiting = listener->retry_held() || waiting;
      retrying_ = false;
      if (waiting) retry_soon();
    });
  }

  void sweep() {
    sweep_timer_.expires_after(kSweepPeriod);
    sweep_timer_.async_wait([this](const asio::error_code& error) {
      if (error) return;
      for (const auto& listener : listeners_) listener->sweep();
      sweep();
    });
  }

  TcpLimits limits_;
  runtime::Doorbell doorbell_;
  asio::io_context io_{1};
  asio::posix::stream_descriptor bell_;
  asio::steady_timer retry_timer_;
  asio::steady_timer sweep_timer_;
  bool retrying_ = false;
  std::vector<std::unique_ptr<ClientListener>> listeners_;
  std::vector<std::unique_ptr<ForwarderSessions>> forwarders_;
  std::thread thread_;
};

TcpClients::TcpClients(const TcpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
TcpClients::~TcpClients() = default;

runtime::Doorbell& TcpClients::doorbell() { return impl_->doorbell(); }

Result<config::Endpoint> TcpClients::listen(const std::string& name, server::ClientPart& part,
                                            const config::Endpoint& endpoint) {
  return impl_->listen(name, part, endpoint);
}

void TcpClients::connect(server::ForwarderPart& part, std::vector<forwarder::ServerEnd::Config> ends) {
  impl_->connect(part, std::move(ends));
}
void TcpClients::start() { impl_->start(); }
void TcpClients::stop() { impl_->stop(); }
void TcpClients::halt(const server::ClientPart& part) { impl_->halt(part); }
void TcpClients::halt(const server::ForwarderPart& part) { impl_->halt(part); }
TcpClients::Stats TcpClients::stats() const { return impl_->stats(); }

}  // namespace garrison::node
