// HubReceiver: what one server hears of one other site's link messages on the hub of its own [ARCH] 4.2. Every server
// of the site hears every part, whoever it is addressed to. Which parts it hands to the local order is not decided
// here.
//
// A part counts as held when its sender's signature has verified; nothing about a frame is believed before. Of each
// part at most kCandidates are looked at, at a time. A link message of which too few parts are held some time after the
// first one came, or that later ones show to have been sent, is asked for, of the whole site that sent it: that some f
// + 1 servers ask is what makes its servers send (hub_sender.h). The time follows how long the other site's servers
// take between the first and the k-th part, within bounds, and doubles with every request for the same message. A
// TIMELY one of which no part came is not asked for.
//
// A window of sequences per class, which follows what so many senders have said that one of them is correct: what lies
// a window behind it has been executed here, or else that site would not have gone on. Of what lies beyond the window
// one part per index is looked at, at a time, so that a server that was away for long finds its place again.
//
// Pure; one thread. Allocates nothing but for what is asked for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/round_trip.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::link {

struct HubReceiverConfig {
  std::size_t parts = 4;
  std::size_t needed = 3;
  std::size_t faulty = 1;                     // servers of the other site
  std::size_t window = 64;                    // its link messages that may be under way
  Duration request_after = milliseconds(50);  // at the earliest
  Duration max_request_after = milliseconds(400);
  unsigned max_requests = 8;               // for one message; then its site may send it again by itself, or never
  Duration again_gap = milliseconds(250);  // between two times that a part is handed on which came again
};

class HubReceiver {
 public:
  static constexpr std::size_t kCandidates = 2;

  explicit HubReceiver(const HubReceiverConfig& config);

  // A whole part came, whose signature is not known to be good. None: it is to be verified, and verdict() told; `again`
  // as its frame says.
  [[nodiscard]] std::optional<DropReason> take(Instant now, TrafficClass traffic, SeqNum sequence, std::uint8_t index,
                                               bool again);
  // Of one that was taken: its signature is good, or not, or nobody looked, for want of room.
  void verdict(Instant now, TrafficClass traffic, SeqNum sequence, std::uint8_t index, bool good);

  // What these servers of the other site send counts for nothing any more, and what they have sent neither.
  void ignore(Instant now, ServerSet servers);

  // Link messages to ask for now, at most `most`.
  [[nodiscard]] std::vector<wire::HubRequest::Entry> due(Instant now, std::size_t most);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] std::uint64_t requested() const { return requested_; }
  // Link messages about which anything is kept.
  [[nodiscard]] std::size_t held(TrafficClass traffic) const { return lane(traffic).held; }

 private:
  struct Message {
    SeqNum sequence;         // 0: none
    std::uint32_t held = 0;  // a bit per index
    unsigned asked = 0;
    std::array<std::uint8_t, kMaxServersPerSite> candidates{};
    Instant heard;  // first
    Instant ask_at = Instant::never();
    std::array<Instant, kMaxServersPerSite> passed{};  // when the part was last handed on
  };
  using PerServer = std::array<SeqNum, kMaxServersPerSite>;
  struct Lane {
    std::vector<Message> messages;  // a ring, of a power of two: [first, first + 2 * window)
    std::size_t held = 0;           // of them
    SeqNum first{1};
    SeqNum highest;                                        // of them, at most
    PerServer newest{};                                    // by index, verified
    std::array<std::uint8_t, kMaxServersPerSite> ahead{};  // by index: candidates beyond the window
    SeqNum sent;                                           // by the other site, at least
    std::size_t asks = 0;                                  // that are to be asked for
    Instant first_ask = Instant::never();                  // of those; or earlier
  };
  [[nodiscard]] const Lane& lane(TrafficClass traffic) const { return lanes_[static_cast<std::size_t>(traffic)]; }
  [[nodiscard]] Lane& lane(TrafficClass traffic) { return lanes_[static_cast<std::size_t>(traffic)]; }
  [[nodiscard]] bool beyond(const Lane& lane, SeqNum sequence) const {
    return sequence.value() - lane.first.value() >= 2 * config_.window;
  }
  [[nodiscard]] static Message& slot(Lane& lane, SeqNum sequence) {
    return lane.messages[sequence.value() & (lane.messages.size() - 1)];
  }
  // Null: there is none, or it lies beyond the window.
  [[nodiscard]] static Message* find(Lane& lane, SeqNum sequence);
  [[nodiscard]] static Message& message(Instant now, Lane& lane, SeqNum sequence);
  static void forget_below(Lane& lane, SeqNum first);
  void follow(Instant now, TrafficClass traffic, std::uint8_t index, SeqNum sequence);
  void on_held(Instant now, TrafficClass traffic, Message& message);
  // Instant::never(): not at all.
  static void ask_at(Lane& lane, Message& message, Instant at);
  [[nodiscard]] bool wants_more(const Message& message) const;

  HubReceiverConfig config_;
  std::array<Lane, 2> lanes_;  // by class
  ServerSet ignored_;
  RoundTrip spread_;  // from the first to the k-th part
  std::uint64_t requested_ = 0;
};

}  // namespace garrison::link
