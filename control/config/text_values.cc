#include "control/config/text_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>

namespace garrison::config {
namespace {

// Takes a decimal number without leading zeros off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text, std::uint64_t highest) {
  std::uint64_t value = 0;
  const char* const begin = text.data();
  const auto [end, error] = std::from_chars(begin, begin + text.size(), value);
  const auto length = static_cast<std::size_t>(end - begin);
  if (error != std::errc{} || value > highest || (length > 1 && text.front() == '0')) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Ipv4Address> take_ipv4(std::string_view& text) {
  Ipv4Address ip{};
  for (std::size_t i = 0; i < ip.size(); ++i) {
    if (i > 0 && !take(text, '.')) return std::nullopt;
    const auto octet = take_number(text, 255);
    if (!octet) return std::nullopt;
    ip[i] = static_cast<std::uint8_t>(*octet);
  }
  return ip;
}

// A unit of `size` of the smallest one, which stands last in its list.
struct Unit {
  std::string_view suffix;
  std::uint64_t size;
};
constexpr std::array<Unit, 4> kTimes{{{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};
constexpr std::array<Unit, 4> kRates{
    {{"Gbit/s", 1'000'000'000}, {"Mbit/s", 1'000'000}, {"kbit/s", 1'000}, {"bit/s", 1}}};
constexpr std::uint64_t kHighest = std::numeric_limits<std::int64_t>::max();

// Digits and a unit; of the smallest unit.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const auto count = take_number(text, kHighest);
  if (!count) return std::nullopt;
  for (const Unit& unit : units) {
    if (text != unit.suffix) continue;
    if (*count > kHighest / unit.size) return std::nullopt;
    return *count * unit.size;
  }
  return std::nullopt;
}

}  // namespace

std::optional<MacAddress> parse_mac(std::string_view text) {
  constexpr std::size_t kStride = 3;
  MacAddress mac{};
  if (text.size() != mac.size() * kStride - 1) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* const pair = text.data() + i * kStride;
    const auto [end, error] = std::from_chars(pair, pair + 2, mac[i], 16);
    if (error != std::errc{} || end != pair + 2) return std::nullopt;
    if (i + 1 < mac.size() && *end != ':') return std::nullopt;
  }
  return mac;
}

std::optional<Ipv4Address> parse_ipv4(std::string_view text) {
  const auto ip = take_ipv4(text);
  return text.empty() ? ip : std::nullopt;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto ip = take_ipv4(text);
  if (!ip || !take(text, ':')) return std::nullopt;
  const auto port = take_number(text, std::numeric_limits<std::uint16_t>::max());
  if (!port || *port == 0 || !text.empty()) return std::nullopt;
  return Endpoint{*ip, static_cast<std::uint16_t>(*port)};
}

std::optional<Duration> parse_duration(std::string_view text) {
  const auto ns = parse_quantity(text, kTimes);
  return ns ? std::optional(Duration(static_cast<std::int64_t>(*ns))) : std::nullopt;
}

std::optional<BitRate> parse_rate(std::string_view text) {
  const auto bits_per_s = parse_quantity(text, kRates);
  return bits_per_s && *bits_per_s != 0 ? std::optional(BitRate{*bits_per_s}) : std::nullopt;
}

std::string to_string(const MacAddress& mac) { return fmt::format("{:02x}", fmt::join(mac, ":")); }

std::string to_string(const Ipv4Address& ip) { return fmt::format("{}", fmt::join(ip, ".")); }

std::string to_string(const Endpoint& endpoint) { return fmt::format("{}:{}", to_string(endpoint.ip), endpoint.port); }

std::string to_string(Duration duration) {
  for (const Unit& unit : kTimes) {
    const auto size = static_cast<std::int64_t>(unit.size);
    if (duration.ns() % size == 0 && (duration.ns() != 0 || size == 1)) {
      return fmt::format("{}{}", duration.ns() / size, unit.suffix);
    }
  }
  return fmt::format("{}ns", duration.ns());
}

std::string to_string(BitRate rate) {
  const Unit& largest = *std::ranges::find_if(kRates, [&](const Unit& unit) {
    return unit.size == 1 || (rate.bits_per_s != 0 && rate.bits_per_s % unit.size == 0);
  });
  return fmt::format("{}{}", rate.bits_per_s / largest.size, largest.suffix);
}

}  // namespace garrison::config
