#include "apps/commands/client_identity.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "control/config/key_files.h"
#include "control/config/names.h"

namespace garrison::apps {

Result<std::unique_ptr<client::NativeClient>> open_client(asio::io_context& io, const config::Topology& topology,
                                                          const crypto::KeyDirectory& directory,
                                                          const std::string& keys_directory, const std::string& name,
                                                          Duration deadline, client::Reads reads) {
  const std::optional<ClientId> id = config::parse_client_name(name);
  if (!id.has_value() || id->value() >= topology.client.count) {
    return Error{
        fmt::format("{} is no client of {}: its clients are c1 to c{}", name, topology.file, topology.client.count)};
  }
  const std::string path = config::private_key_path(keys_directory, crypto::Principal::client(*id));
  const Result<crypto::PrivateBundle> bundle = crypto::load_private(path);
  if (!bundle) return bundle.error();
  client::NativeClient::Config config = client::NativeClient::config_from(topology, *id);
  config.deadline = deadline;
  config.reads = reads;
  return client::NativeClient::make(io, config, bundle.value(), directory);
}

gateway::Gateway::Replicate replicate_as(client::NativeClient& client) {
  return [&client](Bytes operation, bool reads_only, std::function<void(Result<Bytes>)> done) {
    if (reads_only) return client.query(std::move(operation), std::move(done));
    client.submit(std::move(operation), std::move(done));
  };
}

void add_reads_option(CLI::App& command, client::Reads& reads) {
  const std::map<std::string, client::Reads> names{{"ordered", client::Reads::ordered}, {"site", client::Reads::site}};
  command
      .add_option("--reads", reads,
                  "how reads are answered: ordered, so that each sees all that was written before it; site: by the "
                  "servers of the client's site alone, quicker, never older than what this client has read or written")
      ->transform(CLI::CheckedTransformer(names).description("ordered (default) or site"));
}

}  // namespace garrison::apps
