#include "control/config/parallel_jobs.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace garrison::config {
namespace {

constexpr std::size_t kMaxThreads = 64;

class Run {
 public:
  Run(const std::vector<Job>& jobs, const JobProgress& progress) : jobs_(jobs), progress_(progress) {}

  Result<void> run() {
    std::vector<std::jthread> threads;
    const std::size_t cores = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
    while (threads.size() < std::min(cores, jobs_.size())) threads.emplace_back([this] { work(); });
    report();
    threads.clear();  // joins
    if (error_) return *error_;
    return {};
  }

 private:
  void report() {
    std::unique_lock lock(mutex_);
    for (std::size_t reported = 0; reported < jobs_.size();) {
      changed_.wait(lock, [&] { return done_ > reported || error_; });
      if (error_) return;
      reported = done_;
      lock.unlock();
      if (progress_) progress_(reported, jobs_.size());
      lock.lock();
    }
  }
  void work() {
    std::unique_lock lock(mutex_);
    while (next_ < jobs_.size() && !error_) {
      const Job& mine = jobs_[next_++];
      lock.unlock();
      const Result<void> outcome = mine();
      lock.lock();
      if (!outcome && !error_) error_ = outcome.error();
      ++done_;
      changed_.notify_one();
    }
  }

  const std::vector<Job>& jobs_;
  const JobProgress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<void> run_jobs(const std::vector<Job>& jobs, const JobProgress& progress) { return Run(jobs, progress).run(); }

}  // namespace garrison::config
