#include "apps/host/host_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace garrison::host {
namespace {

using runtime::SystemFiles;

constexpr std::string_view kCpus = "/sys/devices/system/cpu/";
constexpr std::size_t kShownBytes = 40;

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// In double quotes of our file, and therefore without any of their own.
std::vector<std::string> pending(const SystemFiles& files) {
  std::string text = files.text(kGrubFile).value_or("");
  std::ranges::replace(text, '"', ' ');
  return words_of(text);
}

class Reader {
 public:
  Reader(const SystemFiles& files, HostFacts& out) : files_(files), out_(out) {}

  // A list of CPUs; empty when there is none, and said when it is no list.
  std::vector<unsigned> cpus(const std::string& path) {
    const auto text = files_.text(path);
    if (!text || *text == "(null)") return {};  // what nohz_full says when it is off
    return list(path, *text);
  }
  // Of "rcu_nocbs=2-3", the last one; what stands before the CPUs, such as "managed_irq,", does not count.
  std::vector<unsigned> argument(const std::string& name) {
    std::string value;
    for (const std::string& word : out_.kernel_arguments) {
      if (word.starts_with(name + "=")) value = word.substr(name.size() + 1);
    }
    return list("/proc/cmdline: " + name, value);
  }
  void number_or_complain(const std::string& path) {
    const auto text = files_.text(path);
    if (text && !runtime::parse_number(*text)) complain(path, *text);
  }

 private:
  std::vector<unsigned> list(const std::string& where, const std::string& text) {
    const auto parsed = runtime::parse_cpu_list(text);
    if (!parsed) complain(where, text);
    return parsed.value_or(std::vector<unsigned>{});
  }
  void complain(const std::string& where, const std::string& text) {
    out_.unreadable.push_back(fmt::format("{} says \"{}\"", where, text.substr(0, kShownBytes)));
  }

  const SystemFiles& files_;
  HostFacts& out_;
};

std::string cpu_path(unsigned cpu, const char* what) { return fmt::format("{}cpu{}/{}", kCpus, cpu, what); }

void read_cpus(const SystemFiles& files, Reader& reader, HostFacts& out) {
  for (const unsigned cpu : reader.cpus(std::string(kCpus) + "online")) {
    CpuFacts& facts = out.cpus[cpu];
    facts.governor = files.text(cpu_path(cpu, "cpufreq/scaling_governor"));
    facts.siblings = reader.cpus(cpu_path(cpu, "topology/thread_siblings_list"));
    facts.can_go_offline = files.exists(cpu_path(cpu, "online"));
  }
  out.isolated = reader.cpus(std::string(kCpus) + "isolated");
  out.nohz_full = reader.cpus(std::string(kCpus) + "nohz_full");
  out.rcu_nocbs = reader.argument("rcu_nocbs");
}

std::string vendor(const SystemFiles& files) {
  std::istringstream lines(files.text("/proc/cpuinfo").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("vendor_id") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

void complain_of_hugepages(const SystemFiles& files, Reader& reader) {
  for (const std::string& folder : files.names("/sys/devices/system/node")) {
    const std::string pools = "/sys/devices/system/node/" + folder + "/hugepages";
    for (const std::string& size : files.names(pools)) {
      for (const char* what : {"/nr_hugepages", "/free_hugepages"})
        reader.number_or_complain(pools + "/" + size + what);
    }
  }
}

}  // namespace

HostFacts read_facts(const SystemFiles& files, const Ethtool& ethtool) {
  HostFacts facts;
  Reader reader(files, facts);
  facts.kernel = files.text("/proc/sys/kernel/osrelease").value_or("unknown");
  facts.hugepages = runtime::hugepage_pools(files);
  complain_of_hugepages(files, reader);
  facts.iommu = !files.names("/sys/class/iommu").empty() || !files.names("/sys/kernel/iommu_groups").empty();
  facts.cpu_vendor = vendor(files);
  facts.kernel_arguments = words_of(files.text("/proc/cmdline").value_or(""));
  facts.pending_arguments = pending(files);
  read_cpus(files, reader, facts);
  facts.default_route = default_route_devices(files);
  for (const std::string& name : device_interfaces(files)) {
    if (auto interface = read_interface(files, ethtool, name)) facts.interfaces.push_back(std::move(*interface));
  }
  facts.functions = network_functions(files);
  facts.neighbours = read_neighbours(files);
  facts.vfio_loaded = files.exists("/sys/bus/pci/drivers/vfio-pci");
  facts.grub = files.exists("/usr/sbin/update-grub") && files.exists("/etc/default/grub.d");
  return facts;
}

}  // namespace garrison::host
