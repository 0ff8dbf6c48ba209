#include "apps/client/server_session.h"

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <utility>

#include "apps/client/tcp_options.h"

namespace garrison::client {

namespace {
constexpr std::size_t kMacBytes = sizeof(crypto::Tag);

std::chrono::nanoseconds chrono(Duration duration) { return std::chrono::nanoseconds(duration.ns()); }
}  // namespace

ServerSession::ServerSession(asio::io_context& io, const Config& config, crypto::HmacKey key, Owner& owner)
    : io_(io),
      config_(config),
      key_(std::move(key)),
      owner_(&owner),
      socket_(io),
      timer_(io),
      pause_(config.retry_min) {}

void ServerSession::start(Incarnation incarnation) {
  incarnation_ = incarnation;
  disconnect();
  connect();
}

void ServerSession::stop() {
  owner_ = nullptr;
  disconnect();
}

// Every handler of the connection is cancelled; those already on their way see another attempt_.
void ServerSession::disconnect() {
  ++attempt_;
  asio::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  reader_.reset();
  unsent_.clear();
  writing_ = false;
  const bool was_ready = std::exchange(ready_, false);
  if (was_ready && owner_ != nullptr) owner_->on_lost(config_.server);
}

void ServerSession::fail(std::string why) {
  last_error_ = std::move(why);
  disconnect();
  timer_.expires_after(chrono(pause_));
  pause_ = std::min(pause_ * 2, config_.retry_max);
  timer_.async_wait([self = shared_from_this(), attempt = attempt_](const asio::error_code& error) {
    if (!error && attempt == self->attempt_) self->connect();
  });
}

void ServerSession::connect() {
  socket_ = asio::ip::tcp::socket(io_);
  timer_.expires_after(chrono(config_.greeting_timeout));
  timer_.async_wait([self = shared_from_this(), attempt = attempt_](const asio::error_code& error) {
    if (!error && attempt == self->attempt_ && !self->ready_) self->fail("no answer");
  });
  socket_.async_connect(config_.endpoint,
                        [self = shared_from_this(), attempt = attempt_](const asio::error_code& error) {
                          if (attempt != self->attempt_) return;
                          if (error) return self->fail(error.message());
                          self->connected();
                        });
}

void ServerSession::connected() {
  set_tcp_options(socket_);
  read();
}

void ServerSession::read() {
  const MutableBytes room = reader_.room();
  socket_.async_read_some(asio::buffer(room.data(), room.size()), [self = shared_from_this(), attempt = attempt_](
                                                                      const asio::error_code& error,
                                                                      std::size_t bytes) {
    if (attempt != self->attempt_) return;
    if (error) return self->fail(error.message());
    self->reader_.filled(bytes);
    if (!self->take_messages()) {
      ++self->bad_messages_;
      return self->fail("sent what is no message of this server for this client: are the keys those of this system?");
    }
    if (attempt == self->attempt_) self->read();
  });
}

bool ServerSession::take_messages() {
  while (const std::optional<ByteView> message = reader_.front()) {
    const std::uint64_t attempt = attempt_;
    if (!take(*message)) return false;
    if (attempt != attempt_) return true;  // the owner ended this connection
    reader_.pop();
  }
  return !reader_.bad();
}

bool ServerSession::take(ByteView message) {
  const auto envelope = message::decode_envelope(message);
  if (!envelope.has_value() || envelope->envelope.system != config_.system ||
      envelope->envelope.signer != crypto::Principal::server(config_.site, config_.server)) {
    return false;
  }
  if (!ready_) return greet(message);
  if (message.size() != envelope->content_bytes + kMacBytes ||
      !key_.verify(message.first(envelope->content_bytes), message.subspan(envelope->content_bytes))) {
    return false;
  }
  if (const auto reply = message::decode<message::ClientReply>(message); reply.has_value()) {
    pause_ = config_.retry_min;
    if (owner_ != nullptr) owner_->on_reply(config_.server, *reply);
    return true;
  }
  const auto answer = message::decode<message::QueryReply>(message);
  if (!answer.has_value()) return false;
  pause_ = config_.retry_min;
  if (owner_ != nullptr) owner_->on_answer(config_.server, *answer);
  return true;
}

bool ServerSession::greet(ByteView message) {
  const auto challenge = message::decode<message::ClientChallenge>(message);
  if (!challenge.has_value()) return false;
  const message::Envelope envelope{config_.system, crypto::Principal::client(config_.client), config_.epoch};
  const Bytes hello = message::encode(envelope, message::ClientHello{challenge->nonce, incarnation_});
  ready_ = true;
  timer_.cancel();
  send_tagged(hello);
  flush();
  if (owner_ != nullptr) owner_->on_ready(config_.server);
  return true;
}

bool ServerSession::send(ByteView message) {
  if (!ready_ || unsent_.size() + message.size() > config_.max_unsent_bytes) return false;
  append_frame(unsent_, message);
  return true;
}

bool ServerSession::send_tagged(ByteView content) {
  const crypto::Tag tag = key_.tag(content);
  Bytes message = to_bytes(content);
  message.insert(message.end(), tag.begin(), tag.end());
  return send(message);
}

void ServerSession::flush() {
  if (ready_ && !writing_ && !unsent_.empty()) write();
}

void ServerSession::write() {
  writing_ = true;
  in_flight_.clear();
  std::swap(in_flight_, unsent_);
  asio::async_write(socket_, asio::buffer(in_flight_),
                    [self = shared_from_this(), attempt = attempt_](const asio::error_code& error, std::size_t) {
                      if (attempt != self->attempt_) return;
                      if (error) return self->fail(error.message());
                      self->writing_ = false;
                      self->flush();
                    });
}

}  // namespace garrison::client
