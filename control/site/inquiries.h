// Who sent invalid parts: the blacklisting protocol of logical links, [ARCH] 4.1.1, Fig. 3. Part of the logical
// machine's state: its inputs are what the site has executed, and it speaks through the site's signed batches.
//
//   A  Decoding a link message of another site has failed: ask that site, with the signed parts (INQUIRY). Nothing of
//   it
//      is decoded before it answers (LinkReceiver holds it back).
//   C  Asked: compare the parts with the message that was sent. None is wrong: the asker is faulty. Else list whose
//   they
//      are, and answer with the message (INQUIRY-RESPONSE). Only the next inquiry of each asker is looked at, and it
//      must name nobody that the asker was told of before.
//   E  Answered: compare the parts with the message. None is wrong: the site has coded what it has not signed, and is
//      faulty. Else list whose they are; with more than f of a site the site is. Else it goes on, with the message.
//
// Lines B and D, to send what is signed, are Member's. All other sites are sent question and answer, too, and draw the
// same conclusion (docs/adr/0016).
//
// Each failed decoding lists a new server, or the site: after f + 1 of them nothing of a site is decoded any more. An
// answer that the message is `forgotten`, which only a TIMELY one can be, lists nobody.
//
// Memory: per other site one inquiry made, one that waits, and one about each third site.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "control/message/validate.h"
#include "control/site/blacklist.h"
#include "control/site/link_plan.h"
#include "control/site/link_receiver.h"
#include "control/site/sent_messages.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/state_fields.h"

namespace garrison::site {

struct InquiriesConfig {
  using NotState = void;
  message::Envelope envelope;       // of this site
  Incarnation incarnation{1};       // of the links
  std::vector<std::size_t> faulty;  // of each site, by SiteId, the f
  // By source and destination; none from a site to itself.
  std::vector<std::vector<std::optional<LinkPlan>>> plans;
  Duration repeat_after = seconds(1);  // an INQUIRY that is not answered, doubling up to ...
  Duration longest_repeat = seconds(8);
};

// To be signed by this site, for `to`.
struct ToSay {
  SiteId to;
  Bytes content;  // of an INQUIRY or INQUIRY-RESPONSE
  Bytes inquiry;  // of a response that proves something: what it answers, for all other sites
};

// What follows from an event.
struct Consequences {
  std::vector<Conviction> convictions;  // all new, in this order
  std::optional<ToSay> say;
  std::vector<DropReason> drops;
  // A source that goes on (E11), unless it is convicted: with this message, or without that TIMELY one, or as it is.
  struct Resumed {
    enum class How : std::uint8_t { with_message, without_it, as_it_is };
    SiteId source;
    How how = How::as_it_is;
    TrafficClass traffic{};
    SeqNum sequence;
    Bytes bundle;
  };
  std::optional<Resumed> resumed;
};

class Inquiries {
 public:
  // `validator` outlives it.
  Inquiries(InquiriesConfig config, message::Validator& validator);

  // A: decoding has failed at site time `now`. On a link of which one part is a message its sender alone is to blame.
  [[nodiscard]] Consequences on_failed(Instant now, const FailedDecoding& failed);
  // C, or what a third site asked.
  [[nodiscard]] Consequences on_inquiry(const message::VerifiedMessage& inquiry, const SentMessages& sent);
  // C, of those that had to wait: a batch has come back signed.
  [[nodiscard]] std::vector<Consequences> on_settled(const SentMessages& sent);
  // E, or what a third site was answered.
  [[nodiscard]] Consequences on_response(const message::VerifiedMessage& response);

  // Whether executing this INQUIRY or INQUIRY-RESPONSE might change anything.
  [[nodiscard]] bool wants(const message::VerifiedMessage& message) const;
  // Sites that have not answered for long.
  [[nodiscard]] std::vector<SiteId> due_again(Instant now);
  [[nodiscard]] Instant next_wakeup() const;
  [[nodiscard]] bool asks(SiteId site) const { return asked_[site.index()].has_value(); }

  [[nodiscard]] const Blacklist& blacklist() const { return blacklist_; }
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }  // so our inquiries were answered so often

  STATE_FIELDS(config_, validator_, codes_, blacklist_, numbers_, forgotten_, asked_, askers_, thirds_)

 private:
  // Our own inquiry that is under way.
  struct Asked {
    message::InquiryId id;
    std::vector<Bytes> parts;
    Instant repeat_at;
    Duration repeat_gap;
    STATE_FIELDS(id, parts, repeat_at, repeat_gap)
  };
  struct Asker {
    SeqNum handled;     // inquiries of it
    ServerSet told_of;  // of our servers
    Bytes waiting;      // an INQUIRY about what has not come back signed; empty: none
    STATE_FIELDS(handled, told_of, waiting)
  };
  // What a third site asked another one.
  struct Third {
    SeqNum heard;   // the newest number
    Bytes inquiry;  // of that number; empty: judged
    STATE_FIELDS(heard, inquiry)
  };

  [[nodiscard]] SiteId self() const { return config_.envelope.signer.site; }
  [[nodiscard]] const std::optional<LinkPlan>& plan(SiteId from, SiteId to) const {
    return config_.plans[from.index()][to.index()];
  }
  [[nodiscard]] bool known(const message::InquiryId& id) const;
  [[nodiscard]] bool fits_plan(const message::LinkInquiry& inquiry) const;
  [[nodiscard]] Consequences answer(ByteView inquiry, const SentMessages& sent);
  // Servers of the asked site whose parts are not of this message; without one, all of them.
  struct Wrong {
    ServerSet senders;
    std::vector<Bytes> parts;
  };
  [[nodiscard]] Wrong wrong_ones(const message::InquiryId& id, const std::vector<ByteView>& parts,
                                 std::optional<ByteView> bundle);
  // What `response` proves about the site that it is of, and its servers.
  void judge(const message::VerifiedMessage& response, const std::vector<ByteView>& parts, Consequences& out);
  void convict(SiteId site, Offence offence, std::vector<Bytes> evidence, Consequences& out);
  void convict(SiteId site, ServerSet servers, std::vector<Bytes> evidence, Consequences& out);
  [[nodiscard]] bool names_a_new_server(const message::LinkInquiry& inquiry) const;

  InquiriesConfig config_;
  message::Validator& validator_;
  link::PartCodes codes_;
  Blacklist blacklist_;
  std::vector<SeqNum> numbers_;  // of our inquiries, by asked site
  std::uint64_t forgotten_ = 0;
  std::vector<std::optional<Asked>> asked_;            // by site
  std::vector<Asker> askers_;                          // by site
  std::map<std::pair<SiteId, SiteId>, Third> thirds_;  // by asker and asked site
};

}  // namespace garrison::site
