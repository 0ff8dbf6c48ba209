#include "apps/host/host_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace garrison::host {

Report check_host(const runtime::SystemFiles& files, const Ethtool& ethtool, const HostFacts& facts,
                  const HostNeeds& needs) {
  Report report;
  report.facts.push_back({"kernel", "", facts.kernel});
  check_hugepages(facts, needs, report);
  check_iommu(facts, needs, report);
  check_cores(facts, needs, report);
  check_devices(files, ethtool, facts, needs, report);
  check_neighbours(facts, files, needs, report);
  for (const std::string& each : facts.unreadable) {
    report.facts.push_back({"files", "", each + ", which makes no sense here; it counts as nothing"});
  }
  return report;
}

Fix kernel_arguments_fix(const HostFacts& facts, const std::string& arguments) {
  Fix fix;
  fix.advice = "takes effect after a reboot";
  std::istringstream words(arguments);
  bool written = true;
  for (std::string word; words >> word;)
    written = written && std::ranges::find(facts.pending_arguments, word) != facts.pending_arguments.end();
  if (written) {
    fix.advice = fmt::format("{} has it already; reboot", kGrubFile);
  } else if (facts.grub) {
    fix.steps = {append_step(kGrubFile, fmt::format("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {}\"", arguments)),
                 run_step({"update-grub"})};
    fix.steps.front().undo = {run_step({"sed", "-i", "$d", kGrubFile})};  // or it would seem to wait for a reboot only
  } else {
    fix.advice = fmt::format(
        "this machine has no update-grub: add \"{}\" to the kernel's arguments in its boot "
        "loader, and reboot",
        arguments);
  }
  return fix;
}

std::string text_of(const Fix& fix, std::string_view indent) {
  std::string text;
  for (const Step& step : fix.steps) text += fmt::format("{}{}\n", indent, shell_text(step));
  if (!fix.advice.empty()) text += fmt::format("{}# {}\n", indent, fix.advice);
  return text;
}

std::string text_of(const Report& report) {
  std::string text;
  for (const Fact& fact : report.facts) {
    text += fmt::format("{:<11} {}{}{}\n", fact.topic, fact.subject, fact.subject.empty() ? "" : ": ", fact.text);
  }
  if (report.findings.empty()) return text + "nothing is wrong\n";
  text += fmt::format("\n{} finding{}\n", report.findings.size(), report.findings.size() == 1 ? "" : "s");
  for (const Finding& finding : report.findings) {
    text +=
        fmt::format("{}{}{}: {}\n", finding.topic, finding.subject.empty() ? "" : " ", finding.subject, finding.text);
    text += text_of(finding.fix, "    ");
  }
  return text;
}

}  // namespace garrison::host
