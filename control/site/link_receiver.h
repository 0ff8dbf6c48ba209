// The receiving side of the logical links of a site: makes link messages of executed parts and hands them on in order.
// Part of the logical machine's state: everything here follows from the local order.
//
// A link message is what the first k parts in local order decode to if the source's signature on it verifies. If it
// does not, decoding has failed, and there is no second try: the source is held back until it is known who is to blame
// (inquiries.h, [ARCH] 4.1.1). Meanwhile its BOUNDED parts are kept within their window and not decoded, so that
// nothing has to be sent again, and TIMELY ones are dropped, since newer ones will come. What servers and sites send
// that are known to be faulty counts for nothing.
//
// Over dependable forwarders link messages come whole, in LINK-BUNDLEs, and count when the source's signature on them
// verifies: more than one server may introduce one, so copies are void. But one server introduces a message a second
// time only when it has come again, because its source has not heard that it was executed. On a blink link one server
// introduces each, and any copy says that its source asks. What only acknowledges there is not for this class.
//
// BOUNDED link messages are handed on in sequence, none left out. TIMELY ones are handed on at once, each once, in the
// order in which they come: a server that sends its part late must not make the site miss what others have sent.
//
// Parts count within a window. The sender's window keeps BOUNDED ones within it. TIMELY ones go on while this site is
// cut off; so their window follows what so many pairs have sent that one of them is correct, and what has come whole.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "control/message/validate.h"
#include "control/site/link_plan.h"
#include "control/site/outgoing.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/link/part_collector.h"

namespace garrison::site {

struct LinkReceiverConfig {
  using NotState = void;
  struct Source {
    SiteId site;
    LinkPlan plan;  // from there
  };
  SiteId self;
  std::size_t sites = 4;
  Incarnation incarnation{1};
  std::vector<Source> sources;  // the other sites
  std::size_t window = 128;     // link messages per source and class beyond the last one executed
};

// A link message whose source's signature has verified.
struct ReceivedLink {
  SiteId source;
  TrafficClass traffic{};
  SeqNum sequence;
  Bytes bundle;
};

// k signed LINK-PARTs of one link message that did not decode to it.
struct FailedDecoding {
  SiteId source;
  TrafficClass traffic{};
  SeqNum sequence;
  std::vector<Bytes> parts;
};

class LinkReceiver {
 public:
  // `validator` outlives it.
  LinkReceiver(const LinkReceiverConfig& config, message::Validator& validator);

  struct Outcome {
    std::vector<ReceivedLink> ready;       // link messages in the order in which they are executed
    std::optional<FailedDecoding> failed;  // behind them; its source is held back from now on
    bool asked_again = false;              // of a LINK-BUNDLE: its source has to hear again what was executed
  };
  // A part that was executed.
  [[nodiscard]] Outcome on_part(const message::VerifiedMessage& part, std::vector<DropReason>& drops);

  // A bundle that was executed, as this server of the site introduced it.
  [[nodiscard]] Outcome on_bundle(ServerId introducer, ByteView bundle, std::vector<DropReason>& drops);
  // Why one under this name would be dropped if it were executed now, whatever is in it.
  [[nodiscard]] std::optional<DropReason> refuses(const LinkName& name) const;
  [[nodiscard]] std::optional<DropReason> refuses(const LinkAcknowledgement& acknowledgement) const;

  // The source goes on.
  [[nodiscard]] Outcome resume(SiteId source);
  // The same when it is known what that message is ...
  [[nodiscard]] Outcome resume_with(SiteId source, TrafficClass traffic, SeqNum sequence, Bytes bundle);
  // ... or that it never will be: a TIMELY one.
  [[nodiscard]] Outcome resume_without(SiteId source, SeqNum sequence);

  // From now on what these servers send, or this site, counts for nothing, and what they sent neither.
  void ignore(SiteId source, ServerSet servers);
  void ignore(SiteId source);

  // Why a part would be dropped if it were executed now, as far as its sender is concerned.
  [[nodiscard]] std::optional<DropReason> refuses(const crypto::Principal& sender, TrafficClass traffic) const;

  // BOUNDED link messages handed on, by source.
  [[nodiscard]] const std::vector<SeqNum>& delivered() const { return delivered_[1]; }
  // The highest TIMELY one.
  [[nodiscard]] const std::vector<SeqNum>& delivered_timely() const { return delivered_[0]; }
  // Whether it was handed on, or is known and waits for its turn.
  [[nodiscard]] bool has(SiteId source, TrafficClass traffic, SeqNum sequence) const;
  // Candidates that were not what their site had signed.
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  [[nodiscard]] std::size_t held_bytes(SiteId source) const { return collector_.held_bytes(source); }

  STATE_FIELDS(config_, validator_, collector_, from_, delivered_, failures_)

 private:
  using Waiting = std::map<SeqNum, Bytes>;
  struct From {
    std::optional<LinkPlan> plan;  // none: this site itself
    bool held_back = false;
    bool ignored = false;
    ServerSet ignored_servers;
    std::vector<SeqNum> newest_timely;        // the highest sequence of a TIMELY part, by its index
    Waiting waiting;                          // BOUNDED, decoded out of turn, at most a window
    std::map<SeqNum, ServerSet> introducers;  // of BOUNDED bundles, a window back from the last one handed on
    STATE_FIELDS(plan, held_back, ignored, ignored_servers, newest_timely, waiting, introducers)
  };

  void decode(const link::LinkMessageId& id, Outcome& outcome);
  void take_message(const link::LinkMessageId& id, Bytes bundle, Outcome& outcome);
  [[nodiscard]] bool introduced_again(const LinkName& name, ServerId introducer);
  void in_turn(SiteId source, Outcome& outcome);
  void follow_timely(SiteId source, const message::LinkPart& part);
  void keep_timely_from(SiteId source, SeqNum sent);

  LinkReceiverConfig config_;
  message::Validator& validator_;
  link::PartCollector collector_;
  std::vector<From> from_;            // by SiteId
  std::vector<SeqNum> delivered_[2];  // by class and source
  std::uint64_t failures_ = 0;
};

}  // namespace garrison::site
