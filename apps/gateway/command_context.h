// How the commands in kv_commands.cc and connection_commands.cc are written. Internal to this folder.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "apps/gateway/command_table.h"
#include "apps/gateway/text.h"

namespace garrison::gateway {

inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kNotAnInteger = "ERR value is not an integer or out of range";

struct Context {
  std::span<const ByteView> arguments;  // name first; the arity is right
  RespSession& session;
  const GatewayFacts& facts;

  [[nodiscard]] std::size_t count() const { return arguments.size(); }
  [[nodiscard]] std::string_view at(std::size_t i) const { return text(arguments[i]); }
  // For comparing with keywords.
  [[nodiscard]] std::string word(std::size_t i) const { return lower(at(i)); }
};

// reply([&](RespWriter& out) { out.status("OK"); })
template <typename Write>
Translated reply(const Context& context, const Write& write, bool close = false) {
  Immediate made;
  RespWriter writer(made.reply, context.session.protocol);
  write(writer);
  made.close = close;
  return made;
}

inline Translated error(const Context& context, std::string_view text) {
  return reply(context, [&](RespWriter& out) { out.error(text); });
}
inline Translated ok(const Context& context) {
  return reply(context, [](RespWriter& out) { out.status("OK"); });
}
inline Translated wrong_arity(const Context& context, std::string_view name) {
  return error(context, "ERR wrong number of arguments for '" + std::string(name) + "' command");
}
inline Translated unknown_subcommand(const Context& context, std::string_view container) {
  const std::string shown(context.at(1).substr(0, 128));
  return error(context, "ERR unknown subcommand '" + shown + "'. Try " + std::string(container) + " HELP.");
}

// A row of the table. As in Redis: arity counts the name; negative: at least that many.
struct CommandRow {
  std::string_view name;
  int arity;
  Translated (*run)(const Context& context);
};

[[nodiscard]] std::span<const CommandRow> kv_commands();
[[nodiscard]] std::span<const CommandRow> connection_commands();

}  // namespace garrison::gateway
