#include "apps/gateway/resp_connection.h"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <utility>

namespace garrison::gateway {

namespace {

std::string peer_of(const asio::ip::tcp::socket& socket) {
  asio::error_code error;
  const asio::ip::tcp::endpoint peer = socket.remote_endpoint(error);
  return error ? std::string() : peer.address().to_string() + ":" + std::to_string(peer.port());
}

}  // namespace

RespConnection::RespConnection(asio::ip::tcp::socket socket, std::uint64_t id, const Gateway::Config& config,
                               Owner& owner, const Gateway::Replicate& replicate)
    : socket_(std::move(socket)),
      config_(config),
      owner_(&owner),
      replicate_(replicate),
      parser_(config.limits.resp),
      gate_(config.strict_order) {
  session_.id = id;
  session_.peer = peer_of(socket_);
}

void RespConnection::start() { read(); }

void RespConnection::close() {
  if (owner_ == nullptr) return;
  asio::error_code ignored;
  socket_.close(ignored);
  std::exchange(owner_, nullptr)->closed(id());
}

void RespConnection::read() {
  reading_ = true;
  socket_.async_read_some(asio::buffer(input_),
                          [self = shared_from_this()](const asio::error_code& error, std::size_t bytes) {
                            if (self->owner_ == nullptr) return;
                            self->reading_ = false;
                            if (error) {
                              self->ending_ = true;  // what it has asked for is still answered
                            } else {
                              self->parser_.feed(ByteView(self->input_).first(bytes));
                              self->exhausted_ = false;
                            }
                            self->proceed();
                          });
}

// Once for everything that happens in this turn of the io thread, so that replies leave together.
void RespConnection::schedule() {
  if (std::exchange(scheduled_, true)) return;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->scheduled_ = false;
    if (self->owner_ != nullptr) self->proceed();
  });
}

void RespConnection::on_room() {
  stalled_ = false;
  schedule();
}

bool RespConnection::full() const {
  return slots_.size() >= config_.limits.max_replies || held_bytes_ + output_.size() >= config_.limits.max_unsent_bytes;
}

void RespConnection::proceed() {
  while (take_command()) {
  }
  flush();
  if (owner_ != nullptr && exhausted_ && !ending_ && !reading_ && !waiting_.has_value() && !full()) read();
}

bool RespConnection::take_command() {
  if (waiting_.has_value()) return start_waiting();
  if (exhausted_ || full()) return false;
  RespParser::Next next = parser_.next();
  if (std::holds_alternative<RespParser::NeedMore>(next)) {
    exhausted_ = true;
    return false;
  }
  if (const auto* refused = std::get_if<RespParser::ProtocolError>(&next)) {
    Immediate last;
    RespWriter(last.reply, session_.protocol).error(refused->text);
    last.close = true;
    put(std::move(last));
    return false;
  }
  Translated made = translate(std::get<RespParser::Command>(next).arguments, session_, owner_->facts());
  if (auto* immediate = std::get_if<Immediate>(&made)) {
    const bool last = immediate->close;
    put(std::move(*immediate));
    return !last;
  }
  waiting_ = std::move(std::get<Operation>(made));
  return start_waiting();
}

void RespConnection::put(Immediate immediate) {
  held_bytes_ += immediate.reply.size();
  if (immediate.close) {
    ending_ = true;
    exhausted_ = true;
  }
  slots_.push_back({.done = true, .protocol = session_.protocol, .bytes = std::move(immediate.reply), .footprint = {}});
}

bool RespConnection::start_waiting() {
  if (stalled_ || !gate_.admits(*waiting_)) return false;
  stalled_ = !owner_->has_room(*this);
  if (stalled_) return false;
  Operation operation = std::move(*waiting_);
  waiting_.reset();
  Footprint footprint{std::move(operation.keys), operation.reads_only, operation.whole_database};
  gate_.enter(footprint);
  const std::uint64_t slot = first_slot_ + slots_.size();
  slots_.push_back({.done = false, .protocol = session_.protocol, .bytes = {}, .footprint = std::move(footprint)});
  replicate_(std::move(operation.bytes), operation.reads_only,
             [self = shared_from_this(), slot](Result<Bytes> result) { self->complete(slot, std::move(result)); });
  return true;
}

void RespConnection::complete(std::uint64_t number, Result<Bytes> result) {
  if (owner_ == nullptr) return;
  Slot& slot = slots_[number - first_slot_];
  gate_.leave(slot.footprint);
  slot.footprint = {};
  slot.done = true;
  if (result.ok()) {
    slot.bytes = reply_of(result.value(), slot.protocol);
  } else {
    RespWriter(slot.bytes, slot.protocol).error("ERR " + result.error().message);
  }
  held_bytes_ += slot.bytes.size();
  schedule();
}

void RespConnection::flush() {
  while (!slots_.empty() && slots_.front().done) {
    const Bytes& bytes = slots_.front().bytes;
    held_bytes_ -= bytes.size();
    output_.insert(output_.end(), bytes.begin(), bytes.end());
    slots_.pop_front();
    ++first_slot_;
  }
  if (writing_) return;
  if (!output_.empty()) return write();
  if (ending_ && exhausted_ && slots_.empty() && !waiting_.has_value()) close();
}

void RespConnection::write() {
  writing_ = true;
  in_flight_.clear();
  std::swap(in_flight_, output_);
  asio::async_write(socket_, asio::buffer(in_flight_),
                    [self = shared_from_this()](const asio::error_code& error, std::size_t) {
                      if (self->owner_ == nullptr) return;
                      self->writing_ = false;
                      if (error) return self->close();
                      self->proceed();
                    });
}

}  // namespace garrison::gateway
