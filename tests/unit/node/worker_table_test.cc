#include "apps/node/worker_table.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"
#include "tests/unit/node/node_topology.h"

namespace garrison::node {
namespace {

constexpr SiteServer kA1{kA, ServerId(0)};
constexpr SiteServer kA2{kA, ServerId(1)};
constexpr SiteServer kA3{kA, ServerId(2)};

// How often a stage of this kind stands in the table, wherever.
std::size_t stages(const std::vector<WorkerRow>& table, StageKind kind) {
  std::size_t count = 0;
  for (const WorkerRow& row : table) {
    for (const StageRow& stage : row.stages) count += stage.kind == kind ? 1 : 0;
  }
  return count;
}

std::vector<WorkerRow> plan(const config::Topology& topology, const std::vector<SiteServer>& hosted) {
  return plan_workers({.cores = {{.cpu = 0}, {.cpu = 1}}}, topology, hosted, networks_of(topology, hosted).value())
      .value();
}

TEST(WorkerTableTest, one_server_of_several_sites_has_a_stage_for_each_port) {
  const std::vector<WorkerRow> table =
      plan(topology(2, "af_packet:lan0", "af_packet:wan0"), {SiteServer{kB, ServerId(2)}});
  for (const StageKind kind : {StageKind::lan, StageKind::wan, StageKind::control, StageKind::crypto}) {
    EXPECT_EQ(stages(table, kind), 1U);
  }
  EXPECT_EQ(stages(table, StageKind::segment), 0U);
  EXPECT_EQ(stages(table, StageKind::wide_area), 0U);
}

TEST(WorkerTableTest, networks_inside_the_process_have_stages_of_their_own) {
  const config::Topology alone = topology(1, "inproc", "");
  const std::vector<WorkerRow> one = plan(alone, servers_of(alone));
  EXPECT_EQ(stages(one, StageKind::segment), 1U);
  EXPECT_EQ(stages(one, StageKind::wan), 0U);
  EXPECT_EQ(stages(one, StageKind::wide_area), 0U);
  const config::Topology sites = topology(3, "inproc", "inproc");
  const std::vector<WorkerRow> several = plan(sites, servers_of(sites));
  EXPECT_EQ(stages(several, StageKind::segment), 3U);
  EXPECT_EQ(stages(several, StageKind::wan), 12U);
  EXPECT_EQ(stages(several, StageKind::wide_area), 1U);
  // In turn.
  EXPECT_EQ(several[0].stages.back().kind, StageKind::segment);
  EXPECT_EQ(several[0].stages.back().server.site, SiteId(2));
  EXPECT_EQ(several[1].stages.back().kind, StageKind::wide_area);
}

TEST(WorkerTableTest, workers_are_shared_when_the_operator_s_leave_too_few_cores) {
  config::Topology alone = topology(1, "af_packet:lan0", "");
  const auto pollers = [&] {
    const runtime::Machine machine{.cores = {{.cpu = 0}, {.cpu = 1}, {.cpu = 2}},
                                   .cpus = {{.cpu = 0, .core = 0}, {.cpu = 1, .core = 1}, {.cpu = 2, .core = 2}}};
    const auto all = servers_of(alone);
    return plan_workers(machine, alone, all, networks_of(alone, all).value()).value().size() - all.size();
  };
  EXPECT_EQ(pollers(), 3U);
  for (std::uint16_t i = 0; i < 3; ++i) {
    alone.cores.workers.push_back({.servers = {{kA, ServerId(i)}}, .cpu = i, .where = "here"});
    EXPECT_EQ(pollers(), i == 2 ? 4U : 3U);
  }
}

// Cores 0 to 3 on node 0, 4 to 7 on node 1, one thread each.
runtime::Machine eight_cores() {
  runtime::Machine machine;
  for (unsigned cpu = 0; cpu < 8; ++cpu) {
    machine.cores.push_back({.cpu = cpu, .numa_node = cpu < 4 ? 0 : 1});
    machine.cpus.push_back({.cpu = cpu, .core = cpu, .numa_node = cpu < 4 ? 0 : 1});
  }
  machine.forbidden = {8};
  return machine;
}

Result<std::vector<WorkerRow>> plan_here(const config::Topology& topology, const std::vector<SiteServer>& hosted,
                                         const runtime::SystemFiles& files) {
  return plan_workers(eight_cores(), topology, hosted, networks_of(topology, hosted).value(), files);
}

TEST(WorkerTableTest, a_server_s_worker_and_memory_are_on_the_node_of_its_devices) {
  const test::FakeTree tree;
  tree.write("/sys/class/net/lan0/device/numa_node", "1");
  const config::Topology alone = topology(1, "af_packet:lan0", "");
  const auto table = plan_here(alone, {kA1, kA2}, tree.files()).value();
  EXPECT_EQ(table[0].placement.cpu, 4U);
  EXPECT_EQ(table[1].placement.cpu, 5U);
  EXPECT_EQ(memory_node(table, kA1), 1);
  EXPECT_EQ(memory_need(table, {kA1, kA2}), (runtime::MemoryNeed{{-1, 64}, {1, 48}}));
  EXPECT_FALSE(table[2].placement.cpu.has_value());  // signatures
  EXPECT_EQ(table[2].placement.ladder.pauses, runtime::IdleLadder::shared_cores().pauses);
}

TEST(WorkerTableTest, the_devices_are_those_of_the_lan_unless_the_wan_port_hears_a_hub) {
  const test::FakeTree tree;
  tree.write("/sys/bus/pci/devices/0000:3b:00.0/numa_node", "0");
  tree.write("/sys/bus/pci/devices/0000:af:00.0/numa_node", "1");
  config::Topology sites = topology(2, "0000:3b:00.0", "0000:af:00.0");
  EXPECT_EQ(node_of_devices(sites, kA1, tree.files()), 0);
  sites.wan.pairs.front().kind = config::LinkKind::hub_optimistic;
  EXPECT_EQ(node_of_devices(sites, kA1, tree.files()), 1);
  EXPECT_EQ(node_of_devices(sites, {kB, ServerId(0)}, tree.files()), 1) << "of either site of the pair";
  config::Topology others = topology(3, "0000:3b:00.0", "0000:af:00.0");
  for (config::WanPair& pair : others.wan.pairs) {
    if (pair.first != kA && pair.second != kA) pair.kind = config::LinkKind::hub_optimistic;
  }
  EXPECT_EQ(node_of_devices(others, kA1, tree.files()), 0) << "not of any pair";
  tree.remove("/sys/bus/pci/devices/0000:af:00.0");
  EXPECT_EQ(node_of_devices(sites, kA1, tree.files()), 0);
  tree.remove("/sys/bus/pci/devices/0000:3b:00.0");
  EXPECT_EQ(node_of_devices(sites, kA1, tree.files()), -1);
  EXPECT_EQ(node_of_devices(topology(1, "inproc", ""), kA1, tree.files()), -1);
}

TEST(WorkerTableTest, says_where_each_worker_runs_and_what) {
  const test::FakeTree tree;
  config::Topology alone = topology(1, "af_packet:lan0", "");
  alone.cores.dedicated = true;
  const std::string text = describe(plan_here(alone, {kA1, kA2}, tree.files()).value());
  EXPECT_NE(text.find("  poll-1       CPU 2, memory of node 0, spins    A2 lan, A2 control\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("crypto-A1    not pinned"), std::string::npos) << text;
}

TEST(WorkerTableTest, the_operator_s_cpus_go_first_and_the_rest_get_workers_of_their_own) {
  const test::FakeTree tree;
  config::Topology alone = topology(1, "af_packet:lan0", "");
  alone.cores.dedicated = true;
  alone.cores.workers = {{.servers = {{kA, ServerId(0)}, {kA, ServerId(2)}}, .cpu = 6, .where = "t.toml:9:7"},
                         {.servers = {{kA, ServerId(3)}}, .cpu = 1, .where = "t.toml:12:7"}};
  const auto table = plan_here(alone, {kA1, kA2, kA3}, tree.files()).value();
  ASSERT_EQ(table.size(), 5U);  // two pollers: A4 is not here
  EXPECT_EQ(table[0].placement.cpu, 6U);
  EXPECT_TRUE(table[0].placement.dedicated);
  EXPECT_EQ(table[0].stages.size(), 4U);
  EXPECT_EQ(table[0].stages[2].server, kA3);
  EXPECT_EQ(table[1].placement.cpu, 1U);
  EXPECT_EQ(table[1].placement.name, "poll-1");
  EXPECT_EQ(table[1].stages[0].server, kA2);
  EXPECT_EQ(memory_node(table, kA3), 1);
  EXPECT_NE(
      describe(table).find("poll-0       CPU 6, memory of node 1, spins    A1 lan, A1 control, A3 lan, A3 control"),
      std::string::npos)
      << describe(table);
}

std::string refusal(const std::vector<config::WorkerSettings>& workers) {
  config::Topology alone = topology(1, "af_packet:lan0", "");
  alone.cores.workers = workers;
  const auto table = plan_here(alone, {kA1, kA2}, runtime::SystemFiles("/nowhere"));
  return table.ok() ? "" : table.error().message;
}

TEST(WorkerTableTest, a_cpu_that_this_machine_cannot_give_is_a_fault_of_the_topology) {
  const config::WorkerSettings first{.servers = {{kA, ServerId(0)}}, .cpu = 9, .where = "t.toml:9:7"};
  EXPECT_EQ(refusal({first}), "t.toml:9:7: CPU 9 does not exist on this machine; use one of 0-7");
  config::WorkerSettings second{.servers = {{kA, ServerId(1)}}, .cpu = 8, .where = "t.toml:12:7"};
  EXPECT_EQ(refusal({second}), "t.toml:12:7: CPU 8 is offline, or not allowed to this process; use one of 0-7");
  // Elsewhere it may be fine.
  EXPECT_EQ(refusal({{.servers = {{kA, ServerId(3)}}, .cpu = 9, .where = "t.toml:9:7"}}), "");
}

TEST(WorkerTableTest, two_workers_of_one_process_have_two_cpus) {
  EXPECT_EQ(refusal({{.servers = {{kA, ServerId(0)}}, .cpu = 3, .where = "t.toml:9:7"},
                     {.servers = {{kA, ServerId(1)}}, .cpu = 3, .where = "t.toml:12:7"}}),
            "t.toml:12:7: CPU 3 is that of the worker of server A1 already; give this one another");
}

}  // namespace
}  // namespace garrison::node
