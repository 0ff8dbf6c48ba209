#include "dataplane/runtime/system_files.h"

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/locality.h"
#include "tests/support/fake_tree.h"

namespace garrison::runtime {
namespace {

TEST(SystemFilesTest, lists_of_cpus_are_read_and_written_as_the_kernel_does) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), (std::vector<unsigned>{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list("5,5,4"), (std::vector<unsigned>{4, 5}));
  EXPECT_EQ(parse_cpu_list(""), std::vector<unsigned>{});
  for (const char* bad : {"3-1", "a", "1-", "-1", "1,,2", "0-4096", "0-4294967295", "managed_irq,2"}) {
    EXPECT_FALSE(parse_cpu_list(bad).has_value()) << bad;
  }
  EXPECT_EQ(cpu_list({0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
  EXPECT_EQ(cpu_list({}), "none");
}

TEST(SystemFilesTest, what_is_missing_or_makes_no_sense_is_no_answer) {
  const test::FakeTree tree;
  tree.write("/a/number", "17");
  tree.write("/a/word", "17 apples");
  tree.write("/a/empty", "");
  tree.link("/a/driver", "../../bus/pci/drivers/ixgbe");
  const SystemFiles files = tree.files();
  EXPECT_EQ(files.number("/a/number"), 17);
  EXPECT_EQ(files.text("/a/word"), "17 apples");
  EXPECT_EQ(files.link("/a/driver"), "ixgbe");
  EXPECT_EQ(files.names("/a"), (std::vector<std::string>{"driver", "empty", "number", "word"}));
  for (const char* path : {"/a/word", "/a/empty", "/a/missing", "/a"}) {
    EXPECT_FALSE(files.number(path).has_value()) << path;
  }
  EXPECT_FALSE(files.text("/a").has_value());
  EXPECT_FALSE(files.link("/a/number").has_value());
  EXPECT_TRUE(files.names("/missing").empty());
  EXPECT_EQ(files.cpus("/a/empty"), std::vector<unsigned>{});
}

TEST(LocalityTest, a_device_is_near_the_node_that_sysfs_names) {
  const test::FakeTree tree;
  tree.write("/sys/bus/pci/devices/0000:3b:00.0/numa_node", "1");
  tree.write("/sys/bus/pci/devices/0000:3b:00.1/numa_node", "-1");
  tree.write("/sys/bus/pci/devices/0000:3b:00.2/numa_node", "many");
  tree.write("/sys/class/net/eth1/device/numa_node", "0");
  EXPECT_EQ(node_of_pci_device(tree.files(), "0000:3b:00.0"), 1);
  for (const char* address : {"0000:3b:00.1", "0000:3b:00.2", "0000:3b:00.3"}) {
    EXPECT_EQ(node_of_pci_device(tree.files(), address), -1) << address;
  }
  EXPECT_EQ(node_of_interface(tree.files(), "eth1"), 0);
  EXPECT_EQ(node_of_interface(tree.files(), "eth2"), -1);
}

TEST(LocalityTest, an_interface_above_others_is_near_theirs_and_a_loop_of_them_ends) {
  const test::FakeTree tree;
  tree.write("/sys/class/net/br0/lower_bond0", "");
  tree.write("/sys/class/net/bond0/lower_eth1", "");
  tree.write("/sys/class/net/bond0/lower_br0", "");
  tree.write("/sys/class/net/eth1/device/numa_node", "1");
  EXPECT_EQ(with_lower_interfaces(tree.files(), "br0"), (std::vector<std::string>{"br0", "bond0", "eth1"}));
  EXPECT_EQ(node_of_interface(tree.files(), "br0"), 1);
}

constexpr const char* kNode0 = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/";
constexpr const char* kNode1 = "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/";

TEST(LocalityTest, hugepages_are_counted_by_node_and_all_that_is_needed_must_be_free_where_it_is) {
  const test::FakeTree tree;
  tree.write(kNode0 + std::string("nr_hugepages"), "64");
  tree.write(kNode0 + std::string("free_hugepages"), "50");
  tree.write(kNode1 + std::string("nr_hugepages"), "1");
  tree.write(kNode1 + std::string("free_hugepages"), "1");
  tree.write("/sys/devices/system/node/node1/hugepages/hugepages-xkB/free_hugepages", "9");
  tree.write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "999");
  const std::vector<HugepagePool> pools = hugepage_pools(tree.files());
  ASSERT_EQ(pools.size(), 2U);
  EXPECT_EQ(pools[0].total, 64U);
  EXPECT_EQ(free_hugepage_mib(pools, 0), 100U);
  EXPECT_EQ(free_hugepage_mib(pools, 1), 1024U);
  EXPECT_EQ(free_hugepage_mib(pools, -1), 1124U);
  EXPECT_TRUE(hugepages_suffice(pools, {{-1, 24}, {0, 100}}));
  EXPECT_FALSE(hugepages_suffice(pools, {{0, 101}}));
  EXPECT_FALSE(hugepages_suffice(pools, {{2, 1}}));
  EXPECT_FALSE(hugepages_suffice(pools, {{-1, 1025}, {0, 100}}));
}

TEST(LocalityTest, a_kernel_that_tells_no_nodes_apart_has_hugepages_anywhere_and_rubbish_is_none) {
  const test::FakeTree tree;
  tree.write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10");
  EXPECT_EQ(free_hugepage_mib(hugepage_pools(tree.files()), 3), 20U);
  tree.write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "-4");
  EXPECT_EQ(free_hugepage_mib(hugepage_pools(tree.files()), -1), 0U);
  EXPECT_TRUE(hugepage_pools(SystemFiles("/nowhere")).empty());
}

int policy() {
  int mode = -1;
  return syscall(SYS_get_mempolicy, &mode, nullptr, 0UL, nullptr, 0UL) == 0 ? mode : -1;
}

TEST(LocalityTest, memory_comes_from_the_node_as_long_as_the_scope_lasts) {
  if (policy() != MPOL_DEFAULT) GTEST_SKIP() << "this kernel has no memory policies";
  {
    const LocalMemory local(0);
    EXPECT_EQ(policy(), MPOL_PREFERRED);
  }
  EXPECT_EQ(policy(), MPOL_DEFAULT);
  const LocalMemory anywhere(-1);
  EXPECT_EQ(policy(), MPOL_DEFAULT);
}

bool has(const std::vector<std::string>& arguments, const std::string& one) {
  return std::ranges::find(arguments, one) != arguments.end();
}

TEST(EalTest, hugepages_and_the_pci_bus_are_used_where_they_are_asked_for_and_only_there) {
  const std::vector<std::string> plain = eal_arguments({.memory_mib = 99}, {0, 3});
  EXPECT_TRUE(has(plain, "--no-huge"));
  EXPECT_TRUE(has(plain, "99"));
  EXPECT_TRUE(has(plain, "--no-pci"));
  EXPECT_TRUE(has(plain, "0@(0,3)"));
  EXPECT_FALSE(has(plain, "--in-memory"));
  const std::vector<std::string> real = eal_arguments({.hugepages = true, .pci = true}, {0});
  EXPECT_FALSE(has(real, "--no-huge"));
  EXPECT_TRUE(has(real, "--in-memory"));
  EXPECT_FALSE(has(real, "--no-pci"));
  EXPECT_TRUE(has(real, "-a"));  // or the EAL would take every port that it can drive
}

}  // namespace
}  // namespace garrison::runtime
