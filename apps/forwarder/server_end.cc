#include "apps/forwarder/server_end.h"

#include <sys/random.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <utility>

#include "apps/client/tcp_options.h"
#include "control/config/names.h"
#include "crypto/agreement.h"

namespace garrison::forwarder {

namespace {
constexpr std::size_t kWriteBytes = 256 * 1024;
}  // namespace

ServerEnd::ServerEnd(asio::io_context& io, Config config, PresentedQueue& queue, Arrived arrived)
    : io_(io),
      config_(std::move(config)),
      queue_(&queue),
      arrived_(std::move(arrived)),
      socket_(io),
      timer_(io),
      hello_{config_.system, config_.site, config_.self, config_.forwarder, {}},
      pause_(config_.retry_min) {}

Result<std::vector<ServerEnd::Config>> ServerEnd::configs(const config::Topology& topology,
                                                          const crypto::KeyDirectory& directory,
                                                          const crypto::PrivateBundle& bundle) {
  const SiteId site = bundle.self.site;
  std::vector<Config> all;
  for (const config::ForwarderSettings& settings : topology.site(site).forwarders) {
    const crypto::Principal principal = crypto::Principal::forwarder(site, static_cast<std::uint32_t>(all.size()));
    const crypto::PublicKeys* const keys = directory.find(principal);
    const std::string name = config::principal_name(principal);
    if (keys == nullptr) return Error{"no public key of " + name + "; run: garrison check TOPOLOGY --keys DIR"};
    Result<crypto::SecretBytes> shared = crypto::agree(bundle.agreement, keys->agreement);
    if (!shared) return Error{"agreement key of " + name + ": " + shared.error().message};
    all.push_back({.system = topology.system,
                   .site = site,
                   .self = ServerId(static_cast<std::uint16_t>(bundle.self.index)),
                   .forwarder = all.empty() ? Role::primary : Role::backup,
                   .endpoint = settings.local,
                   .shared = std::move(shared).value()});
  }
  return all;
}

void ServerEnd::start() { connect(); }

void ServerEnd::stop() {
  queue_ = nullptr;
  arrived_ = nullptr;
  disconnect();
}

// Every handler of the connection is cancelled; those already on their way see another attempt_.
void ServerEnd::disconnect() {
  ++attempt_;
  asio::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  stream_.reset();
  writing_ = false;
  held_ = false;
}

void ServerEnd::fail() {
  ++failures_;
  disconnect();
  timer_.expires_after(std::chrono::nanoseconds(pause_.ns()));
  pause_ = std::min(pause_ * 2, config_.retry_max);
  timer_.async_wait([self = shared_from_this(), attempt = attempt_](const asio::error_code& error) {
    if (!error && attempt == self->attempt_) self->connect();
  });
}

void ServerEnd::connect() {
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4(config_.endpoint.ip), config_.endpoint.port);
  socket_ = asio::ip::tcp::socket(io_);
  socket_.async_connect(endpoint, [self = shared_from_this(), attempt = attempt_](const asio::error_code& error) {
    if (attempt != self->attempt_) return;
    if (error) return self->fail();
    self->greet();
  });
}

void ServerEnd::greet() {
  client::set_tcp_options(socket_);
  if (::getrandom(hello_.nonce.data(), hello_.nonce.size(), 0) != static_cast<ssize_t>(hello_.nonce.size())) {
    return fail();
  }
  const auto bytes = write_hello(hello_);
  out_.assign(bytes.begin(), bytes.end());
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this(), attempt = attempt_](const asio::error_code& error, std::size_t) {
                      if (attempt == self->attempt_ && error) self->fail();
                    });
  asio::async_read(socket_, asio::buffer(answer_),
                   [self = shared_from_this(), attempt = attempt_](const asio::error_code& error, std::size_t) {
                     if (attempt != self->attempt_) return;
                     const std::optional<Hello> answer = error ? std::nullopt : read_hello(self->answer_);
                     if (!answer.has_value()) return self->fail();
                     self->stream_.emplace(SessionStream::End::server, self->config_.shared, self->hello_,
                                           answer->nonce);
                     self->queue_->rewind();
                     self->out_.clear();
                     self->stream_->seal({}, self->out_);  // proves who this is
                     self->flush();
                     self->read();
                   });
}

void ServerEnd::flush() {
  if (!stream_.has_value() || writing_) return;
  for (const Departure* next = queue_->next(); next != nullptr && out_.size() < kWriteBytes; next = queue_->next()) {
    stream_->seal(write_departure(next->header, next->message), out_);
    queue_->presented();
  }
  if (out_.empty()) return;
  writing_ = true;
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this(), attempt = attempt_](const asio::error_code& error, std::size_t) {
                      if (attempt != self->attempt_) return;
                      if (error) return self->fail();
                      self->writing_ = false;
                      self->out_.clear();
                      self->flush();
                    });
}

void ServerEnd::read() {
  const MutableBytes room = stream_->room();
  socket_.async_read_some(
      asio::buffer(room.data(), room.size()),
      [self = shared_from_this(), attempt = attempt_](const asio::error_code& error, std::size_t bytes) {
        if (attempt != self->attempt_) return;
        if (error) return self->fail();
        self->stream_->filled(bytes);
        if (self->take()) self->read();
      });
}

bool ServerEnd::take() {
  held_ = false;
  while (const std::optional<ByteView> body = stream_->front()) {
    const std::optional<ArrivalView> arrival = read_arrival(*body);
    if (!arrival.has_value()) return fail(), false;
    if (!arrived_(arrival->source, arrival->message)) return held_ = true, false;
    stream_->pop();
    pause_ = config_.retry_min;  // it speaks our protocol
  }
  if (stream_->failed().has_value()) return fail(), false;
  return true;
}

void ServerEnd::retry() {
  if (held_ && take()) read();
}

}  // namespace garrison::forwarder
