// LinkBook: what taps heard of the link messages of one class from one site to another over hubs, and what its servers
// did for them: sent at once in the first set, later in the second, because they were asked, or not at all.
//
// A window of kWindow messages is open. Which it is follows what so many servers have signed that one of them is
// correct. A message that falls behind is judged, in the order of sequences; the account at any time is that of the
// judged ones and of those that are open as they stand.
//
// Whose turn it is follows from the sequence and from who is demoted, which is said on no hub: servers that keep
// missing turns, by the rule that their peers have for it (link/duty_record.h), are taken for demoted until they send
// at once in a turn of theirs again.
//
// Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/tap/message_view.h"
#include "apps/tap/part_judge.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/duty_record.h"

namespace garrison::tap {

// Of one server and link. Parts, but where it says otherwise.
struct ServerTotals {
  std::uint64_t turns = 0;         // link messages in whose first set it was
  std::uint64_t missed_turns = 0;  // of them, it sent nothing at once
  std::uint64_t sent_first = 0;    // as servers count it, link/hub_sender.h
  std::uint64_t sent_second = 0;
  std::uint64_t sent_asked = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t needless = 0;
  std::uint64_t after_enough = 0;  // needless, and enough were out when it was sent
  std::uint64_t overhearable = 0;  // different parts of others, right as far as is known
  std::uint64_t forged = 0;        // in its name
  std::uint64_t wrong = 0;         // signed by it: link messages of which it sent another part than it has to
  std::uint64_t conflicting = 0;   // signed by it: different ones of one name
  std::uint64_t perjured = 0;      // signed by it: what no correct server signs
  std::uint64_t alone = 0;         // signed by it, of link messages that too few others know of
  std::array<std::uint64_t, kMaxTaps> only_at{};  // copies that one tap heard and the other did not

  ServerTotals& operator+=(const ServerTotals& other);
  [[nodiscard]] bool proven_faulty() const { return wrong + conflicting + perjured > 0; }
};

struct LinkTotals {
  std::uint64_t messages = 0;  // of which a good part was heard
  std::uint64_t decoded = 0;
  std::uint64_t undecided = 0;  // enough parts were heard, and no set of them decodes
  std::uint64_t misnamed = 0;   // parts under another name than the one they are signed for
  std::uint64_t malformed = 0;
  std::uint64_t beyond_window = 0;
  std::uint64_t unlooked = 0;  // for want of room, or after too many bad ones
};

// How a link message went: a line for people.
struct MessageLine {
  SeqNum sequence;
  bool decoded = false;
  std::string first_set;
  std::string parts;  // who sent when, from when the first part was heard
};

class LinkBook {
 public:
  static constexpr std::size_t kWindow = 256;
  static constexpr std::size_t kKeptBytes = std::size_t{256} << 10U;  // of parts of one server
  static constexpr std::size_t kLines = 256;

  // Of a link on a hub; `judge` outlives it. `adaptive_sets`: servers that miss their turns lose them.
  LinkBook(SiteId from, SiteId to, TrafficClass traffic, PartJudge& judge, bool adaptive_sets);

  // A whole part of this link. None: it was counted; else why it does not count.
  std::optional<DropReason> take(Instant now, std::size_t tap, const link::HubPartName& name, bool again,
                                 ByteView part);
  // That server of the other site says that it cannot decode this.
  void on_request(ServerId asker, SeqNum sequence, std::uint32_t holds);

  struct Account {
    LinkTotals link;
    std::vector<ServerTotals> servers;  // by index
    ServerSet demoted{};                // as is guessed
    std::vector<SeqNum> proofs{};       // by index, of the first message that proves it faulty; 0: none
    std::vector<MessageLine> lines{};   // the last ones
  };
  [[nodiscard]] Account account() const;

  [[nodiscard]] SiteId from() const { return from_; }
  [[nodiscard]] SiteId to() const { return to_; }
  [[nodiscard]] TrafficClass traffic() const { return traffic_; }

 private:
  // What judging leaves behind.
  struct Judged {
    explicit Judged(std::size_t n) : servers(n), proofs(n), record(n, ServerId(static_cast<std::uint16_t>(n))) {}
    LinkTotals link;
    std::vector<ServerTotals> servers;
    std::vector<SeqNum> proofs;
    link::DutyRecord record;  // of all: none of them is the tap
    ServerSet demoted;
    std::deque<MessageLine> lines;
  };
  using Spans = std::array<std::pair<SeqNum, SeqNum>, kMaxTaps>;

  [[nodiscard]] std::unique_ptr<MessageView>& slot(SeqNum sequence) { return window_[sequence.value() % kWindow]; }
  [[nodiscard]] const MessageView* find(SeqNum sequence) const;
  [[nodiscard]] bool within(SeqNum sequence) const {
    return sequence >= first_ && sequence.value() - first_.value() < kWindow;
  }
  [[nodiscard]] MessageView& open(SeqNum sequence);
  std::optional<DropReason> refuse(const link::HubPartName& name, const MessageView::Outcome& outcome);
  static void prove(Judged& judged, std::size_t index, SeqNum sequence);
  void follow(std::size_t index, SeqNum sequence);
  void move_to(SeqNum first);
  [[nodiscard]] ServerSet first_set(SeqNum sequence, ServerSet demoted) const;
  void judge(const MessageView& message, Judged& judged) const;
  void judge_server(const MessageView& message, std::size_t index, ServerSet first_set, Judged& judged) const;
  void judge_turns(const MessageView& message, Judged& judged) const;
  [[nodiscard]] MessageLine line_of(const MessageView& message, ServerSet first_set) const;

  SiteId from_;
  SiteId to_;
  TrafficClass traffic_;
  PartJudge& part_judge_;
  site::LinkPlan plan_;
  bool adaptive_sets_;
  std::vector<std::unique_ptr<MessageView>> window_;  // by sequence: [first_, first_ + kWindow)
  SeqNum first_{1};
  std::vector<SeqNum> newest_;     // by index
  std::vector<std::size_t> kept_;  // bytes, by index
  Judged judged_;
  std::vector<Spans> spans_;  // by index and tap, of the link messages that it heard that part of; first 0: none
};

}  // namespace garrison::tap
