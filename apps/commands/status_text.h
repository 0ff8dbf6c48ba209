// How pieces of a server's status read.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

namespace garrison::apps {

[[nodiscard]] inline std::string joined(const nlohmann::json& names) {
  std::string text;
  for (const nlohmann::json& one : names) text += (text.empty() ? "" : ",") + one.get<std::string>();
  return text.empty() ? "-" : text;
}

// "3.1/24.0": the leader's turnaround time and the longest acceptable one, in ms; "-" where there is none yet.
[[nodiscard]] inline std::string turnaround(const nlohmann::json& status) {
  const auto ms = [](const nlohmann::json& value) {
    return value.is_null() ? std::string("-") : fmt::format("{:.1f}", value.get<double>());
  };
  return ms(status.at("tat_leader_ms")) + "/" + ms(status.at("tat_acceptable_ms"));
}

// The leader, with "?" behind it when this server suspects it, "..." while the view change is under way.
[[nodiscard]] inline std::string leader(const nlohmann::json& status) {
  return status.at("leader").get<std::string>() + (status.at("leader_suspected").get<bool>() ? "?" : "") +
         (status.at("view_installed").get<bool>() ? "" : "...");
}

}  // namespace garrison::apps
