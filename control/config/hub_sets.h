// Who does what for a message on the hub link [ARCH] 4.2: who sends its parts at once and who only if too few are
// heard, and who hands a part that every server of the receiving site hears to its local order. Pure functions of the
// link sequence and the sites; all servers of both sites ask here. Values; any thread.
//
// Every server of the sender has one part. What is sent is heard by all of the receiving site, whoever is faulty there,
// so that only the sender's own f count: k = n - f parts decode, whatever the other site's size. The first set, whose k
// members send at once, moves on by one server per sequence, so that a faulty server is in it for k of n messages,
// until the servers of its site have demoted it (site/hub_duties.h): then it is in the second set for all.
#pragma once

#include "control/config/link_pairs.h"
#include "dataplane/base/server_set.h"

namespace garrison::config {

class HubSets {
 public:
  // Ends of n >= 3f + 1 servers, at most kMaxServersPerSite.
  constexpr HubSets(LinkEnd sender, LinkEnd receiver) : sender_(sender), receiver_(receiver) {
    CHECK(sender.n >= 3 * sender.f + 1 && sender.n <= kMaxServersPerSite);
    CHECK(receiver.n >= 3 * receiver.f + 1 && receiver.n <= kMaxServersPerSite);
  }

  // Parts of a message; part i is server i's.
  [[nodiscard]] constexpr std::size_t count() const { return sender_.n; }
  // k: so many parts decode a message, and so many servers are in the first set, 2f + 1 of 3f + 1.
  [[nodiscard]] constexpr std::size_t needed() const { return sender_.n - sender_.f; }

  // The first set for this link message, when no more than f servers are `demoted`; the others are the second.
  [[nodiscard]] constexpr ServerSet first(SeqNum sequence, ServerSet demoted) const {
    ServerSet set;
    for (std::size_t step = 0; step < sender_.n && set.size() < needed(); ++step) {
      const ServerId id(static_cast<std::uint16_t>((sequence.value() + step) % sender_.n));
      if (!demoted.contains(id)) set.insert(id);
    }
    return set;
  }
  // The peer that part i is addressed to; all others of its site hear it, too.
  [[nodiscard]] constexpr ServerId addressee(std::size_t i) const {
    return ServerId(static_cast<std::uint16_t>(i % receiver_.n));
  }
  // Whether `server` of the receiving site hands part i of this link message to the local order: f + 1 servers do, one
  // after the other from a place that moves on with index and sequence.
  [[nodiscard]] constexpr bool introduces(ServerId server, std::size_t i, SeqNum sequence) const {
    return turn(server.index(), sequence.value() + i, receiver_.n) <= receiver_.f;
  }

 private:
  // How far `place` is behind the one whose turn `number` is.
  static constexpr std::size_t turn(std::size_t place, std::uint64_t number, std::size_t n) {
    return (place + n - static_cast<std::size_t>(number % n)) % n;
  }

  LinkEnd sender_;
  LinkEnd receiver_;
};

}  // namespace garrison::config
