#include "apps/host/host_check.h"

#include <gtest/gtest.h>

#include "control/config/topology_text.h"
#include "tests/unit/host/sound_machine.h"

namespace garrison::host {
namespace {

using Commands = std::vector<std::string>;

TEST(HostCheckTest, a_machine_that_is_ready_has_no_findings) {
  const SoundMachine machine;
  const Report report = machine.check();
  EXPECT_TRUE(report.findings.empty()) << text_of(report);
  const std::string text = text_of(report);
  for (const char* said :
       {"node 0: 64 of 2048 kB, 60 free", "iommu       on", "isolcpus 3, nohz_full 3, rcu_nocbs 3",
        "CPUs 0-2: powersave", "CPUs 3: performance", "one hardware thread per core",
        "the default route leads over 0000:02:00.0, eth0",
        "eth1: driver ixgbe on 0000:3b:00.0, node 0, 02:00:00:00:00:01, link up, promiscuous off, MTU "
        "1500, 10000 Mbit/s, rings rx 1024/4096 tx 1024/4096, pause frames rx off tx off",
        "0000:3b:00.1: driver vfio-pci, IOMMU group 9", "the kernel knows 2", "nothing is wrong"}) {
    EXPECT_TRUE(contains(text, said)) << said << "\nin\n" << text;
  }
}

TEST(HostCheckTest, a_machine_of_which_nothing_can_be_read_is_described_all_the_same) {
  const SoundMachine machine;
  const runtime::SystemFiles nowhere("/nowhere");
  const Report report = check_host(nowhere, machine.ethtool, read_facts(nowhere, machine.ethtool), machine.needs);
  const std::string text = text_of(report);
  for (const char* said : {"its kernel cannot reserve any; 88 MiB", "no IOMMU is on", "there is no such interface here",
                           "there is no such PCI device here", "over none"}) {
    EXPECT_TRUE(contains(text, said)) << said << "\nin\n" << text;
  }
}

TEST(HostCheckTest, hugepages_that_are_missing_are_reserved_on_their_node) {
  const SoundMachine machine;
  machine.hugepages(64, 40);
  const Finding finding = only(machine.check());
  EXPECT_EQ(finding.text, "node 0 has 80 MiB free, and 88 MiB are needed");
  EXPECT_EQ(commands(finding),
            (Commands{"echo 68 > /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"}));
}

TEST(HostCheckTest, hugepages_of_a_kernel_without_nodes_are_reserved_for_all) {
  SoundMachine machine;
  machine.tree.remove("/sys/devices/system/node");
  machine.tree.write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0");
  EXPECT_EQ(commands(only(machine.check())),
            (Commands{"echo 44 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"}));
  // Ports of the kernel do without.
  machine.needs.hugepages = false;
  EXPECT_TRUE(machine.check().findings.empty());
}

TEST(HostCheckTest, counts_that_are_no_numbers_count_as_none_and_are_said) {
  const SoundMachine machine;
  machine.tree.write("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "many");
  machine.tree.write("/sys/devices/system/cpu/nohz_full", "(null)");
  machine.tree.write("/sys/devices/system/cpu/isolated", "three");
  const Report report = machine.check();
  EXPECT_EQ(report.findings.size(), 2U) << text_of(report);
  EXPECT_TRUE(contains(text_of(report), "free_hugepages says \"many\", which makes no sense here"));
  EXPECT_TRUE(contains(text_of(report), "/sys/devices/system/cpu/isolated says \"three\""));
  EXPECT_FALSE(contains(text_of(report), "(null)"));
}

TEST(HostCheckTest, an_iommu_that_is_off_is_turned_on_by_the_kernel_s_arguments) {
  const SoundMachine machine;
  machine.tree.remove("/sys/class/iommu");
  machine.tree.remove("/sys/kernel/iommu_groups");
  machine.tree.write("/usr/sbin/update-grub", "");
  machine.tree.write("/etc/default/grub.d/other.cfg", "");
  // The kernel was told, and found none.
  Finding finding = only(machine.check());
  EXPECT_TRUE(finding.fix.steps.empty());
  EXPECT_TRUE(contains(finding.fix.advice, "firmware"));
  machine.tree.write("/proc/cmdline", "isolcpus=3 rcu_nocbs=3");
  EXPECT_EQ(commands(only(machine.check())),
            (Commands{"echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX intel_iommu=on iommu=pt\"' >> "
                      "/etc/default/grub.d/garrison.cfg",
                      "update-grub"}));
  machine.tree.write("/proc/cpuinfo", "vendor_id\t: AuthenticAMD");
  EXPECT_TRUE(contains(commands(only(machine.check())).front(), "LINUX iommu=pt\""));
  machine.tree.write("/proc/cpuinfo", "");
  EXPECT_TRUE(commands(only(machine.check())).empty());
}

TEST(HostCheckTest, arguments_that_wait_for_a_reboot_are_not_written_again) {
  const SoundMachine machine;
  machine.tree.remove("/sys/class/iommu");
  machine.tree.remove("/sys/kernel/iommu_groups");
  machine.tree.write("/proc/cmdline", "isolcpus=3 rcu_nocbs=3");
  EXPECT_TRUE(contains(only(machine.check()).fix.advice, "no update-grub: add \"intel_iommu=on iommu=pt\""));
  machine.tree.write("/usr/sbin/update-grub", "");
  machine.tree.write(kGrubFile, "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX intel_iommu=on iommu=pt\"");
  const Finding finding = only(machine.check());
  EXPECT_TRUE(finding.fix.steps.empty());
  EXPECT_TRUE(contains(finding.fix.advice, "garrison.cfg has it already; reboot"));
}

TEST(HostCheckTest, ports_of_the_kernel_need_no_iommu) {
  SoundMachine machine;
  machine.tree.remove("/sys/class/iommu");
  machine.tree.remove("/sys/kernel/iommu_groups");
  machine.needs.ports.pop_back();
  EXPECT_TRUE(machine.check().findings.empty());
}

TEST(HostCheckTest, cpus_of_poll_workers_are_isolated_beside_those_that_are) {
  SoundMachine machine;
  machine.tree.write("/usr/sbin/update-grub", "");
  machine.tree.write("/etc/default/grub.d/other.cfg", "");
  machine.tree.write(SoundMachine::cpu_file(1, "cpufreq/scaling_governor"), "performance");
  machine.needs.pollers.push_back({"poll-1", 1U});
  const Finding finding = only(machine.check());
  EXPECT_EQ(finding.subject, "CPUs 1,3");
  EXPECT_EQ(commands(finding).front(),
            "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=1,3 nohz_full=1,3 rcu_nocbs=1,3\"' >> "
            "/etc/default/grub.d/garrison.cfg");
  machine.needs.dedicated = false;
  EXPECT_TRUE(machine.check().findings.empty());
}

TEST(HostCheckTest, each_list_of_isolated_cpus_is_looked_at) {
  const SoundMachine machine;
  machine.tree.write("/proc/cmdline", "intel_iommu=on");
  EXPECT_TRUE(contains(only(machine.check()).text, "not all of them are in rcu_nocbs"));
  machine.tree.remove("/sys/devices/system/cpu/nohz_full");
  EXPECT_TRUE(contains(only(machine.check()).text, "not all of them are in nohz_full, rcu_nocbs"));
}

TEST(HostCheckTest, a_worker_without_a_core_is_a_finding) {
  SoundMachine machine;
  machine.needs.pollers = {{"poll-0", std::nullopt}};
  EXPECT_TRUE(contains(only(machine.check()).text, "too few cores"));
}

TEST(HostCheckTest, the_governor_of_a_worker_s_cpu_is_set) {
  const SoundMachine machine;
  machine.tree.write(SoundMachine::cpu_file(3, "cpufreq/scaling_governor"), "schedutil");
  EXPECT_EQ(commands(only(machine.check())),
            (Commands{"echo performance > /sys/devices/system/cpu/cpu3/cpufreq/scaling_governor"}));
  machine.tree.remove(SoundMachine::cpu_file(3, "cpufreq"));
  EXPECT_TRUE(machine.check().findings.empty());
}

TEST(HostCheckTest, the_other_thread_of_a_worker_s_core_stays_idle) {
  SoundMachine machine;
  for (const unsigned cpu : {2U, 3U})
    machine.tree.write(SoundMachine::cpu_file(cpu, "topology/thread_siblings_list"), "2-3");
  EXPECT_EQ(commands(only(machine.check())), (Commands{"echo 0 > /sys/devices/system/cpu/cpu2/online"}));
  machine.tree.remove(SoundMachine::cpu_file(2, "online"));
  EXPECT_TRUE(contains(only(machine.check()).text, "cannot go offline"));
  // Isolated and left alone will do, a second worker will not.
  for (const char* list : {"isolated", "nohz_full"})
    machine.tree.write(std::string("/sys/devices/system/cpu/") + list, "2-3");
  EXPECT_TRUE(machine.check().findings.empty());
  machine.tree.write("/proc/cmdline", "rcu_nocbs=2-3");
  machine.tree.write(SoundMachine::cpu_file(2, "cpufreq/scaling_governor"), "performance");
  machine.needs.pollers.push_back({"poll-1", 2U});
  EXPECT_TRUE(contains(only(machine.check()).text, "of one core with CPU 3, and poll workers spin on both"));
}

TEST(HostCheckTest, without_a_topology_a_machine_is_fit_when_a_nic_is_free) {
  SoundMachine machine;
  machine.needs.topology.clear();
  machine.needs.ports.clear();
  EXPECT_TRUE(machine.check().findings.empty());
  machine.tree.remove(std::string("/sys/bus/pci/devices/") + kWan);
  machine.tree.remove(std::string("/sys/bus/pci/devices/") + kLan);
  EXPECT_TRUE(contains(only(machine.check()).fix.advice, "those there are carry the default route"));
  machine.tree.remove("/sys/bus/pci/devices");
  EXPECT_TRUE(contains(only(machine.check()).fix.advice, "there is none; add a NIC"));
}

TEST(HostNeedsTest, a_topology_says_what_its_servers_need) {
  config::NewTopology wishes;
  wishes.system = SystemId(1);
  wishes.sites = 2;
  wishes.ports = {"af_packet:eth1"};
  wishes.wan_ports = {"3b:00.1"};
  config::Topology topology = config::parse_topology(config::new_topology_text(wishes).value(), "t.toml").value();
  topology.sites[0].servers[1].wan->gateway = config::MacAddress{2, 0, 0, 0, 0, 0xfe};
  topology.wan.link.ip_mtu = 1300;
  HostNeeds needs = needs_of(topology, {{SiteId(0), ServerId(1)}});
  EXPECT_EQ(needs.topology, "t.toml");
  EXPECT_TRUE(needs.hugepages && needs.drives_devices());
  ASSERT_EQ(needs.ports.size(), 2U);
  EXPECT_EQ(needs.ports[0].owner, "lan of A2");
  EXPECT_EQ(needs.ports[0].device.name, "eth1");
  EXPECT_EQ(needs.ports[0].ip_mtu, 1400U);
  EXPECT_EQ(needs.ports[1].device.name, "0000:3b:00.1");
  EXPECT_EQ(needs.ports[1].ip_mtu, 1300U);
  EXPECT_EQ(needs.ports[1].gateway, "02:00:00:00:00:fe");
  EXPECT_EQ(needs.addresses.size(), 16U);  // both ports of eight servers
  topology.cores.hugepages = false;
  needs = needs_of(topology, {{SiteId(0), ServerId(1)}});
  EXPECT_TRUE(needs.drives_devices());
  EXPECT_FALSE(needs.hugepages);
  topology.cores.hugepages = true;
  topology.sites[0].servers[1].wan->port = config::PortSettings::Port::inproc;
  needs = needs_of(topology, {{SiteId(0), ServerId(1)}});
  EXPECT_EQ(needs.ports.size(), 1U);
  EXPECT_FALSE(needs.hugepages || needs.drives_devices());
}

}  // namespace
}  // namespace garrison::host
