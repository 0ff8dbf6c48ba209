// What one server does for the logical machine of its site: it introduces its clock, takes part in signing what the
// machine says, sends its parts of link messages, and introduces the parts and signatures that it gets.
//
// Nothing here is state of the machine: servers may do it at different times, and faulty ones not at all. A part comes
// to the site on the virtual link of a correct pair; a signature is introduced by f + 1 servers in turn, and by the
// others when that takes too long.
//
// Pure, like a core: effects are collected in outputs() until the environment takes them. One thread.
#pragma once

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

namespace garrison::site {

struct MemberConfig {
  message::Envelope envelope;  // of the server
  ServerId self;
  std::size_t n = 4;
  std::size_t f = 1;
  crypto::ThresholdScheme scheme{};
  std::vector<std::optional<LinkPlan>> links;  // to each site, by SiteId; none for this one
  Incarnation link_incarnation{1};
  Duration tick_period = milliseconds(10);
  Duration takeover = milliseconds(100);  // after which a signature that nobody on duty introduced is introduced
};

class Member final : public Effects {
 public:
  // A LINK-PART that is signed, for one server of another site.
  struct SendPart {
    std::shared_ptr<const message::StoredMessage> part;
    SiteId site;
    ServerId to;
    TrafficClass traffic{};
  };
  struct Outputs {
    std::vector<Bytes> introduce;  // whole events: TICK, SITE-BATCH; a LINK-PART is introduced as it came
    std::vector<ordering::Sign>
        sign;  // for servers of this site; a LINK-PART, `to` nobody, comes back to on_own_part()
    std::vector<ordering::Forward> forward;
    std::vector<ThresholdSign::Share> shares;  // to be made by the thread that holds the key, for on_share()
    std::vector<SendPart> send;
    std::vector<DropReason> drops;
  };

  Member(const MemberConfig& config, std::unique_ptr<crypto::ShareCombiner> combiner);

  // Signed messages of THRESHOLD-SIGN, a peer's or this server's own.
  void on_message(Instant now, const message::VerifiedMessage& message);
  void on_share(Instant now, const ThresholdSign::ShareMade& made);
  void on_own_part(const message::VerifiedMessage& part);
  void tick(Instant now);
  [[nodiscard]] Instant next_wakeup() const;

  // What is to be done; the caller empties it.
  [[nodiscard]] Outputs& outputs() { return outputs_; }

  [[nodiscard]] std::uint64_t signatures() const { return signatures_; }  // of batches, known here
  [[nodiscard]] ServerSet expelled() const { return signing_.expelled(); }

  // Effects.
  void closed(std::shared_ptr<const OutgoingBatch> batch) override;
  void settled(std::uint64_t number, const RootSignature& signature) override;
  void acknowledged(SiteId to, SeqNum through) override;
  void repeat(SiteId to) override;

 private:
  struct Batch {
    std::shared_ptr<const OutgoingBatch> batch;
    std::optional<RootSignature> signature;  // known here
    bool settled = false;
    Instant introduce_at = Instant::never();
  };
  void collect(ThresholdSign::Output& output);
  void on_signature(std::uint64_t number, const RootSignature& signature);
  void send_parts(const OutgoingBatch& batch, const RootSignature& signature);
  void forget_done();
  [[nodiscard]] bool on_duty(std::uint64_t number) const;
  [[nodiscard]] Batch* find(std::uint64_t number);

  MemberConfig config_;
  std::unique_ptr<crypto::ShareCombiner> combiner_;
  ThresholdSign signing_;
  link::PartCodes codes_;
  Outputs outputs_;
  std::deque<Batch> batches_;  // not yet settled and signed here, by number without a gap
  // BOUNDED parts that their site has not acknowledged.
  struct Sent {
    SeqNum sequence;
    SendPart part;
  };
  std::vector<std::deque<Sent>> sent_;  // by SiteId
  Instant now_;
  Instant next_tick_;
  std::uint64_t signatures_ = 0;
};

}  // namespace garrison::site
