#include "apps/tap/link_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/config/names.h"
#include "dataplane/base/check.h"

namespace garrison::tap {

ServerTotals& ServerTotals::operator+=(const ServerTotals& other) {
  turns += other.turns;
  missed_turns += other.missed_turns;
  sent_first += other.sent_first;
  sent_second += other.sent_second;
  sent_asked += other.sent_asked;
  cancelled += other.cancelled;
  needless += other.needless;
  after_enough += other.after_enough;
  overhearable += other.overhearable;
  forged += other.forged;
  wrong += other.wrong;
  conflicting += other.conflicting;
  perjured += other.perjured;
  alone += other.alone;
  for (std::size_t i = 0; i < kMaxTaps; ++i) only_at[i] += other.only_at[i];
  return *this;
}

LinkBook::LinkBook(SiteId from, SiteId to, TrafficClass traffic, PartJudge& judge, bool adaptive_sets)
    : from_(from),
      to_(to),
      traffic_(traffic),
      part_judge_(judge),
      plan_(judge.plan(from, to)),
      adaptive_sets_(adaptive_sets),
      window_(kWindow),
      newest_(plan_.code().n),
      kept_(plan_.code().n),
      judged_(plan_.code().n),
      spans_(plan_.code().n) {
  CHECK(plan_.on_hub());
}

const MessageView* LinkBook::find(SeqNum sequence) const {
  return within(sequence) ? window_[sequence.value() % kWindow].get() : nullptr;
}

MessageView& LinkBook::open(SeqNum sequence) {
  std::unique_ptr<MessageView>& at = slot(sequence);
  if (at == nullptr) at = std::make_unique<MessageView>(sequence, plan_.code().n);
  return *at;
}

std::optional<DropReason> LinkBook::take(Instant now, std::size_t tap, const link::HubPartName& name, bool again,
                                         ByteView part) {
  if (name.index >= plan_.code().n || name.sequence == SeqNum()) return DropReason::link_part_malformed;
  if (!within(name.sequence)) {
    ++judged_.link.beyond_window;
    if (name.sequence < first_) return DropReason::link_stale;
    const PartJudge::Judgement judgement = part_judge_.judge(name, part);
    if (judgement.worth == PartWorth::good) follow(name.index, name.sequence);
    if (!within(name.sequence)) return DropReason::link_beyond_window;
    --judged_.link.beyond_window;
  }
  MessageView& message = open(name.sequence);
  const MessageView::Limits limits{.requests_needed = plan_.receiver.f + 1,
                                   .allowance = kKeptBytes - kept_[name.index]};
  for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i] -= message.kept_bytes(i);
  const MessageView::Outcome outcome = message.take(now, tap, name, again, part, part_judge_, limits);
  for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i] += message.kept_bytes(i);
  if (const auto refused = refuse(name, outcome); refused.has_value()) return refused;
  auto& [first, last] = spans_[name.index][tap];
  if (first == SeqNum() || name.sequence < first) first = name.sequence;
  last = std::max(last, name.sequence);
  follow(name.index, name.sequence);
  if (message.saying(name.index) == MessageView::Saying::wrong) return DropReason::link_bad_candidate;
  return std::nullopt;
}

std::optional<DropReason> LinkBook::refuse(const link::HubPartName& name, const MessageView::Outcome& outcome) {
  ServerTotals& server = judged_.servers[name.index];
  if (outcome.unlooked) {
    ++judged_.link.unlooked;
    return DropReason::chunk_no_slot;
  }
  switch (outcome.worth) {
    case PartWorth::good:
      if (!outcome.conflicts) return std::nullopt;
      ++server.conflicting;
      prove(judged_, name.index, name.sequence);
      return std::nullopt;  // it was sent all the same
    case PartWorth::malformed:
      ++judged_.link.malformed;
      return DropReason::link_part_malformed;
    case PartWorth::forged:
      ++server.forged;
      return DropReason::message_bad_signature;
    case PartWorth::misnamed:
      ++judged_.link.misnamed;
      return DropReason::message_not_first_hand;
    case PartWorth::perjured:
      ++server.perjured;
      prove(judged_, name.index, name.sequence);
      return DropReason::link_bad_candidate;
  }
  CHECK(false);
}

void LinkBook::prove(Judged& judged, std::size_t index, SeqNum sequence) {
  SeqNum& first = judged.proofs[index];
  if (first == SeqNum() || sequence < first) first = sequence;
}

void LinkBook::on_request(ServerId asker, SeqNum sequence, std::uint32_t holds) {
  if (asker.index() >= plan_.receiver.n || !within(sequence)) return;
  if (const std::unique_ptr<MessageView>& at = slot(sequence); at != nullptr) at->on_request(asker, holds);
}

// The window goes where f + 1 servers have been, so that none alone moves it.
void LinkBook::follow(std::size_t index, SeqNum sequence) {
  newest_[index] = std::max(newest_[index], sequence);
  std::vector<SeqNum> newest = newest_;
  const auto at = newest.begin() + static_cast<std::ptrdiff_t>(plan_.sender.f);
  std::ranges::nth_element(newest, at, std::greater<>());
  constexpr std::uint64_t kBehind = kWindow * 3 / 4;
  if (at->value() > kBehind && at->value() - kBehind > first_.value()) move_to(SeqNum(at->value() - kBehind));
}

void LinkBook::move_to(SeqNum first) {
  // Each slot once, in the order of sequences, however far it goes.
  const std::uint64_t over = std::min<std::uint64_t>(first.value() - first_.value(), kWindow);
  for (std::uint64_t i = 0; i < over; ++i) {
    std::unique_ptr<MessageView>& at = slot(SeqNum(first_.value() + i));
    if (at == nullptr) continue;
    judge(*at, judged_);
    for (std::size_t part = 0; part < kept_.size(); ++part) kept_[part] -= at->kept_bytes(part);
    at.reset();
  }
  first_ = first;
}

LinkBook::Account LinkBook::account() const {
  Judged now = judged_;
  for (std::uint64_t i = 0; i < kWindow; ++i) {
    if (const MessageView* const message = find(SeqNum(first_.value() + i)); message != nullptr) judge(*message, now);
  }
  return {now.link, std::move(now.servers), now.demoted, std::move(now.proofs), {now.lines.begin(), now.lines.end()}};
}

ServerSet LinkBook::first_set(SeqNum sequence, ServerSet demoted) const { return plan_.hub().first(sequence, demoted); }

void LinkBook::judge(const MessageView& message, Judged& judged) const {
  std::size_t signed_by = 0;
  for (std::size_t i = 0; i < message.parts(); ++i) {
    signed_by += message.saying(i) == MessageView::Saying::nothing ? 0 : 1;
  }
  if (signed_by == 0) return;
  ++judged.link.messages;
  if (message.decoded()) ++judged.link.decoded;
  if (!message.decoded() && signed_by >= plan_.code().k) ++judged.link.undecided;
  judge_turns(message, judged);
  const ServerSet first = first_set(message.sequence(), judged.demoted);
  for (std::size_t i = 0; i < message.parts(); ++i) {
    judge_server(message, i, first, judged);
    const bool alone = !message.decoded() && signed_by <= plan_.sender.f;
    if (alone && message.saying(i) != MessageView::Saying::nothing) ++judged.servers[i].alone;
  }
  judged.lines.push_back(line_of(message, first));
  if (judged.lines.size() > kLines) judged.lines.pop_front();
}

void LinkBook::judge_server(const MessageView& message, std::size_t index, ServerSet first_set, Judged& judged) const {
  ServerTotals& server = judged.servers[index];
  const ServerId id(static_cast<std::uint16_t>(index));
  const MessageView::Sent& sent = message.sent(index);
  const std::size_t others = message.senders().without(id).size();
  const bool at_once = sent.at_once();
  if (first_set.contains(id)) {
    ++server.turns;
    server.missed_turns += at_once ? 0 : 1;
    server.sent_first += at_once ? 1 : 0;
  } else if (at_once) {
    ++server.sent_second;
    if (plan_.kind != config::LinkKind::hub_immediate && others >= plan_.code().k) {
      ++server.needless;
      server.after_enough += sent.others_before >= plan_.code().k ? 1 : 0;
    }
  } else if (others >= plan_.code().k) {
    ++server.cancelled;
  }
  server.sent_asked += sent.asked;
  server.overhearable += others;
  if (message.saying(index) == MessageView::Saying::wrong) {
    ++server.wrong;
    prove(judged, index, message.sequence());
  }
  const auto heard_by = [&](const auto& span) {
    return span.first != SeqNum() && message.sequence() >= span.first && message.sequence() <= span.second;
  };
  if (!std::ranges::all_of(spans_[index], heard_by)) return;
  for (std::size_t tap = 0; tap < kMaxTaps; ++tap) {
    const std::uint32_t here = sent.heard[tap];
    const std::uint32_t there = sent.heard[1 - tap];
    server.only_at[tap] += here > there ? here - there : 0;
  }
}

// As servers do it, but for the timeout: who has sent nothing at once by the time the message is judged has missed it.
void LinkBook::judge_turns(const MessageView& message, Judged& judged) const {
  if (!adaptive_sets_ || plan_.kind == config::LinkKind::hub_immediate) return;
  first_set(message.sequence(), {}).for_each([&](ServerId id) {
    const bool sent = message.sent(id.index()).at_once();
    if (judged.demoted.contains(id)) {
      if (sent) judged.demoted.erase(id);
    } else {
      judged.record.add(id, !sent);
    }
  });
  judged.record.suspected().for_each([&](ServerId id) {
    if (judged.demoted.size() >= plan_.sender.f) return;
    judged.demoted.insert(id);
    judged.record.forget(id);
  });
}

MessageLine LinkBook::line_of(const MessageView& message, ServerSet first_set) const {
  MessageLine line{.sequence = message.sequence(), .decoded = message.decoded(), .first_set = {}, .parts = {}};
  first_set.for_each(
      [&](ServerId id) { line.first_set += (line.first_set.empty() ? "" : " ") + config::server_name(from_, id); });
  std::vector<std::size_t> in_time;
  for (std::size_t i = 0; i < message.parts(); ++i) {
    if (message.sent(i).copies > 0) in_time.push_back(i);
  }
  std::ranges::stable_sort(in_time, {}, [&](std::size_t i) { return message.sent(i).at; });
  for (const std::size_t i : in_time) {
    const MessageView::Sent& sent = message.sent(i);
    const bool wrong = message.saying(i) == MessageView::Saying::wrong;
    line.parts += fmt::format("{}{}{:+.3f}ms{}{}", line.parts.empty() ? "" : " ",
                              config::server_name(from_, ServerId(static_cast<std::uint16_t>(i))),
                              static_cast<double>((sent.at - message.first_heard()).ns()) / 1e6,
                              sent.copies > 1 ? fmt::format("x{}", sent.copies) : "", wrong ? "!" : "");
  }
  return line;
}

}  // namespace garrison::tap
