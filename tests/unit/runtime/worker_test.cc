#include "dataplane/runtime/worker.h"

#include <gtest/gtest.h>
#include <rte_lcore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/runtime/rcu.h"
#include "dataplane/runtime/ring_queue.h"

namespace garrison::runtime {
namespace {

class CallbackStage final : public Stage {
 public:
  std::function<std::size_t(Instant)> on_poll = [](Instant) { return std::size_t{0}; };
  std::function<Instant()> on_wakeup = [] { return Instant::never(); };
  int fd = -1;

  std::size_t poll(Instant now) override { return on_poll(now); }
  [[nodiscard]] Instant next_wakeup() const override { return on_wakeup(); }
  [[nodiscard]] int wait_fd() const override { return fd; }
  [[nodiscard]] std::string_view name() const override { return "callback"; }
};

// Sleeps "for ever", so that a wake-up lost is a test that does not end.
WorkerOptions options() {
  return {.name = "test", .ladder = IdleLadder::shared_cores(), .longest_sleep = seconds(3600)};
}

// Waits for another thread; the test program's own timeout ends a wait in vain.
template <typename Condition>
void wait_for(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

TEST(WorkerTest, polls_its_stages_in_order_with_one_instant_per_pass) {
  std::vector<std::pair<char, Instant>> calls;
  std::atomic<bool> enough{false};
  const auto record = [&](char who) {
    return [&calls, &enough, who](Instant now) {
      if (calls.size() < 20)
        calls.emplace_back(who, now);
      else
        enough.store(true);
      return std::size_t{0};
    };
  };
  CallbackStage a;
  CallbackStage b;
  a.on_poll = record('a');
  b.on_poll = record('b');
  Worker worker({.name = "order", .dedicated = true});
  worker.add(a);
  worker.add(b);
  ASSERT_TRUE(worker.start().ok());
  wait_for([&] { return enough.load(); });
  worker.stop();
  for (std::size_t i = 0; i < 20; i += 2) {
    EXPECT_EQ(calls[i].first, 'a');
    EXPECT_EQ(calls[i + 1].first, 'b');
    EXPECT_EQ(calls[i].second, calls[i + 1].second);
  }
}

TEST(WorkerTest, stops_while_asleep) {
  CallbackStage idle;
  Worker worker(options());
  worker.add(idle);
  ASSERT_TRUE(worker.start().ok());
  wait_for([&] { return worker.counters().sleeps.get() > 0; });
  worker.stop();
  const std::uint64_t passes = worker.counters().passes.get();
  std::this_thread::yield();
  EXPECT_EQ(worker.counters().passes.get(), passes);
  worker.stop();  // idempotent
}

TEST(WorkerTest, every_push_wakes_it_and_is_counted_as_work) {
  constexpr std::uint64_t kRounds = 2000;
  CallbackStage stage;
  Worker worker(options());
  RingQueue<std::uint32_t> queue(8, &worker.doorbell());
  std::atomic<std::uint64_t> received{0};
  stage.on_poll = [&](Instant) {
    std::uint32_t value = 0;
    std::size_t work = 0;
    for (; queue.pop_one(value); ++work) received.fetch_add(1);
    return work;
  };
  worker.add(stage);
  ASSERT_TRUE(worker.start().ok());
  std::uint64_t sleeps_before_push = 0;
  for (std::uint64_t i = 1; i <= kRounds; ++i) {
    // Every fourth push meets a sleeper, the others whatever rung of the ladder the worker is on.
    if (i % 4 == 0) wait_for([&] { return worker.counters().sleeps.get() > sleeps_before_push; });
    sleeps_before_push = worker.counters().sleeps.get();
    while (!queue.push_one(7)) std::this_thread::yield();
    wait_for([&] { return received.load() == i; });
  }
  worker.stop();
  EXPECT_EQ(worker.stage_counters(0).work.get(), kRounds);
  EXPECT_EQ(worker.stage_counters(0).busy_passes.get(), worker.counters().busy_passes.get());
}

TEST(WorkerTest, wakes_up_by_itself_for_the_earliest_timer) {
  CallbackStage timer;
  CallbackStage never;
  Instant next;
  std::atomic<int> fired{0};
  timer.on_poll = [&](Instant now) {
    if (next == Instant()) next = now + milliseconds(1);
    if (now < next) return std::size_t{0};
    next = now + milliseconds(1);
    fired.fetch_add(1);
    return std::size_t{1};
  };
  timer.on_wakeup = [&] { return next; };
  Worker worker(options());
  worker.add(never);
  worker.add(timer);
  ASSERT_TRUE(worker.start().ok());
  wait_for([&] { return fired.load() >= 20; });
  worker.stop();
  EXPECT_GT(worker.counters().sleeps.get(), 0U);
  // Far fewer passes than spinning through 20 ms would take.
  EXPECT_LT(worker.counters().passes.get(), 20'000U);
}

TEST(WorkerTest, wakes_up_for_a_readable_descriptor_of_a_stage) {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ASSERT_GE(fd, 0);
  CallbackStage stage;
  stage.fd = fd;
  std::atomic<int> seen{0};
  stage.on_poll = [&](Instant) {
    std::uint64_t count = 0;
    if (read(fd, &count, sizeof count) != sizeof count) return std::size_t{0};
    seen.fetch_add(1);
    return std::size_t{1};
  };
  Worker worker(options());
  worker.add(stage);
  ASSERT_TRUE(worker.start().ok());
  for (int i = 1; i <= 100; ++i) {
    const std::uint64_t one = 1;
    ASSERT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
    wait_for([&] { return seen.load() == i; });
  }
  worker.stop();
  close(fd);
}

TEST(WorkerTest, a_sleeping_worker_does_not_delay_a_publisher) {
  RcuTable<int> table(std::make_unique<int>(1));
  CallbackStage stage;
  std::atomic<int> last{0};
  stage.on_poll = [&](Instant) {
    last.store(table.read());
    return std::size_t{0};
  };
  Worker worker(options());
  worker.add(stage);
  ASSERT_TRUE(worker.start().ok());
  for (int value = 2; value < 50; ++value) {
    const std::uint64_t sleeps = worker.counters().sleeps.get();
    table.publish(std::make_unique<int>(value));
    worker.doorbell().ring();
    wait_for([&] { return last.load() == value && worker.counters().sleeps.get() > sleeps; });
  }
  worker.stop();
}

TEST(WorkerTest, has_an_lcore_of_its_own_for_the_mempool_caches) {
  CallbackStage stage;
  std::atomic<unsigned> lcore{LCORE_ID_ANY};
  std::atomic<bool> polled{false};
  stage.on_poll = [&](Instant) {
    lcore.store(rte_lcore_id());
    polled.store(true);
    return std::size_t{0};
  };
  Worker worker(options());
  worker.add(stage);
  ASSERT_TRUE(worker.start().ok());
  wait_for([&] { return polled.load(); });
  worker.stop();
  EXPECT_NE(lcore.load(), LCORE_ID_ANY);
  EXPECT_NE(lcore.load(), rte_lcore_id());
}

TEST(WorkerTest, a_cpu_it_cannot_have_is_an_error_that_names_it) {
  CallbackStage stage;
  Worker worker({.name = "pinned", .cpu = 1023});
  worker.add(stage);
  const Result<void> started = worker.start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find("1023"), std::string::npos);
  EXPECT_NE(started.error().message.find("pinned"), std::string::npos);
}

}  // namespace
}  // namespace garrison::runtime
