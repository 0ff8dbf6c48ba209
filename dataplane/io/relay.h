// Relay: the wide area between sites that have networks of their own. It stands on the wide-area network of each site,
// hears everything there, and brings to the other sites what is for them, as wide_area_paths.h says: late, at a rate,
// and not always. It is what a laboratory has in place of routers and long cables; nothing trusts it.
//
// Which site an address belongs to is given, or learned from the first frame that comes from there, so that the hosts
// of forwarders find each other, too. What is for a group goes to all other sites. Of an address that nobody has been
// heard from nothing is known, and a frame to it is dropped.
//
// A site's uplink is shared alike by the addresses of it that are given, and one share is for all others. It goes by
// the sender's address in the frame, as somebody behind a hub has to.
//
// Accounting: frames_in + copies = local + delivered + lost + dropped + held, exactly.
//
// Frames as bytes: a LanStage for each site (stages/relay_end.h) joins it to its ports. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/io/port.h"
#include "dataplane/io/wide_area_paths.h"

namespace garrison::io {

struct RelayCounts {
  std::uint64_t frames_in = 0;
  std::uint64_t copies = 0;     // made of frames for a group, beyond the first
  std::uint64_t local = 0;      // for the site that they came from: others there have heard them
  std::uint64_t delivered = 0;  // taken to be sent at another site
  std::uint64_t unknown = 0;    // dropped: nobody is known to have that address
  std::uint64_t malformed = 0;  // dropped: too short, too long, or from a group
  std::uint64_t full = 0;       // dropped: their site has no room left in its uplink
};

class Relay {
 public:
  static constexpr std::size_t kMostLearned = 4096;

  // `known`: addresses that never move.
  Relay(const WideAreaConfig& paths, const std::map<MacAddress, SiteId>& known);

  // An Ethernet frame that is on the network of `from`.
  void on_frame(Instant now, SiteId from, ByteView frame);
  // The next frame for the network of `to`, written to the front of `out`; 0: none now.
  [[nodiscard]] std::size_t next_frame(Instant now, SiteId to, MutableBytes out);
  [[nodiscard]] Instant next_wakeup() const { return paths_.next_wakeup(); }

  [[nodiscard]] const RelayCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t lost() const { return paths_.lost(); }
  [[nodiscard]] std::size_t held() const { return paths_.held(); }

 private:
  void learn(const MacAddress& mac, SiteId site);
  [[nodiscard]] Sender sender_of(const MacAddress& mac, SiteId site) const;
  void offer(Instant now, Sender from, SiteId to, ByteView frame);

  std::vector<std::size_t> senders_;  // by site: addresses that are given, and one more
  WideAreaPaths paths_;
  std::map<MacAddress, Sender> known_;  // what was learned shares a place
  std::size_t most_;                    // addresses
  RelayCounts counts_;
};

}  // namespace garrison::io
