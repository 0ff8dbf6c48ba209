#include "apps/lab/adversary.h"

namespace garrison::lab {

Result<CorruptCore> make_adversary(const std::vector<std::string>& names, std::size_t /*servers*/,
                                   std::size_t /*faults*/, std::uint64_t /*seed*/) {
  if (names.empty()) return CorruptCore();
  return Error{"adversary \"" + names.front() + "\" is not known; this version has none"};
}

}  // namespace garrison::lab
