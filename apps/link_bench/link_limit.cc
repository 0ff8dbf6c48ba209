#include "apps/link_bench/link_limit.h"

#include <emmintrin.h>
#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/link_bench/hub_bench_end.h"
#include "dataplane/base/rng.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/mbuf.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/ring_port.h"
#include "dataplane/link/part_collector.h"
#include "dataplane/runtime/clock.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::link_bench {

namespace {

constexpr SiteId kFrom(0);
constexpr SiteId kTo(1);
constexpr std::size_t kBurst = stages::LanStage::kBurst;
constexpr std::size_t kRingSlots = 1024;
constexpr std::size_t kPoolMbufs = 2047;
constexpr std::size_t kFcsBytes = 4;
// Where the link sequence stands in a frame: the counter is the last word of the Garrison header.
constexpr std::size_t kCounterOffset = kEncapsulationBytes + wire::kFrameHeaderBytes - sizeof(std::uint64_t);
constexpr auto kClass = TrafficClass::bounded;

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// An in-process cable both of whose ends are here: what is sent comes back.
class Loop final : public io::Port {
 public:
  std::size_t rx_burst(std::span<rte_mbuf*> out) override { return cable_.far_end().rx_burst(out); }
  std::size_t tx_burst(std::span<rte_mbuf*> frames) override { return cable_.near_end().tx_burst(frames); }
  [[nodiscard]] io::MacAddress mac() const override { return {}; }
  [[nodiscard]] std::string_view name() const override { return "loop"; }
  [[nodiscard]] io::PortStats stats() const override { return cable_.far_end().stats(); }

 private:
  mutable io::RingCable cable_{"loop", io::MacAddress{}, kRingSlots};
};

// The bytes of a message, and whether some are, without memory of what they are.
std::uint64_t word_of(std::uint64_t message, std::uint64_t i) {
  return (message * 0x9e3779b97f4a7c15U + i) * 0xff51afd7ed558ccdU;
}

void fill_message(std::uint64_t message, MutableBytes bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) store_le(bytes.data() + i, word_of(message, i));
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(word_of(message, i));
}

bool is_message(std::uint64_t message, ByteView bytes) {
  std::size_t i = 0;
  std::uint64_t differs = 0;
  for (; i + 8 <= bytes.size(); i += 8) differs |= load_le<std::uint64_t>(bytes.data() + i) ^ word_of(message, i);
  for (; i < bytes.size(); ++i) differs |= bytes[i] ^ static_cast<std::uint8_t>(word_of(message, i));
  return differs == 0;
}

std::uint64_t read_all(ByteView bytes) {
  __m128i even{};
  __m128i odd{};
  std::size_t i = 0;
  for (; i + 2 * sizeof even <= bytes.size(); i += 2 * sizeof even) {
    const auto* const words = reinterpret_cast<const __m128i*>(bytes.data() + i);
    even = _mm_xor_si128(even, _mm_loadu_si128(words));
    odd = _mm_xor_si128(odd, _mm_loadu_si128(words + 1));
  }
  auto sum = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_xor_si128(even, odd)));
  for (; i < bytes.size(); ++i) sum ^= bytes[i];
  return sum;
}

// Frees what has come.
std::size_t drain(io::Port& port) {
  std::array<rte_mbuf*, kBurst> frames;
  const std::size_t count = port.rx_burst(frames);
  if (count > 0) io::give_back(std::span(frames).first(count));
  return count;
}

// A stop watch of which nothing is counted while it is paused. Ticks of the time stamp counter.
class Watch {
 public:
  void start() { last_ = rte_rdtsc_precise(); }
  void stop() { sum_ += rte_rdtsc_precise() - last_; }
  std::uint64_t take() { return std::exchange(sum_, 0); }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t sum_ = 0;
};

std::size_t frame_bytes_of(const LinkLimitOptions& options) {
  return kEncapsulationBytes + wire::kFrameHeaderBytes + wire::kHubPartHeadBytes +
         (options.message_bytes + options.k - 1) / options.k;
}

class LinkLimit {
 public:
  LinkLimit(const LinkLimitOptions& options, io::Pool pool, std::unique_ptr<io::Port> port)
      : options_(options),
        pool_(std::move(pool)),
        port_(std::move(port)),
        code_(options.n, options.k),
        part_bytes_(code_.part_bytes(options.message_bytes)),
        frame_bytes_(frame_bytes_of(options)),
        sender_({.site = kFrom,
                 .self = server(options.n - 1),
                 .other = kTo,
                 .parts = options.n,
                 .needed = options.k,
                 .window = options.messages},
                [](const link::HubLinks::Heard&) { return true; }),
        receiver_({.site = kTo,
                   .self = server(0),
                   .other = kFrom,
                   .parts = options.n,
                   .needed = options.k,
                   .window = options.messages},
                  [this](const link::HubLinks::Heard& heard) { return take(heard.name, heard.bytes); }),
        sending_("sending", *port_, sender_, *pool_),
        receiving_("receiving", *port_, receiver_, *pool_),
        collector_(
            {.max_message_bytes = options.message_bytes,
             .window_messages = options.messages,
             .spare_bytes = 2 * options.messages * options.message_bytes},
            std::array{link::PartCollector::Source{
                kFrom, {.n = static_cast<std::uint8_t>(options.n), .k = static_cast<std::uint8_t>(options.k)}}}) {
    make_messages();
    make_schedules();
    if (hears()) make_overheard();
  }

  Result<LinkLimitRow> run() {
    std::array<std::vector<double>, 10> values;
    const std::size_t received = options_.messages * options_.k;
    for (std::size_t round = 0; round < options_.rounds; ++round) {
      const auto measure = [&](std::size_t at, std::size_t total, auto&& call) {
        values[at].push_back(slices(total, call));
      };
      measure(0, options_.messages, [&](Range range) { bare_sending(range); });
      measure(1, options_.messages, [&](Range range) { coding_sending(range); });
      measure(2, options_.messages, [&](Range range) { sending(range); });
      measure(3, received, [&](Range range) { bare_receiving(range); });
      measure(4, received, [&](Range range) { coding_receiving(range); });
      measure(5, received, [&](Range range) { receiving(range); });
      if (hears()) {
        measure(8, overheard_.size(), [&](Range range) { rx_and_free(range); });
        measure(9, overheard_.size(), [&](Range range) { overhearing(range); });
        if (const auto reason = unheard(); reason.has_value()) return Error{*reason};
      }
      if (wrong_ > 0) return Error{"bench link: a message was not decoded to what was sent"};
      values[6].push_back((values[0].back() + values[1].back()) / values[2].back());
      values[7].push_back((values[3].back() + values[4].back()) / values[5].back());
    }
    return LinkLimitRow{
        .part_bytes = part_bytes_,
        .frame_bytes = frame_bytes_ + kFcsBytes,
        .bytes_in_flight = options_.messages * options_.message_bytes,
        .sending = {median(values[0]), median(values[1]), median(values[2]), median(values[6])},
        .receiving = {median(values[3]), median(values[4]), median(values[5]), median(values[7])},
        .overheard = hears() ? std::optional(OverhearCost{median(values[8]), median(values[9])}) : std::nullopt,
        .checked = checked_};
  }

 private:
  struct Arrival {
    std::uint32_t message;
    std::uint32_t index;
  };

  static ServerId server(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }

  struct Range {
    std::size_t from;
    std::size_t to;
  };

  // Nanoseconds per one of `total`: all of them, again and again for the time of a slice. Short pieces are timed, and
  // of those that stand at about the same place the median counts: what else the machine does meanwhile does not. Their
  // places matter because messages complete towards the end.
  template <typename Call>
  double slices(std::size_t total, Call&& call) {
    for (std::vector<double>& times : times_) times.clear();
    const Instant end = clock_.now() + options_.per_slice;
    const double ns_per_tick = 1e9 / static_cast<double>(rte_get_tsc_hz());
    const std::size_t pieces = (total + kPiece - 1) / kPiece;
    const std::size_t places = std::min(pieces, times_.size());
    do {
      begin_round();
      for (std::size_t piece = 0; piece < pieces; ++piece) {
        const Range range{piece * kPiece, std::min((piece + 1) * kPiece, total)};
        watch_.start();
        call(range);
        watch_.stop();
        times_[piece * places / pieces].push_back(static_cast<double>(watch_.take()) * ns_per_tick /
                                                  static_cast<double>(range.to - range.from));
      }
    } while (clock_.now() < end);
    double sum = 0;
    for (std::size_t place = 0; place < places; ++place) sum += median(times_[place]);
    return sum / static_cast<double>(places);
  }

  // The next messages, in the order of another schedule.
  void begin_round() {
    schedule_ = &schedules_[turn_++ % schedules_.size()];
    first_ += options_.messages;
    collector_.advance(kFrom, kClass, SeqNum(first_));
    if (hears()) expect_overheard();
  }

  void make_messages() {
    messages_.resize(options_.messages * options_.message_bytes);
    rows_.resize(options_.messages * options_.n * part_bytes_);
    frames_.resize(options_.messages * options_.n * frame_bytes_);
    if (hears()) heard_frames_.resize(frames_.size());
    own_.resize(options_.messages * part_bytes_);
    for (std::size_t m = 0; m < options_.messages; ++m) {
      fill_message(m, message(m));
      code_.encode_all(message(m), MutableBytes(rows_).subspan(m * options_.n * part_bytes_, options_.n * part_bytes_));
      for (std::size_t i = 0; i < options_.n; ++i) {
        make_frame(frames_, m, i, kFrom, kTo);
        if (hears()) make_frame(heard_frames_, m, i, kTo, kFrom);
      }
    }
  }

  void make_frame(Bytes& frames, std::size_t m, std::size_t index, SiteId from, SiteId to) {
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
                                   .bytes = row(m, index)});
    wire::encapsulate(frame, bench_address(from, server(index)), bench_address(to, server(0)), kClass,
                      wire::UdpChecksum::none);
  }

  // Which k parts of which message come, shuffled: all subsets in turn, one schedule for each place that the rotation
  // begins at.
  void make_schedules() {
    std::vector<std::uint32_t> subsets;
    for (std::uint32_t bits = 0; bits < std::uint32_t{1} << options_.n; ++bits) {
      if (static_cast<std::size_t>(std::popcount(bits)) == options_.k) subsets.push_back(bits);
    }
    Rng rng(1);
    schedules_.resize(std::min<std::size_t>(subsets.size(), kMostSchedules));
    for (std::size_t s = 0; s < schedules_.size(); ++s) {
      std::vector<Arrival>& schedule = schedules_[s];
      for (std::size_t m = 0; m < options_.messages; ++m) {
        const std::uint32_t subset = subsets[(m + s) % subsets.size()];
        for (std::size_t i = 0; i < options_.n; ++i) {
          if ((subset >> i & 1U) != 0)
            schedule.push_back({static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(i)});
        }
      }
      shuffle(schedule, rng);
    }
  }
  static void shuffle(std::vector<Arrival>& schedule, Rng& rng) {
    for (std::size_t i = schedule.size(); i > 1; --i) std::swap(schedule[i - 1], schedule[rng.below(i)]);
  }

  // What the receiver's own site sends: every part but its own, shuffled.
  [[nodiscard]] bool hears() const { return options_.messages <= kMostOverheard; }
  void make_overheard() {
    for (std::uint32_t m = 0; m < options_.messages; ++m) {
      for (std::uint32_t i = 1; i < options_.n; ++i) overheard_.push_back({m, i});
    }
    Rng rng(2);
    shuffle(overheard_, rng);
  }
  // It is of the second set, and has its own encoding before the others are heard.
  void expect_overheard() {
    for (std::size_t m = 0; m < options_.messages; ++m) {
      receiver_.links().submit(Instant(1), kFrom,
                               {.traffic = kClass,
                                .sequence = SeqNum(first_ + m),
                                .first_set = ServerSet::all(options_.n).without(server(0)),
                                .bytes = row(m, 0),
                                .handle = m,
                                .encoding = encoding_});
    }
    while (receiver_.links().next_released().has_value()) {
    }
  }

  MutableBytes message(std::size_t m) {
    return MutableBytes(messages_).subspan(m * options_.message_bytes, options_.message_bytes);
  }
  MutableBytes row(std::size_t m, std::size_t index) {
    return MutableBytes(rows_).subspan((m * options_.n + index) * part_bytes_, part_bytes_);
  }
  MutableBytes own(std::size_t m) { return MutableBytes(own_).subspan(m * part_bytes_, part_bytes_); }
  ByteView frame(const Bytes& frames, Arrival at) {
    return ByteView(frames).subspan((at.message * options_.n + at.index) * frame_bytes_, frame_bytes_);
  }

  // A burst of mbufs with these bytes, sent.
  template <typename BytesOf>
  void send(std::size_t count, BytesOf&& bytes_of) {
    std::array<rte_mbuf*, kBurst> burst;
    for (std::size_t i = 0; i < count; ++i) {
      burst[i] = io::take_mbuf(*pool_);
      CHECK(burst[i] != nullptr);
      auto* const data = rte_pktmbuf_mtod(burst[i], std::uint8_t*);
      const std::size_t size = bytes_of(i, data);
      burst[i]->data_len = static_cast<std::uint16_t>(size);
      burst[i]->pkt_len = static_cast<std::uint32_t>(size);
    }
    CHECK(port_->tx_burst(std::span(burst).first(count)) == count);
  }
  void read_back() {
    std::array<rte_mbuf*, kBurst> burst;
    const std::size_t count = port_->rx_burst(burst);
    for (std::size_t i = 0; i < count; ++i) {
      read_ ^= read_all({rte_pktmbuf_mtod(burst[i], const std::uint8_t*), burst[i]->data_len});
    }
    io::give_back(std::span(burst).first(count));
  }
  template <typename BytesOf>
  void bare(Range range, BytesOf&& bytes_of) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      send(std::min(kBurst, range.to - done),
           [&](std::size_t i, std::uint8_t* data) { return bytes_of(done + i, data); });
      read_back();
    }
  }

  void bare_sending(Range range) {
    bare(range, [this](std::size_t m, std::uint8_t* data) {
      const ByteView part = own(m);
      std::copy(part.begin(), part.end(), data);
      return part.size();
    });
  }
  void coding_sending(Range range) {
    for (std::size_t m = range.from; m < range.to; ++m) code_.encode(message(m), options_.n - 1, own(m));
  }
  // Own parts of all messages, encoded, cut into frames and sent; the other end frees them.
  void sending(Range range) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      const std::size_t count = std::min(kBurst, range.to - done);
      for (std::size_t m = done; m < done + count; ++m) {
        code_.encode(message(m), options_.n - 1, own(m));
        sender_.links().submit(Instant(1), kTo,
                               {.traffic = kClass,
                                .sequence = SeqNum(++sent_),
                                .first_set = ServerSet::all(options_.n),
                                .bytes = own(m),
                                .handle = m,
                                .encoding = encoding_});
      }
      std::size_t out = 0;
      while (out < count) {
        static_cast<void>(sending_.poll(Instant(1)));
        out += drain(*port_);
      }
      sender_.links().acknowledged(kTo, SeqNum(sent_));
      while (sender_.links().next_released().has_value()) {
      }
    }
  }

  std::size_t write_frame(const Bytes& frames, Arrival at, std::uint8_t* data) {
    const ByteView bytes = frame(frames, at);
    std::copy(bytes.begin(), bytes.end(), data);
    store_le(data + kCounterOffset, first_ + at.message);
    return bytes.size();
  }
  void bare_receiving(Range range) {
    bare(range, [&](std::size_t i, std::uint8_t* data) { return write_frame(frames_, (*schedule_)[i], data); });
  }
  void coding_receiving(Range range) {
    for (std::size_t i = range.from; i < range.to; ++i) {
      const Arrival at = (*schedule_)[i];
      std::vector<coding::Part>& parts = coding_parts_[at.message];
      parts.push_back({.index = at.index, .bytes = row(at.message, at.index)});
      if (parts.size() < options_.k) continue;
      CHECK(code_.decode(parts, decoded_));
      parts.clear();
    }
  }
  void receiving(Range range) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      send(std::min(kBurst, range.to - done),
           [&](std::size_t i, std::uint8_t* data) { return write_frame(frames_, (*schedule_)[done + i], data); });
      static_cast<void>(receiving_.poll(Instant(1)));
    }
  }

  void rx_and_free(Range range) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      send(std::min(kBurst, range.to - done),
           [&](std::size_t i, std::uint8_t* data) { return write_frame(heard_frames_, overheard_[done + i], data); });
      static_cast<void>(drain(*port_));
    }
  }
  void overhearing(Range range) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      send(std::min(kBurst, range.to - done),
           [&](std::size_t i, std::uint8_t* data) { return write_frame(heard_frames_, overheard_[done + i], data); });
      static_cast<void>(receiving_.poll(Instant(1)));
      due_ += std::min(kBurst, range.to - done);
    }
  }
  // Every part that was put there was counted, and every send of the second set cancelled.
  [[nodiscard]] std::optional<std::string> unheard() {
    const link::HubSenderStats& stats = receiver_.links().sender(kFrom).stats();
    if (stats.overheard != due_) return "bench link: parts on the hub were not overheard";
    return stats.sent_second > 0 ? std::optional<std::string>("bench link: the second set sent") : std::nullopt;
  }

  // A part whose signature would have verified.
  bool take(const link::HubPartName& name, ByteView part) {
    receiver_.links().verdict(Instant(1), name, true);
    if (name.from == kTo) return true;
    const link::LinkMessageId id{name.from, name.traffic, name.sequence};
    const auto refused = collector_.take(
        {.of = id,
         .code = {.n = static_cast<std::uint8_t>(options_.n), .k = static_cast<std::uint8_t>(options_.k)},
         .index = name.index,
         .message_bytes = options_.message_bytes,
         .bytes = part,
         .whole = part});
    if (refused.has_value()) return true;
    const auto candidate = collector_.candidate(id);
    if (!candidate.has_value()) return true;
    watch_.stop();
    ++(is_message(id.sequence.value() - first_, candidate->message) ? checked_ : wrong_);
    watch_.start();
    collector_.done(id);
    return true;
  }

  static constexpr std::size_t kMostSchedules = 21;
  static constexpr std::size_t kMostOverheard = 1024;
  static constexpr std::size_t kPiece = 2 * kBurst;

  LinkLimitOptions options_;
  io::Pool pool_;
  std::unique_ptr<io::Port> port_;
  coding::Code code_;
  std::size_t part_bytes_;
  std::size_t frame_bytes_;
  HubBenchEnd sender_;
  HubBenchEnd receiver_;
  stages::LanStage sending_;
  stages::LanStage receiving_;
  link::PartCollector collector_;
  Bytes messages_;
  Bytes rows_;
  Bytes frames_;
  Bytes heard_frames_;
  std::vector<Arrival> overheard_;
  Bytes own_;
  Bytes decoded_ = Bytes(options_.message_bytes);
  std::vector<std::vector<coding::Part>> coding_parts_ = std::vector<std::vector<coding::Part>>(options_.messages);
  std::vector<Digest> encoding_ = std::vector<Digest>(options_.n);
  std::vector<std::vector<Arrival>> schedules_;
  std::array<std::vector<double>, 20> times_;  // by place
  const std::vector<Arrival>* schedule_ = nullptr;
  runtime::Clock clock_;
  Watch watch_;
  std::uint64_t sent_ = 0;
  std::uint64_t first_ = 1;
  std::size_t turn_ = 0;
  std::size_t checked_ = 0;
  std::size_t wrong_ = 0;
  std::size_t due_ = 0;  // parts of the own site put on the hub
  std::uint64_t read_ = 0;
};

Result<std::unique_ptr<io::Port>> loop_port(const std::string& kind, rte_mempool& pool) {
  if (kind == "inproc") return {std::make_unique<Loop>()};
  Result<std::unique_ptr<io::EthdevPort>> port =
      io::EthdevPort::open({.devargs = kind + "0", .pool = &pool, .rx_descriptors = 1024, .tx_descriptors = 1024});
  if (!port) return port.error();
  return {std::unique_ptr<io::Port>(std::move(port).value())};
}

}  // namespace

Result<LinkLimitRow> run_link_limit(const LinkLimitOptions& options) {
  CHECK(coding::Code::valid(options.n, options.k) && options.n <= kMaxServersPerSite && options.messages >= kBurst);
  if (frame_bytes_of(options) > kMaxFrameBytes) {
    return Error{"bench link: a part of " + std::to_string(options.message_bytes) + " bytes does not fit a frame"};
  }
  Result<io::Pool> pool = io::make_pool({.name = "limit", .mbufs = kPoolMbufs});
  if (!pool) return pool.error();
  Result<std::unique_ptr<io::Port>> port = loop_port(options.port, *pool.value());
  if (!port) return port.error();
  LinkLimit bench(options, std::move(pool).value(), std::move(port).value());
  return bench.run();
}

}  // namespace garrison::link_bench
