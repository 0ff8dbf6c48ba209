// The table of adversaries.
#include <array>

#include "apps/adversary/bft_delay_leader.h"
#include "apps/adversary/delay_leader.h"
#include "apps/adversary/equivocation.h"
#include "apps/adversary/network_faults.h"
#include "apps/adversary/prime_attacks.h"
#include "apps/adversary/spec.h"
#include "apps/adversary/view_attacks.h"

namespace garrison::adversary {
namespace {

using Core = std::unique_ptr<ordering::OrderingCore>;
using Record = Conspiracy::Record;
using Made = std::unique_ptr<Adversary>;

constexpr OptionOfKind kTypes{"types", ValueKind::types, "all"};
constexpr OptionOfKind kTo{"to", ValueKind::servers, "all"};
constexpr OptionOfKind kFrom{"from", ValueKind::servers, "all"};

// For those whose constructor takes no options.
template <typename Plain>
Made make_plain(Core core, const Context& context, Record& record, const Options& /*options*/) {
  return std::make_unique<Plain>(std::move(core), context, record);
}

Made make_silent(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<Silent>(std::move(core), context, record, options.types("types"),
                                  options.servers("to", *context.conspiracy));
}

Made make_withhold_requests(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<Silent>(std::move(core), context, record, MessageTypes{message::MessageType::PoRequest},
                                  options.servers("to", *context.conspiracy));
}

Made make_deaf(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<Deaf>(std::move(core), context, record, options.types("types"),
                                options.servers("from", *context.conspiracy));
}

Made make_late(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<Late>(std::move(core), context, record, options.types("types"), options.duration("by"));
}

Made make_repeater(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<Repeater>(std::move(core), context, record, options.number("times"));
}

Made make_replayer(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<Replayer>(std::move(core), context, record, options.millionths("chance"));
}

// Leaders are judged differently, so what they dare differs.
Made make_delay_leader(Core core, const Context& context, Record& record, const Options& options) {
  if (context.protocol == config::LocalProtocol::bft) {
    return std::make_unique<BftDelayLeader>(std::move(core), context, record,
                                            BftDelayLeader::Config{options.duration("by"), options.duration("margin")});
  }
  return std::make_unique<DelayLeader>(std::move(core), context, record,
                                       DelayLeader::Config{options.duration("by"), options.duration("margin")});
}

Made make_lie_times(Core core, const Context& context, Record& record, const Options& options) {
  return std::make_unique<LieTimes>(std::move(core), context, record, options.types("types"), options.high("as"));
}

const std::vector<Kind>& table() {
  static const std::vector<Kind> kTable{
      {"silent",
       "never sends some messages to some servers",
       {kTypes, kTo},
       {"silent", "silent:to=f", "silent:types=PREPARE+COMMIT", "silent:types=PO-ACK+PO-SUMMARY:to=f"},
       false,
       make_silent,
       {"silent", "silent:to=f", "silent:types=PREPARE+COMMIT"}},
      {"deaf",
       "ignores some messages of some servers",
       {kTypes, kFrom},
       {"deaf:types=PO-REQUEST", "deaf:from=f", "deaf:types=PO-SUMMARY+SUMMARY-MATRIX"},
       false,
       make_deaf,
       {"deaf", "deaf:from=f"}},
      {"late",
       "sends some messages late",
       {kTypes, {"by", ValueKind::duration, "20ms"}},
       {"late:by=20ms", "late:types=PRE-PREPARE:by=100ms", "late:types=PO-REQUEST:by=1s"},
       false,
       make_late,
       {"late:by=20ms", "late:types=PRE-PREPARE+PREPARE:by=100ms"}},
      {"repeat",
       "sends everything several times more, to everyone",
       {{"times", ValueKind::count, "2"}},
       {"repeat:times=2"},
       false,
       make_repeater,
       {"repeat:times=2"}},
      {"replay",
       "sends old messages of anyone to anyone, by chance whenever it hears one",
       {{"chance", ValueKind::percent, "20"}},
       {"replay:chance=20"},
       false,
       make_replayer,
       {"replay:chance=20"}},
      {"withhold-requests",
       "does not send its PO-REQUESTs to some servers",
       {{"to", ValueKind::servers, "f"}},
       {"withhold-requests:to=f"},
       false,
       make_withhold_requests},
      {"ack-only-faulty",
       "acknowledges only PO-REQUESTs of faulty servers",
       {},
       {"ack-only-faulty"},
       false,
       make_plain<AckOnlyFaulty>},
      {"corrupt-recon",
       "sends parts that are not of the PO-REQUEST",
       {},
       {"corrupt-recon"},
       true,
       make_plain<CorruptRecon>},
      {"equivocate-po-request",
       "binds different updates to one preorder identifier",
       {},
       {"equivocate-po-request"},
       false,
       make_plain<EquivocatePoRequest>},
      {"equivocate-po-summary",
       "sends inconsistent PO-SUMMARYs",
       {},
       {"equivocate-po-summary"},
       false,
       make_plain<EquivocatePoSummary>},
      {"equivocate-pre-prepare",
       "proposes different matrices for one sequence",
       {},
       {"equivocate-pre-prepare"},
       true,
       make_plain<EquivocatePrePrepare>},
      {"equivocate-votes",
       "votes for digests that nobody proposed",
       {},
       {"equivocate-votes"},
       false,
       make_plain<EquivocateVotes>},
      {"execute-wrongly",
       "executes updates in an order of its own, and replies so",
       {},
       {"execute-wrongly"},
       false,
       make_plain<ExecuteWrongly>,
       {"execute-wrongly"}},
      {"delay-leader",
       "as leader, proposes as late as it dares, or by so much, and only to those who keep it in office; as another, "
       "covers for such a leader; of BFT, one update per server and timeout",
       {{"by", ValueKind::duration, "0ms"}, {"margin", ValueKind::duration, "4ms"}},
       {"delay-leader", "delay-leader:by=200ms"},
       true,
       make_delay_leader,
       {"delay-leader", "delay-leader:by=400ms"}},
      {"lie-times",
       "reports times that are too short or too long",
       {{"types", ValueKind::types, "TAT-MEASURE+RTT-MEASURE+TAT-UB"}, {"as", ValueKind::level, "low"}},
       {"lie-times:as=low", "lie-times:as=high"},
       false,
       make_lie_times},
      {"cry-wolf", "votes for another leader in every view", {}, {"cry-wolf"}, false, make_plain<CryWolf>},
      {"equivocate-report",
       "reports two states in one view change",
       {},
       {"equivocate-report"},
       true,
       make_plain<EquivocateReport>},
      {"equivocate-replay",
       "as leader, replays two lists in one view",
       {},
       {"equivocate-replay"},
       true,
       make_plain<EquivocateReplay>},
  };
  return kTable;
}

constexpr std::array kPresets = {
    Preset{"leader-slow", "a leader slower than is acceptable, so that it is replaced", "delay-leader:by=100ms"},
    Preset{"prime-attack", "all that [PRIME] 7 attacks Prime with: delay as leader, and force Reconciliation",
           "delay-leader,withhold-requests:to=f,ack-only-faulty"},
};

}  // namespace

std::span<const Kind> kinds() { return table(); }
std::span<const Preset> presets() { return kPresets; }

}  // namespace garrison::adversary
