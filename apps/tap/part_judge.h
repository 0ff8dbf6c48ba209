// PartJudge: what a part that was heard on a hub is worth to a tap, by the same functions as servers use. With the
// public keys of the deployment its signature is verified, and what k parts decode to counts only under the signature
// of the site that sends it; then what every server has to send is known, and who has signed something else is proven
// to be faulty. Without keys a part is whose it says it is, and a decoded message what its site says: nobody can be
// named.
//
// Pure but for what the validators remember to spare work. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "control/config/topology.h"
#include "control/message/validate.h"
#include "control/site/link_plan.h"
#include "crypto/key_directory.h"
#include "dataplane/link/hub_assembler.h"
#include "dataplane/link/part_code.h"

namespace garrison::tap {

enum class PartWorth : std::uint8_t {
  good,       // its server says this, whatever it is worth
  malformed,  // no part of this system, or of another code than its link's; nobody has signed it
  forged,     // not signed by the server whose it says it is
  misnamed,   // signed, under the name of another part: somebody has sent it again there
  perjured,   // signed by its server, which can sign no such thing while it is correct
};

class PartJudge {
 public:
  // Without `keys`, which outlive it, nothing is verified.
  PartJudge(const config::Topology& topology, const crypto::KeyDirectory* keys);

  [[nodiscard]] bool verifies() const { return keys_ != nullptr; }
  // The link from one site to another; on no hub: nothing of it is judged.
  [[nodiscard]] const site::LinkPlan& plan(SiteId from, SiteId to) const;

  struct Judgement {
    PartWorth worth = PartWorth::malformed;
    Digest says{};                   // of a good one: its content
    std::uint32_t bundle_bytes = 0;  // of a good one
  };
  // `name` is of a link on a hub, and of a server that there is.
  [[nodiscard]] Judgement judge(const link::HubPartName& name, ByteView part);
  // The digest of what these bytes say, were they signed; none when they are no message.
  [[nodiscard]] static std::optional<Digest> digest_of(ByteView part);

  // By index, what every server of the site has to sign; none when these k good parts, of different servers and one
  // length, do not decode to what the site has signed.
  [[nodiscard]] std::optional<std::vector<Digest>> decode(const link::HubPartName& name,
                                                          std::span<const ByteView> parts);

 private:
  [[nodiscard]] bool is_of_site(const link::HubPartName& name, Incarnation incarnation, ByteView bundle);

  const config::Topology& topology_;
  const crypto::KeyDirectory* keys_;
  std::vector<site::LinkPlan> plans_;  // by from and to
  std::vector<std::unique_ptr<message::Validator>> validators_;
  link::PartCodes codes_;
};

}  // namespace garrison::tap
