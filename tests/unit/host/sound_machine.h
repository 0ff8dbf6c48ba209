// A machine with two NICs for a server beside the one with the default route, on which nothing is wrong; and what a
// server with a port on each needs. Tests break one thing at a time.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "apps/host/host_check.h"
#include "tests/support/fake_tree.h"

namespace garrison::host {

class FakeEthtool : public Ethtool {
 public:
  [[nodiscard]] std::optional<Rings> rings(const std::string& interface) const override {
    const auto found = rings_of.find(interface);
    return found == rings_of.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::optional<PauseFrames> pause(const std::string& interface) const override {
    const auto found = pause_of.find(interface);
    return found == pause_of.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, Rings> rings_of;
  std::map<std::string, PauseFrames> pause_of;
};

inline constexpr const char* kManagement = "0000:02:00.0";  // eth0
inline constexpr const char* kLan = "0000:3b:00.0";         // eth1, of the kernel
inline constexpr const char* kWan = "0000:3b:00.1";         // of vfio-pci
inline constexpr const char* kRoutes =
    "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    "eth0 00000000 0101000A 0003 0 0 0 00000000 0 0 0\n"
    "eth0 0001000A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    "eth1 0000000C 0902000A 0003 0 0 0 000000FF 0 0 0";

struct SoundMachine {
  SoundMachine() {
    tree.write("/proc/sys/kernel/osrelease", "6.1.0");
    tree.write("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel");
    tree.write("/proc/cmdline", "quiet intel_iommu=on isolcpus=3 nohz_full=3 rcu_nocbs=3");
    tree.write("/proc/net/route", kRoutes);
    tree.write("/proc/net/arp",
               "IP address HW type Flags HW address Mask Device\n"
               "10.0.1.1 0x1 0x2 02:00:00:00:00:99 * eth0\n"
               "10.1.0.2 0x1 0x2 02:00:00:00:00:02 * eth1\n"
               "10.1.0.3 0x1 0x0 00:00:00:00:00:00 * eth1");
    tree.write("/proc/net/fib_trie",
               "Main:\n  |-- 10.0.1.7\n     /32 host LOCAL\n  |-- 10.0.1.255\n     /32 link BROADCAST");
    tree.write("/sys/class/iommu/dmar0/address", "0");
    hugepages(64, 60);
    for (unsigned cpu = 0; cpu < 4; ++cpu) {
      tree.write(cpu_file(cpu, "online"), "1");
      tree.write(cpu_file(cpu, "cpufreq/scaling_governor"), cpu == 3 ? "performance" : "powersave");
      tree.write(cpu_file(cpu, "topology/thread_siblings_list"), std::to_string(cpu));
    }
    tree.write("/sys/devices/system/cpu/online", "0-3");
    tree.write("/sys/devices/system/cpu/isolated", "3");
    tree.write("/sys/devices/system/cpu/nohz_full", "3");
    tree.write("/sys/bus/pci/drivers/vfio-pci/new_id", "");
    nic(kManagement, "igb", "eth0", "02:00:00:00:00:77", "7");
    nic(kLan, "ixgbe", "eth1", "02:00:00:00:00:01", "8");
    nic(kWan, "vfio-pci", "", "", "9");
    ethtool.rings_of["eth1"] = {1024, 4096, 1024, 4096};
    ethtool.pause_of["eth1"] = {};

    needs.topology = "t.toml";
    needs.hugepages = needs.dedicated = true;
    needs.memory = {{-1, 64}, {0, 24}};
    needs.pollers = {{"poll-0", 3U}};
    needs.ports = {{"lan of A1", {config::PortDevice::Kind::interface, "eth1"}, "02:00:00:00:00:01", 1400, {}},
                   {"wan of A1", {config::PortDevice::Kind::pci, kWan}, "02:00:00:00:01:01", 1400, {}}};
    needs.addresses = {{"lan of A1", "10.1.0.1", "02:00:00:00:00:01"}, {"lan of A2", "10.1.0.2", "02:00:00:00:00:02"}};
  }

  static std::string cpu_file(unsigned cpu, const std::string& what) {
    return fmt::format("/sys/devices/system/cpu/cpu{}/{}", cpu, what);
  }
  void hugepages(std::size_t total, std::size_t free) const {
    const std::string folder = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB";
    tree.write(folder + "/nr_hugepages", std::to_string(total));
    tree.write(folder + "/free_hugepages", std::to_string(free));
  }
  // `interface` may be empty.
  void nic(const std::string& address, const std::string& driver, const std::string& interface, const std::string& mac,
           const std::string& group) const {
    const std::string device = "/sys/bus/pci/devices/" + address;
    tree.write(device + "/class", "0x020000");
    tree.write(device + "/numa_node", "0");
    tree.write(device + "/driver_override", "(null)");
    if (!driver.empty()) tree.link(device + "/driver", "../../../bus/pci/drivers/" + driver);
    tree.link(device + "/iommu_group", "../../../../kernel/iommu_groups/" + group);
    tree.link("/sys/kernel/iommu_groups/" + group + "/devices/" + address, "../../../../bus/pci/devices/" + address);
    if (interface.empty()) return;
    const std::string folder = "/sys/class/net/" + interface;
    tree.link(folder + "/device", "../../../bus/pci/devices/" + address);
    tree.write(folder + "/address", mac);
    tree.write(folder + "/flags", "0x1003");
    tree.write(folder + "/carrier", "1");
    tree.write(folder + "/mtu", "1500");
    tree.write(folder + "/speed", "10000");
  }

  [[nodiscard]] Report check() const {
    return check_host(tree.files(), ethtool, read_facts(tree.files(), ethtool), needs);
  }

  test::FakeTree tree;
  FakeEthtool ethtool;
  HostNeeds needs;
};

// The one finding there is.
inline Finding only(const Report& report) {
  EXPECT_EQ(report.findings.size(), 1U) << text_of(report);
  return report.findings.empty() ? Finding{} : report.findings.front();
}

inline std::vector<std::string> commands(const Finding& finding) {
  std::vector<std::string> all;
  for (const Step& step : finding.fix.steps) all.push_back(shell_text(step));
  return all;
}

inline bool contains(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

}  // namespace garrison::host
