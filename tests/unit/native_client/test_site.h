// A site of servers over loopback TCP without ordering: real client parts behind real TcpClients, and one thread in
// place of crypto and control parts, which executes what any server takes in on every server at once. That is a total
// order, so clients cannot tell the difference.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "apps/client/native_client.h"
#include "apps/node/tcp_clients.h"
#include "apps/server/client_part.h"
#include "apps/server/query_desk.h"
#include "control/message/validate.h"
#include "control/service/executor.h"
#include "crypto/key_store.h"

namespace garrison::client {

// A queue between threads that rings a bell.
template <typename T>
class LockedQueue final : public Queue<T> {
 public:
  explicit LockedQueue(std::size_t capacity) : capacity_(capacity) {}
  std::size_t push(std::span<const T> items) override {
    const std::lock_guard lock(mutex_);
    std::size_t taken = 0;
    while (taken < items.size() && queue_.size() < capacity_) queue_.push_back(items[taken++]);
    return taken;
  }
  std::size_t pop(std::span<T> out) override {
    const std::lock_guard lock(mutex_);
    std::size_t given = 0;
    for (; given < out.size() && !queue_.empty(); queue_.pop_front()) out[given++] = queue_.front();
    return given;
  }
  [[nodiscard]] std::size_t size() const override {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  [[nodiscard]] std::size_t capacity() const override { return capacity_; }

 private:
  std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> queue_;
};

enum class Conduct { honest, silent, lying };

class TestSite {
 public:
  static constexpr std::size_t kServers = 4;
  static constexpr std::size_t kFaults = 1;
  static constexpr std::size_t kClients = 2;

  // `client_queue`: how many operations a server holds that nobody has taken out.
  explicit TestSite(std::size_t client_queue = server::kClientSlots);
  ~TestSite();
  TestSite(const TestSite&) = delete;
  TestSite& operator=(const TestSite&) = delete;

  // Listens on the port it had before, or on a free one.
  void start(std::size_t server, const node::TcpLimits& limits = {});
  void start_all() {
    for (std::size_t i = 0; i < kServers; ++i) start(i);
  }
  void stop(std::size_t server);
  void set_conduct(std::size_t server, Conduct conduct) { servers_[server]->conduct = conduct; }
  // While paused, nothing is taken out of any server.
  void pause(bool paused) { paused_ = paused; }

  [[nodiscard]] NativeClient::Config config(std::size_t client = 0) const;
  [[nodiscard]] const crypto::PrivateBundle& bundle(std::size_t client = 0) const { return client_bundles_[client]; }
  [[nodiscard]] const crypto::KeyDirectory& directory() const { return directory_; }
  // Bound or reserved.
  [[nodiscard]] config::Endpoint endpoint(std::size_t server) const { return servers_[server]->endpoint; }
  [[nodiscard]] node::TcpClients::Stats stats(std::size_t server) const { return servers_[server]->tcp->stats(); }
  [[nodiscard]] std::uint64_t executed() const { return executed_; }
  [[nodiscard]] std::uint64_t answered(std::size_t server) const { return servers_[server]->desk->answered(); }
  // From now on the server executes nothing.
  void let_lag(std::size_t server) { servers_[server]->lags = true; }

 private:
  struct Server {
    server::Queues queues;
    std::unique_ptr<Slab> reply_slab;
    std::unique_ptr<server::ClientPart> part;
    std::unique_ptr<service::Executor> executor;
    DropCounters drops;
    std::unique_ptr<server::QueryDesk> desk;
    std::atomic<Conduct> conduct{Conduct::honest};
    std::atomic<bool> lags{false};
    config::Endpoint endpoint{{127, 0, 0, 1}, 0};
    std::mutex tcp_mutex;  // of the pointer, for whoever rings
    std::unique_ptr<node::TcpClients> tcp;
  };
  void make_server(std::size_t index, const crypto::SecretBytes& agreement, std::size_t client_queue);
  void run();
  bool take_in(Server& from);
  bool answer_queries(Server& server);
  void execute(ByteView operation);
  void reply(std::size_t index, const message::ClientOp& op, std::uint64_t state_sequence, ByteView result);
  static void ring(Server& server);

  crypto::KeyDirectory directory_;
  std::vector<crypto::PrivateBundle> client_bundles_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::unique_ptr<message::Validator> validator_;
  std::atomic<bool> paused_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> executed_{0};
  std::thread thread_;
};

}  // namespace garrison::client
