// Addresses, durations and rates as text. Strict: one spelling, nothing left over. Pure functions, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "control/config/topology.h"

namespace garrison::config {

[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);     // six pairs of hex digits and colons
[[nodiscard]] std::optional<Ipv4Address> parse_ipv4(std::string_view text);   // dotted decimal, no leading zeros
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);  // "IP:PORT", port 1..65535
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);  // digits and one of ns, us, ms, s
[[nodiscard]] std::optional<BitRate> parse_rate(std::string_view text);  // above zero; bit/s, kbit/s, Mbit/s, Gbit/s

}  // namespace garrison::config
