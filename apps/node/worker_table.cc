#include "apps/node/worker_table.h"

#include <algorithm>
#include <map>

#include "apps/node/ports.h"
#include "control/config/names.h"
#include "control/config/port_device.h"

namespace garrison::node {

namespace {

// Which wish, and with that which worker, is whose.
struct Wishes {
  std::vector<runtime::WorkerWish> list;
  std::map<SiteServer, std::size_t> of;
};

std::string poller_name(std::size_t i) { return "poll-" + std::to_string(i); }

// One for each [[cores.worker]] with servers here.
Result<void> add_placed(const runtime::Machine& machine, const config::Topology& topology,
                        const std::vector<SiteServer>& servers, Wishes& out) {
  std::map<unsigned, SiteServer> taken;
  for (const config::WorkerSettings& worker : topology.cores.workers) {
    bool here = false;
    for (const auto& [site, server] : worker.servers) {
      const SiteServer id{site, server};
      if (!std::ranges::binary_search(servers, id)) continue;
      if (const auto [holder, free] = taken.try_emplace(worker.cpu, id); !free && !here) {
        return Error{worker.where + ": CPU " + std::to_string(worker.cpu) + " is that of the worker of server " +
                     config::server_name(holder->second.site, holder->second.server) +
                     " already; give this one another"};
      }
      here = true;
      out.of[id] = out.list.size();
    }
    if (!here) continue;
    if (const std::string why = runtime::why_unusable(machine, worker.cpu); !why.empty()) {
      return Error{worker.where + ": " + why};
    }
    out.list.push_back({.name = poller_name(out.list.size()), .cpu = worker.cpu});
  }
  return {};
}

// For the others, as many as there are cores for.
void add_automatic(const runtime::Machine& machine, const config::Topology& topology,
                   const std::vector<SiteServer>& servers, const runtime::SystemFiles& files, Wishes& out) {
  std::vector<SiteServer> rest;
  std::ranges::copy_if(servers, std::back_inserter(rest), [&](SiteServer id) { return !out.of.contains(id); });
  const std::size_t placed = out.list.size();
  const std::size_t cores = machine.cores.size() > placed ? machine.cores.size() - placed : 1;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const std::size_t worker = placed + i % std::min(cores, rest.size());
    if (worker == out.list.size()) {
      out.list.push_back(
          {.name = poller_name(worker), .cpu = {}, .near_numa_node = node_of_devices(topology, rest[i], files)});
    }
    out.of[rest[i]] = worker;
  }
}

std::string stage_text(const StageRow& stage) {
  const std::string server = config::server_name(stage.server.site, stage.server.server);
  switch (stage.kind) {
    case StageKind::segment:
      return "segment " + config::site_name(stage.server.site);
    case StageKind::wide_area:
      return "wide area";
    case StageKind::lan:
      return server + " lan";
    case StageKind::wan:
      return server + " wan";
    case StageKind::control:
      return server + " control";
    case StageKind::crypto:
      return server + " crypto";
  }
  return "?";
}

std::string where_text(const runtime::WorkerPlacement& placement) {
  std::string text = placement.cpu ? "CPU " + std::to_string(*placement.cpu) : "not pinned";
  if (placement.numa_node >= 0) text += ", memory of node " + std::to_string(placement.numa_node);
  return text + (placement.dedicated ? ", spins" : "");
}

}  // namespace

int node_of_devices(const config::Topology& topology, SiteServer id, const runtime::SystemFiles& files) {
  const auto node_of = [&](const config::PortSettings& port) {
    const config::PortDevice device = config::device_of(port);
    if (device.kind == config::PortDevice::Kind::none) return -1;
    return device.kind == config::PortDevice::Kind::pci ? runtime::node_of_pci_device(files, device.name)
                                                        : runtime::node_of_interface(files, device.name);
  };
  const config::ServerSettings& server = topology.site(id.site).servers[id.server.index()];
  const int lan = node_of(server.lan);
  const int wan = server.wan ? node_of(*server.wan) : -1;
  const bool hub = std::ranges::any_of(topology.wan.pairs, [&](const config::WanPair& pair) {
    return (pair.first == id.site || pair.second == id.site) && config::on_hub(pair.kind);
  });
  const int first = hub ? wan : lan;
  return first >= 0 ? first : std::max(lan, wan);
}

Result<std::vector<WorkerRow>> plan_workers(const runtime::Machine& machine, const config::Topology& topology,
                                            const std::vector<SiteServer>& servers, const Networks& networks,
                                            const runtime::SystemFiles& files) {
  Wishes wishes;
  if (Result<void> placed = add_placed(machine, topology, servers, wishes); !placed) return placed.error();
  add_automatic(machine, topology, servers, files, wishes);
  std::vector<WorkerRow> table;
  for (runtime::WorkerPlacement& placement : runtime::place_workers(machine, wishes.list, topology.cores.dedicated)) {
    table.push_back({.placement = std::move(placement), .stages = {}});
  }
  const std::size_t pollers = table.size();
  for (const SiteServer server : servers) {
    WorkerRow& row = table[wishes.of.at(server)];
    row.stages.push_back({.kind = StageKind::lan, .server = server});
    if (networks.several_sites) row.stages.push_back({.kind = StageKind::wan, .server = server});
    row.stages.push_back({.kind = StageKind::control, .server = server});
  }
  std::size_t next = 0;
  for (const SiteId site : networks.lans_inside) {
    table[next++ % pollers].stages.push_back({.kind = StageKind::segment, .server = {site, ServerId()}});
  }
  if (networks.wan_inside) table[next % pollers].stages.push_back({.kind = StageKind::wide_area, .server = {}});
  for (const SiteServer server : servers) {
    WorkerRow row;
    row.placement.name = "crypto-" + config::server_name(server.site, server.server);
    row.placement.ladder = runtime::IdleLadder::shared_cores();
    row.stages.push_back({.kind = StageKind::crypto, .server = server});
    table.push_back(std::move(row));
  }
  return table;
}

int memory_node(const std::vector<WorkerRow>& table, SiteServer id) {
  for (const WorkerRow& row : table) {
    for (const StageRow& stage : row.stages) {
      if (stage.kind == StageKind::lan && stage.server == id) return row.placement.numa_node;
    }
  }
  return -1;
}

runtime::MemoryNeed memory_need(const std::vector<WorkerRow>& table, const std::vector<SiteServer>& servers) {
  runtime::MemoryNeed need{{-1, kOwnMemoryMib}};
  for (const SiteServer id : servers) need[memory_node(table, id)] += kPortMemoryMib;
  return need;
}

std::string describe(const std::vector<WorkerRow>& table) {
  std::string text;
  for (const WorkerRow& row : table) {
    std::string line = "  " + row.placement.name;
    line.resize(std::max<std::size_t>(line.size(), 14), ' ');
    line += " " + where_text(row.placement);
    line.resize(std::max<std::size_t>(line.size(), 48), ' ');
    for (std::size_t i = 0; i < row.stages.size(); ++i) line += (i > 0 ? ", " : " ") + stage_text(row.stages[i]);
    text += line + "\n";
  }
  return text;
}

}  // namespace garrison::node
