#include "dataplane/runtime/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

namespace garrison::runtime {
namespace {

std::atomic<bool> eal_is_up{false};

// DPDK's log, reduced to its last line.
class LastLine {
 public:
  void append(std::string_view text) {
    const std::lock_guard lock(mutex_);
    for (const char c : text) {
      if (c == '\n') {
        if (!partial_.empty()) line_ = std::move(partial_);
        partial_.clear();
      } else if (partial_.size() < kMaxLine) {
        partial_.push_back(c);
      }
    }
  }
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(line_, {});
  }

 private:
  static constexpr std::size_t kMaxLine = 400;
  std::mutex mutex_;
  std::string partial_;
  std::string line_;
};

LastLine& last_line() {
  static auto* const line = new LastLine;  // never destroyed: DPDK may log while the process exits
  return *line;
}

ssize_t write_log(void* /*cookie*/, const char* text, std::size_t size) {
  last_line().append({text, size});
  return static_cast<ssize_t>(size);
}

bool capture_log() {
  FILE* const stream =
      fopencookie(nullptr, "w", {.read = nullptr, .write = write_log, .seek = nullptr, .close = nullptr});
  if (stream == nullptr) return false;
  setvbuf(stream, nullptr, _IOLBF, 0);
  return rte_openlog_stream(stream) == 0;
}

}  // namespace

std::vector<std::string> eal_arguments(const EalOptions& options, const std::vector<unsigned>& cpus) {
  // The EAL binds its caller to the CPUs of lcore 0: give it all those the caller has now.
  std::string lcore;
  for (const unsigned cpu : cpus) lcore += (lcore.empty() ? "0@(" : ",") + std::to_string(cpu);
  std::vector<std::string> args = {"garrison",      "--no-telemetry", "--iova-mode=va",
                                   "--log-level=4", "--lcores",       lcore + ")"};
  if (options.hugepages) {
    // No files in hugetlbfs, nothing for a crash to leave behind. Pages are taken from the node of each pool.
    args.emplace_back("--in-memory");
  } else {
    args.insert(args.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(options.memory_mib)});
  }
  if (options.pci) {
    // The only device that the EAL may attach by itself is the host bridge, which is no port.
    args.insert(args.end(), {"-a", "0000:00:00.0"});
  } else {
    args.emplace_back("--no-pci");
  }
  return args;
}

Result<void> start_eal(const EalOptions& options) {
  static std::atomic<bool> tried{false};
  if (tried.exchange(true)) return Error{"DPDK was started before; it starts once per process"};

  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return Error{"cannot read this process's CPU affinity"};
  if (!capture_log()) return Error{"cannot capture DPDK's log"};

  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  std::vector<std::string> args = eal_arguments(options, cpus);
  std::vector<char*> argv;
  argv.reserve(args.size());
  for (std::string& arg : args) argv.push_back(arg.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    const std::string said = take_eal_message();
    return Error{"DPDK did not start: " + (said.empty() ? std::string(rte_strerror(rte_errno)) : said) +
                 (options.hugepages ? " (are enough hugepages reserved and readable?)" : "")};
  }
  sched_setaffinity(0, sizeof allowed, &allowed);
  eal_is_up.store(true, std::memory_order_release);  // release: whoever sees it may use the EAL
  return {};
}

bool eal_started() {
  return eal_is_up.load(std::memory_order_acquire);  // acquire: pairs with start_eal()
}

std::string take_eal_message() { return last_line().take(); }

}  // namespace garrison::runtime
