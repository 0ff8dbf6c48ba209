#include "dataplane/runtime/placement.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"

namespace garrison::runtime {
namespace {

class NoWork final : public Stage {
 public:
  std::size_t poll(Instant /*now*/) override { return 0; }
  [[nodiscard]] std::string_view name() const override { return "none"; }
};

// Two hardware threads to a core, numbered as Intel does: the second ones behind all the first.
Machine two_nodes() {
  return {.cores = {{0, 0}, {1, 0}, {2, 0}, {3, 1}, {4, 1}},
          .cpus = {{0, 0, 0}, {1, 1, 0}, {2, 2, 0}, {3, 3, 1}, {4, 4, 1}, {6, 1, 0}, {8, 3, 1}},
          .forbidden = {5, 7}};
}

WorkerWish near(std::string name, int node) { return {.name = std::move(name), .cpu = {}, .near_numa_node = node}; }

TEST(PlacementTest, pins_each_worker_to_its_own_core_near_its_devices_and_spares_the_first) {
  const std::vector<WorkerWish> wishes = {near("far", 0), near("hub", 1), near("lan", 1), near("any", -1)};
  const std::vector<WorkerPlacement> table = place_workers(two_nodes(), wishes, true);
  ASSERT_EQ(table.size(), 4U);
  EXPECT_EQ(table[0].name, "far");
  EXPECT_EQ(table[0].cpu, 1U);
  EXPECT_EQ(table[1].cpu, 3U);
  EXPECT_EQ(table[1].numa_node, 1);
  EXPECT_EQ(table[2].cpu, 4U);
  EXPECT_EQ(table[3].cpu, 2U);
  for (const WorkerPlacement& worker : table) EXPECT_TRUE(worker.dedicated);
}

TEST(PlacementTest, a_worker_without_a_core_left_near_its_devices_gets_another) {
  const std::vector<WorkerWish> wishes = {near("a", 1), near("b", 1), near("c", 1)};
  const std::vector<WorkerPlacement> table = place_workers(two_nodes(), wishes);
  EXPECT_EQ(table[2].cpu, 1U);
  EXPECT_EQ(table[2].numa_node, 0);
  EXPECT_FALSE(table[2].dedicated);
}

TEST(PlacementTest, isolated_cores_go_first_but_behind_nearness_and_one_that_is_not_stays_free) {
  Machine machine = two_nodes();
  machine.cores[0].isolated = machine.cores[2].isolated = machine.cores[4].isolated = true;
  const std::vector<WorkerWish> wishes = {near("a", 1), near("b", 0), near("c", 1), near("d", 1)};
  const std::vector<WorkerPlacement> table = place_workers(machine, wishes);
  EXPECT_EQ(table[0].cpu, 4U);
  EXPECT_EQ(table[1].cpu, 0U);  // the kernel's is 1 here
  EXPECT_EQ(table[2].cpu, 3U);
  EXPECT_EQ(table[3].cpu, 2U);
}

TEST(PlacementTest, on_too_few_cores_nothing_is_pinned_and_nobody_spins) {
  const Machine machine{.cores = {{0, 0}, {1, 0}}};
  const std::vector<WorkerWish> wishes = {near("lan", 0), near("control", 0)};
  for (const WorkerPlacement& worker : place_workers(machine, wishes, true)) {
    EXPECT_FALSE(worker.cpu.has_value());
    EXPECT_FALSE(worker.dedicated);
    EXPECT_LT(worker.ladder.pauses, IdleLadder{}.pauses);
  }
}

TEST(PlacementTest, a_cpu_of_the_operator_s_is_taken_and_nobody_else_gets_its_core) {
  const std::vector<WorkerWish> wishes = {
      near("a", 1), {.name = "placed", .cpu = 8, .near_numa_node = 0}, near("b", 1)};
  const std::vector<WorkerPlacement> table = place_workers(two_nodes(), wishes, true);
  EXPECT_EQ(table[1].cpu, 8U);
  EXPECT_EQ(table[1].numa_node, 1);
  EXPECT_TRUE(table[1].dedicated);
  EXPECT_EQ(table[0].cpu, 4U);  // 3 is the other thread of 8
  EXPECT_EQ(table[2].cpu, 1U);
}

TEST(PlacementTest, a_cpu_of_the_operator_s_is_pinned_where_the_others_find_too_few) {
  const Machine machine{.cores = {{0, 0}, {1, 0}}, .cpus = {{0, 0, 0}, {1, 1, 0}}};
  const std::vector<WorkerWish> wishes = {{.name = "placed", .cpu = 0, .near_numa_node = -1}, near("other", -1)};
  const std::vector<WorkerPlacement> table = place_workers(machine, wishes, true);
  EXPECT_EQ(table[0].cpu, 0U);
  EXPECT_TRUE(table[0].dedicated);
  EXPECT_FALSE(table[1].cpu.has_value());
  EXPECT_FALSE(table[1].dedicated);
}

TEST(PlacementTest, says_why_a_cpu_cannot_be_had) {
  EXPECT_EQ(why_unusable(two_nodes(), 6), "");
  EXPECT_EQ(why_unusable(two_nodes(), 64), "CPU 64 does not exist on this machine; use one of 0-4,6,8");
  EXPECT_EQ(why_unusable(two_nodes(), 7), "CPU 7 is offline, or not allowed to this process; use one of 0-4,6,8");
}

TEST(PlacementTest, this_machine_has_cores_that_a_worker_can_be_pinned_to) {
  const Result<Machine> machine = query_machine();
  ASSERT_TRUE(machine.ok()) << machine.error().message;
  ASSERT_FALSE(machine.value().cores.empty());
  EXPECT_GE(machine.value().cpus.size(), machine.value().cores.size());
  const unsigned last = machine.value().cores.back().cpu;
  EXPECT_EQ(why_unusable(machine.value(), last), "");
  NoWork stage;
  Worker worker({.name = "pinned", .cpu = last});
  worker.add(stage);
  EXPECT_TRUE(worker.start().ok());
}

TEST(PlacementTest, isolated_cores_are_those_that_the_kernel_says) {
  const unsigned last = query_machine().value().cores.back().cpu;
  const test::FakeTree tree;
  tree.write("/sys/devices/system/cpu/isolated", std::to_string(last));
  EXPECT_TRUE(query_machine(tree.files()).value().cores.back().isolated);
  tree.write("/sys/devices/system/cpu/isolated", "rubbish");
  EXPECT_FALSE(query_machine(tree.files()).value().cores.back().isolated);
}

}  // namespace
}  // namespace garrison::runtime
