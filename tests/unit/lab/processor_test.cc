#include "apps/lab/processor.h"

#include <gtest/gtest.h>

#include "apps/lab/lab_site.h"

namespace garrison::lab {
namespace {

CostTable table_of(std::initializer_list<std::pair<Operation, Duration>> costs) {
  CostTable table;
  for (const auto& [operation, cost] : costs) table.cost[static_cast<std::size_t>(operation)] = cost;
  return table;
}

WorkCounts work(std::initializer_list<std::pair<Operation, std::uint64_t>> counts) {
  WorkCounts done{};
  for (const auto& [operation, count] : counts) done[static_cast<std::size_t>(operation)] = count;
  return done;
}

TEST(ProcessorTest, charges_what_was_done_since_the_last_charge) {
  const CostTable table = table_of({{Operation::sign, microseconds(10)}, {Operation::step, microseconds(1)}});
  Processor processor(&table);
  EXPECT_EQ(processor.charge(work({{Operation::sign, 2}, {Operation::step, 3}})), microseconds(23));
  EXPECT_EQ(processor.charge(work({{Operation::sign, 2}, {Operation::step, 3}})), Duration());
  EXPECT_EQ(processor.charge(work({{Operation::sign, 3}, {Operation::step, 3}})), microseconds(10));
  EXPECT_EQ(processor.busy(), microseconds(33));
  EXPECT_EQ(processor.busy_by_operation()[static_cast<std::size_t>(Operation::sign)], microseconds(30));
}

TEST(ProcessorTest, costs_per_kib_count_every_byte) {
  const CostTable table = table_of({{Operation::hash_kib, nanoseconds(512)}});
  Processor processor(&table);
  EXPECT_EQ(processor.charge(work({{Operation::hash_kib, 1}})), Duration());
  EXPECT_EQ(processor.charge(work({{Operation::hash_kib, 2}})), nanoseconds(1));
  EXPECT_EQ(processor.charge(work({{Operation::hash_kib, 1024}})), nanoseconds(511));
}

TEST(ProcessorTest, without_a_table_work_is_free) {
  Processor processor(nullptr);
  EXPECT_EQ(processor.charge(work({{Operation::sign, 1000}})), Duration());
}

// Many clients keep four servers busy with one operation; everything else is free.
TEST(ProcessorTest, a_saturated_server_takes_exactly_the_sum_of_its_costs) {
  constexpr Duration kCost = microseconds(200);
  constexpr Duration kRun = seconds(1);
  const CostTable table = table_of({{Operation::verify_client, kCost}});
  EventQueue events;
  LabSite site(events, make_lab_keys({.servers = 4, .clients = 1000}), {.costs = &table});
  site.start();
  site.clients().start({.timeout = seconds(60), .payload_bytes = 0});
  while (events.now() < Instant() + kRun) events.run_next();

  EXPECT_FALSE(site.checkers().violation().has_value()) << *site.checkers().violation();
  for (std::uint16_t i = 0; i < 4; ++i) {
    const crypto::BatchVerifier& verifier = site.server(ServerId(i)).crypto().verifier();
    const Duration busy = site.host(ServerId(i)).processor().busy();
    EXPECT_EQ(busy.ns(), kCost.ns() * static_cast<std::int64_t>(verifier.client_signatures_checked()));
    EXPECT_GT(busy.ns(), kRun.ns() * 8 / 10);
    EXPECT_LE(busy.ns(), (kRun + kCost * 300).ns());  // the pass that runs at the end is charged whole
  }
  const std::uint64_t at_most = static_cast<std::uint64_t>(kRun.ns() / kCost.ns());
  EXPECT_LE(site.clients().completed(), at_most);
  EXPECT_GT(site.clients().completed(), at_most / 4);
}

TEST(ProcessorTest, the_same_load_is_answered_faster_by_a_faster_processor) {
  const auto completed = [](Duration cost) {
    const CostTable table = table_of({{Operation::verify_client, cost}});
    EventQueue events;
    LabSite site(events, make_lab_keys({.servers = 4, .clients = 40}), {.costs = &table});
    site.start();
    site.clients().start({.timeout = seconds(60), .payload_bytes = 0});
    while (events.now() < Instant() + seconds(1)) events.run_next();
    return site.clients().completed();
  };
  EXPECT_GT(completed(microseconds(250)), completed(milliseconds(1)));
}

TEST(CostTableTest, every_operation_must_have_its_cost) {
  std::string text = "name = \"t\"\n";
  for (std::size_t i = 0; i < kOperations; ++i) {
    text += std::string(name(static_cast<Operation>(i))) + " = \"" + std::to_string(i + 1) + "us\"\n";
  }
  const Result<CostTable> table = parse_cost_table(text, "t.toml");
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table.value().name, "t");
  EXPECT_EQ(table.value().of(Operation::sign), microseconds(1));
  EXPECT_EQ(table.value().of(Operation::update), microseconds(static_cast<std::int64_t>(kOperations)));

  const std::string missing = text.substr(0, text.find("update"));
  EXPECT_EQ(parse_cost_table(missing, "t.toml").error().message,
            "t.toml:1:1: \"update\" is missing in the cost table; add it");
  EXPECT_EQ(parse_cost_table(text + "signn = \"1us\"\n", "t.toml").error().message,
            "t.toml:" + std::to_string(kOperations + 2) +
                ":1: unknown key \"signn\" in the cost table; did you mean \"sign\"?");
}

}  // namespace
}  // namespace garrison::lab
