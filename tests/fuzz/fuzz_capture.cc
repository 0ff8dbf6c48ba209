// Anything at all as a capture: the reader gives frames within its bounds or says what is wrong, and an account of
// them, whatever they are, is the same twice.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "apps/tap/account.h"
#include "apps/tap/capture_reader.h"
#include "apps/tap/report.h"
#include "control/config/topology_text.h"
#include "dataplane/base/check.h"

namespace {

using namespace garrison;

const config::Topology& topology() {
  static const config::Topology kTopology = [] {
    config::NewTopology wishes;
    wishes.system = SystemId(0x67617272);
    wishes.sites = 2;
    wishes.link = config::LinkKind::hub_optimistic;
    return config::parse_topology(config::new_topology_text(wishes).value(), "fuzz").value();
  }();
  return kTopology;
}

nlohmann::json account_of(const std::string& file) {
  std::istringstream in(file);
  tap::CaptureReader reader(in);
  tap::Account account(topology(), nullptr);
  while (const auto frame = reader.next()) {
    CHECK(frame->bytes.size() <= tap::CaptureReader::kMaxBlockBytes && frame->bytes.size() <= frame->wire_bytes);
    CHECK(frame->when >= Instant() && frame->interface < tap::CaptureReader::kMaxInterfaces);
    static_cast<void>(account.take(frame->when, frame->interface % tap::kMaxTaps, frame->bytes));
  }
  CHECK(!reader.next().has_value());
  CHECK(!reader.fault().has_value() || !reader.fault()->message.empty());
  return tap::report_rows(account, 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string file(data, data + size);
  const nlohmann::json rows = account_of(file);
  CHECK(rows == account_of(file));
  static_cast<void>(tap::report_text(rows));
  return 0;
}
