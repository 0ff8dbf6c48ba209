#include "apps/commands/client_identity.h"

#include <fmt/format.h>

#include <optional>

#include "control/config/key_files.h"
#include "control/config/names.h"

namespace garrison::apps {

Result<std::unique_ptr<client::NativeClient>> open_client(asio::io_context& io, const config::Topology& topology,
                                                          const crypto::KeyDirectory& directory,
                                                          const std::string& keys_directory, const std::string& name,
                                                          Duration deadline) {
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
  return client::NativeClient::make(io, config, bundle.value(), directory);
}

}  // namespace garrison::apps
