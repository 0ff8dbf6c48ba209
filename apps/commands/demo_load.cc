#include "apps/commands/demo_load.h"

#include <algorithm>

#include "control/service/kv_operation.h"

namespace garrison::apps {

namespace {
using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kKeys = 1000;
constexpr std::size_t kValueBytes = 100;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
}  // namespace

double LoadWindow::percentile(double share) {
  if (latencies_ms.empty()) return 0;
  std::sort(latencies_ms.begin(), latencies_ms.end());
  return latencies_ms[static_cast<std::size_t>(share * static_cast<double>(latencies_ms.size() - 1))];
}

Result<void> DemoLoad::add_client(const client::NativeClient::Config& config, const crypto::PrivateBundle& bundle,
                                  const crypto::KeyDirectory& directory) {
  Result<std::unique_ptr<client::NativeClient>> made = client::NativeClient::make(io_, config, bundle, directory);
  if (!made) return made.error();
  clients_.push_back(std::move(made).value());
  return {};
}

void DemoLoad::start() {
  window_start_ = Clock::now();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    for (std::size_t k = 0; k < in_flight_; ++k) submit(i);
  }
  thread_ = std::thread([this] {
    const auto guard = asio::make_work_guard(io_);
    io_.run();
  });
}

// Half reads, a third writes, the rest counters: everything goes through the total order.
Bytes DemoLoad::next_operation() {
  const std::string key = "demo:" + std::to_string(rng_.below(kKeys));
  const std::uint64_t kind = rng_.below(6);
  if (kind < 3) return service::encode(service::KvGet{.key = as_bytes(key)}).value();
  if (kind < 5) {
    const Bytes value(kValueBytes, static_cast<std::uint8_t>('a' + rng_.below(26)));
    return service::encode(service::KvSet{.key = as_bytes(key), .value = value}).value();
  }
  return service::encode(service::KvIncrBy{.key = as_bytes("count:" + key), .delta = 1}).value();
}

void DemoLoad::submit(std::size_t index) {
  under_way_.fetch_add(1, std::memory_order_relaxed);
  const auto start = Clock::now();
  clients_[index]->submit(next_operation(), [this, index, start](const Result<Bytes>& result) {
    {
      const std::lock_guard lock(mutex_);
      if (result.ok()) {
        ++window_.updates;
        window_.latencies_ms.push_back(since(start) * 1e3);
      } else {
        ++window_.errors;
        last_error_ = result.error().message;
      }
    }
    if (!draining_.load(std::memory_order_relaxed)) submit(index);
    under_way_.fetch_sub(1, std::memory_order_relaxed);
  });
}

bool DemoLoad::drain(std::chrono::seconds longest) {
  draining_.store(true, std::memory_order_relaxed);
  const auto start = Clock::now();
  while (under_way_.load(std::memory_order_relaxed) > 0) {
    if (Clock::now() - start > longest) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void DemoLoad::stop() {
  draining_.store(true, std::memory_order_relaxed);
  if (!thread_.joinable()) return;
  io_.stop();
  thread_.join();
  clients_.clear();
}

LoadWindow DemoLoad::take_window() {
  const std::lock_guard lock(mutex_);
  LoadWindow taken = std::move(window_);
  taken.seconds = since(window_start_);
  window_ = {};
  window_start_ = Clock::now();
  return taken;
}

std::string DemoLoad::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace garrison::apps
