#include "apps/link_bench/link_limit.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/link_bench/hub_bench_end.h"
#include "apps/link_bench/limit_traffic.h"
#include "apps/link_bench/looped_port.h"
#include "apps/link_bench/median.h"
#include "apps/link_bench/piece_times.h"
#include "dataplane/link/part_collector.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::link_bench {

namespace {

constexpr SiteId kFrom = LimitTraffic::kFrom;
constexpr SiteId kTo = LimitTraffic::kTo;
constexpr auto kClass = LimitTraffic::kClass;
constexpr std::size_t kBurst = LoopedPort::kBurst;
constexpr std::size_t kPiece = 2 * kBurst;
constexpr std::size_t kFcsBytes = 4;

class LinkLimit {
 public:
  LinkLimit(const LinkLimitOptions& options, LoopedPort& port)
      : options_(options),
        port_(port),
        code_(options.n, options.k),
        traffic_(options, code_),
        part_code_{.n = static_cast<std::uint8_t>(options.n), .k = static_cast<std::uint8_t>(options.k)},
        sender_(end(kFrom, options.n - 1, kTo), [](const link::HubLinks::Heard&) { return true; }),
        receiver_(end(kTo, 0, kFrom),
                  [this](const link::HubLinks::Heard& heard) { return take(heard.name, heard.bytes); }),
        sending_("sending", port.port(), sender_, port.pool()),
        receiving_("receiving", port.port(), receiver_, port.pool()),
        collector_({.max_message_bytes = options.message_bytes,
                    .window_messages = options.messages,
                    .spare_bytes = 2 * options.messages * options.message_bytes},
                   std::array{link::PartCollector::Source{kFrom, part_code_}}),
        times_(options.per_slice, kPiece),
        own_(options.messages * code_.part_bytes(options.message_bytes)) {}

  Result<LinkLimitRow> run() {
    Side sending;
    Side receiving;
    std::vector<double> rx_and_free;
    std::vector<double> overhearing;
    const std::size_t received = options_.messages * options_.k;
    for (std::size_t round = 0; round < options_.rounds; ++round) {
      measure(sending.bare, options_.messages, [&](Range range) { send_bare(range); });
      measure(sending.coding, options_.messages, [&](Range range) { encode(range); });
      measure(sending.link, options_.messages, [&](Range range) { send(range); });
      measure(receiving.bare, received, [&](Range range) { receive_bare(range); });
      measure(receiving.coding, received, [&](Range range) { decode(range); });
      measure(receiving.link, received, [&](Range range) { receive(range); });
      sending.end_round();
      receiving.end_round();
      if (hears()) {
        measure(rx_and_free, traffic_.overheard().size(), [&](Range range) { receive_and_free(range); });
        measure(overhearing, traffic_.overheard().size(), [&](Range range) { overhear(range); });
        if (const auto reason = unheard(); reason.has_value()) return Error{*reason};
      }
      if (wrong_ > 0) return Error{"bench link: a message was not decoded to what was sent"};
    }
    return LinkLimitRow{
        .part_bytes = code_.part_bytes(options_.message_bytes),
        .frame_bytes = LimitTraffic::frame_bytes(options_) + kFcsBytes,
        .bytes_in_flight = options_.messages * options_.message_bytes,
        .sending = sending.medians(),
        .receiving = receiving.medians(),
        .overheard = hears() ? std::optional(OverhearCost{median(rx_and_free), median(overhearing)}) : std::nullopt,
        .checked = checked_};
  }

 private:
  using Range = PieceTimes::Range;

  // By round.
  struct Side {
    std::vector<double> bare{};
    std::vector<double> coding{};
    std::vector<double> link{};
    std::vector<double> of_limit{};
    void end_round() { of_limit.push_back((bare.back() + coding.back()) / link.back()); }
    [[nodiscard]] LinkLimitSide medians() { return {median(bare), median(coding), median(link), median(of_limit)}; }
  };

  [[nodiscard]] HubBenchEnd::Config end(SiteId site, std::size_t self, SiteId other) const {
    return {.site = site,
            .self = LimitTraffic::server(self),
            .other = other,
            .parts = options_.n,
            .needed = options_.k,
            .window = options_.messages};
  }

  template <typename Call>
  void measure(std::vector<double>& into, std::size_t total, Call&& call) {
    into.push_back(times_.ns_each(
        total, [this] { begin_round(); }, call));
  }
  // The next messages, in the order of another schedule.
  void begin_round() {
    schedule_ = &traffic_.next_schedule();
    first_ += options_.messages;
    collector_.advance(kFrom, kClass, SeqNum(first_));
    if (hears()) expect_overheard();
  }
  [[nodiscard]] bool hears() const { return !traffic_.overheard().empty(); }
  // The receiver is of the second set, and has its own encoding before the others are heard.
  void expect_overheard() {
    for (std::size_t m = 0; m < options_.messages; ++m) {
      receiver_.links().submit(Instant(1), kFrom,
                               {.traffic = kClass,
                                .sequence = SeqNum(first_ + m),
                                .first_set = ServerSet::all(options_.n).without(LimitTraffic::server(0)),
                                .bytes = traffic_.part(m, 0),
                                .handle = m,
                                .encoding = encoding_});
    }
    while (receiver_.links().next_released().has_value()) {
    }
  }

  // The sender's own part of a message.
  MutableBytes own(std::size_t m) {
    const std::size_t part_bytes = own_.size() / options_.messages;
    return MutableBytes(own_).subspan(m * part_bytes, part_bytes);
  }
  void encode_own(std::size_t m) { code_.encode(traffic_.message(m), options_.n - 1, own(m)); }

  // Puts as many bursts on the port as the range has frames; write(i, at) writes the i-th. What comes of each burst is
  // taken by taken(count).
  template <typename Write, typename Taken>
  void bursts(Range range, Write&& write, Taken&& taken) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      const std::size_t count = std::min(kBurst, range.to - done);
      port_.send(count, [&](std::size_t i, std::uint8_t* at) { return write(done + i, at); });
      taken(count);
    }
  }
  std::size_t write_scheduled(std::size_t i, std::uint8_t* at) const {
    const LimitTraffic::Arrival arrival = (*schedule_)[i];
    return traffic_.write_frame(arrival, first_ + arrival.message, at);
  }
  std::size_t write_overheard(std::size_t i, std::uint8_t* at) const {
    const LimitTraffic::Arrival arrival = traffic_.overheard()[i];
    return traffic_.write_overheard(arrival, first_ + arrival.message, at);
  }

  void send_bare(Range range) {
    const auto write = [this](std::size_t m, std::uint8_t* at) {
      const ByteView part = own(m);
      std::copy(part.begin(), part.end(), at);
      return part.size();
    };
    bursts(range, write, [this](std::size_t) { port_.read_back(); });
  }
  void encode(Range range) {
    for (std::size_t m = range.from; m < range.to; ++m) encode_own(m);
  }
  // Own parts of all messages, encoded, cut into frames and sent; the other end frees them.
  void send(Range range) {
    for (std::size_t done = range.from; done < range.to; done += kBurst) {
      const std::size_t count = std::min(kBurst, range.to - done);
      for (std::size_t m = done; m < done + count; ++m) {
        encode_own(m);
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
        out += port_.drain();
      }
      sender_.links().acknowledged(kTo, SeqNum(sent_));
      while (sender_.links().next_released().has_value()) {
      }
    }
  }

  void receive_bare(Range range) {
    bursts(
        range, [this](std::size_t i, std::uint8_t* at) { return write_scheduled(i, at); },
        [this](std::size_t) { port_.read_back(); });
  }
  void decode(Range range) {
    for (std::size_t i = range.from; i < range.to; ++i) {
      const LimitTraffic::Arrival at = (*schedule_)[i];
      std::vector<coding::Part>& parts = coding_parts_[at.message];
      parts.push_back({.index = at.index, .bytes = traffic_.part(at.message, at.index)});
      if (parts.size() < options_.k) continue;
      CHECK(code_.decode(parts, decoded_));
      parts.clear();
    }
  }
  void receive(Range range) {
    bursts(
        range, [this](std::size_t i, std::uint8_t* at) { return write_scheduled(i, at); },
        [this](std::size_t) { static_cast<void>(receiving_.poll(Instant(1))); });
  }

  void receive_and_free(Range range) {
    bursts(
        range, [this](std::size_t i, std::uint8_t* at) { return write_overheard(i, at); },
        [this](std::size_t) { static_cast<void>(port_.drain()); });
  }
  void overhear(Range range) {
    bursts(
        range, [this](std::size_t i, std::uint8_t* at) { return write_overheard(i, at); },
        [this](std::size_t count) {
          static_cast<void>(receiving_.poll(Instant(1)));
          due_ += count;
        });
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
    const auto refused = collector_.take({.of = id,
                                          .code = part_code_,
                                          .index = name.index,
                                          .message_bytes = options_.message_bytes,
                                          .bytes = part,
                                          .whole = part});
    if (refused.has_value()) return true;
    const auto candidate = collector_.candidate(id);
    if (!candidate.has_value()) return true;
    times_.pause();
    ++(LimitTraffic::is_message(id.sequence.value() - first_, candidate->message) ? checked_ : wrong_);
    times_.go_on();
    collector_.done(id);
    return true;
  }

  LinkLimitOptions options_;
  LoopedPort& port_;
  coding::Code code_;
  LimitTraffic traffic_;
  link::PartCode part_code_;
  HubBenchEnd sender_;
  HubBenchEnd receiver_;
  stages::LanStage sending_;
  stages::LanStage receiving_;
  link::PartCollector collector_;
  PieceTimes times_;
  Bytes own_;
  Bytes decoded_ = Bytes(options_.message_bytes);
  std::vector<std::vector<coding::Part>> coding_parts_ = std::vector<std::vector<coding::Part>>(options_.messages);
  std::vector<Digest> encoding_ = std::vector<Digest>(options_.n);
  const LimitTraffic::Schedule* schedule_ = nullptr;
  std::uint64_t sent_ = 0;   // the last sequence that was
  std::uint64_t first_ = 1;  // sequence of message 0 of this round
  std::size_t checked_ = 0;
  std::size_t wrong_ = 0;
  std::size_t due_ = 0;  // parts of the own site put on the hub
};

}  // namespace

Result<LinkLimitRow> run_link_limit(const LinkLimitOptions& options) {
  CHECK(coding::Code::valid(options.n, options.k) && options.n <= kMaxServersPerSite && options.messages >= kBurst);
  if (LimitTraffic::frame_bytes(options) > kMaxFrameBytes) {
    return Error{"bench link: a part of " + std::to_string(options.message_bytes) + " bytes does not fit a frame"};
  }
  Result<std::unique_ptr<LoopedPort>> port = LoopedPort::open(options.port);
  if (!port) return port.error();
  LinkLimit bench(options, *port.value());
  return bench.run();
}

}  // namespace garrison::link_bench
