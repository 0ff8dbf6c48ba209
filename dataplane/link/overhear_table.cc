#include "dataplane/link/overhear_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::link {

namespace {
constexpr std::uint32_t bit(std::uint8_t index) { return std::uint32_t{1} << index; }
}  // namespace

OverhearTable::OverhearTable(const Config& config)
    : config_(config), messages_(std::bit_ceil(config.window)), digests_(messages_.size() * config.parts) {
  CHECK(config.window > 0 && config.parts <= kMaxServersPerSite);
}

const OverhearTable::Message* OverhearTable::find(SeqNum sequence) const {
  const Message& message = messages_[slot_of(sequence)];
  return message.sequence == sequence && sequence != SeqNum() ? &message : nullptr;
}
OverhearTable::Message* OverhearTable::find(SeqNum sequence) {
  return const_cast<Message*>(std::as_const(*this).find(sequence));  // NOLINT: our own, through the const search
}

void OverhearTable::expect(SeqNum sequence, std::span<const Digest> digests) {
  CHECK(digests.size() == config_.parts);
  if (sequence < first_ || find(sequence) != nullptr) return;  // a link message has one encoding
  if (sequence.value() >= first_.value() + config_.window) forget_below(SeqNum(sequence.value() - config_.window + 1));
  newest_ = std::max(newest_, sequence);
  Message& message = messages_[slot_of(sequence)];
  message = {.sequence = sequence};
  std::ranges::copy(digests, digests_.begin() + static_cast<std::ptrdiff_t>(slot_of(sequence) * config_.parts));
  for (std::size_t rest = waiting_.size(); rest > 0; --rest) {
    Waiting early = std::move(waiting_.front());
    waiting_.pop_front();
    if (early.sequence != sequence) {
      waiting_.push_back(std::move(early));
      continue;
    }
    waiting_bytes_ -= early.part.size();
    if (judge(message, early.index).has_value()) continue;
    early_.push_back({sequence, early.index, std::move(early.part), says(sequence, early.index)});
  }
}

void OverhearTable::forget_below(SeqNum first) {
  if (first <= first_) return;
  for (; first_ < first && first_ <= newest_; first_ = first_.next()) {
    if (Message* const over = find(first_); over != nullptr) *over = {};
  }
  first_ = first;
  std::erase_if(early_, [&](const Early& each) { return each.sequence < first; });
  std::erase_if(waiting_, [&](const Waiting& each) {
    if (each.sequence >= first) return false;
    waiting_bytes_ -= each.part.size();
    return true;
  });
}

OverhearTable::Hearing OverhearTable::hear(SeqNum sequence, std::uint8_t index, ByteView part) {
  const auto refused = [](DropReason reason) { return Hearing{reason, nullptr}; };
  if (index >= config_.parts) return refused(DropReason::link_part_malformed);
  if ((ignored_ & bit(index)) != 0) return refused(DropReason::link_blacklisted);
  if (sequence < first_) return refused(DropReason::link_stale);
  if (Message* const message = find(sequence); message != nullptr) {
    const auto reason = judge(*message, index);
    return reason.has_value() ? refused(*reason) : Hearing{std::nullopt, &says(sequence, index)};
  }
  if (sequence <= newest_ || sequence.value() - newest_.value() > config_.window) {
    return refused(DropReason::link_beyond_window);
  }
  return {keep(sequence, index, part), nullptr};
}

std::optional<DropReason> OverhearTable::judge(Message& message, std::uint8_t index) {
  if ((message.counted & bit(index)) != 0) return DropReason::link_duplicate;
  // One with a wrong signature must not keep the right one from being looked at.
  if (message.verifying[index] == kCandidates) return DropReason::link_duplicate;
  ++message.verifying[index];
  return std::nullopt;
}

std::optional<DropReason> OverhearTable::keep(SeqNum sequence, std::uint8_t index, ByteView part) {
  const auto under_that_name = [&](const Waiting& each) { return each.sequence == sequence && each.index == index; };
  if (std::ranges::any_of(waiting_,
                          [&](const Waiting& each) { return under_that_name(each) && equal(each.part, part); })) {
    return DropReason::link_duplicate;
  }
  if (std::ranges::count_if(waiting_, under_that_name) >= static_cast<std::ptrdiff_t>(kCandidates) ||
      waiting_bytes_ + part.size() > config_.waiting_bytes) {
    return DropReason::chunk_no_slot;
  }
  waiting_bytes_ += part.size();
  waiting_.push_back({sequence, index, to_bytes(part)});
  return std::nullopt;
}

void OverhearTable::sent(SeqNum sequence, std::uint8_t index) {
  if (Message* const message = find(sequence); message != nullptr) message->counted |= bit(index);
}

std::optional<OverhearTable::Early> OverhearTable::next_early() {
  if (early_.empty()) return std::nullopt;
  Early next = std::move(early_.front());
  early_.pop_front();
  return next;
}

void OverhearTable::verdict(SeqNum sequence, std::uint8_t index, bool good) {
  Message* const message = find(sequence);
  if (message == nullptr) return;
  if (message->verifying[index] > 0) --message->verifying[index];
  if (good) message->counted |= bit(index);
}

std::optional<std::uint32_t> OverhearTable::heard(SeqNum sequence) const {
  const Message* const message = find(sequence);
  return message == nullptr ? std::nullopt : std::optional(message->counted);
}

std::size_t OverhearTable::counted(SeqNum sequence) const {
  const Message* const message = find(sequence);
  return message == nullptr ? 0 : static_cast<std::size_t>(std::popcount(message->counted & ~ignored_));
}

}  // namespace garrison::link
