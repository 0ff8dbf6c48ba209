#include "apps/host/host_init.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/host/sound_machine.h"

namespace garrison::host {
namespace {

using Lines = std::vector<std::string>;

// Remembers what it is to do, and fails where it is told to.
class FakeActions : public Actions {
 public:
  Result<void> write(const std::string& path, const std::string& text, bool append) override {
    return take((append ? "append " : "write ") + text + " to " + path);
  }
  Result<void> run(const std::vector<std::string>& words) override {
    std::string text = "run";
    for (const std::string& word : words) text += " " + word;
    return take(text);
  }
  Lines taken;
  std::vector<std::string> failing;  // parts of what fails

 private:
  Result<void> take(const std::string& what) {
    for (const std::string& part : failing) {
      if (contains(what, part)) return Error{"refused"};
    }
    taken.push_back(what);
    return {};
  }
};

TEST(HostInitTest, does_the_steps_of_each_finding_in_order_and_leaves_advice_to_people) {
  const SoundMachine machine;
  machine.hugepages(64, 0);
  machine.tree.write("/sys/class/net/eth1/address", "02:00:00:00:00:55");
  machine.tree.write("/sys/class/net/eth1/flags", "0x1002");
  FakeActions actions;
  const auto outcomes = carry_out(machine.tree.files(), machine.check().findings, actions);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_TRUE(outcomes[0].done && outcomes[1].done);
  EXPECT_EQ(actions.taken, (Lines{"write 108 to /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages",
                                  "run ip link set dev eth1 up"}));
  EXPECT_TRUE(contains(text_of(outcomes), "device eth1: done\n    done: ip link set dev eth1 up"));
}

TEST(HostInitTest, a_fix_that_fails_takes_back_what_would_leave_a_nic_without_a_driver) {
  const SoundMachine machine;
  machine.nic(kWan, "ixgbe", "eth2", "02:00:00:00:01:01", "9");
  machine.hugepages(64, 0);
  FakeActions actions;
  actions.failing = {"/driver/unbind"};
  std::vector<Finding> findings = machine.check().findings;
  std::ranges::reverse(findings);  // one that fails does not keep the next from being done
  const auto outcomes = carry_out(machine.tree.files(), findings, actions);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_FALSE(outcomes[0].done);
  EXPECT_TRUE(outcomes[1].done);
  EXPECT_EQ(outcomes[0].lines,
            (Lines{"done: ip link set dev eth2 down",
                   "done: echo vfio-pci > /sys/bus/pci/devices/0000:3b:00.1/driver_override",
                   "failed: echo 0000:3b:00.1 > /sys/bus/pci/devices/0000:3b:00.1/driver/unbind: refused",
                   "taken back: echo > /sys/bus/pci/devices/0000:3b:00.1/driver_override",
                   "taken back: echo 0000:3b:00.1 > /sys/bus/pci/drivers_probe", "taken back: ip link set dev eth2 up",
                   "left out: echo 0000:3b:00.1 > /sys/bus/pci/drivers_probe"}));
}

TEST(HostInitTest, what_cannot_be_taken_back_is_said) {
  const SoundMachine machine;
  machine.nic(kWan, "ixgbe", "eth2", "02:00:00:00:01:01", "9");
  FakeActions actions;
  actions.failing = {"drivers_probe"};
  const std::string text = text_of(carry_out(machine.tree.files(), machine.check().findings, actions));
  EXPECT_TRUE(contains(text, "NOT done"));
  EXPECT_TRUE(contains(text, "NOT taken back: echo 0000:3b:00.1 > /sys/bus/pci/drivers_probe: refused")) << text;
}

TEST(HostInitTest, never_touches_what_carries_the_default_route_when_the_time_comes) {
  const SoundMachine machine;
  machine.nic(kWan, "ixgbe", "eth2", "02:00:00:00:01:01", "9");
  machine.tree.write("/sys/class/net/eth1/flags", "0x1002");
  const std::vector<Finding> findings = machine.check().findings;
  ASSERT_EQ(findings.size(), 2U);
  // Since the check, routes have changed: one leads over a bridge above eth1, one over eth2.
  machine.tree.write("/sys/class/net/br0/lower_eth1/flags", "0");
  machine.tree.write("/proc/net/route",
                     "Iface\nbr0 00000000 0101000A 0003 0 0 0 00000000\n"
                     "eth2 00000000 0101000A 0003 0 0 0 00000000");
  FakeActions actions;
  const auto outcomes = carry_out(machine.tree.files(), findings, actions);
  EXPECT_TRUE(actions.taken.empty());
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].lines, Lines{"left out: eth1 carries the default route"});
  EXPECT_EQ(outcomes[1].lines, (Lines{std::string("left out: ") + kWan + " carries the default route"}));
  EXPECT_FALSE(outcomes[0].done || outcomes[1].done);
}

TEST(HostInitTest, an_argument_for_the_kernel_that_no_boot_loader_got_is_taken_back) {
  const SoundMachine machine;
  machine.tree.remove("/sys/class/iommu");
  machine.tree.remove("/sys/kernel/iommu_groups");
  machine.tree.write("/proc/cmdline", "rcu_nocbs=3");
  machine.tree.write("/usr/sbin/update-grub", "");
  machine.tree.write("/etc/default/grub.d/other.cfg", "");
  FakeActions actions;
  actions.failing = {"update-grub"};
  const auto outcomes = carry_out(machine.tree.files(), machine.check().findings, actions);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_FALSE(outcomes[0].done);
  EXPECT_EQ(actions.taken.back(), "run sed -i $d /etc/default/grub.d/garrison.cfg");
}

TEST(SystemActionsTest, writes_below_the_root_and_says_what_it_could_not) {
  const test::FakeTree tree;
  tree.write("/sys/some/setting", "12345678");
  tree.write("/etc/kept.cfg", "one");
  SystemActions actions(tree.files());
  EXPECT_TRUE(actions.write("/sys/some/setting", "9", false).ok());
  EXPECT_EQ(tree.read("/sys/some/setting").substr(0, 2), "9\n");
  EXPECT_TRUE(actions.write("/etc/kept.cfg", "two", true).ok());
  EXPECT_TRUE(actions.write("/etc/new.cfg", "first", true).ok());
  EXPECT_EQ(tree.read("/etc/kept.cfg"), "one\ntwo\n");
  EXPECT_EQ(tree.read("/etc/new.cfg"), "first\n");
  // A setting that the kernel does not have is not made.
  const Result<void> missing = actions.write("/sys/some/other", "9", false);
  ASSERT_FALSE(missing.ok());
  EXPECT_TRUE(contains(missing.error().message, "/sys/some/other cannot be opened"));
}

TEST(SystemActionsTest, runs_programs_without_a_shell_and_tells_how_they_ended) {
  const test::FakeTree tree;
  SystemActions actions(tree.files());
  EXPECT_TRUE(actions.run({"test", "$(false)", "=", "$(false)"}).ok());
  EXPECT_EQ(actions.run({"false"}).error().message, "false ended with status 1");
  EXPECT_TRUE(contains(actions.run({"garrison-has-no-such-program"}).error().message, "cannot be run"));
}

}  // namespace
}  // namespace garrison::host
