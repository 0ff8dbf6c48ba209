// The demonstration's load: clients over TCP with a mix of kv operations, and what they measured.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "apps/client/native_client.h"
#include "dataplane/base/rng.h"

namespace garrison::apps {

// Latencies of one stretch of time.
struct LoadWindow {
  std::uint64_t updates = 0;
  std::uint64_t errors = 0;
  double seconds = 0;
  std::vector<double> latencies_ms;

  [[nodiscard]] double rate() const { return seconds > 0 ? static_cast<double>(updates) / seconds : 0; }
  // 0 when nothing was measured. Sorts.
  [[nodiscard]] double percentile(double share);
};

// Closed loop: each client keeps `in_flight` operations going. One io thread for all of them.
class DemoLoad {
 public:
  explicit DemoLoad(std::size_t in_flight) : in_flight_(in_flight) {}
  ~DemoLoad() { stop(); }
  DemoLoad(const DemoLoad&) = delete;
  DemoLoad& operator=(const DemoLoad&) = delete;

  [[nodiscard]] Result<void> add_client(const client::NativeClient::Config& config, const crypto::PrivateBundle& bundle,
                                        const crypto::KeyDirectory& directory);
  void start();
  // No further operations; waits for those under way. False when some did not end in that time.
  [[nodiscard]] bool drain(std::chrono::seconds longest = std::chrono::seconds(15));
  void stop();

  // What completed since the last call.
  [[nodiscard]] LoadWindow take_window();
  [[nodiscard]] std::string last_error() const;

 private:
  void submit(std::size_t client);
  [[nodiscard]] Bytes next_operation();

  std::size_t in_flight_;
  asio::io_context io_;
  std::vector<std::unique_ptr<client::NativeClient>> clients_;
  std::thread thread_;
  Rng rng_{2009};  // io thread only
  std::atomic<bool> draining_{false};
  std::atomic<std::uint64_t> under_way_{0};
  mutable std::mutex mutex_;  // guards the window and the error
  LoadWindow window_;
  std::chrono::steady_clock::time_point window_start_;
  std::string last_error_;
};

}  // namespace garrison::apps
