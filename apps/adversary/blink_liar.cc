#include "apps/adversary/blink_liar.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace garrison::adversary {

namespace {

constexpr std::array<std::pair<BlinkLie, std::string_view>, 5> kNames{{{BlinkLie::drop, "drop"},
                                                                       {BlinkLie::drop_timely, "drop-timely"},
                                                                       {BlinkLie::withhold, "withhold"},
                                                                       {BlinkLie::spurious, "spurious"},
                                                                       {BlinkLie::late, "late"}}};
constexpr std::size_t kKept = 8;

enum class What : std::uint8_t { other, link_message, acknowledgement };

What what_is(ByteView event) {
  const auto link = message::decode<message::LinkBundle>(event);
  if (!link.has_value()) return What::other;
  return site::acknowledgement_of(link->bundle).has_value() ? What::acknowledgement : What::link_message;
}

template <typename T>
void keep(std::deque<T>& kept, const T& one) {
  kept.push_back(one);
  if (kept.size() > kKept) kept.pop_front();
}

}  // namespace

std::string_view name(BlinkLie lie) {
  return std::ranges::find(kNames, lie, [](const auto& each) { return each.first; })->second;
}

std::optional<BlinkLie> blink_lie(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, [](const auto& each) { return each.second; });
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

void BlinkLiar::tamper(Instant now, site::Member::Outputs& outputs) {
  const auto drop = [&](const Send& send) {
    const What what = what_is(*send.message);
    if (lie_ == BlinkLie::withhold) return what == What::acknowledgement;
    return what == What::link_message && (lie_ == BlinkLie::drop || send.traffic == TrafficClass::timely);
  };
  switch (lie_) {
    case BlinkLie::withhold:
      acted_ +=
          std::erase_if(outputs.introduce, [](const Bytes& event) { return what_is(event) == What::link_message; });
      [[fallthrough]];
    case BlinkLie::drop:
    case BlinkLie::drop_timely:
      acted_ += std::erase_if(outputs.uncoded, drop);
      break;
    case BlinkLie::spurious:
      repeat(outputs);
      break;
    case BlinkLie::late:
      hold_back(now, outputs.uncoded);
      break;
  }
}

void BlinkLiar::hold_back(Instant now, std::vector<Send>& sends) {
  std::vector<Send> go;
  for (Send& send : sends) {
    if (what_is(*send.message) != What::link_message) {
      go.push_back(std::move(send));
      continue;
    }
    ++acted_;
    HeldBack& held = held_back_[send.site];
    if (send.traffic == TrafficClass::bounded) {
      held.bounded.push_back(std::move(send));
    } else {
      held.timely = std::move(send);
    }
  }
  for (auto& [site, held] : held_back_) {
    if (held.until > now || (held.bounded.empty() && !held.timely.has_value())) continue;
    held.until = now + hold_;
    if (held.timely.has_value()) go.push_back(*std::exchange(held.timely, std::nullopt));
    if (held.bounded.empty()) continue;
    go.push_back(std::move(held.bounded.front()));
    held.bounded.pop_front();
  }
  sends = std::move(go);
}

// Every second one of its own is spoilt, too.
void BlinkLiar::repeat(site::Member::Outputs& outputs) {
  std::vector<Send> sends;
  for (const Send& send : outputs.uncoded) {
    if (what_is(*send.message) == What::other) continue;
    keep(sent_, send);
    sends.push_back(sent_[acted_++ % sent_.size()]);
    Send spoilt = send;
    Bytes bytes = *send.message;
    bytes[bytes.size() / 2] ^= 0x5aU;
    spoilt.message = std::make_shared<const Bytes>(std::move(bytes));
    sends.push_back(std::move(spoilt));
  }
  std::move(sends.begin(), sends.end(), std::back_inserter(outputs.uncoded));
  std::vector<Bytes> events;
  for (const Bytes& event : outputs.introduce) {
    if (what_is(event) == What::other) continue;
    keep(introduced_, event);
    events.push_back(introduced_[acted_++ % introduced_.size()]);
  }
  std::move(events.begin(), events.end(), std::back_inserter(outputs.introduce));
}

}  // namespace garrison::adversary
