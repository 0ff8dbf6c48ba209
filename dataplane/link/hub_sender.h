// HubSender: what one server does to send its site's link messages to one other site over the hub [ARCH] 4.2. It has
// one part of each. Of the first set, it sends it when its turn comes; of the second set, it waits from then on for the
// local timeout, and sends it unless it has overheard as many parts as decode (overhear_table.h). Whether it is in the
// first set, the caller says: config/hub_sets.h.
//
// What is on the hub need not reach the other site. f + 1 servers there that ask for a part which they do not hold have
// it sent, again or after all: one of them is correct. Fewer are not believed. Having sent for them, it goes on
// counting requests only after `request_gap`, so that a few who ask all the time get no more than that.
//
// It also keeps a record of whose turns it heard (duty_record.h): whoever is in the first set has missed one when its
// part was not heard by the local timeout, counted as the second set counts it, or when f + 1 servers of the other site
// do not hold it and ask. A server that is in no first set has none.
//
// BOUNDED parts are kept until the other site has acknowledged them, TIMELY ones for a while: at most a window of each.
// Parts leave by class and sequence, in frames that the caller takes when it may send; nothing is decided earlier.
//
// Pure; one thread. Sending allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/duty_record.h"
#include "dataplane/link/growing_ring.h"
#include "dataplane/link/hub_lateness.h"
#include "dataplane/link/overhear_table.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::link {

struct HubSenderConfig {
  std::size_t parts = 4;                                     // of a link message, one for each server of this site
  std::size_t needed = 3;                                    // that decode it
  std::uint8_t index = 0;                                    // of this server's
  std::size_t requests_needed = 2;                           // f + 1 of the other site
  std::optional<Duration> local_timeout = milliseconds(25);  // how long the second set waits; none: until it is asked
  std::optional<Duration> longest_timeout{};                 // then that is the shortest, see hub_lateness.h
  Duration request_gap = milliseconds(100);                  // a round trip
  std::size_t window = 64;                                   // link messages of a class
};

// Of one server, since it was made. Parts.
struct HubSenderStats {
  std::uint64_t submitted = 0;    // link messages
  std::uint64_t sent_first = 0;   // of the first set
  std::uint64_t sent_second = 0;  // of the second set, because too few were heard or it is to send at once
  std::uint64_t sent_asked = 0;   // because they were asked for, by servers or by the site
  std::uint64_t cancelled = 0;    // of the second set, because enough were heard
  std::uint64_t needless = 0;     // sent_second of which enough others were heard after all
  std::uint64_t overheard = 0;    // of others, counted

  HubSenderStats& operator+=(const HubSenderStats& other);
};

class HubSender {
 public:
  explicit HubSender(const HubSenderConfig& config);

  struct Part {
    TrafficClass traffic = TrafficClass::bounded;
    SeqNum sequence;
    ServerSet first_set;               // for it
    bool again = false;                // its site has not heard that the link message was executed
    ByteView bytes;                    // the signed message; the caller keeps it until its handle comes back
    std::uint64_t handle = 0;          // comes out of next_released(), once
    std::span<const Digest> encoding;  // by index, what every part says; during the call only
  };
  void submit(const Part& part);
  // The other site has executed BOUNDED link messages up to there.
  void acknowledged(SeqNum through);

  // The other site ignores what these servers of this one send: their parts are worth no silence.
  void ignore(ServerSet servers);

  // A part that another server of this site has put on the hub; as OverhearTable::hear().
  [[nodiscard]] OverhearTable::Hearing on_overheard(TrafficClass traffic, SeqNum sequence, std::uint8_t index,
                                                    ByteView part);
  // Those that were heard before submit(); as OverhearTable::next_early().
  [[nodiscard]] std::optional<OverhearTable::Early> next_early(TrafficClass traffic) {
    return lane(traffic).overheard.next_early();
  }
  void on_verdict(Instant now, TrafficClass traffic, SeqNum sequence, std::uint8_t index, bool good);

  // Server `asker` of the other site, authenticated, cannot decode this yet.
  void on_request(Instant now, ServerId asker, const wire::HubRequest::Entry& entry);

  struct Chunk {
    SeqNum sequence;
    wire::HubPart part;
  };
  // The next chunk of a part whose turn it is, with at most `room` bytes of it. Once it is taken it counts as sent.
  [[nodiscard]] std::optional<Chunk> next_chunk(Instant now, TrafficClass traffic, std::size_t room);
  // When there is one to take without anything else happening.
  [[nodiscard]] Instant next_wakeup() const;

  // Servers of this site that miss their turns; at `now`.
  [[nodiscard]] ServerSet suspected(Instant now);

  [[nodiscard]] std::optional<std::uint64_t> next_released();
  [[nodiscard]] const HubSenderStats& stats() const { return stats_; }
  // How long the second set waits at present; none: until it is asked.
  [[nodiscard]] std::optional<Duration> local_timeout() const;
  // Parts kept.
  [[nodiscard]] std::size_t held(TrafficClass traffic) const { return lane(traffic).held; }

 private:
  enum class State : std::uint8_t {
    queued,   // waits for its turn
    waiting,  // second set: its turn has come, the timeout runs
    due,      // to be sent next
    idle,     // sent, or not needed
  };
  struct Held {
    Part part;  // of sequence 0: none. Without its encoding
    std::uint64_t mark = 0;
    State state = State::idle;
    bool was_sent = false;
    bool was_second = false;              // sent as one of the second set
    bool needless = false;                // counted as such
    bool asked = false;                   // due because it was asked for
    Instant deadline = Instant::never();  // while it waits
    Instant turn = Instant::never();      // of this server\'s part, of whichever set it is
    Instant deaf_until;                   // to requests
    ServerSet askers;
    std::array<std::uint32_t, kMaxServersPerSite> asker_holds{};  // of askers
    ServerSet blamed;                                             // have missed this turn
    Instant judge_at = Instant::never();
  };
  // Parts stand in a ring of a power of two by sequence: all that are held are within [first, newest], a window at
  // most.
  struct Lane {
    explicit Lane(const HubSenderConfig& config);
    std::vector<Held> parts;
    SeqNum first{1};
    SeqNum newest;
    std::size_t held = 0;
    std::size_t ready = 0;  // queued or due
    SeqNum ready_from{1};   // none before is
    std::size_t waiting = 0;
    Instant first_deadline = Instant::never();  // of those that wait; or earlier
    Instant first_to_judge = Instant::never();  // of the turns of first sets; or earlier
    OverhearTable overheard;
    SeqNum at;                 // being sent; 0: none
    std::uint32_t offset = 0;  // of what comes next of it
  };
  [[nodiscard]] const Lane& lane(TrafficClass traffic) const { return lanes_[static_cast<std::size_t>(traffic)]; }
  [[nodiscard]] Lane& lane(TrafficClass traffic) { return lanes_[static_cast<std::size_t>(traffic)]; }
  [[nodiscard]] static Held& slot(Lane& lane, SeqNum sequence) {
    return lane.parts[sequence.value() & (lane.parts.size() - 1)];
  }
  [[nodiscard]] static Held* find(Lane& lane, SeqNum sequence);
  [[nodiscard]] bool enough(const Lane& lane, SeqNum sequence) const;
  static void become(Lane& lane, Held& held, State state);
  void cancel(Lane& lane, Held& held);
  void forget_below(Lane& lane, SeqNum first);
  void release(Lane& lane, Held& held);
  static void end_waits(Instant now, Lane& lane);
  // The part that goes next, with those whose turn has come meanwhile put to wait.
  [[nodiscard]] SeqNum choose(Instant now, Lane& lane);
  void count_sent(Instant now, Lane& lane, Held& held);
  [[nodiscard]] bool is_first(const Held& held) const { return held.part.first_set.contains(self()); }
  [[nodiscard]] ServerId self() const { return ServerId(config_.index); }
  void count_turns(ServerSet first_set);
  void turn_has_come(Instant now, Lane& lane, Held& held);
  void judge(Lane& lane, Held& held);
  void note_heard(Instant now, const Held& held, ServerId server);
  void note_missed(const Lane& lane, const Held& held);
  void blame(Held& held, ServerId server);

  HubSenderConfig config_;
  std::array<Lane, 2> lanes_;            // by class
  GrowingRing<std::uint64_t> released_;  // a window of each class, and what was not kept
  HubSenderStats stats_;
  DutyRecord record_;
  std::optional<HubLateness> lateness_;  // where the timeout follows it
  std::vector<std::size_t> turnless_;    // by server: link messages since it was in a first set
};

}  // namespace garrison::link
