// Which server of a site talks to which server of another one, and how many parts of a message decode it ([ARCH] 4.1:
// virtual links and the erasure link). Sender and receiver must say the same, so both ask here. Values; any thread.
//
// Servers are paired in turn until each of the larger site has a peer. For sites of one size, pair i is server i and
// server i. Otherwise a server of the smaller site stands in several pairs, and so does what is faulty about it: in
// the worst case the faulty servers of one site are peers of none of the other's, and
//
//   k = pairs - f_S * ceil(pairs / n_S) - f_R * ceil(pairs / n_R)
//
// pairs are left that join correct servers. They bring k parts whatever the others do, and no fewer would be safe to
// count on. It is the same in both directions, f + 1 for sites of one size, and never below 2 for n = 3f + 1.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/base/ids.h"

namespace garrison::config {

// Parts that can be told apart, whatever the link.
inline constexpr std::size_t kMaxLinkParts = 32;

// One of the two sites.
struct LinkEnd {
  std::size_t n = 0;
  std::size_t f = 0;
};

// The naive link: each of f + 1 servers sends each of f + 1 the whole message.
[[nodiscard]] constexpr std::size_t naive_copies(LinkEnd sender, LinkEnd receiver) {
  return (sender.f + 1) * (receiver.f + 1);
}

class LinkPairs {
 public:
  // Ends of n >= 3f + 1 servers, at most kMaxServersPerSite.
  constexpr LinkPairs(LinkEnd sender, LinkEnd receiver) : sender_(sender), receiver_(receiver) {
    CHECK(valid(sender) && valid(receiver));
  }

  // Virtual links, and parts of a message: part i crosses pair i.
  [[nodiscard]] constexpr std::size_t count() const { return std::max(sender_.n, receiver_.n); }
  // k: so many parts decode a message.
  [[nodiscard]] constexpr std::size_t needed() const { return count() - spoilt(sender_) - spoilt(receiver_); }

  // Of pair i < count(). The parts of sender s are s, s + n, s + 2n and so on.
  [[nodiscard]] constexpr ServerId sender(std::size_t i) const { return server(i, sender_); }
  [[nodiscard]] constexpr ServerId receiver(std::size_t i) const { return server(i, receiver_); }

 private:
  static constexpr bool valid(LinkEnd end) { return end.n >= 3 * end.f + 1 && end.n <= kMaxServersPerSite; }
  constexpr ServerId server(std::size_t i, LinkEnd end) const {
    CHECK(i < count());
    return ServerId(static_cast<std::uint16_t>(i % end.n));
  }
  // Pairs that the faulty servers of one end can stand in.
  [[nodiscard]] constexpr std::size_t spoilt(LinkEnd end) const { return end.f * ((count() + end.n - 1) / end.n); }

  LinkEnd sender_;
  LinkEnd receiver_;
};

}  // namespace garrison::config
