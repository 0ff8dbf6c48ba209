#include "dataplane/runtime/worker.h"

#include <poll.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/runtime/eal.h"

namespace garrison::runtime {
namespace {

// The EAL gives the thread an lcore id, and with it a private cache in every mempool. When there are no ids left
// the worker runs without, only slower.
class LcoreRegistration {
 public:
  LcoreRegistration() : registered_(eal_started() && rte_thread_register() == 0) {}
  LcoreRegistration(const LcoreRegistration&) = delete;
  LcoreRegistration& operator=(const LcoreRegistration&) = delete;
  ~LcoreRegistration() {
    if (registered_) rte_thread_unregister();
  }

 private:
  bool registered_;
};

// A socket in error (its interface is down) stays readable until somebody takes the error.
void take_socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

}  // namespace

Worker::Worker(WorkerOptions options) : options_(std::move(options)) {}

Worker::~Worker() { stop(); }

void Worker::add(Stage& stage) {
  CHECK(!started_);
  stages_.push_back(std::make_unique<Entry>(stage));
}

Result<void> Worker::start() {
  CHECK(!started_);
  wait_fds_ = {doorbell_.fd()};
  for (const auto& entry : stages_) {
    if (const int fd = entry->stage.wait_fd(); fd >= 0) wait_fds_.push_back(fd);
  }
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  if (options_.cpu.has_value() && *options_.cpu < CPU_SETSIZE) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(*options_.cpu, &cpus);
    pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
  }
  const int error = options_.cpu.value_or(0) < CPU_SETSIZE
                        ? pthread_create(&thread_, &attributes, &Worker::thread_main, this)
                        : EINVAL;
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    const std::string where = options_.cpu.has_value() ? " on CPU " + std::to_string(*options_.cpu) : "";
    return Error{"worker '" + options_.name + "' cannot start" + where + ": " + strerrordesc_np(error)};
  }
  started_ = true;
  return {};
}

void Worker::stop() {
  if (!started_) return;
  stopping_.store(true, std::memory_order_relaxed);  // relaxed: ring()'s fence orders it before the look at armed
  doorbell_.ring();
  pthread_join(thread_, nullptr);
  started_ = false;
}

void* Worker::thread_main(void* self) {
  static_cast<Worker*>(self)->run();
  return nullptr;
}

void Worker::run() {
  pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
  prctl(PR_SET_TIMERSLACK, 1UL);  // the default 50 us would be added to every timer
  const LcoreRegistration lcore;
  RcuReader reader;
  Clock clock;

  const std::uint32_t sleep_after = options_.ladder.pauses + options_.ladder.yields;
  std::uint32_t idle = 0;                               // empty passes in a row
  while (!stopping_.load(std::memory_order_relaxed)) {  // relaxed: a flag; stop() joins
    const bool worked = pass(clock.now()) != 0;
    reader.quiescent();
    if (worked) {
      idle = 0;
    } else if (options_.dedicated || idle < options_.ladder.pauses) {
      ++idle;
      rte_pause();
    } else if (idle < sleep_after) {
      ++idle;
      sched_yield();
    } else if (!sleep(clock, reader)) {
      idle = 0;
    }
  }
}

std::size_t Worker::pass(Instant now) {
  std::size_t total = 0;
  for (const auto& entry : stages_) {
    const std::size_t work = entry->stage.poll(now);
    if (work == 0) continue;
    entry->counters.busy_passes.add();
    entry->counters.work.add(work);
    total += work;
  }
  counters_.passes.add();
  if (total != 0) counters_.busy_passes.add();
  return total;
}

bool Worker::sleep(Clock& clock, RcuReader& reader) {
  doorbell_.arm();
  // What was pushed before arm() rang nobody: the last look is ours. After it, every push rings.
  const Instant now = clock.now();
  const bool worked = pass(now) != 0;
  const Instant deadline = earliest_wakeup();
  const bool sleeps = !worked && deadline > now && !stopping_.load(std::memory_order_relaxed);  // relaxed: as in run()
  if (sleeps) {
    counters_.sleeps.add();
    reader.offline();
    wait_until(deadline, now);
    reader.online();
  } else {
    reader.quiescent();
  }
  doorbell_.disarm();
  return sleeps;
}

void Worker::wait_until(Instant deadline, Instant now) {
  const Duration longest = options_.longest_sleep;
  const Duration wait = deadline == Instant::never() ? longest : std::min(deadline - now, longest);
  const timespec timeout = {.tv_sec = wait.ns() / 1'000'000'000, .tv_nsec = wait.ns() % 1'000'000'000};
  constexpr std::size_t kMaxFds = 64;
  std::array<pollfd, kMaxFds> fds;
  const std::size_t count = std::min(wait_fds_.size(), kMaxFds);
  for (std::size_t i = 0; i < count; ++i) fds[i] = {.fd = wait_fds_[i], .events = POLLIN, .revents = 0};
  if (ppoll(fds.data(), count, &timeout, nullptr) <= 0) return;  // timeout or EINTR
  for (std::size_t i = 0; i < count; ++i) {
    if ((fds[i].revents & POLLNVAL) != 0) wait_fds_[i] = -1;  // ppoll skips it from now on
    if ((fds[i].revents & POLLERR) != 0) take_socket_error(fds[i].fd);
  }
}

Instant Worker::earliest_wakeup() const {
  Instant first = Instant::never();
  for (const auto& entry : stages_) first = earlier(first, entry->stage.next_wakeup());
  return first;
}

}  // namespace garrison::runtime
