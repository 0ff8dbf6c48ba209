// The logical machine of a site: the global protocol's core and the replicated service, driven by the events that the
// site's servers have ordered (docs/adr/0012). Every server of the site runs one and feeds it the same order, so all go
// through the same states and close the same outgoing batches.
//
// It is the application of the local order, and the environment of the global replica. Nothing of this one server's
// enters: no clock, key or message that was not ordered. What only some servers do (signing, sending parts, introducing
// events) is Member's, which is told through Effects. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "control/message/validate.h"
#include "control/replica/replica.h"
#include "control/site/haste.h"
#include "control/site/hub_duties.h"
#include "control/site/inquiries.h"
#include "control/site/introduced.h"
#include "control/site/link_receiver.h"
#include "control/site/link_sender.h"
#include "control/site/outgoing.h"
#include "control/site/pair_election.h"
#include "control/site/sent_messages.h"
#include "control/site/site_clock.h"

namespace garrison::site {

struct MachineConfig {
  message::Envelope envelope;  // of the site
  std::size_t servers = 4;     // of this site
  std::size_t faulty = 1;      // of them
  std::size_t sites = 4;
  Duration clock_bound = milliseconds(200);  // see SiteClock
  // Between two batches that close, in site time, and how many may be closed and not yet signed. A batch closes as soon
  // as both allow and there is something to say: the load makes the size of its batches. A site that says less than
  // `hurry_bytes_per_s` to others does not wait for the period (haste.h); 0: it always does.
  Duration sign_period = milliseconds(10);
  std::uint64_t hurry_bytes_per_s = 0;
  std::vector<std::optional<LinkPlan>> links;  // to each site, none to this one
  std::size_t unsigned_batches = 2;
  std::size_t leaves_per_batch = 64;  // with one of their own
  LinkSenderConfig sender;
  LinkReceiverConfig receiver;
  InquiriesConfig inquiries;
  PairElectionConfig pairs;       // of blink links
  std::size_t timely_kept = 128;  // TIMELY link messages that other sites may ask about, per site
};

// What the servers of a site do for it, each by itself. Called from within execute().
class Effects {
 public:
  Effects() = default;
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;
  virtual ~Effects() = default;

  // To be signed and sent. Numbers rise by one.
  virtual void closed(std::shared_ptr<const OutgoingBatch> batch) = 0;
  // Its SITE-BATCH was executed, here in any case in the order of their numbers: nobody need introduce it again.
  virtual void settled(std::uint64_t number, const RootSignature& signature) = 0;
  // `to` has acknowledged BOUNDED link messages up to `through`.
  virtual void acknowledged(SiteId to, SeqNum through) = 0;
  // Whatever `to` has not acknowledged is to be sent again.
  virtual void repeat(SiteId to) = 0;
  // So is the last INQUIRY to it.
  virtual void ask_again(SiteId to) = 0;
  // Over dependable forwarders each BOUNDED link message by itself is presented again, under this DF sequence, the next
  // one that was given. The view is valid during the call.
  virtual void present_again(SiteId to, SeqNum df_sequence, ByteView bundle) = 0;
  // On a blink link this pair is in office from now on, and sends again what was not acknowledged. Views are valid
  // during the call.
  virtual void elected(SiteId to, std::size_t pair, const std::vector<SentMessages::Kept>& unacknowledged) = 0;
  // A link message that comes in bundles is known: nobody need introduce it any more.
  virtual void arrived(const LinkName& name) = 0;
  // A server or site is known to be faulty; nothing more goes to a site that is.
  virtual void convicted(const Conviction& conviction) = 0;

  // The machine has been handed over by others and stands further than it did: batches up to `settled` are, `closed`
  // are not, in their order, and of what was sent before `unacknowledged` still has to arrive. Views are valid during
  // the call. elected() has been called for each blink link.
  virtual void restored(std::uint64_t settled, const std::vector<std::shared_ptr<const OutgoingBatch>>& closed,
                        const std::vector<SentMessages::Kept>& unacknowledged) = 0;
};

// For display and checkers.
struct MachineStatus {
  Instant clock;                    // site time
  std::uint64_t batches = 0;        // closed
  std::uint64_t settled = 0;        // of them, in order
  std::uint64_t events = 0;         // executed
  std::uint64_t link_messages = 0;  // executed
  std::uint64_t failed_decodings = 0;
  std::uint64_t forgotten = 0;  // of them, about TIMELY messages that their sites no longer had
  Digest fingerprint{};         // of everything said so far: equal at all servers behind the same batch
  ServerSet demoted;            // of this site, on any of its hub links now
  std::uint64_t demotions = 0;
  // Of a blink link of this site.
  struct Office {
    SiteId to;
    std::size_t pair = 0;  // in office
    std::uint64_t rotations = 0;
  };
  std::vector<Office> offices{};
};

class LogicalMachine final : public replica::Application, private replica::Environment {
 public:
  // `core` is the global protocol's; `service` is what its order is fed to. `directory`, `service` and `effects`
  // outlive it. `transfer`: of the service's state between sites.
  LogicalMachine(const MachineConfig& config, std::unique_ptr<ordering::OrderingCore> core,
                 replica::Application& service, const std::optional<state_transfer::TransferConfig>& transfer,
                 const crypto::KeyDirectory& directory, Effects& effects);

  // A locally ordered batch. `now` is this server's and is not looked at.
  void execute(Instant now, const ordering::Deliver& batch) override;

  // Of the snapshot.
  [[nodiscard]] Digest state_digest() const override;
  // The whole machine, the service included (docs/adr/0015).
  [[nodiscard]] Bytes snapshot() const override;
  [[nodiscard]] Result<void> restore(ByteView snapshot) override;

  [[nodiscard]] const replica::Replica& replica() const { return replica_; }
  [[nodiscard]] MachineStatus status() const;
  // When a tick of `server`, by its own clock, is next waited for.
  [[nodiscard]] Instant tick_wanted(ServerId server) const { return state_->clock.own_time(server, next_wakeup_); }
  // Whether a link message, or a part of it, is of no use any more.
  [[nodiscard]] bool has(SiteId source, TrafficClass traffic, SeqNum sequence) const {
    return state_->receiver.has(source, traffic, sequence);
  }
  // Whether to introduce an INQUIRY or INQUIRY-RESPONSE that came from another site.
  [[nodiscard]] bool wants(const message::VerifiedMessage& inquiry) const { return state_->inquiries.wants(inquiry); }
  // Why a bundle under this name would be dropped.
  [[nodiscard]] std::optional<DropReason> refuses(const LinkName& name) const { return state_->receiver.refuses(name); }
  // Why an acknowledgement of a blink link would be dropped: link_stale when it says nothing new.
  [[nodiscard]] std::optional<DropReason> refuses(const LinkAcknowledgement& acknowledgement) const;
  // Why a part from this server would be dropped.
  [[nodiscard]] std::optional<DropReason> refuses(const crypto::Principal& sender, TrafficClass traffic) const {
    return state_->receiver.refuses(sender, traffic);
  }
  [[nodiscard]] const Blacklist& blacklist() const { return state_->inquiries.blacklist(); }
  [[nodiscard]] const PairElection& pairs() const { return state_->pairs; }
  [[nodiscard]] const LinkReceiver& receiver() const { return state_->receiver; }
  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] const message::Validator& validator() const { return validator_; }
  // Called when a batch closes, with its number and root: checkers of the lab. May be empty.
  std::function<void(std::uint64_t number, const Digest& fingerprint)> on_closed;
  // Called when somebody is listed, with the events executed before; for checkers, too.
  std::function<void(std::uint64_t events, const Conviction& conviction)> on_convicted;

  // Called when the state has been replaced by that of others; for checkers, too.
  std::function<void()> on_restored;

  // Called for each event that was executed; for checkers, too.
  std::function<void(const message::VerifiedMessage& event)> on_executed;

  // Called for each link message of this site that closes, and of another one that is executed; for checkers, too.
  std::function<void(const LinkName& name, ByteView content)> on_link;

  // Of a faulty site, all of whose servers must do the same behind the same event.
  struct Byzantine {
    // An event was executed. May call say_uncoded().
    std::function<void(LogicalMachine& machine, const message::VerifiedMessage& event)> on_event;
  };
  void corrupt(Byzantine byzantine) { byzantine_ = std::move(byzantine); }
  void say_uncoded(ToSay say);

 private:
  void persist(const ordering::Persist& record) override;
  void sign(const ordering::Sign& request) override;
  void forward(const ordering::Forward& request) override;
  void verify(const ordering::Verify& request) override;
  void drop(DropReason reason) override { drops_.add(reason); }

  void on_event(ServerId introducer, const std::shared_ptr<const message::StoredMessage>& holder, ByteView event);
  void on_client_op(const message::VerifiedMessage& op);
  void on_tick(ServerId introducer, const message::Tick& tick);
  void on_site_batch(const message::VerifiedMessage& event);
  void on_link_part(const message::VerifiedMessage& event);
  void on_link_bundle(ServerId introducer, const message::VerifiedMessage& event);
  void on_acknowledgement(const LinkAcknowledgement& acknowledgement, ByteView bundle);
  void acknowledged(SiteId by, SeqNum delivered);
  void repeat(SiteId site);
  void take(LinkReceiver::Outcome outcome);
  void follow(Consequences consequences);
  void expel(const Conviction& conviction);
  void deliver(const ReceivedLink& link);
  void settle();
  void hand_back(const OutgoingBatch& batch, const RootSignature& signature);
  void verify_due();
  void close_if_due();
  void hurry();
  [[nodiscard]] bool may_close() const;
  [[nodiscard]] Instant find_next_wakeup() const;
  void close();
  [[nodiscard]] std::shared_ptr<const Bytes> whole(const Item& item) const;
  void forget_batches();
  void tell_restored();

  // A closed batch that is still needed, and how far it has come back signed.
  struct Closed {
    std::shared_ptr<const OutgoingBatch> batch;
    std::optional<RootSignature> signature;  // of a SITE-BATCH that was executed
    void save(ordering::StateWriter& state) const;
    void load(ordering::StateReader& state);
  };
  // All that follows from the events, but for the replica and the service.
  struct State {
    State(const MachineConfig& config, message::Validator& validator);
    // Whether batches are numbered as they must be.
    [[nodiscard]] bool fits() const;

    SiteClock clock;
    Introduced introduced;
    LinkSender sender;
    LinkReceiver receiver;
    SentMessages sent;
    Inquiries inquiries;
    HubDuties duties;
    PairElection pairs;

    // The batch that is open.
    std::vector<Emission> open;
    std::vector<UncodedOut> open_uncoded;
    std::uint16_t open_leaves = 0;  // of both
    std::deque<Bytes> verify_due;   // Output::verify of the step that is under way

    std::deque<Closed> closed;      // by number without a gap
    std::uint64_t next_number = 1;  // of the batch that is open
    std::uint64_t settled = 0;      // batches up to here were handed back
    std::optional<Instant> closed_at;
    Haste haste;

    Digest fingerprint{};
    std::uint64_t events = 0;
    std::uint64_t link_messages = 0;
    STATE_FIELDS(clock, introduced, sender, receiver, sent, inquiries, duties, pairs, open, open_uncoded, open_leaves,
                 verify_due, closed, next_number, settled, closed_at, haste, fingerprint, events, link_messages)
  };

  MachineConfig config_;
  message::Validator validator_;  // of the global protocol's messages, and of link messages
  replica::Application& service_;
  Effects& effects_;
  std::unique_ptr<State> state_;
  replica::Replica replica_;
  DropCounters drops_;
  Byzantine byzantine_;
  Instant next_wakeup_;  // in site time, behind the last event; follows from the state
};

}  // namespace garrison::site
