// The key files of a deployment: DIR/public.keys for everyone, DIR/A1.key and DIR/c1.key for one server or client each.
//
// Where Topology::site_scheme() says so, each site also has two threshold keys (crypto/site_key.h): their public halves
// are in public.keys, a server's parts of them in its private file.
//
// Dealing is offline: whoever holds DIR can act as everyone, so the bundles go to their owners and DIR goes away.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"
#include "crypto/principal.h"
#include "dataplane/base/result.h"

namespace garrison::config {

[[nodiscard]] std::string public_keys_path(const std::string& directory);
[[nodiscard]] std::string private_key_path(const std::string& directory, crypto::Principal principal);

// Called on the calling thread after each bundle or site key that was made.
using DealingProgress = std::function<void(std::size_t done, std::size_t total)>;

// Makes the keys of every site and principal on all cores and writes them, public.keys last. `directory` is made (mode
// 0700) when it is missing. Refuses to overwrite any file; after a failure no file of this call is left.
[[nodiscard]] Result<void> deal_keys(const Topology& topology, const std::string& directory,
                                     const DealingProgress& progress);

// The same for servers and clients of one process, without a trace on disk.
struct DealtKeys {
  crypto::KeyDirectory directory;
  std::vector<crypto::PrivateBundle> bundles;  // as Topology::principals() lists their owners
};
[[nodiscard]] Result<DealtKeys> deal_keys_in_memory(const Topology& topology, const DealingProgress& progress);

// Everything wrong with the key files, one line each; empty when they are those of the topology. With `only`, the
// private file of that principal alone is looked at: what one server's host holds.
[[nodiscard]] std::vector<std::string> check_keys(const Topology& topology, const std::string& directory,
                                                  std::optional<crypto::Principal> only = std::nullopt);

}  // namespace garrison::config
