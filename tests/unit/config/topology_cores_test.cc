#include <gtest/gtest.h>

#include "control/config/topology_text.h"
#include "tests/unit/config/edited_text.h"

namespace garrison::config {
namespace {

std::string with_workers(const std::string& workers) {
  NewTopology wishes;
  wishes.system = SystemId(7);
  wishes.hosts = {"10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"};
  return replaced(new_topology_text(wishes).value(), "# [[cores.worker]]", workers + "\n# [[cores.worker]]");
}

std::string worker(const std::string& servers, const std::string& cpu) {
  return "[[cores.worker]]\nservers = " + servers + "\ncpu = " + cpu + "\n";
}

TEST(TopologyCoresTest, the_operator_says_which_cpu_the_worker_of_which_servers_has) {
  // A CPU is that of a machine: A3 is on another.
  const std::string text = with_workers(worker("[\"A1\", \"A2\"]", "3") + worker("[\"A3\"]", "3"));
  const auto topology = parse_topology(text, "t.toml");
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  const std::vector<WorkerSettings>& workers = topology.value().cores.workers;
  ASSERT_EQ(workers.size(), 2U);
  EXPECT_EQ(workers[0].cpu, 3U);
  ASSERT_EQ(workers[0].servers.size(), 2U);
  EXPECT_EQ(workers[0].servers[1], std::pair(SiteId(0), ServerId(1)));
  EXPECT_EQ(workers[0].where, position(text, "cpu = 3", 6));
}

TEST(TopologyCoresTest, a_server_has_one_worker) {
  const std::string text = with_workers(worker("[\"A1\"]", "3") + worker("[ \"A2\", \"A1\"]", "4"));
  expect_fault_at(text, position(text, "[ \"A2\""), "server A1 has a worker on CPU 3 already");
  const std::string twice = with_workers(worker("[\"A1\", \"A1\"]", "3"));
  expect_fault_at(twice, position(twice, "[\"A1\""), "server A1 has a worker on CPU 3 already");
}

TEST(TopologyCoresTest, a_machine_gives_a_cpu_to_one_worker) {
  const std::string text = with_workers(worker("[\"A1\"]", "3") + worker("[\"A2\"]", "0x3"));
  expect_fault_at(text, position(text, "0x3"), "CPU 3 of 10.0.0.1 is that of another worker already");
}

TEST(TopologyCoresTest, workers_that_make_no_sense_are_faults_at_the_value) {
  const std::pair<std::string, std::string> wrong[] = {
      {worker("[\"A5\"]", "3"), "\"A5\" is no server of this file"},
      {worker("[]", "3"), "a worker of no server"},
      {worker("[7]", "3"), "servers holds an integer"},
      {worker("[\"A1\"]", "1024"), "cpu = 1024 is out of range"},
      {worker("[\"A1\"]", "-1"), "cpu = -1 is out of range"},
      {worker("[\"A1\"]", "\"3\""), "cpu is text"},
      {"[[cores.worker]]\nservers = [\"A1\"]\n", "\"cpu\" is missing in [[cores.worker]]"},
      {worker("[\"A1\"]", "3") + "cpus = 4\n", "unknown key \"cpus\" in [[cores.worker]]; did you mean \"cpu\"?"},
  };
  for (const auto& [written, what] : wrong) {
    const std::string said = fault(with_workers(written));
    EXPECT_NE(said.find(what), std::string::npos) << said;
    EXPECT_NE(said.find("; "), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace garrison::config
