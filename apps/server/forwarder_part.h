// The forwarder part of a server: what it presents to the dependable forwarders of its site [ARCH] 4.3 and what they
// hand it, independent of the transport between them (TCP in the node, modelled in the lab). Its thread is the client
// part's.
//
// Everything is presented to all forwarders of the site, strictly in the order of the DF sequences. What they hand over
// is believed in nothing: it goes to crypto as a LINK-BUNDLE in this server's name, and what a site has in flight there
// is bounded by a quota of its own, so that nobody can take the room of another.
#pragma once

#include <vector>

#include "apps/server/forwarder_queues.h"
#include "control/message/messages.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/server_set.h"
#include "dataplane/forwarder/presented_queue.h"

namespace garrison::server {

class ForwarderPart {
 public:
  struct Config {
    message::Envelope envelope;  // of the server
    ServerSet sites;             // that are reached over forwarders, by number
    std::size_t forwarders = 1;  // of its site: the primary, and the backup where there is one
  };
  // `queues` and `send_slab` (control's; read here between a Presentation and its return) outlive it.
  ForwarderPart(const Config& config, ForwarderQueues& queues, const Slab& send_slab);

  // A forwarder says that `source` has sent this.
  void arrived(SiteId source, ByteView message);
  // Takes what control wants presented, and back what is done with. Returns how many messages are new in presented().
  std::size_t poll();

  // Of forwarder `i` of the site. Whoever has a session with it takes from there.
  [[nodiscard]] forwarder::PresentedQueue& presented(std::size_t i) { return presented_.at(i); }
  [[nodiscard]] std::size_t forwarders() const { return presented_.size(); }

  // Readable from any thread.
  [[nodiscard]] const Slab& receive_slab() const { return receive_slab_; }
  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] std::uint64_t messages_presented() const { return messages_presented_.get(); }
  [[nodiscard]] std::uint64_t messages_received() const { return messages_received_.get(); }

 private:
  void take_back();
  [[nodiscard]] std::optional<DropReason> take_in(SiteId source, ByteView message);

  Config config_;
  ForwarderQueues& queues_;
  const Slab& send_slab_;
  DropCounters drops_;
  Slab receive_slab_;
  std::vector<forwarder::PresentedQueue> presented_;
  Counter messages_presented_;
  Counter messages_received_;
};

// The slots of the receive slab where links go over forwarders to `sites`.
[[nodiscard]] std::size_t bundle_slots(ServerSet sites);

}  // namespace garrison::server
