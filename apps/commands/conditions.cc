#include "apps/commands/conditions.h"

#include <fstream>
#include <thread>

namespace garrison::apps {

namespace {
std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}
}  // namespace

nlohmann::json base_conditions() {
  return {{"commit", build_commit()},
          {"compiler", __VERSION__},
          {"cores", std::thread::hardware_concurrency()},
          {"processor", processor()}};
}

}  // namespace garrison::apps
