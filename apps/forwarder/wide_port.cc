#include "apps/forwarder/wide_port.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace garrison::forwarder {

namespace {
// Bursts before sessions have their turn.
constexpr int kBurstsAtOnce = 16;
}  // namespace

ForwarderProcess::MakeTransport WidePort::over(Bind bind, rte_mempool& pool) {
  return [bind = std::move(bind), &pool](asio::io_context& io, const Setup& setup, WideEnd& end,
                                         std::function<Instant()> now, std::function<void()> received) {
    CHECK(setup.frames.has_value());
    return std::make_unique<WidePort>(io, *setup.frames, end, bind, pool, std::move(now), std::move(received));
  };
}

WidePort::WidePort(asio::io_context& io, const WideFramesConfig& config, WideEnd& end, const Bind& bind,
                   rte_mempool& pool, std::function<Instant()> now, std::function<void()> received)
    : io_(io),
      now_(std::move(now)),
      on_received_(std::move(received)),
      frames_(config, end),
      stage_("forwarder", bind(doorbell_), frames_, pool),
      timer_(io) {}

Result<void> WidePort::open() {
  const auto copy_of = [this](int fd, std::optional<asio::posix::stream_descriptor>& out) {
    if (fd < 0) return true;
    const int copy = ::dup(fd);
    if (copy >= 0) out.emplace(io_, copy);
    return copy >= 0;
  };
  if (!copy_of(doorbell_.fd(), bell_) || !copy_of(stage_.wait_fd(), device_)) {
    return Error{"no file descriptor is left for the wan port of the forwarder; raise the limit (ulimit -n)"};
  }
  open_ = true;
  watch(bell_);
  watch(device_);
  poll();
  return {};
}

void WidePort::stop() {
  open_ = false;
  timer_.cancel();
  bell_.reset();
  device_.reset();
}

void WidePort::watch(std::optional<asio::posix::stream_descriptor>& descriptor) {
  if (!descriptor.has_value()) return;
  descriptor->async_wait(asio::posix::stream_descriptor::wait_read, [this, &descriptor](const asio::error_code& error) {
    if (error || !open_) return;
    poll();
    watch(descriptor);
  });
}

void WidePort::poll() {
  // What it receives may make the sessions say that there is more to send.
  if (!open_ || working_) return;
  working_ = true;
  doorbell_.disarm();
  const bool idle = work();
  working_ = false;
  wait(idle ? stage_.next_wakeup() : now_());
}

// Whether there is nothing left to do; then the doorbell is armed.
bool WidePort::work() {
  for (int i = 0; i < kBurstsAtOnce; ++i) {
    if (turn()) continue;
    doorbell_.arm();
    // A frame that came before has rung for nobody.
    if (!turn()) return true;
    doorbell_.disarm();
  }
  return false;
}

bool WidePort::turn() {
  const std::uint64_t received = frames_.counts().received;
  const bool busy = stage_.poll(now_()) > 0;
  if (frames_.counts().received != received) on_received_();
  return busy;
}

void WidePort::wait(Instant until) {
  if (until == Instant::never()) return;
  timer_.expires_after(std::chrono::nanoseconds(std::max<std::int64_t>((until - now_()).ns(), 0)));
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    poll();
    on_received_();
  });
}

}  // namespace garrison::forwarder
