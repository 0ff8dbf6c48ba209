// What stands between a machine and servers: facts against needs. Nothing here changes anything.
#pragma once

#include <string>
#include <vector>

#include "apps/host/fix.h"
#include "apps/host/host_facts.h"
#include "apps/host/host_needs.h"

namespace garrison::host {

// What is so.
struct Fact {
  std::string topic;    // "hugepages", "iommu", "cores", "governor", "smt", "route", "device", "neighbours", "files"
  std::string subject;  // "node 0", "eth1"
  std::string text;
};

// What is wrong.
struct Finding {
  std::string topic;
  std::string subject;
  std::string text;
  Fix fix;
};

struct Report {
  std::vector<Fact> facts;
  std::vector<Finding> findings;
};

// `files` and `ethtool` tell more of the devices that the needs name; `facts` were read from them.
[[nodiscard]] Report check_host(const runtime::SystemFiles& files, const Ethtool& ethtool, const HostFacts& facts,
                                const HostNeeds& needs);

// Its parts, by topic.
void check_hugepages(const HostFacts& facts, const HostNeeds& needs, Report& out);
void check_iommu(const HostFacts& facts, const HostNeeds& needs, Report& out);
void check_cores(const HostFacts& facts, const HostNeeds& needs, Report& out);
void check_devices(const runtime::SystemFiles& files, const Ethtool& ethtool, const HostFacts& facts,
                   const HostNeeds& needs, Report& out);
void check_neighbours(const HostFacts& facts, const runtime::SystemFiles& files, const HostNeeds& needs, Report& out);

// Of a finding that these arguments of the kernel mend after a reboot; already among the pending ones: only that.
[[nodiscard]] Fix kernel_arguments_fix(const HostFacts& facts, const std::string& arguments);

// For people, several lines.
[[nodiscard]] std::string text_of(const Report& report);
// The commands of a finding and the advice, each a line that starts with `indent`.
[[nodiscard]] std::string text_of(const Fix& fix, std::string_view indent);

}  // namespace garrison::host
