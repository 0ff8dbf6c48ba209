// A client identity from its key files: what `garrison gateway` and `garrison client` start with.
#pragma once

#include <asio/io_context.hpp>
#include <memory>
#include <string>

#include "apps/client/native_client.h"
#include "apps/commands/command.h"
#include "apps/gateway/gateway.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "dataplane/base/result.h"

namespace garrison::apps {

// Client `name` ("c1") of the topology, with its private file of `keys_directory`, on `io`.
[[nodiscard]] Result<std::unique_ptr<client::NativeClient>> open_client(
    asio::io_context& io, const config::Topology& topology, const crypto::KeyDirectory& directory,
    const std::string& keys_directory, const std::string& name, Duration deadline, client::Reads reads);

// What a gateway does as this client, which outlives it.
[[nodiscard]] gateway::Gateway::Replicate replicate_as(client::NativeClient& client);

// --reads ordered|site
void add_reads_option(CLI::App& command, client::Reads& reads);

}  // namespace garrison::apps
