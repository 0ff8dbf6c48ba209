// Injector: a faulty server on the hub of a laboratory, beside the one that it is: it hears what that server sends, and
// puts on the hub what a faulty one would. It is there to see what servers and taps make of it.
//
//   forged    before long each part is followed by others in the names of all others of its site, signed by nobody
//   wrong     each part is followed by another one that says something else, signed with that server's key
//   spurious  parts of link messages that its site has not sent yet, signed with that server's key
//
// Bounded: at most kMostWaiting frames wait to be sent. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "apps/adversary/hub_liar.h"
#include "apps/tap/account.h"
#include "crypto/batch.h"

namespace garrison::tap {

enum class Injection : std::uint8_t { forged, wrong, spurious };
[[nodiscard]] std::optional<Injection> injection(std::string_view name);
[[nodiscard]] constexpr bool signs(Injection kind) { return kind != Injection::forged; }

class Injector {
 public:
  static constexpr std::size_t kMostWaiting = 1024;
  static constexpr std::uint64_t kAhead = 8;  // link messages

  // `signer` of that server, where the kind signs.
  Injector(Injection kind, const config::Topology& topology, Sender as, std::optional<crypto::BatchSigner> signer);

  // An Ethernet frame on the hub.
  void on_heard(ByteView frame);
  // The next frame to put there, at the front of `out`; 0: none.
  [[nodiscard]] std::size_t next_frame(MutableBytes out);
  [[nodiscard]] std::uint64_t injected() const { return injected_; }

 private:
  void forge(ByteView frame, const wire::Datagram& datagram);
  void lie(const wire::Datagram& datagram, const wire::FrameHeader& header, ByteView whole);
  void send_part(const wire::Datagram& like, wire::FrameHeader header, TrafficClass traffic, ByteView part);
  void send(const wire::Datagram& like, Bytes frame);

  Injection kind_;
  const config::Topology& topology_;
  Sender as_;
  std::optional<crypto::BatchSigner> signer_;
  adversary::HubLiar forger_;
  link::HubAssembler assembler_;
  std::deque<Bytes> waiting_;
  std::uint64_t injected_ = 0;
};

}  // namespace garrison::tap
