// [cores]: where poll workers run.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <map>

#include "control/config/names.h"
#include "control/config/topology_tables.h"

namespace garrison::config {
namespace {

using Servers = std::vector<std::pair<SiteId, ServerId>>;

void read_worker(Faults& faults, const toml::table& table, const Topology& topology, WorkerSettings& out) {
  Section section(faults, table, "[[cores.worker]]", {"servers", "cpu"}, {"servers", "cpu"});
  section.integer("cpu", out.cpu, 0U, kMaxCpu);
  std::vector<std::string> names;
  section.texts("servers", names);
  if (faults.any()) return;
  const toml::source_position at = section.position("cpu");
  out.where = fmt::format("{}:{}:{}", topology.file, at.line, at.column);
  for (const std::string& name : names) {
    if (topology.find_server(name) == nullptr) {
      return section.fault("servers",
                           fmt::format("\"{}\" is no server of this file; write names such as \"A1\"", name));
    }
    out.servers.push_back(*parse_server_name(name));
  }
  if (names.empty()) section.fault("servers", "a worker of no server does nothing; name one, or take the table away");
}

// A server has one worker, and one machine gives a CPU to one worker.
void check_workers(Faults& faults, const std::vector<const toml::table*>& tables, const Topology& topology) {
  std::map<std::pair<SiteId, ServerId>, unsigned> cpu_of;
  std::map<std::pair<Ipv4Address, unsigned>, std::size_t> holders;  // by host and CPU, the index of the table
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const WorkerSettings& worker = topology.cores.workers[i];
    for (const auto& id : worker.servers) {
      const ServerSettings& server = topology.site(id.first).servers[id.second.index()];
      const auto [placed, fresh] = cpu_of.try_emplace(id, worker.cpu);
      if (!fresh) {
        faults.add(tables[i]->get("servers")->source().begin,
                   fmt::format("server {} has a worker on CPU {} already; name it once", server.name, placed->second));
      }
      const auto [holder, alone] = holders.try_emplace({server.client.ip, worker.cpu}, i);
      if (!alone && holder->second != i) {
        faults.add(tables[i]->get("cpu")->source().begin,
                   fmt::format("CPU {} of {} is that of another worker already; give the worker of {} another, or name "
                               "all its servers in one table",
                               worker.cpu, to_string(server.client.ip), server.name));
      }
    }
  }
}

}  // namespace

void read_cores(Faults& faults, const toml::table& table, Topology& out) {
  Section section(faults, table, "[cores]", {"dedicated", "hugepages", "worker"});
  section.boolean("dedicated", out.cores.dedicated);
  section.boolean("hugepages", out.cores.hugepages);
  const auto workers = section.tables("worker");
  for (const toml::table* worker : workers) read_worker(faults, *worker, out, out.cores.workers.emplace_back());
  if (!faults.any()) check_workers(faults, workers, out);
}

}  // namespace garrison::config
