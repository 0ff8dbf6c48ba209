#include "apps/forwarder/wide_socket.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <chrono>
#include <utility>

namespace garrison::forwarder {

namespace {

constexpr int kExpedited = 0xb8;  // DSCP EF, RFC 3246
constexpr int kBufferBytes = 4 << 20;
// Between two looks at the socket while the kernel has no room.
constexpr Duration kNoRoomPause = milliseconds(1);
static_assert(2048 > kMaxFrameBytes);

asio::ip::udp::endpoint endpoint_of(const config::Endpoint& endpoint) {
  return {asio::ip::address_v4(endpoint.ip), endpoint.port};
}

}  // namespace

WideSocket::WideSocket(asio::io_context& io, const Setup& setup, WideEnd& end, std::function<Instant()> now,
                       std::function<void()> received)
    : setup_(setup),
      end_(end),
      now_(std::move(now)),
      on_received_(std::move(received)),
      socket_(io),
      timer_(io),
      pacer_({.bytes_per_s = setup.bytes_per_s}) {
  for (const Setup::Address& address : setup.addresses) addresses_[address.id] = endpoint_of(address.wan);
}

Result<void> WideSocket::open() {
  asio::error_code error;
  socket_.open(Udp::v4(), error);
  if (!error) socket_.bind(endpoint_of(setup_.settings.wan), error);
  if (!error) socket_.non_blocking(true, error);
  if (error) {
    return Error{"the wan endpoint " + config::to_string(setup_.settings.wan) + " of " + setup_.name +
                 " cannot be bound: " + error.message() + "; is another forwarder running there?"};
  }
  // What the kernel refuses of these costs speed alone.
  const int never_fragment = IP_PMTUDISC_DO;
  static_cast<void>(
      ::setsockopt(socket_.native_handle(), IPPROTO_IP, IP_MTU_DISCOVER, &never_fragment, sizeof never_fragment));
  asio::error_code ignored;
  socket_.set_option(asio::socket_base::receive_buffer_size(kBufferBytes), ignored);
  socket_.set_option(asio::socket_base::send_buffer_size(kBufferBytes), ignored);
  receive();
  poll();
  return {};
}

void WideSocket::stop() {
  asio::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

void WideSocket::receive() {
  socket_.async_receive_from(asio::buffer(buffer_), from_, [this](const asio::error_code& error, std::size_t bytes) {
    if (error == asio::error::operation_aborted || !socket_.is_open()) return;
    // Other errors are of datagrams that were sent before, to a forwarder that is not there.
    if (!error) {
      ++counts_.received;
      end_.on_datagram(now_(), ByteView(buffer_).first(bytes));
      on_received_();
    }
    receive();
  });
}

void WideSocket::poll() {
  if (!socket_.is_open()) return;
  Instant next = Instant::never();
  for (;;) {
    const Instant now = now_();
    if (now < pacer_.next()) {
      next = pacer_.next();
      break;
    }
    if (!waiting_.has_value()) waiting_ = end_.next(now);
    if (!waiting_.has_value()) {
      next = end_.next_wakeup();
      break;
    }
    if (!send(*waiting_)) {
      next = now + kNoRoomPause;
      break;
    }
    pacer_.on_sent(now, kEncapsulationBytes + waiting_->datagram.size());
    waiting_.reset();
  }
  if (next == Instant::never()) return;
  timer_.expires_after(std::chrono::nanoseconds(std::max<std::int64_t>((next - now_()).ns(), 0)));
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    poll();
    on_received_();
  });
}

bool WideSocket::send(const WideEnd::Outgoing& outgoing) {
  mark(outgoing.traffic);
  asio::error_code error;
  socket_.send_to(asio::buffer(outgoing.datagram), addresses_.at(outgoing.to), 0, error);
  if (error == asio::error::would_block || error == asio::error::no_buffer_space) return false;
  if (error) {
    ++counts_.failed;  // the network is gone, or its MTU is smaller than the topology says; links above repeat
  } else {
    ++counts_.sent;
    counts_.sent_bytes += outgoing.datagram.size();
  }
  return true;
}

void WideSocket::mark(TrafficClass traffic) {
  if (marked_ == traffic) return;
  const int service = traffic == TrafficClass::timely ? kExpedited : 0;
  static_cast<void>(::setsockopt(socket_.native_handle(), IPPROTO_IP, IP_TOS, &service, sizeof service));
  marked_ = traffic;
}

}  // namespace garrison::forwarder
