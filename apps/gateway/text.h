// Text and numbers as Redis takes them. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace garrison::gateway {

inline std::string_view text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

inline std::string lower(std::string_view from) {
  std::string out(from);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// No sign but '-', no leading zeros, no spaces, within 64 bits.
inline std::optional<std::int64_t> parse_integer(std::string_view digits) {
  std::int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  const std::string_view magnitude = digits.front() == '-' ? digits.substr(1) : digits;
  if (magnitude.front() == '0' && digits != "0") return std::nullopt;
  return value;
}

}  // namespace garrison::gateway
