#include "apps/tap/message_view.h"

#include <algorithm>
#include <bit>

#include "dataplane/base/check.h"

namespace garrison::tap {

MessageView::Outcome MessageView::take(Instant now, std::size_t tap, const link::HubPartName& name, bool again,
                                       ByteView bytes, PartJudge& judge, const Limits& limits) {
  CHECK(name.index < parts_.size() && tap < kMaxTaps);
  Outcome outcome;
  const std::optional<Digest> says = PartJudge::digest_of(bytes);
  if (!says.has_value() || !is_known(parts_[name.index], name.index, *says)) {
    outcome = look(name, bytes, judge, limits.allowance);
    if (outcome.worth != PartWorth::good || outcome.unlooked) return outcome;
  }
  count(now, tap, name.index, again || was_asked_for(name.index, limits.requests_needed));
  return outcome;
}

bool MessageView::is_known(const Part& part, std::size_t index, const Digest& says) const {
  return part.says == says || (part.right && encoding_[index] == says);
}

MessageView::Outcome MessageView::look(const link::HubPartName& name, ByteView bytes, PartJudge& judge,
                                       std::size_t allowance) {
  Part& part = parts_[name.index];
  Outcome outcome;
  const auto awaited = [&] { return decoded() && PartJudge::digest_of(bytes) == encoding_[name.index]; };
  if (part.bad >= kMostLooks && !awaited()) {
    outcome.unlooked = true;
    return outcome;
  }
  const PartJudge::Judgement judgement = judge.judge(name, bytes);
  outcome.worth = judgement.worth;
  if (judgement.worth != PartWorth::good) {
    ++part.bad;
    return outcome;
  }
  outcome.conflicts = part.says.has_value() && *part.says != judgement.says;
  if (outcome.conflicts) ++part.bad;
  if (!part.says.has_value()) part.says = judgement.says;
  if (decoded()) {
    (judgement.says == encoding_[name.index] ? part.right : part.wrong) = true;
    return outcome;
  }
  if (outcome.conflicts) return outcome;
  if (bytes.size() > allowance) {
    outcome.unlooked = true;
    part.says.reset();
    return outcome;
  }
  part.kept = to_bytes(bytes);
  part.bundle_bytes = judgement.bundle_bytes;
  try_to_decode(name, judge);
  return outcome;
}

void MessageView::count(Instant now, std::size_t tap, std::size_t index, bool asked) {
  first_heard_ = earlier(first_heard_, now);
  Sent& sent = parts_[index].sent;
  if (++sent.heard[tap] <= sent.copies) return;  // the other tap has heard this one
  if (sent.copies == 0) {
    sent.at = now;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (i != index && parts_[i].sent.copies > 0 && !parts_[i].wrong) ++sent.others_before;
    }
  }
  ++sent.copies;
  if (asked || sent.copies > 1) ++sent.asked;  // nobody sends a part twice unasked
}

void MessageView::on_request(ServerId asker, std::uint32_t holds) {
  if (asker.index() >= kMaxServersPerSite) return;
  askers_.insert(asker);
  asker_holds_[asker.index()] = holds;
}

bool MessageView::was_asked_for(std::size_t index, std::size_t requests_needed) const {
  std::size_t lack = 0;
  askers_.for_each([&](ServerId each) { lack += (asker_holds_[each.index()] >> index & 1U) == 0 ? 1 : 0; });
  return lack >= requests_needed;
}

// All sets of k that the part which has just come makes possible, one after the other: when some are wrong, which, only
// a set of right ones can tell.
void MessageView::try_to_decode(const link::HubPartName& name, PartJudge& judge) {
  const std::size_t k = judge.plan(name.from, name.to).code().k;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const bool fits = !parts_[i].kept.empty() && parts_[i].bundle_bytes == parts_[name.index].bundle_bytes;
    if (fits && i != name.index) others.push_back(i);
  }
  if (others.size() + 1 < k) return;
  std::vector<std::uint8_t> chosen(others.size(), 0);
  std::fill_n(chosen.begin(), k - 1, std::uint8_t{1});
  do {
    if (++tries_ > kMostTries) return;
    std::vector<std::size_t> indices{name.index};
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (chosen[i] != 0) indices.push_back(others[i]);
    }
    if (decodes(name, judge, indices)) return;
  } while (std::ranges::prev_permutation(chosen).found);
}

bool MessageView::decodes(const link::HubPartName& name, PartJudge& judge, const std::vector<std::size_t>& indices) {
  std::vector<ByteView> wholes;
  for (const std::size_t i : indices) wholes.emplace_back(parts_[i].kept);
  std::optional<std::vector<Digest>> encoding = judge.decode(name, wholes);
  if (!encoding.has_value()) return false;
  encoding_ = std::move(*encoding);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    part.kept = {};
    if (part.says.has_value()) (*part.says == encoding_[i] ? part.right : part.wrong) = true;
  }
  return true;
}

MessageView::Saying MessageView::saying(std::size_t index) const {
  const Part& part = parts_.at(index);
  if (part.wrong) return Saying::wrong;
  if (part.right) return Saying::right;
  return part.says.has_value() ? Saying::unknown : Saying::nothing;
}

ServerSet MessageView::senders() const {
  ServerSet senders;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const bool counts = parts_[i].right || (!decoded() && parts_[i].says.has_value());
    if (counts && parts_[i].sent.copies > 0) senders.insert(ServerId(static_cast<std::uint16_t>(i)));
  }
  return senders;
}

}  // namespace garrison::tap
