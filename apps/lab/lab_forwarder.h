// A dependable forwarder in virtual time: the Forwarder and the WideEnd that `garrison forwarder` runs, on a machine
// whose work takes no time. Its sessions with the servers of its site are streams that lose and reorder nothing; to
// other forwarders it sends datagrams over the network between sites, to the other one of its site over the site's own.
//
// One that is compromised still has all its keys: what it sends and hands over passes every MAC, whatever is in it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/forwarder/forwarder_setup.h"
#include "apps/lab/event_queue.h"
#include "apps/lab/network.h"
#include "apps/server/server.h"
#include "dataplane/base/rng.h"

namespace garrison::lab {

enum class ForwarderLie : std::uint8_t {
  crash,      // it is gone
  drop,       // messages, either way
  duplicate,  // what it hands to servers, later and out of order
  alter,      // bytes of messages, either way, and where they go
  add,        // what nobody has sent, and what somebody had sent long ago
  swallow,    // everything; it looks alive
};
inline constexpr std::size_t kForwarderLies = 6;
[[nodiscard]] std::string_view name(ForwarderLie lie);

class LabForwarder {
 public:
  struct Config {
    StationId station{};  // on the network between sites
    std::function<StationId(forwarder::ForwarderId)> station_of{};
    std::function<void(forwarder::ForwarderId, const Bytes& datagram)> to_own_site{};  // to the other one
    // Whether a server has a session now.
    std::function<bool(ServerId)> reaches{};
    std::function<void(ServerId)> wake{};
    std::function<void(std::string)> report{};  // what must never be
    Duration lan_delay = microseconds(150);
  };
  // `servers` by ServerId; they and the others outlive it.
  LabForwarder(EventQueue& events, Network& wan, forwarder::Setup setup, Config config,
               std::vector<server::Server*> servers);

  void start();
  // Server `from` has something new to present.
  void flush(ServerId from);
  void on_frame(ByteView frame);
  void on_datagram(ByteView datagram);
  // The network has room.
  void wake() { schedule(events_.now()); }
  // From now on it is compromised; with ForwarderLie::crash, and after crash(), it is silent for good.
  void corrupt(ForwarderLie lie, std::uint64_t seed);
  void crash() { crashed_ = true; }

  [[nodiscard]] bool crashed() const { return crashed_; }
  [[nodiscard]] std::uint64_t acted() const { return acted_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }  // to other sites, of whole frames

 private:
  // Of one server's session: what is on its way, and what waits for the window to move.
  struct Session {
    std::deque<forwarder::Departure> in;
    std::size_t under_way = 0;
  };
  void pass();
  void check_bounds() const;
  void schedule(Instant at);
  void take(ServerId from);
  void hand_over();
  void deliver(ServerId to, SiteId source, Bytes message, Duration delay);
  void emit();
  [[nodiscard]] bool tells(ForwarderLie lie) const { return lie_ == lie; }
  void tamper(forwarder::Departure& departure);
  void hand_over_tampered(ServerId to, SiteId source, Bytes message);

  EventQueue& events_;
  Network& wan_;
  forwarder::Setup setup_;
  Config config_;
  std::vector<server::Server*> servers_;
  forwarder::Forwarder forwarder_;
  forwarder::WideEnd wide_;
  std::vector<Session> sessions_;
  Instant pass_at_ = Instant::never();
  bool crashed_ = false;
  std::optional<ForwarderLie> lie_;
  Rng rng_{0};
  std::deque<std::pair<SiteId, Bytes>> heard_;  // the last few, for one that adds
  std::uint64_t acted_ = 0;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace garrison::lab
