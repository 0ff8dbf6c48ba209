#include "dataplane/forwarder/local_messages.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::forwarder {

LocalMessages::LocalMessages(const Config& config, DropCounters& drops)
    : config_(config), drops_(drops), table_(config.window), expected_(config.n, SeqNum(1)) {
  CHECK(config.n <= kMaxServersPerSite && config.window > 0);
  CHECK(config.threshold > config.f && config.threshold <= config.n - config.f);
}

LocalMessages::Offer LocalMessages::offer(ServerId from, const Header& header, ByteView message) {
  CHECK(from.index() < config_.n);
  SeqNum& expected = expected_[from.index()];
  const SeqNum sequence = header.sequence;
  if (message.size() > kMaxMessageBytes || sequence.value() == std::numeric_limits<std::uint64_t>::max()) {
    return drops_.add(DropReason::forwarder_malformed), Offer::taken;
  }
  if (sequence < expected) return drops_.add(DropReason::forwarder_repeated), Offer::taken;
  if (!may_take(sequence)) return expected = sequence, Offer::later;
  expected = sequence.next();
  if (sequence <= last_sent_) return drops_.add(DropReason::forwarder_over), Offer::taken;

  Slots& held = slots(sequence);
  const auto same = std::ranges::find_if(
      held, [&](const Slot& slot) { return slot.content.header == header && equal(slot.content.message, message); });
  if (same != held.end()) return ++same->copies, Offer::taken;
  held.push_back({{header, to_bytes(message)}, 1});
  ++contents_;
  return Offer::taken;
}

std::optional<Departure> LocalMessages::next() {
  for (;;) {
    if (contents_ == 0) {
      // Numbers that f + 1 servers have passed, and nobody has presented.
      std::vector<SeqNum> expected = expected_;
      std::ranges::nth_element(expected, expected.begin() + static_cast<std::ptrdiff_t>(config_.f), std::greater<>());
      const SeqNum passed(expected[config_.f].value() - 1);
      if (passed > last_sent_) {
        given_up_ += passed.value() - last_sent_.value();
        pass(passed);
      }
      return std::nullopt;
    }
    const SeqNum sequence = last_sent_.next();
    Slots& held = slots(sequence);
    const auto best = std::ranges::max_element(held, {}, &Slot::copies);
    const std::size_t copies = best == held.end() ? 0 : best->copies;
    if (copies >= config_.threshold) {
      Departure departure = std::move(best->content);
      pass(sequence);
      return departure;
    }
    if (!hopeless(sequence, copies)) return std::nullopt;
    ++given_up_;
    drops_.add(DropReason::forwarder_given_up, held.size());
    pass(sequence);
  }
}

// No content has enough copies, and those that may still come are not enough without the n - f - LOCAL-THRESHOLD
// correct servers that are not needed: f of those that are silent may be faulty. When all correct servers present a
// number, those that have and those that have not yet are n - f, so this is false.
bool LocalMessages::hopeless(SeqNum sequence, std::size_t copies) const {
  const auto silent =
      static_cast<std::size_t>(std::ranges::count_if(expected_, [&](SeqNum expected) { return expected <= sequence; }));
  const std::size_t spare = config_.n - config_.f - config_.threshold;
  return copies + (silent > spare ? silent - spare : 0) < config_.threshold;
}

// Nothing up to `through` is of use any more.
void LocalMessages::pass(SeqNum through) {
  for (; last_sent_ < through && contents_ > 0; last_sent_ = last_sent_.next()) {
    Slots& held = slots(last_sent_.next());
    contents_ -= held.size();
    held.clear();
  }
  last_sent_ = through;
}

}  // namespace garrison::forwarder
