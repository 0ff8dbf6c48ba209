// Commands that become operations of the kv service.
#include <array>
#include <limits>
#include <optional>

#include "apps/gateway/command_context.h"
#include "control/service/kv_operation.h"

namespace garrison::gateway {
namespace {

// `keys` are the arguments from `first` on, every `step`-th.
Translated operation(const Context& context, const service::KvOperation& op, std::size_t first, std::size_t last,
                     std::size_t step = 1) {
  Result<Bytes> bytes = service::encode(op);
  if (!bytes) return error(context, bytes.error().message);
  Operation made;
  made.bytes = std::move(bytes).value();
  for (std::size_t i = first; i < last; i += step) made.keys.emplace_back(context.at(i));
  made.reads_only = service::is_query(op);
  made.whole_database = made.keys.empty();
  return made;
}

std::vector<ByteView> keys_from(const Context& context, std::size_t first) {
  return {context.arguments.begin() + static_cast<std::ptrdiff_t>(first), context.arguments.end()};
}

Translated get(const Context& context) { return operation(context, service::KvGet{context.arguments[1]}, 1, 2); }

Translated set(const Context& context) {
  service::KvSet op{context.arguments[1], context.arguments[2], service::SetCondition::always};
  for (std::size_t i = 3; i < context.count(); ++i) {
    const std::string option = context.word(i);
    const bool absent = option == "nx";
    if ((!absent && option != "xx") || (op.condition != service::SetCondition::always)) {
      return error(context, kSyntaxError);
    }
    op.condition = absent ? service::SetCondition::if_absent : service::SetCondition::if_present;
  }
  return operation(context, op, 1, 2);
}

Translated del(const Context& context) {
  return operation(context, service::KvDel{keys_from(context, 1)}, 1, context.count());
}
Translated exists(const Context& context) {
  return operation(context, service::KvExists{keys_from(context, 1)}, 1, context.count());
}
Translated mget(const Context& context) {
  return operation(context, service::KvMGet{keys_from(context, 1)}, 1, context.count());
}

Translated mset(const Context& context) {
  if (context.count() % 2 == 0) return wrong_arity(context, "mset");
  service::KvMSet op;
  for (std::size_t i = 1; i < context.count(); i += 2) {
    op.pairs.push_back({context.arguments[i], context.arguments[i + 1]});
  }
  return operation(context, op, 1, context.count(), 2);
}

Translated add(const Context& context, std::int64_t delta) {
  return operation(context, service::KvIncrBy{context.arguments[1], delta}, 1, 2);
}
Translated incr(const Context& context) { return add(context, 1); }
Translated decr(const Context& context) { return add(context, -1); }

Translated incrby(const Context& context) {
  const std::optional<std::int64_t> delta = parse_integer(context.at(2));
  return delta.has_value() ? add(context, *delta) : error(context, kNotAnInteger);
}

Translated decrby(const Context& context) {
  const std::optional<std::int64_t> delta = parse_integer(context.at(2));
  if (!delta.has_value()) return error(context, kNotAnInteger);
  if (*delta == std::numeric_limits<std::int64_t>::min()) return error(context, "ERR decrement would overflow");
  return add(context, -*delta);
}

Translated dbsize(const Context& context) { return operation(context, service::KvDbSize{}, 0, 0); }

Translated flushall(const Context& context) {
  const bool plain = context.count() == 1;
  if (!plain && (context.count() > 2 || (context.word(1) != "async" && context.word(1) != "sync"))) {
    return error(context, kSyntaxError);
  }
  return operation(context, service::KvFlushAll{}, 0, 0);
}

constexpr std::array kRows{
    CommandRow{"dbsize", 1, dbsize}, CommandRow{"decr", 2, decr},      CommandRow{"decrby", 3, decrby},
    CommandRow{"del", -2, del},      CommandRow{"exists", -2, exists}, CommandRow{"flushall", -1, flushall},
    CommandRow{"get", 2, get},       CommandRow{"incr", 2, incr},      CommandRow{"incrby", 3, incrby},
    CommandRow{"mget", -2, mget},    CommandRow{"mset", -3, mset},     CommandRow{"set", -3, set},
};

}  // namespace

std::span<const CommandRow> kv_commands() { return kRows; }

}  // namespace garrison::gateway
