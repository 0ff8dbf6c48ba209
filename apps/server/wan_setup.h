// From the topology to a configured wan part.
#pragma once

#include "apps/server/wan_part.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/secret.h"

namespace garrison::server {

// Of a site among others: the port of server `self`, and the servers of other sites that it talks to. `agreement` is
// its own secret. An error is one line for the operator.
[[nodiscard]] Result<WanConfig> make_wan_config(const config::Topology& topology, const config::SiteSettings& site,
                                                ServerId self, Incarnation incarnation, bool udp_checksum,
                                                const crypto::KeyDirectory& directory,
                                                const crypto::SecretBytes& agreement);

// How long after the first part of a link message on the hub a server asks for those that it misses, at the earliest.
[[nodiscard]] Duration hub_request_after(const config::Topology& topology, const config::WanPair& pair);

// Slots of its receive slab, which its queues must hold; none in a site alone.
[[nodiscard]] std::size_t wan_receive_slots(const config::Topology& topology, SiteId site, ServerId self);

}  // namespace garrison::server
