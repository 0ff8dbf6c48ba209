#include "apps/link_bench/link_channels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/link_bench/bare_link.h"
#include "apps/link_bench/channel_bench_end.h"
#include "apps/link_bench/median.h"
#include "control/config/link_pairs.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/ring_port.h"
#include "dataplane/link/part_collector.h"
#include "dataplane/runtime/clock.h"
#include "dataplane/runtime/processor_time.h"

namespace garrison::link_bench {

namespace {

constexpr std::size_t kCableSlots = 1024;
constexpr std::size_t kPoolMbufs = 16'383;
// Of one sender in one burst: what fits the cable, the pool with every sender, and the cache more or less.
constexpr std::size_t kFramesPerBurst = 128;
constexpr std::size_t kMessagesPerBurst = 32;
constexpr std::size_t kWarmUpBursts = 2;
constexpr std::size_t kPatience = 100'000;  // passes without progress
constexpr SiteId kFrom(0);
constexpr SiteId kTo(1);

// In front of every part, in place of LINK-PART's header and signature.
constexpr std::size_t kPartHeaderBytes = 16;

class LinkChannels {
 public:
  LinkChannels(const LinkChannelsOptions& options, io::Pool pool)
      : options_(options),
        pairs_({3 * options.f + 1, options.f}, {3 * options.f + 1, options.f}),
        code_{.n = static_cast<std::uint8_t>(pairs_.count()), .k = static_cast<std::uint8_t>(pairs_.needed())},
        coder_(codes_.of(code_)),
        part_bytes_(coder_.part_bytes(options.message_bytes)),
        burst_(std::clamp<std::size_t>(kFramesPerBurst * options.path_ip_bytes / (part_bytes_ + options.path_ip_bytes),
                                       1, kMessagesPerBurst)),
        pool_(std::move(pool)),
        collector_({.max_message_bytes = options.message_bytes, .window_messages = burst_},
                   std::array{link::PartCollector::Source{kFrom, code_}}) {
    const link::ChannelConfig config = bench_channel(options.path_ip_bytes);
    for (std::size_t i = 0; i < code_.n; ++i) {
      cables_.push_back(std::make_unique<io::RingCable>("link" + std::to_string(i), io::MacAddress{}, kCableSlots));
      senders_.push_back(std::make_unique<ChannelBenchEnd>(kFrom, peer(i), kTo, config, kPartHeaderBytes + part_bytes_,
                                                           cables_[i]->near_end(), *pool_));
      receivers_.push_back(std::make_unique<ChannelBenchEnd>(
          kTo, peer(i), kFrom, config, kPartHeaderBytes + part_bytes_, cables_[i]->far_end(), *pool_));
    }
    for (std::size_t b = 0; b < burst_; ++b) {
      Bytes& message = messages_.emplace_back(options.message_bytes);
      for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 7 + b);
    }
  }

  Result<LinkChannelsRow> run() {
    if (Result<void> ready = establish(); !ready) return ready.error();
    for (std::size_t i = 0; i < kWarmUpBursts; ++i) {
      if (!link_burst(true)) return Error{"link bench: parts did not come out of the link as they went in"};
    }
    std::vector<double> frames;
    std::vector<double> tx;
    std::vector<double> rx;
    std::vector<double> goodput;
    std::vector<double> ratio;
    std::vector<double> coding;
    const double parts = static_cast<double>(code_.n * burst_);  // of a burst
    for (std::size_t round = 0; round < options_.rounds; ++round) {
      const Result<LinkRound> link = link_round();
      if (!link) return link.error();
      frames.push_back(link.value().frames / parts);
      tx.push_back(parts / link.value().tx_seconds);
      rx.push_back(parts / link.value().rx_seconds);
      goodput.push_back(static_cast<double>(burst_ * options_.message_bytes) * 8e-9 / link.value().seconds());
      ratio.push_back(bare_seconds(link.value()) / link.value().seconds());
      coding.push_back(parts / runtime::seconds_per_call(options_.per_round, [this] { coding_burst(); }));
    }
    return LinkChannelsRow{.n = code_.n,
                           .k = code_.k,
                           .part_bytes = kPartHeaderBytes + part_bytes_,
                           .frames_per_part = median(frames),
                           .tx_parts_per_s = median(tx),
                           .rx_parts_per_s = median(rx),
                           .goodput_gbps = median(goodput),
                           .bare_port_ratio = median(ratio),
                           .coding_only_parts_per_s = median(coding)};
  }

 private:
  // Means over the bursts of one round, of all senders and of all receivers.
  struct LinkRound {
    double tx_seconds = 0;
    double rx_seconds = 0;
    double frames = 0;
    double frame_bytes = 0;
    [[nodiscard]] double seconds() const { return tx_seconds + rx_seconds; }
  };

  [[nodiscard]] Result<void> establish() {
    for (std::size_t pass = 0; pass < kPatience; ++pass) {
      bool all = true;
      for (std::size_t i = 0; i < code_.n; ++i) {
        senders_[i]->work(clock_.now());
        receivers_[i]->work(clock_.now());
        all = all && senders_[i]->established(kTo, peer(i)) && receivers_[i]->established(kFrom, peer(i));
      }
      if (all) return {};
    }
    return Error{"link bench: peers found no session"};
  }

  [[nodiscard]] Result<LinkRound> link_round() {
    const std::uint64_t frames_before = frames_sent();
    const std::uint64_t bytes_before = bytes_sent();
    tx_seconds_ = rx_seconds_ = 0;
    std::size_t bursts = 0;
    for (; bursts == 0 || tx_seconds_ + rx_seconds_ < options_.per_round.seconds(); ++bursts) {
      if (!link_burst(false)) return Error{"link bench: the link stalled"};
    }
    const auto frames = static_cast<double>(frames_sent() - frames_before);
    const auto per_burst = [&](double sum) { return sum / static_cast<double>(bursts); };
    return LinkRound{.tx_seconds = per_burst(tx_seconds_),
                     .rx_seconds = per_burst(rx_seconds_),
                     .frames = per_burst(frames),
                     .frame_bytes = static_cast<double>(bytes_sent() - bytes_before) / frames};
  }

  // The parts of a burst of messages from every sender to its peer. Those of the last servers come first, which are
  // combinations of rows: decoding is never a mere copy.
  [[nodiscard]] bool link_burst(bool compare) {
    lap_ = runtime::thread_seconds();
    for (std::size_t i = 0; i < code_.n; ++i) {
      if (!send_parts(i)) return false;
    }
    end_lap(tx_seconds_);
    std::size_t known = 0;
    std::size_t parts = 0;
    for (std::size_t pass = 0; parts < code_.n * burst_; ++pass) {
      if (pass == kPatience) return false;
      if (pass > 0) senders_work();  // what was not sent at once waits for an acknowledgement
      for (std::size_t i = code_.n; i-- > 0;) {
        receivers_[i]->work(clock_.now());
        receivers_[i]->receive([&](ByteView bytes) {
          ++parts;
          if (take(bytes, compare)) ++known;
        });
      }
    }
    collector_.advance(kFrom, TrafficClass::bounded, SeqNum(first_ + burst_));
    first_ += burst_;
    end_lap(rx_seconds_);
    return known == burst_;
  }

  // Counts the processor time since the last lap.
  void end_lap(double& into) {
    const double now = runtime::thread_seconds();
    into += now - std::exchange(lap_, now);
  }
  // Within what the receivers do.
  void senders_work() {
    end_lap(rx_seconds_);
    for (const auto& sender : senders_) sender->work(clock_.now());
    end_lap(tx_seconds_);
  }

  [[nodiscard]] bool send_parts(std::size_t index) {
    ChannelBenchEnd& sender = *senders_[index];
    for (std::size_t b = 0; b < burst_; ++b) {
      std::optional<SlotRef> slot = sender.room(kPartHeaderBytes + part_bytes_);
      for (std::size_t pass = 0; !slot && pass < kPatience; ++pass) {
        end_lap(tx_seconds_);
        receivers_[index]->work(clock_.now());  // its acknowledgement
        senders_work();
        slot = sender.room(kPartHeaderBytes + part_bytes_);
      }
      if (!slot) return false;
      Writer out(sender.bytes(*slot));
      out.u64(first_ + b).u32(static_cast<std::uint32_t>(index)).u32(0);
      coder_.encode(messages_[b], index, sender.bytes(*slot).subspan(kPartHeaderBytes));
      sender.send(*slot, kTo, peer(index));
    }
    sender.work(clock_.now());
    return true;
  }

  // True when it completes a message, and the right one as far as `compare` has it looked at.
  [[nodiscard]] bool take(ByteView bytes, bool compare) {
    Reader in(bytes);
    const link::LinkMessageId id{kFrom, TrafficClass::bounded, SeqNum(in.u64())};
    const std::size_t index = in.u32();
    in.zeros(4);
    const auto refused = collector_.take({.of = id,
                                          .code = code_,
                                          .index = index,
                                          .message_bytes = options_.message_bytes,
                                          .bytes = in.view(in.remaining()),
                                          .whole = bytes});
    if (refused.has_value()) return false;  // of a message that is known
    const std::optional<link::PartCollector::Candidate> candidate = collector_.candidate(id);
    if (!candidate.has_value()) return false;
    const bool right = !compare || equal(candidate->message, messages_[id.sequence.value() - first_]);
    collector_.done(id);
    return right;
  }

  // What a bare port takes for as many frames of as many bytes: sender by sender, as they come in a burst of the link.
  [[nodiscard]] double bare_seconds(const LinkRound& link) {
    const auto frames = std::clamp<std::size_t>(
        static_cast<std::size_t>(std::lround(link.frames / static_cast<double>(code_.n))), 1, kCableSlots - 1);
    BareLink bare(bare_cable_, static_cast<std::size_t>(std::ceil(link.frame_bytes)), *pool_);
    return runtime::seconds_per_call(options_.per_round, [&] { bare.carry(frames); }) / static_cast<double>(frames) *
           link.frames;
  }

  void coding_burst() {
    Bytes& rows = coding_rows_;
    rows.resize(code_.n * part_bytes_);
    coding_message_.resize(options_.message_bytes);
    std::array<coding::Part, coding::kMaxParts> parts;
    for (const Bytes& message : messages_) {
      for (std::size_t i = 0; i < code_.n; ++i) {
        const MutableBytes row = MutableBytes(rows).subspan(i * part_bytes_, part_bytes_);
        coder_.encode(message, i, row);
        if (i >= code_.n - std::size_t{code_.k}) parts[i + code_.k - code_.n] = {.index = i, .bytes = row};
      }
      CHECK(coder_.decode(std::span(parts).first(code_.k), coding_message_));
    }
  }

  // Server `index` of either site talks to that of the other.
  [[nodiscard]] static ServerId peer(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }
  [[nodiscard]] std::uint64_t frames_sent() const {
    std::uint64_t sum = 0;
    for (const auto& sender : senders_) sum += sender->part().frames_sent();
    return sum;
  }
  [[nodiscard]] std::uint64_t bytes_sent() const {
    std::uint64_t sum = 0;
    for (const auto& sender : senders_) sum += sender->part().bytes_sent();
    return sum;
  }

  LinkChannelsOptions options_;
  config::LinkPairs pairs_;
  link::PartCode code_;
  link::PartCodes codes_;
  coding::Code& coder_;
  std::size_t part_bytes_;
  std::size_t burst_;
  // In order of what they refer to.
  io::Pool pool_;
  std::vector<std::unique_ptr<io::RingCable>> cables_;
  std::vector<std::unique_ptr<ChannelBenchEnd>> senders_;
  std::vector<std::unique_ptr<ChannelBenchEnd>> receivers_;
  io::RingCable bare_cable_{"bare", io::MacAddress{}, kCableSlots};

  runtime::Clock clock_;
  link::PartCollector collector_;
  std::vector<Bytes> messages_;
  Bytes coding_rows_;
  Bytes coding_message_;
  std::uint64_t first_ = 1;  // sequence of the next message
  double lap_ = 0;           // where it began, in this thread's processor time
  double tx_seconds_ = 0;
  double rx_seconds_ = 0;
};

}  // namespace

Result<LinkChannelsRow> run_link_channels(const LinkChannelsOptions& options) {
  CHECK(options.f >= 1 && options.f <= kMaxFaults && options.rounds > 0);
  CHECK(options.message_bytes > 0 && options.message_bytes <= kMaxMessageBytes);
  Result<io::Pool> pool = io::make_pool({.name = "link", .mbufs = kPoolMbufs});
  if (!pool) return pool.error();
  LinkChannels bench(options, std::move(pool).value());
  return bench.run();
}

}  // namespace garrison::link_bench
