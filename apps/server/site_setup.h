// What a server of a site among others needs beside its ordering core: the logical machine of its site, its own part in
// it, and its shares of the site's keys.
#pragma once

#include <functional>
#include <memory>

#include "control/config/topology.h"
#include "control/site/machine.h"
#include "control/site/member.h"
#include "control/state_transfer/transfer_config.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"

namespace garrison::server {

using WrapCore = std::function<std::unique_ptr<ordering::OrderingCore>(std::unique_ptr<ordering::OrderingCore>)>;

struct SiteSetup {
  site::MachineConfig machine;
  std::unique_ptr<ordering::OrderingCore> core;  // of the global protocol
  state_transfer::TransferConfig transfer;       // between sites
  site::MemberConfig member;
  std::unique_ptr<crypto::ShareCombiner> combiner;
  std::unique_ptr<crypto::ThresholdSigner> signer;  // for the crypto part
};

// For the server that `bundle` is of, in a topology of several sites. An error is one line for the operator.
[[nodiscard]] Result<SiteSetup> make_site_setup(const config::Topology& topology, const crypto::KeyDirectory& directory,
                                                const crypto::PrivateBundle& bundle);

}  // namespace garrison::server
