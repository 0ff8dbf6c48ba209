#include "apps/host/host_init.h"

#include <fmt/format.h>

#include <algorithm>

namespace garrison::host {
namespace {

Result<void> take(const Step& step, Actions& actions) {
  if (step.kind == Step::Kind::run) return actions.run(step.words);
  return actions.write(step.path, step.text, step.kind == Step::Kind::append);
}

// Those before `failed`, the last first.
void take_back(const std::vector<Step>& steps, std::size_t failed, Actions& actions, Outcome& out) {
  for (std::size_t i = failed; i-- > 0;) {
    for (const Step& undo : steps[i].undo) {
      const Result<void> undone = take(undo, actions);
      out.lines.push_back(undone.ok()
                              ? "taken back: " + shell_text(undo)
                              : fmt::format("NOT taken back: {}: {}", shell_text(undo), undone.error().message));
    }
  }
}

void carry_out_steps(const std::vector<Step>& steps, Actions& actions, Outcome& out) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Result<void> taken = take(steps[i], actions);
    if (taken.ok()) {
      out.lines.push_back("done: " + shell_text(steps[i]));
      continue;
    }
    out.lines.push_back(fmt::format("failed: {}: {}", shell_text(steps[i]), taken.error().message));
    take_back(steps, i, actions, out);
    for (std::size_t left = i + 1; left < steps.size(); ++left) {
      out.lines.push_back("left out: " + shell_text(steps[left]));
    }
    return;
  }
  out.done = true;
}

}  // namespace

std::vector<Outcome> carry_out(const runtime::SystemFiles& files, const std::vector<Finding>& findings,
                               Actions& actions) {
  std::vector<Outcome> outcomes;
  for (const Finding& finding : findings) {
    if (finding.fix.steps.empty()) continue;
    Outcome& outcome = outcomes.emplace_back();
    outcome.what = finding.subject.empty() ? finding.topic : finding.topic + " " + finding.subject;
    const std::vector<std::string> lifeline = default_route_devices(files);
    const auto cut = std::ranges::find_if(
        finding.fix.touches, [&](const std::string& device) { return std::ranges::binary_search(lifeline, device); });
    if (cut != finding.fix.touches.end()) {
      outcome.lines.push_back(fmt::format("left out: {} carries the default route", *cut));
      continue;
    }
    carry_out_steps(finding.fix.steps, actions, outcome);
  }
  return outcomes;
}

std::string text_of(const std::vector<Outcome>& outcomes) {
  std::string text;
  for (const Outcome& outcome : outcomes) {
    text += fmt::format("{}: {}\n", outcome.what, outcome.done ? "done" : "NOT done");
    for (const std::string& line : outcome.lines) text += "    " + line + "\n";
  }
  return text;
}

}  // namespace garrison::host
