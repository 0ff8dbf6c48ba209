#include "apps/lab/experiment.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "control/config/text_file.h"
#include "control/site/link_plan.h"

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

namespace {

// Of `participants` that send every update to all others, through so many egresses of `bits_per_s` in all.
double egress_limit(const RunSetup& setup, std::size_t participants, double bits_per_s, std::size_t ip_mtu) {
  const double update = static_cast<double>(setup.workload.payload_bytes.value_or(0)) +
                        static_cast<double>(crypto::signature_bytes(setup.client_signatures)) + kIdBytes;
  const double overhead = static_cast<double>(ip_mtu + kEthernetHeaderBytes) /
                          static_cast<double>(ip_mtu - kIpv4HeaderBytes - kUdpHeaderBytes);
  return bits_per_s / (8 * static_cast<double>(participants - 1) * update * overhead);
}

// What a link sends for each byte of a message, at best.
double redundancy(const RunSetup& setup) {
  const config::LinkKind kind = setup.sites.link;
  if (kind == config::LinkKind::hub_optimistic || kind == config::LinkKind::hub_minimum_parts) return 1;
  const config::LinkEnd end{setup.servers, setup.faults()};
  const link::PartCode code = site::LinkPlan{setup.sites.link, end, end}.code();
  return static_cast<double>(code.n) / code.k;
}

}  // namespace

double limit_updates_per_s(const RunSetup& setup) {
  double limit = std::numeric_limits<double>::infinity();
  if (setup.sites.count > 1) {
    if (setup.sites.egress_bits_per_s > 0) {
      const double bits = static_cast<double>(setup.sites.count) * static_cast<double>(setup.sites.egress_bits_per_s);
      limit = egress_limit(setup, setup.sites.count, bits, setup.sites.ip_mtu) / redundancy(setup);
    }
  } else if (setup.egress.bits_per_s > 0) {
    const double egresses = setup.egress_scope == EgressScope::server ? static_cast<double>(setup.servers) : 1;
    limit = egress_limit(setup, setup.servers, egresses * static_cast<double>(setup.egress.bits_per_s), setup.ip_mtu);
  }
  if (setup.costs != nullptr && setup.costs->of(Operation::verify_client) > Duration()) {
    limit = std::min(limit, 1 / setup.costs->of(Operation::verify_client).seconds());
  }
  return limit == std::numeric_limits<double>::infinity() ? 0 : limit;
}

}  // namespace garrison::lab
