// Commands that the gateway answers itself.
#include <algorithm>
#include <array>
#include <optional>

#include "apps/gateway/command_context.h"

namespace garrison::gateway {
namespace {

constexpr std::string_view kRedisVersion = "7.0.0";  // whose commands and words these are
constexpr std::string_view kNoSuchUser = "WRONGPASS invalid username-password pair or user is disabled.";

Translated ping(const Context& context) {
  if (context.count() > 2) return wrong_arity(context, "ping");
  return reply(context, [&](RespWriter& out) { context.count() == 2 ? out.bulk(context.at(1)) : out.status("PONG"); });
}

Translated echo(const Context& context) {
  return reply(context, [&](RespWriter& out) { out.bulk(context.at(1)); });
}

Translated quit(const Context& context) {
  return reply(
      context, [](RespWriter& out) { out.status("OK"); }, true);
}

Translated reset(const Context& context) {
  context.session.protocol = Protocol::resp2;
  context.session.name.clear();
  return reply(context, [](RespWriter& out) { out.status("RESET"); });
}

Translated select(const Context& context) {
  const std::optional<std::int64_t> index = parse_integer(context.at(1));
  if (!index.has_value()) return error(context, kNotAnInteger);
  return *index == 0 ? ok(context) : error(context, "ERR DB index is out of range");
}

Translated auth(const Context& context) {
  if (context.count() > 3) return error(context, kSyntaxError);
  if (context.count() == 3) return error(context, kNoSuchUser);
  return error(context,
               "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
               "configuration is correct?");
}

bool valid_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}
constexpr std::string_view kBadName = "ERR Client names cannot contain spaces, newlines or special characters.";

// HELLO [2|3 [AUTH user password] [SETNAME name]]
Translated hello(const Context& context) {
  RespSession changed = context.session;
  if (context.count() > 1) {
    const std::optional<std::int64_t> version = parse_integer(context.at(1));
    if (!version.has_value()) return error(context, "ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3) return error(context, "NOPROTO unsupported protocol version");
    changed.protocol = *version == 3 ? Protocol::resp3 : Protocol::resp2;
  }
  for (std::size_t i = 2; i < context.count(); ++i) {
    const std::string option = context.word(i);
    const std::size_t more = context.count() - i - 1;
    if (option == "auth" && more >= 2) return error(context, kNoSuchUser);
    if (option != "setname" || more < 1) {
      return error(context, "ERR Syntax error in HELLO option '" + std::string(context.at(i).substr(0, 128)) + "'");
    }
    if (!valid_name(context.at(++i))) return error(context, kBadName);
    changed.name = std::string(context.at(i));
  }
  context.session = changed;
  return reply(context, [&](RespWriter& out) {
    out.map(7).bulk("server").bulk("garrison").bulk("version").bulk(kRedisVersion);
    out.bulk("proto").integer(static_cast<std::int64_t>(context.session.protocol));
    out.bulk("id").integer(static_cast<std::int64_t>(context.session.id));
    out.bulk("mode").bulk("standalone").bulk("role").bulk("master").bulk("modules").array(0);
  });
}

std::string describe(const RespSession& session) {
  return "id=" + std::to_string(session.id) + " addr=" + session.peer + " name=" + session.name +
         " db=0 resp=" + std::to_string(static_cast<int>(session.protocol)) + "\n";
}

Translated client(const Context& context) {
  const std::string what = context.word(1);
  RespSession& session = context.session;
  const auto takes = [&](std::size_t arguments) { return context.count() == arguments; };
  if (what == "setname") {
    if (!takes(3)) return wrong_arity(context, "client|setname");
    if (!valid_name(context.at(2))) return error(context, kBadName);
    session.name = std::string(context.at(2));
    return ok(context);
  }
  if (what == "setinfo") {  // LIB-NAME or LIB-VER; nobody here asks for them again
    if (!takes(4)) return wrong_arity(context, "client|setinfo");
    if (context.word(2) == "lib-name" || context.word(2) == "lib-ver") return ok(context);
    return error(context, "ERR Unrecognized option '" + std::string(context.at(2).substr(0, 128)) + "'");
  }
  const bool known = what == "getname" || what == "id" || what == "info" || what == "list";
  if (!known) return unknown_subcommand(context, "CLIENT");
  if (!takes(2)) return wrong_arity(context, "client|" + what);
  return reply(context, [&](RespWriter& out) {
    if (what == "id") {
      out.integer(static_cast<std::int64_t>(session.id));
    } else if (what != "getname") {
      out.bulk(describe(session));  // of this connection alone: gateways do not show one user to another
    } else {
      session.name.empty() ? out.nil() : out.bulk(session.name);
    }
  });
}

struct Setting {
  std::string_view name;
  std::string_view value;
};
// What clients ask for before they begin. Nothing here is kept on the gateway's disk.
constexpr std::array kSettings{Setting{"appendonly", "no"}, Setting{"databases", "1"}, Setting{"save", ""}};

Translated config(const Context& context) {
  if (context.word(1) != "get") return unknown_subcommand(context, "CONFIG");
  if (context.count() < 3) return wrong_arity(context, "config|get");
  std::vector<Setting> found;
  for (const Setting& setting : kSettings) {
    for (std::size_t i = 2; i < context.count(); ++i) {
      const std::string pattern = context.word(i);
      if (pattern != setting.name && pattern != "*") continue;
      found.push_back(setting);
      break;
    }
  }
  return reply(context, [&](RespWriter& out) {
    out.map(found.size());
    for (const Setting& setting : found) out.bulk(setting.name).bulk(setting.value);
  });
}

// Clients ask for help texts and key positions here; they do without.
Translated command(const Context& context) {
  const auto total = static_cast<std::int64_t>(kv_commands().size() + connection_commands().size());
  if (context.count() == 1) return reply(context, [](RespWriter& out) { out.array(0); });
  const std::string what = context.word(1);
  if (what == "docs") return reply(context, [](RespWriter& out) { out.map(0); });
  if (what == "count") {
    if (context.count() != 2) return wrong_arity(context, "command|count");
    return reply(context, [&](RespWriter& out) { out.integer(total); });
  }
  if (what == "info") {
    return reply(context, [&](RespWriter& out) {
      out.array(context.count() - 2);
      for (std::size_t i = 2; i < context.count(); ++i) out.nil();
    });
  }
  if (what != "list") return unknown_subcommand(context, "COMMAND");
  return reply(context, [&](RespWriter& out) {
    out.array(static_cast<std::size_t>(total));
    for (const CommandRow& row : kv_commands()) out.bulk(row.name);
    for (const CommandRow& row : connection_commands()) out.bulk(row.name);
  });
}

Translated info(const Context& context) {
  const GatewayFacts& facts = context.facts;
  const auto field = [](std::string_view name, std::uint64_t value) {
    return std::string(name) + ":" + std::to_string(value) + "\r\n";
  };
  const std::array<std::pair<std::string_view, std::string>, 3> sections{{
      {"server", "# Server\r\nredis_version:" + std::string(kRedisVersion) + "\r\nredis_mode:standalone\r\n" +
                     field("tcp_port", facts.port) + field("uptime_in_seconds", facts.uptime_s) +
                     field("garrison_servers_connected", facts.servers_ready)},
      {"clients", "# Clients\r\n" + field("connected_clients", facts.connections)},
      {"stats", "# Stats\r\n" + field("total_connections_received", facts.connections_total) +
                    field("total_commands_processed", facts.operations_total) +
                    field("garrison_operations_in_flight", facts.operations_in_flight)},
  }};
  std::string text;
  for (const auto& [name, body] : sections) {
    bool wanted = context.count() == 1;
    for (std::size_t i = 1; i < context.count() && !wanted; ++i) {
      const std::string word = context.word(i);
      wanted = word == name || word == "all" || word == "default" || word == "everything";
    }
    if (!wanted) continue;
    if (!text.empty()) text += "\r\n";
    text += body;
  }
  return reply(context, [&](RespWriter& out) { out.bulk(text); });
}

constexpr std::array kRows{
    CommandRow{"auth", -2, auth},     CommandRow{"client", -2, client}, CommandRow{"command", -1, command},
    CommandRow{"config", -2, config}, CommandRow{"echo", 2, echo},      CommandRow{"hello", -1, hello},
    CommandRow{"info", -1, info},     CommandRow{"ping", -1, ping},     CommandRow{"quit", -1, quit},
    CommandRow{"reset", 1, reset},    CommandRow{"select", 2, select},
};

}  // namespace

std::span<const CommandRow> connection_commands() { return kRows; }

}  // namespace garrison::gateway
