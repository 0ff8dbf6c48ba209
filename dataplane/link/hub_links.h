// HubLinks: the hub links of one server to other sites, behind its wide-area port (wire/hub_frame.h): to every remote
// site a HubSender, for parts of its own site, and a HubReceiver, for parts of that one. What is heard on the hub comes
// in by on_frame(), whoever it is addressed to: classification reads what a frame says and no address.
//
// Parts are authenticated by their signatures, which are verified elsewhere: those that are worth it are handed to
// OnHeard, verdict() takes what came of it. Requests are authenticated by a tag for each server that is asked, under a
// key that the two servers share; a request that is played again is refused by its counter.
//
// Pure; one thread. A part that comes in one frame is neither copied nor allocated for here.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "crypto/mac.h"
#include "dataplane/link/channel_group.h"
#include "dataplane/link/hub_assembler.h"
#include "dataplane/link/hub_receiver.h"
#include "dataplane/link/hub_sender.h"
#include "dataplane/link/wide_channels.h"

namespace garrison::link {

class HubLinks {
 public:
  struct Remote {
    SiteId site;
    HubSenderConfig sender;
    HubReceiverConfig receiver;
    std::vector<PeerSecret> servers;  // all of that site, ascending
  };
  // A whole part whose signature is to be verified: of another site, or of this one, overheard.
  struct Heard {
    HubPartName name;
    ByteView bytes;                // during the call
    const Digest* says = nullptr;  // overheard: what its sender has to have signed, or it counts for nothing
  };
  // Takes it, or says that there is no room. What came of one that was taken is told by verdict(), then or later.
  using OnHeard = std::function<bool(const Heard&)>;

  // `payload_bytes`: of a frame at most. `port` is shared with what else sends there, and outlives this.
  HubLinks(const LocalEnd& self, std::size_t payload_bytes, std::vector<Remote> remotes, OnHeard on_heard,
           SharedPort& port);

  // Whether there is a hub link to that site.
  [[nodiscard]] bool joins(SiteId site) const { return find(site) != nullptr; }

  // A frame of kind hub_part or hub_request whose header was parsed. Every refusal is counted by name.
  void on_frame(Instant now, const wire::FrameHeader& header, ByteView payload);

  // To a site that is joined: as HubSender has them.
  void submit(Instant now, SiteId to, const HubSender::Part& part);
  void acknowledged(SiteId by, SeqNum through);

  // These servers are known to all sites to be faulty: what they send counts for nothing, here and elsewhere.
  void ignore(Instant now, SiteId of, ServerSet servers);
  // Calls `changed(site, servers)` for each link of which other servers of this site than before miss their turns.
  template <typename Changed>
  void tell_suspected(Instant now, Changed&& changed) {
    for (const auto& link : links_) {
      const ServerSet suspected = link->sender.suspected(now);
      if (suspected == link->suspected) continue;
      link->suspected = suspected;
      changed(link->site, suspected);
    }
  }

  // Of each that was taken: it is what it should be, and its signature is good; or not, or it was not looked at.
  void verdict(Instant now, const HubPartName& name, bool good);

  // The next frame of this class that is due, requests among the TIMELY ones: its UDP payload's size, 0 when none is.
  [[nodiscard]] std::size_t next_frame(Instant now, TrafficClass traffic, MutableBytes out, WideEnd& to);
  [[nodiscard]] Instant next_wakeup() const;
  [[nodiscard]] std::optional<std::uint64_t> next_released();

  // Of all links together.
  [[nodiscard]] HubSenderStats stats() const;
  [[nodiscard]] std::uint64_t requested() const;
  [[nodiscard]] const HubSender& sender(SiteId to) const { return find(to)->sender; }
  [[nodiscard]] const HubReceiver& receiver(SiteId from) const { return find(from)->receiver; }

 private:
  struct Asker {
    crypto::HmacKey in;
    crypto::HmacKey out;
    Incarnation incarnation;  // of its last request
    std::uint64_t counter = 0;
  };
  struct Link {
    SiteId site;
    HubSender sender;
    HubReceiver receiver;
    std::vector<Asker> servers;
    std::uint64_t counter = 0;  // of requests sent
    Instant next_request;       // not before
    ServerSet suspected{};      // as was told
  };
  [[nodiscard]] Link* find(SiteId site) const;
  [[nodiscard]] std::optional<DropReason> on_part(Instant now, const wire::FrameHeader& header, ByteView payload);
  [[nodiscard]] std::optional<DropReason> on_whole(Instant now, const HubPartName& name, bool again, ByteView part);
  [[nodiscard]] std::optional<DropReason> hand_over(Instant now, const Heard& heard);
  [[nodiscard]] std::optional<DropReason> on_request(Instant now, const wire::FrameHeader& header, ByteView payload);
  [[nodiscard]] std::size_t write_part(const HubSender::Chunk& chunk, WideEnd to, MutableBytes out);
  [[nodiscard]] std::size_t write_request(Instant now, Link& link, WideEnd to, MutableBytes out);
  [[nodiscard]] wire::FrameHeader header(wire::FrameKind kind, std::size_t bytes, WideEnd to, std::uint64_t counter);

  LocalEnd self_;
  std::size_t payload_bytes_;
  OnHeard on_heard_;
  SharedPort& port_;
  std::vector<std::unique_ptr<Link>> links_;
  std::array<Link*, kMaxSites> link_to_{};  // by site; null: none
  HubAssembler assembler_;
  std::size_t turn_ = 0;  // of the link that sends next
};

}  // namespace garrison::link
