#include "apps/lab/experiment.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "control/config/text_file.h"

namespace garrison::lab {

namespace {
constexpr double kIdBytes = 16;  // client and sequence number
}  // namespace

Result<Experiment> load_experiment(const std::string& path) {
  const Result<std::string> text = config::read_text_file(path, "name an experiment; 'garrison lab list' lists them");
  if (!text) return text.error();
  const std::filesystem::path tables = std::filesystem::path(path).parent_path() / ".." / "cost-tables";
  return parse_experiment(text.value(), path, [&](const std::string& name) -> Result<CostTable> {
    const std::string file = (tables / (name + ".toml")).lexically_normal().string();
    const Result<std::string> table = config::read_text_file(file, "name a cost table that is there");
    if (!table) return table.error();
    return parse_cost_table(table.value(), file);
  });
}

double limit_updates_per_s(const RunSetup& setup) {
  double limit = std::numeric_limits<double>::infinity();
  if (setup.egress.bits_per_s > 0) {
    const auto servers = static_cast<double>(setup.servers);
    const double egresses = setup.egress_scope == EgressScope::server ? servers : 1;
    const double update = static_cast<double>(setup.workload.payload_bytes.value_or(0)) +
                          static_cast<double>(crypto::signature_bytes(setup.client_signatures)) + kIdBytes;
    const double overhead = static_cast<double>(setup.ip_mtu + kEthernetHeaderBytes) /
                            static_cast<double>(setup.ip_mtu - kIpv4HeaderBytes - kUdpHeaderBytes);
    limit = egresses * static_cast<double>(setup.egress.bits_per_s) / (8 * (servers - 1) * update * overhead);
  }
  if (setup.costs != nullptr && setup.costs->of(Operation::verify_client) > Duration()) {
    limit = std::min(limit, 1 / setup.costs->of(Operation::verify_client).seconds());
  }
  return limit == std::numeric_limits<double>::infinity() ? 0 : limit;
}

}  // namespace garrison::lab
