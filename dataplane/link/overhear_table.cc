#include "dataplane/link/overhear_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::link {

namespace {
constexpr std::uint32_t bit(std::uint8_t index) { return std::uint32_t{1} << index; }
}  // namespace

void OverhearTable::expect(SeqNum sequence, std::vector<Digest> digests) {
  CHECK(digests.size() == config_.parts);
  if (sequence < first_) return;
  Message& message = messages_.try_emplace(sequence).first->second;
  if (!message.digests.empty()) return;  // a link message has one encoding
  message.digests = std::move(digests);
  message.verifying.resize(config_.parts);
  newest_ = std::max(newest_, sequence);
  if (newest_.value() >= first_.value() + config_.window) forget_below(SeqNum(newest_.value() - config_.window + 1));
  for (std::size_t rest = early_.size(); rest > 0; --rest) {
    Early early = std::move(early_.front());
    early_.pop_front();
    if (early.sequence != sequence) {
      early_.push_back(std::move(early));
      continue;
    }
    waiting_bytes_ -= early.part.size();
    static_cast<void>(judge(message, sequence, early.index, early.says, std::move(early.part)));
  }
}

void OverhearTable::forget_below(SeqNum first) {
  if (first <= first_) return;
  first_ = first;
  messages_.erase(messages_.begin(), messages_.lower_bound(first));
  std::erase_if(to_verify_, [&](const ToVerify& each) { return each.sequence < first; });
  std::erase_if(early_, [&](const Early& each) {
    if (each.sequence >= first) return false;
    waiting_bytes_ -= each.part.size();
    return true;
  });
}

std::optional<DropReason> OverhearTable::hear(SeqNum sequence, std::uint8_t index, const Digest& says, Bytes part) {
  if (index >= config_.parts) return DropReason::link_part_malformed;
  if ((ignored_ & bit(index)) != 0) return DropReason::link_blacklisted;
  if (sequence < first_) return DropReason::link_stale;
  const auto at = messages_.find(sequence);
  if (at != messages_.end()) return judge(at->second, sequence, index, says, std::move(part));
  if (sequence <= newest_ || sequence.value() - newest_.value() > config_.window) return DropReason::link_beyond_window;
  return keep({sequence, index, says, std::move(part)});
}

std::optional<DropReason> OverhearTable::judge(Message& message, SeqNum sequence, std::uint8_t index,
                                               const Digest& says, Bytes part) {
  if ((message.counted & bit(index)) != 0) return DropReason::link_duplicate;
  if (says != message.digests[index]) return DropReason::link_part_malformed;
  // One with a wrong signature must not keep the right one from being looked at.
  if (message.verifying[index] == kCandidates) return DropReason::link_duplicate;
  ++message.verifying[index];
  to_verify_.push_back({sequence, index, std::move(part)});
  return std::nullopt;
}

std::optional<DropReason> OverhearTable::keep(Early early) {
  const auto under_that_name = [&](const Early& each) {
    return each.sequence == early.sequence && each.index == early.index;
  };
  if (std::ranges::any_of(early_,
                          [&](const Early& each) { return under_that_name(each) && each.part == early.part; })) {
    return DropReason::link_duplicate;
  }
  if (std::ranges::count_if(early_, under_that_name) >= static_cast<std::ptrdiff_t>(kCandidates) ||
      waiting_bytes_ + early.part.size() > config_.waiting_bytes) {
    return DropReason::chunk_no_slot;
  }
  waiting_bytes_ += early.part.size();
  early_.push_back(std::move(early));
  return std::nullopt;
}

void OverhearTable::sent(SeqNum sequence, std::uint8_t index) {
  const auto at = messages_.find(sequence);
  if (at != messages_.end()) at->second.counted |= bit(index);
}

std::optional<OverhearTable::ToVerify> OverhearTable::next_to_verify() {
  if (to_verify_.empty()) return std::nullopt;
  ToVerify next = std::move(to_verify_.front());
  to_verify_.pop_front();
  return next;
}

void OverhearTable::verdict(SeqNum sequence, std::uint8_t index, bool good) {
  const auto at = messages_.find(sequence);
  if (at == messages_.end()) return;
  if (at->second.verifying[index] > 0) --at->second.verifying[index];
  if (good) at->second.counted |= bit(index);
}

std::optional<std::uint32_t> OverhearTable::heard(SeqNum sequence) const {
  const auto at = messages_.find(sequence);
  return at == messages_.end() ? std::nullopt : std::optional(at->second.counted);
}

std::size_t OverhearTable::counted(SeqNum sequence) const {
  const auto at = messages_.find(sequence);
  return at == messages_.end() ? 0 : static_cast<std::size_t>(std::popcount(at->second.counted & ~ignored_));
}

}  // namespace garrison::link
