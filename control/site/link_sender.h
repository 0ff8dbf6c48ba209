// The sending side of the logical links of a site: what waits for each other site, and what that site has not
// acknowledged. Part of the logical machine's state: everything here follows from the local order.
//
// Link messages are packed when a batch closes, TIMELY before BOUNDED, as many items as fit. BOUNDED ones are
// acknowledged by the receiving site and open a window; while it is closed items wait and fill larger link messages.
// They wait, too, where the way is crowded: where acknowledgements take more than twice as long as the quickest ones
// do, what leaves stands behind what left before, and many small link messages cost more than a few large ones. An
// acknowledgement rides on whatever goes to the other site next; alone it goes when nothing did for a while, or when
// much of the window waits for it. A site that does not acknowledge for long loses what waits for it (site_lagging) and
// is left to catch-up. TIMELY ones are neither acknowledged nor repeated, and a newer item replaces one of its kind
// that still waits.
//
// On a blink link what acknowledges goes by itself, however much else is said: it must not depend on the pair that
// carries the rest. Repeating is up to the election of pairs there (pair_election.h).
//
// What goes over dependable forwarders is numbered here, too: all servers must present the same messages under the same
// DF sequences [ARCH] 4.3. A message that is repeated goes under a new one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "control/config/timing.h"
#include "control/ordering/ordering.h"
#include "control/site/outgoing.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/state_fields.h"

namespace garrison::site {

// Something that goes to other sites.
struct Item {
  std::shared_ptr<const Bytes> bytes;  // content alone, or a whole message
  std::uint64_t batch = 0;             // of this site's batch that it has a leaf in; 0: it goes as it is
  std::uint16_t leaf = 0;
  std::uint32_t kind = 0;  // of TIMELY ones: message type and supersede key
  STATE_FIELDS(bytes, batch, leaf, kind)
};

struct LinkSenderConfig {
  using NotState = void;
  message::Envelope envelope;  // of the site
  std::size_t sites = 4;
  Incarnation incarnation{1};
  std::size_t window = 64;                          // BOUNDED link messages not acknowledged
  std::size_t few = 4;                              // so many under way crowd nothing
  std::size_t full_bytes = 16 * 1024;               // of items that wait: a link message worth sending on a crowded way
  std::size_t queue_bytes = std::size_t{8} << 20U;  // that wait for one site
  std::size_t messages_per_batch = 4;               // to one site, per class
  Duration acknowledge_after = config::kAcknowledgeAfter;  // well below the other site's repeat_after
  Duration repeat_after = seconds(1);                      // without an acknowledgement, doubling up to ...
  Duration longest_repeat = seconds(8);
  ServerSet over_forwarders;  // sites, by number, that are reached over dependable forwarders
  ServerSet over_blink;       // over elected pairs
};

class LinkSender {
 public:
  // CHECKs that the envelope's signer is one of the sites.
  explicit LinkSender(const LinkSenderConfig& config);

  void push(SiteId to, TrafficClass traffic, const Item& item, std::vector<DropReason>& drops);
  // Something of `from` was executed that has to be acknowledged.
  void owe_acknowledgement(Instant now, SiteId from);
  // All communication with `site` ends, for good.
  void cut_off(SiteId site);
  [[nodiscard]] bool anything_to_say(Instant now) const;
  // When the clock alone gives it something to say or to repeat.
  [[nodiscard]] Instant next_wakeup() const;

  // What pack() goes by, all of it from the local order.
  struct Moment {
    Instant now;
    std::uint64_t current = 0;         // the batch that closes: its items go with their leaf
    std::uint64_t signed_through = 0;  // batches up to there have come back signed: theirs go with their block
    std::vector<SeqNum> timely{};      // by site: TIMELY link messages of it that were executed; for blink links
  };
  // The whole message of an item of an earlier batch.
  using Whole = std::function<std::shared_ptr<const Bytes>(const Item& item)>;
  // The next link messages, in the order in which they are leaves. `delivered`, by site: how many BOUNDED link messages
  // of it were executed here.
  [[nodiscard]] std::vector<LinkOut> pack(const Moment& moment, const std::vector<SeqNum>& delivered,
                                          const Whole& whole);

  // `from` has executed so many BOUNDED link messages of ours. True when that is news.
  bool acknowledged(Instant now, SiteId from, SeqNum delivered);
  // Sites to which everything not acknowledged is to be sent again. The clock has moved.
  [[nodiscard]] std::vector<SiteId> due_again(Instant now);
  [[nodiscard]] bool over_forwarders(SiteId site) const {
    return config_.over_forwarders.contains(ServerId(site.value()));
  }
  // Of whatever is presented to the forwarders next.
  [[nodiscard]] SeqNum next_df_sequence() { return df_sequence_ = df_sequence_.next(); }
  // Batches below this one are needed no more: no item that waits has its leaf there.
  [[nodiscard]] std::uint64_t oldest_needed(std::uint64_t none) const;

  [[nodiscard]] SeqNum acknowledged_through(SiteId site) const { return peers_[site.index()].acknowledged; }
  [[nodiscard]] std::size_t unacknowledged(SiteId site) const;

  STATE_FIELDS(config_, peers_, df_sequence_)

 private:
  struct Peer {
    std::deque<Item> waiting[2];  // by class
    std::size_t waiting_bytes[2] = {};
    SeqNum sent[2];
    SeqNum acknowledged;            // BOUNDED
    std::deque<Instant> under_way;  // when what is not acknowledged left
    Duration round_trip;            // of the quickest acknowledgements; zero while there was none
    Instant repeat_at = Instant::never();
    Duration repeat_gap;
    std::size_t owed = 0;  // acknowledgements
    Instant acknowledge_at = Instant::never();
    bool cut_off = false;
    STATE_FIELDS(waiting, waiting_bytes, sent, acknowledged, under_way, round_trip, repeat_at, repeat_gap, owed,
                 acknowledge_at, cut_off)
  };
  [[nodiscard]] Peer& at(SiteId site) { return peers_[site.index()]; }
  [[nodiscard]] bool window_open(const Peer& peer, Instant now) const;
  [[nodiscard]] bool crowded(const Peer& peer, Instant now) const;
  void drop_waiting(Peer& peer);
  // As many items as fit one link message.
  [[nodiscard]] std::vector<Item> take(Peer& peer, TrafficClass traffic, const Moment& moment, const Whole& whole);
  [[nodiscard]] LinkOut acknowledge(std::size_t site, const Moment& moment, SeqNum delivered);
  [[nodiscard]] bool over_blink(std::size_t site) const {
    return config_.over_blink.contains(ServerId(static_cast<std::uint16_t>(site)));
  }
  [[nodiscard]] LinkOut make(std::size_t site, TrafficClass traffic, const Moment& moment, SeqNum delivered,
                             const std::vector<Item>& items);

  LinkSenderConfig config_;
  std::vector<Peer> peers_;  // by SiteId; this site's own stays empty
  SeqNum df_sequence_;       // the last one given
};

}  // namespace garrison::site
