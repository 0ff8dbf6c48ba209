// CPUs of poll workers: what else runs on them, how fast they are, who shares their cores.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apps/host/host_check.h"

namespace garrison::host {
namespace {

bool among(const std::vector<unsigned>& cpus, unsigned cpu) { return std::ranges::binary_search(cpus, cpu); }

void state_facts(const HostFacts& facts, Report& out) {
  out.facts.push_back({"cores", "",
                       fmt::format("{} CPUs online; isolcpus {}, nohz_full {}, rcu_nocbs {}", facts.cpus.size(),
                                   runtime::cpu_list(facts.isolated), runtime::cpu_list(facts.nohz_full),
                                   runtime::cpu_list(facts.rcu_nocbs))});
  std::map<std::string, std::vector<unsigned>> governors;
  std::set<std::vector<unsigned>> shared;
  for (const auto& [cpu, each] : facts.cpus) {
    if (each.governor) governors[*each.governor].push_back(cpu);
    if (each.siblings.size() > 1) shared.insert(each.siblings);
  }
  for (const auto& [governor, cpus] : governors) {
    out.facts.push_back({"governor", "CPUs " + runtime::cpu_list(cpus), governor});
  }
  if (governors.empty()) out.facts.push_back({"governor", "", "the kernel does not set frequencies here"});
  std::string cores;
  for (const std::vector<unsigned>& each : shared) cores += (cores.empty() ? "" : " ") + runtime::cpu_list(each);
  out.facts.push_back({"smt", "", cores.empty() ? "one hardware thread per core" : "CPUs of one core: " + cores});
}

// The list of an argument that keeps what it has.
std::string with(std::vector<unsigned> has, const std::vector<unsigned>& more) {
  has.insert(has.end(), more.begin(), more.end());
  std::ranges::sort(has);
  has.erase(std::unique(has.begin(), has.end()), has.end());
  return runtime::cpu_list(has);
}

void check_isolation(const HostFacts& facts, const std::vector<unsigned>& cpus, Report& out) {
  std::string arguments;
  std::string missing;
  const auto look = [&](const char* name, const std::vector<unsigned>& has) {
    const bool all = std::ranges::all_of(cpus, [&](unsigned cpu) { return among(has, cpu); });
    if (all) return;
    arguments += fmt::format("{}{}={}", arguments.empty() ? "" : " ", name, with(has, cpus));
    missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  };
  look("isolcpus", facts.isolated);
  look("nohz_full", facts.nohz_full);
  look("rcu_nocbs", facts.rcu_nocbs);
  if (missing.empty()) return;
  out.findings.push_back({"cores", "CPUs " + runtime::cpu_list(cpus),
                          fmt::format("other work runs where poll workers spin: not all of them are in {}", missing),
                          kernel_arguments_fix(facts, arguments)});
}

void check_governors(const HostFacts& facts, const std::vector<unsigned>& cpus, Report& out) {
  Finding finding{"governor", "", "", {}};
  std::vector<unsigned> slow;
  for (const unsigned cpu : cpus) {
    const auto found = facts.cpus.find(cpu);
    if (found == facts.cpus.end() || found->second.governor.value_or("performance") == "performance") continue;
    slow.push_back(cpu);
    finding.fix.steps.push_back(
        write_step(fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cpu), "performance"));
  }
  if (slow.empty()) return;
  finding.subject = "CPUs " + runtime::cpu_list(slow);
  finding.text = "the kernel lowers their frequency while poll workers are on them";
  finding.fix.advice = "until the next boot";
  out.findings.push_back(std::move(finding));
}

void check_siblings(const HostFacts& facts, const std::vector<unsigned>& cpus, Report& out) {
  for (const unsigned cpu : cpus) {
    const auto found = facts.cpus.find(cpu);
    if (found == facts.cpus.end()) continue;
    for (const unsigned sibling : found->second.siblings) {
      const bool worker = among(cpus, sibling);
      if (sibling == cpu || (worker && sibling < cpu) || (!worker && among(facts.isolated, sibling))) continue;
      Finding finding{"smt", fmt::format("CPU {}", cpu), "", {}};
      if (worker) {
        finding.text = fmt::format("it is of one core with CPU {}, and poll workers spin on both", sibling);
        finding.fix.advice = "give one of them a CPU of another core: [[cores.worker]] of the topology";
      } else if (facts.cpus.contains(sibling) && facts.cpus.at(sibling).can_go_offline) {
        finding.text = fmt::format("a poll worker shares its core with CPU {}, where anything may run", sibling);
        finding.fix.steps = {write_step(fmt::format("/sys/devices/system/cpu/cpu{}/online", sibling), "0")};
        finding.fix.advice = "until the next boot; or isolate it as well, and leave it idle";
      } else {
        finding.text = fmt::format("a poll worker shares its core with CPU {}, which cannot go offline", sibling);
        finding.fix.advice = "give it a CPU of another core: [[cores.worker]] of the topology";
      }
      out.findings.push_back(std::move(finding));
    }
  }
}

}  // namespace

void check_cores(const HostFacts& facts, const HostNeeds& needs, Report& out) {
  state_facts(facts, out);
  if (!needs.dedicated) return;
  std::vector<unsigned> cpus;
  for (const Poller& poller : needs.pollers) {
    if (poller.cpu) {
      cpus.push_back(*poller.cpu);
      continue;
    }
    Finding finding{"cores", poller.name, "there are too few cores: it shares one and does not spin", {}};
    finding.fix.advice = "run fewer servers here, or none with dedicated = true";
    out.findings.push_back(std::move(finding));
  }
  std::ranges::sort(cpus);
  if (cpus.empty()) return;
  check_isolation(facts, cpus, out);
  check_governors(facts, cpus, out);
  check_siblings(facts, cpus, out);
}

}  // namespace garrison::host
