#include "apps/gateway/command_table.h"

#include <optional>

#include "apps/gateway/command_context.h"
#include "control/service/kv_operation.h"

namespace garrison::gateway {
namespace {

constexpr std::size_t kMaxQuoted = 128;  // what an error repeats of a command

const CommandRow* find(std::string_view name) {
  for (const std::span<const CommandRow> rows : {kv_commands(), connection_commands()}) {
    for (const CommandRow& row : rows) {
      if (row.name == name) return &row;
    }
  }
  return nullptr;
}

std::string unknown_command(std::span<const ByteView> arguments) {
  std::string quoted;
  for (const ByteView argument : arguments.subspan(1)) {
    if (quoted.size() >= kMaxQuoted) break;
    quoted += "'" + std::string(text(argument).substr(0, kMaxQuoted - quoted.size())) + "' ";
  }
  return "ERR unknown command '" + std::string(text(arguments[0]).substr(0, kMaxQuoted)) +
         "', with args beginning with: " + quoted;
}

}  // namespace

Translated translate(std::span<const ByteView> arguments, RespSession& session, const GatewayFacts& facts) {
  CHECK(!arguments.empty());
  const Context context{arguments, session, facts};
  // No name is this long; what is need not be copied to say so.
  const CommandRow* row = arguments[0].size() > kMaxQuoted ? nullptr : find(context.word(0));
  if (row == nullptr) return error(context, unknown_command(arguments));
  const auto count = static_cast<std::ptrdiff_t>(arguments.size());
  if (row->arity >= 0 ? count != row->arity : count < -row->arity) return wrong_arity(context, row->name);
  return row->run(context);
}

Bytes reply_of(ByteView result, Protocol protocol) {
  Bytes out;
  RespWriter writer(out, protocol);
  const std::optional<service::KvReply> reply = service::decode_kv_reply(result);
  if (reply.has_value()) {
    writer.reply(*reply);
  } else {
    writer.error("ERR the replicated service is not a key-value store");
  }
  return out;
}

}  // namespace garrison::gateway
