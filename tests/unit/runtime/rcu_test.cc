#include "dataplane/runtime/rcu.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace garrison::runtime {
namespace {

constexpr std::uint64_t kAlive = 0xA11CE;

// Says when it is destroyed, in memory that outlives it.
struct Table {
  Table(std::uint64_t v, std::atomic<std::uint64_t>& destroyed) : version(v), twice(2 * v), gone(destroyed) {}
  ~Table() {
    alive = 0;
    gone.store(version + 1, std::memory_order_relaxed);
  }
  std::uint64_t version;
  std::uint64_t twice;
  std::uint64_t alive = kAlive;
  std::atomic<std::uint64_t>& gone;  // 1 + the last version destroyed
};

TEST(RcuTest, a_reader_never_sees_a_destroyed_table) {
  constexpr std::uint64_t kVersions = 200;
  std::atomic<std::uint64_t> gone{0};
  RcuTable<Table> table(std::make_unique<Table>(0, gone));
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      RcuReader reader;
      std::uint64_t seen = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        const Table& current = table.read();
        for (int use = 0; use < 20; ++use) {  // hold it over several uses
          const bool good = current.alive == kAlive && current.twice == 2 * current.version &&
                            gone.load(std::memory_order_relaxed) <= current.version && current.version >= seen;
          if (!good) failures.fetch_add(1);
        }
        seen = current.version;
        reader.quiescent();
        std::this_thread::yield();
      }
    });
  }
  for (std::uint64_t version = 1; version <= kVersions; ++version) {
    table.publish(std::make_unique<Table>(version, gone));
    EXPECT_EQ(gone.load(), version);  // the old one is destroyed when publish() returns
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(failures.load(), 0);
}

TEST(RcuTest, publishing_waits_for_a_reader_that_still_holds_the_table) {
  std::atomic<std::uint64_t> gone{0};
  RcuTable<Table> table(std::make_unique<Table>(0, gone));
  RcuReader reader;
  const Table& held = table.read();
  std::atomic<bool> published{false};
  std::thread publisher([&] {
    table.publish(std::make_unique<Table>(1, gone));
    published.store(true);
  });
  while (&table.read() == &held) std::this_thread::yield();  // the new one is visible, the old one not yet destroyed
  EXPECT_EQ(held.alive, kAlive);
  EXPECT_EQ(gone.load(), 0U);
  EXPECT_FALSE(published.load());
  reader.offline();
  publisher.join();
  reader.online();
  EXPECT_EQ(gone.load(), 1U);
  EXPECT_EQ(table.read().version, 1U);
}

TEST(RcuTest, an_offline_reader_does_not_delay_publishing) {
  std::atomic<std::uint64_t> gone{0};
  RcuTable<Table> table(std::make_unique<Table>(0, gone));
  RcuReader reader;
  reader.offline();
  std::thread publisher([&] { table.publish(std::make_unique<Table>(1, gone)); });
  publisher.join();  // would wait for ever
  reader.online();
  EXPECT_EQ(table.read().version, 1U);
}

}  // namespace
}  // namespace garrison::runtime
