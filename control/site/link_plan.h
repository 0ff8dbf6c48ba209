// Which parts of a link message a server sends, and to whom: the erasure link, the naive one and the hub [ARCH] 4,
// Table 1. On a link over dependable forwarders servers send nothing to each other; on a blink link [CUST] 5.1 they
// send whole messages, one pair at a time (pair_election.h).
#pragma once

#include <optional>
#include <vector>

#include "control/config/hub_sets.h"
#include "control/config/link_pairs.h"
#include "control/config/topology.h"
#include "dataplane/base/server_set.h"
#include "dataplane/link/part_code.h"

namespace garrison::site {

// From one site to another. Values; equal at both ends.
struct LinkPlan {
  using NotState = void;  // configuration
  config::LinkKind kind = config::LinkKind::erasure;
  config::LinkEnd sender;
  config::LinkEnd receiver;

  [[nodiscard]] bool on_hub() const { return config::on_hub(kind); }
  // Of a link on a hub; which of its duties a server carries out when depends on the sequence there.
  [[nodiscard]] config::HubSets hub() const { return {sender, receiver}; }
  [[nodiscard]] bool over_forwarders() const { return kind == config::LinkKind::forwarder; }
  [[nodiscard]] bool blink() const { return kind == config::LinkKind::blink; }
  // Link messages come whole, and prove themselves by their site's signature.
  [[nodiscard]] bool in_bundles() const { return over_forwarders() || blink(); }
  // The pairs of servers, in static order.
  [[nodiscard]] config::LinkPairs pairs() const { return {sender, receiver}; }

  // On the naive link each of f + 1 servers sends the whole message to each of f + 1: a code of which one part is
  // enough. A topology has no more copies than can be told apart.
  [[nodiscard]] link::PartCode code() const {
    if (in_bundles()) return code_of(1, 1);
    if (kind == config::LinkKind::naive) return code_of(config::naive_copies(sender, receiver), 1);
    if (on_hub()) return code_of(hub().count(), hub().needed());
    return code_of(pairs().count(), pairs().needed());
  }

  // Who sends part `index` < code().n, where servers send parts.
  [[nodiscard]] ServerId sender_of(std::size_t index) const {
    if (kind == config::LinkKind::naive) return ServerId(static_cast<std::uint16_t>(index / (receiver.f + 1)));
    if (on_hub()) return ServerId(static_cast<std::uint16_t>(index));
    return pairs().sender(index);
  }
  // The parts that these servers of the sender send, a bit per index.
  [[nodiscard]] std::uint32_t parts_of(ServerSet servers) const {
    std::uint32_t bits = 0;
    if (in_bundles()) return bits;
    for (std::size_t i = 0; i < code().n; ++i) bits |= servers.contains(sender_of(i)) ? std::uint32_t{1} << i : 0;
    return bits;
  }

  struct Duty {
    std::size_t index = 0;  // of the part
    ServerId to;
  };
  // What server `self` of the sender sends.
  [[nodiscard]] std::vector<Duty> duties(ServerId self) const {
    std::vector<Duty> all;
    if (in_bundles()) return all;
    if (kind == config::LinkKind::naive) {
      for (std::size_t i = 0; self.index() <= sender.f && i <= receiver.f; ++i) {
        all.push_back({self.index() * (receiver.f + 1) + i, ServerId(static_cast<std::uint16_t>(i))});
      }
      return all;
    }
    if (on_hub()) return {{self.index(), hub().addressee(self.index())}};
    for (std::size_t i = 0; i < pairs().count(); ++i) {
      if (pairs().sender(i) == self) all.push_back({i, pairs().receiver(i)});
    }
    return all;
  }

  // To whom it sends what goes whole: its peers. They are the same in both directions.
  [[nodiscard]] ServerSet peers(ServerId self) const {
    const LinkPlan in_pairs{on_hub() || blink() ? config::LinkKind::erasure : kind, sender, receiver};
    ServerSet all;
    for (const Duty& duty : in_pairs.duties(self)) all.insert(duty.to);
    return all;
  }

 private:
  static_assert(config::kMaxLinkParts == coding::kMaxParts);
  static link::PartCode code_of(std::size_t n, std::size_t k) {
    CHECK(coding::Code::valid(n, k));
    return {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(k)};
  }
};

}  // namespace garrison::site
