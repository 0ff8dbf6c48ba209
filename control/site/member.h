// What one server does for the logical machine of its site: it introduces its clock, takes part in signing what the
// machine says, sends its parts of link messages, and introduces the parts and signatures that it gets.
//
// Nothing here is state of the machine: servers may do it at different times, and faulty ones not at all. A part comes
// to the site on the virtual link of a correct pair; a signature is introduced by f + 1 servers in turn, and by the
// others when that takes too long. On the hub every server gets every part, and f + 1 in turn introduce it. An INQUIRY
// goes to this server's peers until it is answered, and an answer that they have not heard is given again when they ask
// again.
//
// Over dependable forwarders it presents whole link messages, strictly in the order of their DF sequences, so that one
// waits until those before it are signed. What the forwarder hands it is introduced by f + 1 servers in turn over the
// link sequence, and by the others when that takes too long.
//
// On a blink link the forwarder of the pair in office sends link messages whole to its peer, which introduces what its
// machine does not know. What acknowledges them the peer sends to the forwarder that it has heard from, whoever is in
// office, and that one introduces it; so whether a pair is blamed does not depend on the pair of the other direction.
// The peer answers what its site has acknowledged before with the last acknowledgement, and orders nothing for it.
//
// Pure, like a core: effects are collected in outputs() until the environment takes them. One thread.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "control/ordering/ordering.h"
#include "control/site/link_plan.h"
#include "control/site/machine.h"
#include "control/site/threshold_sign.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/sliding_bitmap.h"

namespace garrison::site {

struct MemberConfig {
  message::Envelope envelope;  // of the server
  ServerId self;
  std::size_t n = 4;
  std::size_t f = 1;
  crypto::ThresholdScheme scheme{};
  std::vector<std::optional<LinkPlan>> links;  // to each site, by SiteId; none for this one
  Incarnation link_incarnation{1};
  Duration tick_period = milliseconds(10);  // of TICK, while the machine waits for the time
  Duration tick_rest = milliseconds(30);    // and while it does not; at least tick_period
  // After which a signature or a LINK-BUNDLE that nobody on duty introduced is introduced.
  Duration takeover = milliseconds(100);
  Duration report_gap = milliseconds(250);  // at least, between two DUTY-REPORTs about one link
  Duration report_again = seconds(2);       // between two that say the same of somebody
  Duration answer_gap = milliseconds(500);  // at least, between two times that the same INQUIRY-RESPONSE goes out
};

class Member final : public Effects {
 public:
  // What a part on the hub is to be compared with and sent by.
  struct OnHub {
    SeqNum sequence;
    ServerSet first_set;           // for it
    std::vector<Digest> encoding;  // by index, what each server of this site signs
  };
  // A LINK-PART that is signed, for one server of another site.
  struct SendPart {
    std::shared_ptr<const message::StoredMessage> part;
    SiteId site;
    ServerId to;
    TrafficClass traffic{};
    std::shared_ptr<const OnHub> hub{};  // null: of another link
    bool again = false;                  // the other site has not said that it has executed the link message
  };
  // BOUNDED link messages that another site has executed.
  struct Acknowledged {
    SiteId by;
    SeqNum through;
  };
  // A signed INQUIRY or INQUIRY-RESPONSE, or a LINK-BUNDLE of a blink link, for servers of another site.
  struct SendUncoded {
    std::shared_ptr<const Bytes> message;
    SiteId site;
    ServerSet to;
    TrafficClass traffic = TrafficClass::bounded;
  };
  // A link message for the forwarders of this site.
  struct Present {
    SeqNum df_sequence;  // above the one before
    SiteId to;
    TrafficClass traffic{};
    Bytes bundle;
  };
  struct Outputs {
    // Whole events: TICK, SITE-BATCH, LINK-BUNDLE, DUTY-REPORT; a LINK-PART is introduced as it came.
    std::vector<Bytes> introduce;
    std::vector<ordering::Sign>
        sign;  // for servers of this site; a LINK-PART, `to` nobody, comes back to on_own_part()
    std::vector<ordering::Forward> forward;
    std::vector<ThresholdSign::Share> shares;  // to be made by the thread that holds the key, for on_share()
    std::vector<SendPart> send;
    std::vector<SendUncoded> uncoded;
    std::vector<Present> present;
    std::vector<Acknowledged> acknowledged;  // of links on the hub
    std::vector<Conviction> convictions;     // news for whoever keeps evidence
    std::vector<DropReason> drops;

    [[nodiscard]] bool empty() const {
      return introduce.empty() && sign.empty() && forward.empty() && shares.empty() && send.empty() &&
             uncoded.empty() && present.empty() && acknowledged.empty() && convictions.empty() && drops.empty();
    }
  };

  Member(const MemberConfig& config, std::unique_ptr<crypto::ShareCombiner> combiner);

  // Signed messages of THRESHOLD-SIGN, a peer's or this server's own.
  void on_message(Instant now, const message::VerifiedMessage& message);
  void on_share(Instant now, const ThresholdSign::ShareMade& made);
  void on_own_part(const message::VerifiedMessage& part);
  // A verified part came from `source`, whose link message the machine knows already or not: whether to introduce it.
  // One that is known is needed when it comes again: its site has not heard that it was executed, and asks.
  [[nodiscard]] bool introduces(SiteId source, const message::LinkPart& part, bool known);
  // The forwarder has handed over a LINK-BUNDLE, which is verified, and which the machine has executed or not. Returns
  // why it is neither introduced nor kept for later.
  [[nodiscard]] std::optional<DropReason> on_bundle(Instant now, const LinkName& name, ByteView event, bool known);
  // Servers of this site that miss their turns on the hub link to another one, as far as this one can tell now.
  void on_duties(SiteId to, ServerSet missed);
  // Server `from` of the source has sent this over a blink link; it is verified, and the machine has executed it or
  // not. Returns why it is not introduced now.
  [[nodiscard]] std::optional<DropReason> on_blink(Instant now, ServerId from, const LinkName& name, ByteView bundle,
                                                   bool known);
  // The same of what acknowledges, which the machine would make use of.
  [[nodiscard]] std::optional<DropReason> on_blink(const LinkAcknowledgement& acknowledgement, ByteView bundle);
  // A server of that site asked what this one has answered already.
  void answer_again(Instant now, const message::InquiryId& id);
  // `tick_wanted`: when the machine waits for a TICK of this server.
  void tick(Instant now, Instant tick_wanted);
  [[nodiscard]] Instant next_wakeup() const;

  // What is to be done; the caller empties it.
  [[nodiscard]] Outputs& outputs() { return outputs_; }

  [[nodiscard]] ServerId self() const { return config_.self; }
  [[nodiscard]] std::uint64_t signatures() const { return signatures_; }  // of batches, known here
  [[nodiscard]] ServerSet expelled() const { return signing_.expelled(); }

  // Effects.
  void closed(std::shared_ptr<const OutgoingBatch> batch) override;
  void settled(std::uint64_t number, const RootSignature& signature) override;
  void acknowledged(SiteId to, SeqNum through) override;
  void repeat(SiteId to) override;
  void ask_again(SiteId to) override;
  void present_again(SiteId to, SeqNum df_sequence, ByteView bundle) override;
  void elected(SiteId to, std::size_t pair, const std::vector<SentMessages::Kept>& unacknowledged) override;
  void arrived(const LinkName& name) override;
  void convicted(const Conviction& conviction) override;
  // Nothing that was signed before is contradicted: shares of a batch and parts of a link message are what they are,
  // whoever makes them when. INQUIRYs that were signed meanwhile the others repeat.
  void restored(std::uint64_t settled, const std::vector<std::shared_ptr<const OutgoingBatch>>& closed,
                const std::vector<SentMessages::Kept>& unacknowledged) override;

 private:
  static constexpr std::size_t kRemembered = 4096;
  static constexpr std::size_t kMostOnHub = 256;  // link messages to one site whose encoding is kept
  struct Batch {
    std::shared_ptr<const OutgoingBatch> batch;
    std::optional<RootSignature> signature;  // known here
    bool settled = false;
    Instant introduce_at = Instant::never();
  };
  // Bundles that others introduce, of each site and class.
  static constexpr std::size_t kHeldBundles = 128;
  struct Departing {
    std::uint64_t batch = 0;  // whose signature it waits for, unless it is there
    Present link;             // the bundle is empty while it waits
  };
  using HeldBundles = std::map<SeqNum, std::pair<Instant, Bytes>>;  // when to introduce which event

  // What this server knows of a site over a blink link.
  struct Blink {
    std::size_t in_office = 0;  // the pair that sends to it
    // By server of it, the highest sequences, by class, that it has sent and that no acknowledgement was sent to it
    // for.
    std::map<ServerId, std::array<SeqNum, 2>> asking;
    std::map<std::pair<TrafficClass, SeqNum>, Instant> introduced;  // when; not executed yet
    std::optional<LinkAcknowledgement> acknowledged;                // of this site's, the last one that is signed
    std::shared_ptr<const Bytes> acknowledgement;                   // the message
    std::map<ServerId, Instant> answered;                           // who was sent it when
    std::array<SeqNum, 2> presented;  // how far, by class, acknowledgements of it go that were introduced here
  };

  void collect(ThresholdSign::Output& output);
  [[nodiscard]] bool over_blink(SiteId site) const;
  void send_whole(const OutgoingBatch& batch, const RootSignature& signature);
  void send_whole(SiteId to, TrafficClass traffic, ByteView bundle);
  void acknowledge(SiteId to, ByteView bundle);
  void answer(Instant now, SiteId site, ServerId server);
  void present(const OutgoingBatch& batch, const RootSignature& signature);
  void hand_over();
  [[nodiscard]] bool came_again(SiteId source, std::uint64_t what);
  void on_signature(std::uint64_t number, const RootSignature& signature);
  void send_parts(const OutgoingBatch& batch, const RootSignature& signature);
  void send_parts(SiteId to, TrafficClass traffic, SeqNum sequence, ServerSet demoted, ByteView bundle);
  [[nodiscard]] bool sends_to(SiteId site) const;
  [[nodiscard]] std::shared_ptr<const OnHub> on_hub(SiteId to, const message::LinkPart& own, ServerSet demoted,
                                                    ByteView bundle);
  void send_uncoded(const OutgoingBatch& batch, const RootSignature& signature);
  void send_uncoded(SiteId site, const std::shared_ptr<const Bytes>& message);
  void forget_done();
  [[nodiscard]] Instant next_tick() const;
  [[nodiscard]] bool on_duty(std::uint64_t number) const;
  [[nodiscard]] Batch* find(std::uint64_t number);

  MemberConfig config_;
  std::unique_ptr<crypto::ShareCombiner> combiner_;
  ThresholdSign signing_;
  link::PartCodes codes_;
  Outputs outputs_;
  std::deque<Batch> batches_;  // not yet settled and signed here, by number without a gap
  // BOUNDED parts that their site has not acknowledged, by link sequence and index.
  using Sent = std::map<std::pair<SeqNum, std::uint8_t>, SendPart>;
  std::vector<Sent> sent_;  // by SiteId
  // By link message; BOUNDED ones until their site has acknowledged them.
  using Encoded = std::map<std::pair<TrafficClass, SeqNum>, std::shared_ptr<const OnHub>>;
  std::vector<Encoded> encoded_;  // by SiteId; of links on the hub
  // Sequences of BOUNDED parts, by SiteId; on the hub, parts.
  std::vector<link::SlidingBitmap<kRemembered>> came_;
  std::vector<std::shared_ptr<const Bytes>> asked_;  // the last INQUIRY to each site; null: none
  struct Answer {
    std::shared_ptr<const Bytes> message;  // null: none
    message::InquiryId id;
    Instant sent_at;
  };
  std::vector<Answer> answered_;  // the last INQUIRY-RESPONSE to each site
  struct Duties {
    ServerSet missed;
    ServerSet reported;
    Instant reported_at;
  };
  [[nodiscard]] Instant report_due(const Duties& duties) const;
  void report_duties(Instant now);
  std::vector<Duties> duties_;           // of the link to each site
  std::deque<Departing> departing_;      // by DF sequence: not yet handed over
  std::vector<HeldBundles> bundles_[2];  // by class and source
  std::vector<Blink> blink_;             // by SiteId
  Instant now_;
  std::optional<Instant> ticked_at_;
  Instant tick_wanted_;
  std::uint64_t signatures_ = 0;
};

}  // namespace garrison::site
