#include "apps/link_bench/limit_traffic.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "apps/link_bench/bench_address.h"
#include "dataplane/base/rng.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::link_bench {

namespace {

constexpr std::size_t kMostSchedules = 21;
constexpr std::size_t kMostOverheard = 1024;  // messages

std::uint64_t word_of(std::uint64_t message, std::uint64_t i) {
  return (message * 0x9e3779b97f4a7c15U + i) * 0xff51afd7ed558ccdU;
}

void fill_message(std::uint64_t message, MutableBytes bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) store_le(bytes.data() + i, word_of(message, i));
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(word_of(message, i));
}

void shuffle(LimitTraffic::Schedule& schedule, Rng& rng) {
  for (std::size_t i = schedule.size(); i > 1; --i) std::swap(schedule[i - 1], schedule[rng.below(i)]);
}

}  // namespace

LimitTraffic::LimitTraffic(const LinkLimitOptions& options, const coding::Code& code)
    : options_(options), part_bytes_(code.part_bytes(options.message_bytes)), frame_bytes_(frame_bytes(options)) {
  if (options.messages <= kMostOverheard) make_overheard();
  make_messages(code);
  make_schedules();
}

std::size_t LimitTraffic::frame_bytes(const LinkLimitOptions& options) {
  return kEncapsulationBytes + wire::kFrameHeaderBytes + wire::kHubPartHeadBytes +
         (options.message_bytes + options.k - 1) / options.k;
}

bool LimitTraffic::is_message(std::size_t m, ByteView bytes) {
  std::size_t i = 0;
  std::uint64_t differs = 0;
  for (; i + 8 <= bytes.size(); i += 8) differs |= load_le<std::uint64_t>(bytes.data() + i) ^ word_of(m, i);
  for (; i < bytes.size(); ++i) differs |= bytes[i] ^ static_cast<std::uint8_t>(word_of(m, i));
  return differs == 0;
}

void LimitTraffic::make_messages(const coding::Code& code) {
  messages_.resize(options_.messages * options_.message_bytes);
  parts_.resize(options_.messages * options_.n * part_bytes_);
  frames_.resize(options_.messages * options_.n * frame_bytes_);
  if (!overheard_.empty()) heard_frames_.resize(frames_.size());
  const std::size_t all_parts = options_.n * part_bytes_;
  for (std::size_t m = 0; m < options_.messages; ++m) {
    fill_message(m, MutableBytes(messages_).subspan(m * options_.message_bytes, options_.message_bytes));
    code.encode_all(message(m), MutableBytes(parts_).subspan(m * all_parts, all_parts));
    for (std::size_t i = 0; i < options_.n; ++i) {
      make_frame(frames_, m, i, kFrom, kTo);
      if (!overheard_.empty()) make_frame(heard_frames_, m, i, kTo, kFrom);
    }
  }
}

void LimitTraffic::make_frame(Bytes& frames, std::size_t m, std::size_t index, SiteId from, SiteId to) {
  const MutableBytes frame = MutableBytes(frames).subspan((m * options_.n + index) * frame_bytes_, frame_bytes_);
  const MutableBytes payload = frame.subspan(kEncapsulationBytes);
  wire::write_frame_header(payload, {.kind = wire::FrameKind::hub_part,
                                     .length = static_cast<std::uint16_t>(payload.size()),
                                     .src_site = from,
                                     .src_server = server(index),
                                     .dst_site = to,
                                     .dst_server = server(0),
                                     .port_sequence = 1,
                                     .counter = 1});
  Writer out(payload.subspan(wire::kFrameHeaderBytes));
  wire::write(out, wire::HubPart{.traffic = kClass,
                                 .index = static_cast<std::uint8_t>(index),
                                 .again = false,
                                 .total = static_cast<std::uint32_t>(part_bytes_),
                                 .offset = 0,
                                 .mark = 1,
                                 .bytes = part(m, index)});
  wire::encapsulate(frame, bench_address(from, server(index)), bench_address(to, server(0)), kClass,
                    wire::UdpChecksum::none);
}

void LimitTraffic::make_schedules() {
  std::vector<std::uint32_t> subsets;
  for (std::uint32_t bits = 0; bits < std::uint32_t{1} << options_.n; ++bits) {
    if (static_cast<std::size_t>(std::popcount(bits)) == options_.k) subsets.push_back(bits);
  }
  Rng rng(1);
  schedules_.resize(std::min<std::size_t>(subsets.size(), kMostSchedules));
  for (std::size_t s = 0; s < schedules_.size(); ++s) {
    for (std::uint32_t m = 0; m < options_.messages; ++m) {
      const std::uint32_t subset = subsets[(m + s) % subsets.size()];
      for (std::uint32_t i = 0; i < options_.n; ++i) {
        if ((subset >> i & 1U) != 0) schedules_[s].push_back({m, i});
      }
    }
    shuffle(schedules_[s], rng);
  }
}

void LimitTraffic::make_overheard() {
  for (std::uint32_t m = 0; m < options_.messages; ++m) {
    for (std::uint32_t i = 1; i < options_.n; ++i) overheard_.push_back({m, i});
  }
  Rng rng(2);
  shuffle(overheard_, rng);
}

}  // namespace garrison::link_bench
