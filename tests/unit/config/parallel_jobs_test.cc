#include "control/config/parallel_jobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace garrison::config {
namespace {

TEST(ParallelJobsTest, every_job_runs_once_and_progress_rises_to_the_end_on_the_callers_thread) {
  std::vector<std::atomic<int>> ran(200);
  std::vector<Job> jobs;
  for (auto& count : ran) {
    jobs.emplace_back([&count]() -> Result<void> { return ++count, Result<void>(); });
  }
  std::vector<std::size_t> seen;
  const auto self = std::this_thread::get_id();
  ASSERT_TRUE(run_jobs(jobs, [&](std::size_t done, std::size_t total) {
                EXPECT_EQ(std::this_thread::get_id(), self);
                EXPECT_EQ(total, 200U);
                seen.push_back(done);
              }).ok());
  EXPECT_TRUE(std::ranges::all_of(ran, [](const auto& count) { return count == 1; }));
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.back(), 200U);
}

TEST(ParallelJobsTest, an_error_is_returned_and_later_jobs_do_not_start) {
  std::atomic<int> ran = 0;
  std::vector<Job> jobs = {[]() -> Result<void> { return Error{"broken"}; }};
  // More than could have been started before the first one ended, whatever the number of threads.
  std::atomic<bool> failed = false;
  jobs[0] = [&]() -> Result<void> { return failed = true, Error{"broken"}; };
  for (int i = 0; i < 1000; ++i) {
    jobs.emplace_back([&]() -> Result<void> {
      while (!failed) std::this_thread::yield();
      return ++ran, Result<void>();
    });
  }
  const Result<void> outcome = run_jobs(jobs, nullptr);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().message, "broken");
  EXPECT_LT(ran, 1000);
}

TEST(ParallelJobsTest, no_jobs_are_done_at_once) { EXPECT_TRUE(run_jobs({}, nullptr).ok()); }

}  // namespace
}  // namespace garrison::config
