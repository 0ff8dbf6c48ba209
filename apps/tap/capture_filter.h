// Which frames of a tap go into its capture. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/tap/account.h"
#include "dataplane/base/result.h"

namespace garrison::tap {

class CaptureFilter {
 public:
  CaptureFilter() = default;  // all
  // `servers` by name, such as A1, as their frames say; `kinds` of hello, channel, part, request and other, which is no
  // frame of ours. Empty: any. `refused`: only those that do not count.
  [[nodiscard]] static Result<CaptureFilter> parse(const config::Topology& topology,
                                                   const std::vector<std::string>& servers,
                                                   const std::vector<std::string>& kinds, bool refused);

  [[nodiscard]] bool takes(const Account::Verdict& verdict) const;

 private:
  std::set<Sender> servers_;
  std::set<std::optional<wire::FrameKind>> kinds_;
  bool refused_ = false;
};

}  // namespace garrison::tap
