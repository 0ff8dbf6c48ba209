// The lab's one seam for attackers: what the servers that an attacker owns run instead of their correct cores.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/ordering/ordering.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/result.h"

namespace garrison::lab {

// Given every server's correct core: returns it as it is where the attacker does not own the server, else what runs
// instead, which may hold the correct core inside. Empty: nobody is attacked.
using CorruptCore =
    std::function<std::unique_ptr<ordering::OrderingCore>(ServerId, std::unique_ptr<ordering::OrderingCore> correct)>;

// From the `adversary` list of an experiment, for a site of `servers` of which `faults` may be faulty. An error names
// the first entry that is no adversary.
[[nodiscard]] Result<CorruptCore> make_adversary(const std::vector<std::string>& names, std::size_t servers,
                                                 std::size_t faults, std::uint64_t seed);

}  // namespace garrison::lab
