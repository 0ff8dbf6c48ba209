// Prime's two traffic classes [PRIME] 3 and Table 1. TIMELY is small, periodic and bounded; it goes first
// everywhere. BOUNDED is everything else.
#pragma once

#include <cstdint>
#include <string_view>

namespace garrison {

enum class TrafficClass : std::uint8_t { timely = 0, bounded = 1 };

constexpr std::string_view name(TrafficClass traffic) { return traffic == TrafficClass::timely ? "TIMELY" : "BOUNDED"; }

}  // namespace garrison
