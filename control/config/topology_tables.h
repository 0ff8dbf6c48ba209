// Tables of the topology that other files have too, read by the same rules.
#pragma once

#include "control/config/toml_section.h"
#include "control/config/topology.h"

namespace garrison::config {

// [prime]. Keys that are absent leave `out` as it is.
void read_prime(Faults& faults, const toml::table& table, PrimeSettings& out);
// [bft], likewise.
void read_bft(Faults& faults, const toml::table& table, BftSettings& out);

}  // namespace garrison::config
