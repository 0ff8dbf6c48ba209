// Carries out what mends the findings of a machine, and tells what came of each.
#pragma once

#include <string>
#include <vector>

#include "apps/host/host_check.h"

namespace garrison::host {

struct Outcome {
  std::string what;  // topic and subject of the finding
  bool done = false;
  std::vector<std::string> lines;  // what was done, what failed and why, what was taken back, what was left out
};

// In order. A fix whose step fails takes back what its earlier steps say how to, and leaves its later steps out; the
// next one follows. Nothing is done that touches a device with the default route on it, as the files have it at that
// moment. Findings without steps are left out.
[[nodiscard]] std::vector<Outcome> carry_out(const runtime::SystemFiles& files, const std::vector<Finding>& findings,
                                             Actions& actions);

[[nodiscard]] std::string text_of(const std::vector<Outcome>& outcomes);

}  // namespace garrison::host
