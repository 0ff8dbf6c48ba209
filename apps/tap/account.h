// Account: what taps on the hubs of sites heard, from frames alone. The same object counts a live port, a capture, and
// two of either: it is fed with time, tap and bytes, and what it says follows from those and nothing else.
//
// Frames are taken apart by what servers take them apart with (wire/, link/hub_assembler.h). A frame says who sent it,
// which nobody vouches for; link_book.h says what of it is believed. All memory is bounded, whoever is on the hub.
//
// Pure; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "apps/tap/link_book.h"
#include "apps/tap/sequence_log.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/hub_assembler.h"
#include "dataplane/wire/frame.h"

namespace garrison::tap {

// Who sent a frame, as it says.
struct Sender {
  SiteId site;
  ServerId server;
  friend auto operator<=>(Sender, Sender) = default;
};

// Of one sender's frames that one tap heard.
struct FrameTotals {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;               // whole frames
  std::array<std::uint64_t, 4> kinds{};  // by wire::FrameKind, from hello
  std::uint64_t foreign_address = 0;     // not from the address that the topology has for it
};

// Of everything that one tap heard.
struct TapTotals {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  Instant first = Instant::never();
  Instant last{};
  std::array<std::uint64_t, kDropReasons> refused{};  // frames, by why they do not count
};

class Account {
 public:
  // `topology`, and `keys` where there are any, outlive it. Without keys nothing is verified and nobody is named.
  Account(const config::Topology& topology, const crypto::KeyDirectory* keys);

  struct Verdict {
    std::optional<DropReason> refused;  // none: it counts
    std::optional<Sender> sender{};     // where the frame names one that there is
    std::optional<wire::FrameKind> kind{};
    std::optional<TrafficClass> traffic{};  // of a part
  };
  // An Ethernet frame that tap number `tap` < kMaxTaps heard at `when`, by a clock of its own.
  Verdict take(Instant when, std::size_t tap, ByteView frame);

  [[nodiscard]] const config::Topology& topology() const { return topology_; }
  [[nodiscard]] bool verifies() const { return judge_.verifies(); }
  [[nodiscard]] std::size_t taps() const { return taps_; }  // that anything was heard by
  [[nodiscard]] const TapTotals& tap(std::size_t tap) const { return totals_.at(tap); }

  struct SenderTotals {
    std::array<FrameTotals, kMaxTaps> frames{};
    SequenceLog sequences;
  };
  [[nodiscard]] const std::map<Sender, SenderTotals>& senders() const { return senders_; }

  using LinkId = std::tuple<SiteId, SiteId, TrafficClass>;  // from, to
  [[nodiscard]] const std::map<LinkId, LinkBook>& links() const { return links_; }
  // Link messages that a server asked other sites for, as the tap says that heard most of them.
  [[nodiscard]] std::uint64_t requested(Sender asker) const;

 private:
  [[nodiscard]] std::optional<DropReason> count(Instant when, std::size_t tap, ByteView frame, Verdict& verdict);
  [[nodiscard]] std::optional<DropReason> on_part(Instant when, std::size_t tap, const wire::FrameHeader& header,
                                                  ByteView payload, Verdict& verdict);
  [[nodiscard]] std::optional<DropReason> on_request(std::size_t tap, const wire::FrameHeader& header,
                                                     ByteView payload);
  [[nodiscard]] bool is_server(SiteId site, ServerId server) const;
  [[nodiscard]] LinkBook* book(SiteId from, SiteId to, TrafficClass traffic);

  const config::Topology& topology_;
  PartJudge judge_;
  std::size_t taps_ = 0;
  std::array<TapTotals, kMaxTaps> totals_{};
  std::vector<link::HubAssembler> assemblers_;  // by tap
  std::map<Sender, SenderTotals> senders_;
  std::map<LinkId, LinkBook> links_;
  std::map<Sender, std::array<std::uint64_t, kMaxTaps>> requested_;
};

}  // namespace garrison::tap
