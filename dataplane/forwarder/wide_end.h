// What a forwarder says to other forwarders, and hears of them: one message to each destination, notices between
// primary and backup, and a sign of life to every other site, so that they know which of the two sends.
//
// A site is answered at the forwarder that was heard last: only an active one sends to other sites. Input by push,
// output by pull: the environment takes a datagram when the rate of the site allows it. Pure; one thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/forwarder/datagrams.h"

namespace garrison::forwarder {

class WideEnd {
 public:
  struct Peer {
    ForwarderId id;
    crypto::SecretBytes shared;
  };
  struct Config {
    SystemId system;
    ForwarderId self;
    Incarnation incarnation;  // higher at every start
    std::size_t ip_mtu = kDefaultPathIpBytes;
    std::vector<Peer> peers;  // of other sites, and the other one of its own
    Duration sign_of_life = milliseconds(250);
  };
  struct Outgoing {
    ForwarderId to;
    TrafficClass traffic{};
    Bytes datagram;
  };

  // `forwarder` outlives it.
  WideEnd(const Config& config, Forwarder& forwarder);

  void on_datagram(Instant now, ByteView datagram);
  [[nodiscard]] std::optional<Outgoing> next(Instant now);
  // When next() may have something that no input brings.
  [[nodiscard]] Instant next_wakeup() const { return earlier(alive_at_, forwarder_.next_wakeup()); }

 private:
  struct Link {
    ForwarderId id;
    std::unique_ptr<DatagramSender> sender;
    std::unique_ptr<DatagramReceiver> receiver;
  };
  [[nodiscard]] Link* find(ForwarderId id);
  void send(Link* link, TrafficClass traffic, ByteView message);

  ForwarderId self_;
  Duration sign_of_life_;
  Forwarder& forwarder_;
  std::vector<Link> links_;
  std::vector<Role> answers_;      // by site: whom to send to
  std::deque<Outgoing> outgoing_;  // of one message
  Instant alive_at_;
};

}  // namespace garrison::forwarder
