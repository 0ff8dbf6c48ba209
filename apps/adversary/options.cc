#include "apps/adversary/options.h"

#include <algorithm>
#include <charconv>

#include "control/config/names.h"
#include "control/config/text_values.h"
#include "dataplane/base/check.h"

namespace garrison::adversary {
namespace {

constexpr std::uint64_t kMaxCount = 1000;

// Calls visit(part) for each part between plus signs until it returns false.
template <typename Visit>
bool each_part(std::string_view text, const Visit& visit) {
  for (;;) {
    const std::size_t end = text.find('+');
    if (!visit(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ServerSet> parse_servers(std::string_view text, const Conspiracy& conspiracy) {
  if (text == "f") return conspiracy.victims();
  if (text == "few") return conspiracy.confidants();
  if (text == "correct") return conspiracy.correct();
  if (text == "faulty") return conspiracy.faulty();
  if (text == "all") return ServerSet::all(conspiracy.n());
  ServerSet named;
  const bool good = each_part(text, [&](std::string_view name) {
    const auto server = config::parse_server_name(name);
    if (server.has_value()) named.insert(server->second);
    return server.has_value();
  });
  return good ? std::optional(named) : std::nullopt;
}

std::optional<MessageTypes> parse_types(std::string_view text) {
  MessageTypes types;
  const auto add = [&](std::string_view name) {
    const std::size_t before = types.size();
    for (const message::CatalogueRow& row : message::kCatalogue) {
      const bool between_servers = row.direction == message::Direction::server_to_server;
      if (between_servers && (name == "all" || row.name == name)) types.push_back(row.type);
    }
    return types.size() > before;
  };
  return each_part(text, add) ? std::optional(types) : std::nullopt;
}

std::optional<std::string_view> wanted_instead(ValueKind kind, std::string_view text) {
  switch (kind) {
    case ValueKind::servers:
      if (parse_servers(text, Conspiracy(1, 0, {}))) return std::nullopt;
      return "f, few, correct, faulty, all, or names of servers joined by +, as in A1+A3";
    case ValueKind::types:
      if (parse_types(text)) return std::nullopt;
      return "all, or names of messages between servers joined by +, as in PO-REQUEST+PO-ACK";
    case ValueKind::duration:
      if (config::parse_duration(text)) return std::nullopt;
      return "a duration with its unit, as in 20ms";
    case ValueKind::percent:
      if (const auto value = parse_number(text); value && *value <= 100) return std::nullopt;
      return "a number of percent, 0 to 100";
    case ValueKind::count:
      if (const auto value = parse_number(text); value && *value >= 1 && *value <= kMaxCount) return std::nullopt;
      return "a number, 1 to 1000";
    case ValueKind::level:
      if (text == "low" || text == "high") return std::nullopt;
      return "low or high";
  }
  return "nothing";
}

const std::string& Options::text(std::string_view name) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end());
  return found->second;
}

ServerSet Options::servers(std::string_view name, const Conspiracy& conspiracy) const {
  const auto value = parse_servers(text(name), conspiracy);
  CHECK(value.has_value());
  return *value;
}

MessageTypes Options::types(std::string_view name) const {
  auto value = parse_types(text(name));
  CHECK(value.has_value());
  return std::move(*value);
}

Duration Options::duration(std::string_view name) const {
  const auto value = config::parse_duration(text(name));
  CHECK(value.has_value());
  return *value;
}

std::uint64_t Options::number(std::string_view name) const {
  const auto value = parse_number(text(name));
  CHECK(value.has_value());
  return *value;
}

}  // namespace garrison::adversary
