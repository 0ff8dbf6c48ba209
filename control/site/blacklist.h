// Who is known to be faulty, and by what: the ordered blacklists of a site [ARCH] 4.1.1. Part of the logical machine's
// state: somebody is listed when the event that proves it is executed, at every server of the site alike, and for good.
//
// A server that is listed has signed something that no correct server signs, or its site has said so. A site that is
// listed has signed, f + 1 of its servers together, what no correct site does, or has more than f listed servers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/check.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/state_fields.h"

namespace garrison::site {

enum class Offence : std::uint8_t {
  wrong_part,           // servers: of no link message that their site has sent (Fig. 3, C9 and E7)
  too_many_faulty,      // a site: more than f of its servers are listed (E9)
  groundless_inquiry,   // a site: asked about parts that are all right (C3)
  repeated_inquiry,     // a site: asked about a server again that it had been told of
  needless_inquiry,     // a site: asked about a link message that it had acknowledged
  groundless_response,  // a site: its servers have coded a message that it has not signed (E4)
  false_response,       // a site: answered with something that is not that link message
};
[[nodiscard]] std::string_view name(Offence offence);  // "wrong-part"
[[nodiscard]] std::string_view text(Offence offence);  // one line for people

// Why somebody was listed.
struct Conviction {
  SiteId site;
  ServerSet servers;  // of it; empty: the site as a whole
  Offence offence{};
  // Whole messages: the wrong LINK-PARTs, each signed by one of the servers, then the INQUIRY and the INQUIRY-RESPONSE,
  // as far as this site has them. Of one that this site has yet to sign itself: without its signature block.
  std::vector<Bytes> evidence;
};

class Blacklist {
 public:
  // Of each site, by SiteId, how many servers may be faulty.
  explicit Blacklist(std::vector<std::size_t> faulty) : faulty_(std::move(faulty)), servers_(faulty_.size()) {
    CHECK(faulty_.size() <= kMaxServersPerSite);
  }

  [[nodiscard]] bool has(SiteId site) const { return sites_.contains(ServerId(site.value())); }
  [[nodiscard]] bool has(SiteId site, ServerId server) const { return servers_[site.index()].contains(server); }
  [[nodiscard]] ServerSet servers(SiteId site) const { return servers_[site.index()]; }
  [[nodiscard]] bool too_many(SiteId site) const { return servers_[site.index()].size() > faulty_[site.index()]; }
  [[nodiscard]] std::size_t sites() const { return faulty_.size(); }

  void add(SiteId site) { sites_.insert(ServerId(site.value())); }
  // Returns those who are new.
  ServerSet add(SiteId site, ServerSet servers) {
    const std::uint32_t before = servers_[site.index()].bits();
    servers_[site.index()] = ServerSet::from_bits(before | servers.bits());
    return ServerSet::from_bits(servers.bits() & ~before);
  }

  // Fixed-size, equal for equal lists of the same sites.
  [[nodiscard]] Bytes fingerprint() const {
    Bytes out(4 * (servers_.size() + 1));
    Writer writer(out);
    writer.u32(sites_.bits());
    for (const ServerSet listed : servers_) writer.u32(listed.bits());
    return out;
  }
  friend bool operator==(const Blacklist&, const Blacklist&) = default;

  STATE_FIELDS(faulty_, servers_, sites_)

 private:
  std::vector<std::size_t> faulty_;
  std::vector<ServerSet> servers_;
  ServerSet sites_;  // by number
};

}  // namespace garrison::site
