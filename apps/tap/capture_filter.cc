#include "apps/tap/capture_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "control/config/names.h"

namespace garrison::tap {

namespace {
constexpr std::array<std::pair<std::string_view, std::optional<wire::FrameKind>>, 5> kKinds{
    {{"hello", wire::FrameKind::hello},
     {"channel", wire::FrameKind::channel},
     {"part", wire::FrameKind::hub_part},
     {"request", wire::FrameKind::hub_request},
     {"other", std::nullopt}}};
}

Result<CaptureFilter> CaptureFilter::parse(const config::Topology& topology, const std::vector<std::string>& servers,
                                           const std::vector<std::string>& kinds, bool refused) {
  CaptureFilter filter;
  filter.refused_ = refused;
  for (const std::string& name : servers) {
    const auto server = config::parse_server_name(name);
    if (!server.has_value() || topology.find_server(name) == nullptr) {
      return Error{fmt::format("{} is no server of {}", name, topology.file)};
    }
    filter.servers_.insert({server->first, server->second});
  }
  for (const std::string& name : kinds) {
    const auto* const known = std::ranges::find(kKinds, name, [](const auto& each) { return each.first; });
    if (known == kKinds.end()) {
      return Error{fmt::format("{} is no kind of frame; there are hello, channel, part, request and other", name)};
    }
    filter.kinds_.insert(known->second);
  }
  return filter;
}

bool CaptureFilter::takes(const Account::Verdict& verdict) const {
  if (refused_ && !verdict.refused.has_value()) return false;
  if (!servers_.empty() && (!verdict.sender.has_value() || !servers_.contains(*verdict.sender))) return false;
  return kinds_.empty() || kinds_.contains(verdict.kind);
}

}  // namespace garrison::tap
