// What `garrison bench link --measure limit` carries: messages whose bytes follow from their numbers, all their parts,
// the frames of these, and the orders in which frames come. All made before anything is measured. No port and no clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "apps/link_bench/link_limit.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/traffic.h"
#include "dataplane/coding/code.h"
#include "dataplane/wire/frame.h"

namespace garrison::link_bench {

class LimitTraffic {
 public:
  static constexpr SiteId kFrom{0};
  static constexpr SiteId kTo{1};
  static constexpr auto kClass = TrafficClass::bounded;

  // One frame: part `index` of a message under way.
  struct Arrival {
    std::uint32_t message;
    std::uint32_t index;
  };
  using Schedule = std::vector<Arrival>;

  LimitTraffic(const LinkLimitOptions& options, const coding::Code& code);

  // Without the FCS.
  [[nodiscard]] static std::size_t frame_bytes(const LinkLimitOptions& options);
  [[nodiscard]] static ServerId server(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }

  [[nodiscard]] ByteView message(std::size_t m) const {
    return ByteView(messages_).subspan(m * options_.message_bytes, options_.message_bytes);
  }
  [[nodiscard]] ByteView part(std::size_t m, std::size_t index) const {
    return ByteView(parts_).subspan((m * options_.n + index) * part_bytes_, part_bytes_);
  }
  // Whether these are the bytes of message `m`, without a look at where they were taken from.
  [[nodiscard]] static bool is_message(std::size_t m, ByteView bytes);

  // The frame of a part, from site to site, as part of the message of that sequence. Returns its size.
  std::size_t write_frame(Arrival at, std::uint64_t sequence, std::uint8_t* out) const {
    return write(frames_, at, sequence, out);
  }
  // The same, as the receiving site's own servers send it back.
  std::size_t write_overheard(Arrival at, std::uint64_t sequence, std::uint8_t* out) const {
    return write(heard_frames_, at, sequence, out);
  }

  // Which k parts of each message come, shuffled among all messages: all subsets in turn, one schedule for each place
  // that the rotation begins at. One after the other.
  [[nodiscard]] const Schedule& next_schedule() { return schedules_[turn_++ % schedules_.size()]; }
  // What the receiver's own site sends: every part but its own, shuffled. Empty where it would be too much.
  [[nodiscard]] const Schedule& overheard() const { return overheard_; }

 private:
  void make_messages(const coding::Code& code);
  void make_frame(Bytes& frames, std::size_t m, std::size_t index, SiteId from, SiteId to);
  void make_schedules();
  void make_overheard();
  std::size_t write(const Bytes& frames, Arrival at, std::uint64_t sequence, std::uint8_t* out) const {
    const ByteView frame = ByteView(frames).subspan((at.message * options_.n + at.index) * frame_bytes_, frame_bytes_);
    std::copy(frame.begin(), frame.end(), out);
    store_le(out + kSequenceOffset, sequence);
    return frame.size();
  }

  // The counter of the Garrison header, its last word.
  static constexpr std::size_t kSequenceOffset = kEncapsulationBytes + wire::kFrameHeaderBytes - sizeof(std::uint64_t);

  LinkLimitOptions options_;
  std::size_t part_bytes_;
  std::size_t frame_bytes_;
  Bytes messages_;
  Bytes parts_;
  Bytes frames_;
  Bytes heard_frames_;
  std::vector<Schedule> schedules_;
  std::size_t turn_ = 0;
  Schedule overheard_;
};

}  // namespace garrison::link_bench
