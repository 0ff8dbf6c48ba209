// HubAssembler: puts together the parts of hub links that come in several frames. Nothing in a frame of a hub link is
// authenticated, so whatever is claimed may be another server's doing: what is kept is bounded per part and per claimed
// sender's site, and what comes out counts only once its signature has verified.
//
// A part whose chunks bear another mark is another candidate; of one part at most kCandidates are open at a time, and
// the oldest gives way. Where a site has no room left, its oldest gives way.
//
// Pure; one thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/byte_ranges.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::link {

// Which part of which link message, as a frame says.
struct HubPartName {
  SiteId from;
  SiteId to;
  TrafficClass traffic = TrafficClass::bounded;
  SeqNum sequence;
  std::uint8_t index = 0;
  friend auto operator<=>(const HubPartName&, const HubPartName&) = default;
};

class HubAssembler {
 public:
  static constexpr std::size_t kCandidates = 2;

  struct Config {
    std::size_t max_part_bytes = kMaxMessageBytes;
    std::size_t open_per_site = 256;  // unfinished parts, and of bytes
    std::size_t bytes_per_site = std::size_t{4} << 20U;
  };
  explicit HubAssembler(const Config& config) : config_(config) {}

  struct Outcome {
    std::optional<ByteView> whole;      // with this frame; valid as long as that, and until the next one
    std::optional<DropReason> refused;  // the frame
  };
  [[nodiscard]] Outcome take(const HubPartName& name, const wire::HubPart& part);

  [[nodiscard]] std::size_t open() const { return open_.size(); }
  [[nodiscard]] std::size_t open_bytes(SiteId from) const;

 private:
  struct Key {
    HubPartName name;
    std::uint64_t mark = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Open {
    Bytes bytes;
    ByteRanges held;
    std::uint64_t opened = 0;  // counts up
  };
  struct Used {
    std::size_t parts = 0;
    std::size_t bytes = 0;
  };
  using Table = std::map<Key, Open>;

  [[nodiscard]] Table::iterator begin_part(const Key& key, std::size_t bytes);
  void close(Table::iterator at);
  // The oldest of those for which `fits(key)`; there is one.
  template <typename Fits>
  void give_up_oldest(Fits&& fits);

  Config config_;
  Table open_;
  Bytes finished_;  // the last one that was put together
  std::map<SiteId, Used> used_;
  std::uint64_t opened_ = 0;
};

}  // namespace garrison::link
