#include "apps/commands/client.h"

#include <fmt/format.h>

#include <asio/io_context.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/client_identity.h"
#include "apps/commands/command.h"
#include "apps/gateway/command_table.h"
#include "apps/gateway/text.h"
#include "control/config/key_files.h"
#include "control/config/names.h"
#include "control/service/kv_operation.h"
#include "crypto/key_store.h"

namespace garrison::apps {
namespace {

using gateway::Operation;

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys{kDefaultKeyDirectory};
  std::string client;  // empty: the topology's last
  unsigned deadline_s = 10;
  client::Reads reads = client::Reads::ordered;
  std::vector<std::string> words;
};

struct Verb {
  const char* name;
  const char* command;  // of the gateway's table, which checks the arguments
  const char* help;
};
constexpr std::array kVerbs{
    Verb{"put", "set", "KEY VALUE [NX|XX]: store a value"},
    Verb{"get", "get", "KEY: read a value"},
    Verb{"del", "del", "KEY...: remove keys"},
    Verb{"exists", "exists", "KEY...: count those that exist"},
    Verb{"incr", "incr", "KEY: add 1"},
    Verb{"decr", "decr", "KEY: subtract 1"},
    Verb{"incrby", "incrby", "KEY N: add N"},
    Verb{"decrby", "decrby", "KEY N: subtract N"},
    Verb{"mget", "mget", "KEY...: read several values"},
    Verb{"mset", "mset", "KEY VALUE...: store several values, all or none"},
    Verb{"size", "dbsize", "count all keys"},
    Verb{"clear", "flushall", "remove all keys"},
};

void print(ByteView bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fputc('\n', stdout);
}

// Values as they are, each on a line; what is not there as "(nil)".
int print(const service::KvReply& reply) {
  switch (reply.kind) {
    case service::KvReply::Kind::nil:
      fmt::print("(nil)\n");
      return kDone;
    case service::KvReply::Kind::status:
    case service::KvReply::Kind::bulk:
      print(reply.bytes);
      return kDone;
    case service::KvReply::Kind::integer:
      fmt::print("{}\n", reply.integer);
      return kDone;
    case service::KvReply::Kind::error:
      return complain(gateway::text(reply.bytes)), kFailed;
    case service::KvReply::Kind::array:
      for (const service::KvReply& element : reply.elements) print(element);
      return kDone;
  }
  return kFailed;
}

// The error is what the gateway would reply.
Result<Operation> operation_of(const Verb& verb, const std::vector<std::string>& words) {
  const std::string command = verb.command;
  std::vector<ByteView> arguments{as_bytes(command)};
  for (const std::string& word : words) arguments.push_back(as_bytes(word));
  gateway::RespSession session;
  gateway::Translated made = gateway::translate(arguments, session, {});
  if (auto* operation = std::get_if<Operation>(&made)) return std::move(*operation);
  const std::string_view line = gateway::text(std::get<gateway::Immediate>(made).reply);
  return Error{fmt::format("{}: {}", verb.name, line.substr(1, line.size() - 3))};  // without '-' and the line end
}

int run(const Options& options, const Verb& verb) {
  const Result<Operation> operation = operation_of(verb, options.words);
  if (!operation) return complain(operation.error().message), kMisused;
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  const auto directory = crypto::load_public(config::public_keys_path(options.keys));
  if (!directory) return complain(directory.error().message), kMisused;
  // A gateway is the first client unless told otherwise: the last one does not take its identity away.
  const std::string name =
      options.client.empty() ? config::client_name(ClientId(topology.client.count - 1)) : options.client;

  asio::io_context io(1);
  auto opened =
      open_client(io, topology, directory.value(), options.keys, name, seconds(options.deadline_s), options.reads);
  if (!opened) return complain(opened.error().message), kMisused;
  std::optional<Result<Bytes>> result;
  const auto take = [&](Result<Bytes> done) {
    result = std::move(done);
    io.stop();
  };
  const Operation& what = operation.value();
  what.reads_only ? opened.value()->query(what.bytes, take) : opened.value()->submit(what.bytes, take);
  io.run();
  CHECK(result.has_value());
  if (!result->ok()) return complain(result->error().message), kFailed;
  const std::optional<service::KvReply> reply = service::decode_kv_reply(result->value());
  if (!reply.has_value()) {
    complain(fmt::format("the service of {} is {}, not kv", topology.name, config::name(topology.service)));
    return kFailed;
  }
  return print(*reply);
}

void add_options(CLI::App& command, Options& options) {
  add_topology_option(command, options.topology);
  add_keys_option(command, options.keys);
  command.add_option("-c,--client", options.client, "client identity; the topology's last one if not given");
  command.add_option("--deadline", options.deadline_s, "seconds to wait for an answer")
      ->check(CLI::Range(1U, 3600U))
      ->capture_default_str();
  add_reads_option(command, options.reads);
}

}  // namespace

void add_client_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("client", "one operation on the kv service, as a client of the servers");
  const auto options = std::make_shared<Options>();
  add_options(command, *options);
  command.require_subcommand(1);
  for (const Verb& verb : kVerbs) {
    CLI::App& one = *command.add_subcommand(verb.name, verb.help);
    add_options(one, *options);  // before or after the verb
    one.allow_extras();          // so that values like -5 are taken as they are
    one.callback([options, &one, &verb, &exit_status] {
      options->words = one.remaining();
      exit_status = run(*options, verb);
    });
  }
}

}  // namespace garrison::apps
