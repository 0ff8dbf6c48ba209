// Topologies with one thing changed, and where the fault must stand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "control/config/topology.h"

namespace garrison::config {

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

inline std::string fault(std::string_view text) {
  const auto topology = parse_topology(text, "t.toml");
  EXPECT_FALSE(topology.ok());
  return topology.ok() ? "" : topology.error().message;
}

// "t.toml:LINE:COL" of a byte of the text.
inline std::string place_of(const std::string& text, std::size_t at) {
  const std::string before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t column = at - (before.rfind('\n') + 1) + 1;
  return "t.toml:" + std::to_string(line) + ":" + std::to_string(column);
}

// Of the first `marker` in the text, `skip` bytes further.
inline std::string position(const std::string& text, std::string_view marker, std::size_t skip = 0) {
  EXPECT_NE(text.find(marker), std::string::npos) << marker;
  return place_of(text, text.find(marker) + skip);
}

// What must be true of every fault: one line, at the place, with `what` in it and what to do.
inline void expect_fault_at(const std::string& text, const std::string& place, std::string_view what) {
  const std::string message = fault(text);
  EXPECT_EQ(message.rfind(place + ": ", 0), 0U) << message << "\nwanted at " << place;
  EXPECT_NE(message.find(what), std::string::npos) << message;
  EXPECT_NE(message.find("; "), std::string::npos) << "says nothing to do: " << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

// Replaces the first `from` that stands behind `start` by `to`, a "key = value", and expects the fault at its value.
inline void expect_fault_in(const std::string& valid, std::string_view from, const std::string& to,
                            std::string_view what, std::string_view start = "") {
  const std::size_t at = valid.find(from, valid.find(start));
  ASSERT_NE(at, std::string::npos) << from;
  const std::string text = std::string(valid).replace(at, from.size(), to);
  expect_fault_at(text, place_of(text, at + to.find('=') + 2), what);
}

}  // namespace garrison::config
