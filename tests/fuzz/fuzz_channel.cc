// A peer that holds the session keys and says anything: raw frames, HELLOs, and tagged frames with arbitrary chunks.
// Nothing crashes, no CHECK is reached, memory stays within the quota, every handle comes back.
//
// Input: records of (kind u8, size u16, bytes). The site is two servers; the one under test also sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "crypto/mac.h"
#include "dataplane/base/check.h"
#include "dataplane/link/channel_group.h"
#include "dataplane/link/session.h"
#include "dataplane/wire/chunk.h"
#include "dataplane/wire/frame.h"

namespace {
using namespace garrison;

const SystemId kSystem{1};
const SiteId kSite{0};
const ServerId kTested{0};
const ServerId kLiar{1};
constexpr Incarnation kTestedLife{1};

link::ChannelConfig config() {
  link::ChannelConfig chosen;
  chosen.max_message_bytes = 8 * 1024;
  chosen.window_messages = 8;
  chosen.window_bytes = 16 * 1024;
  chosen.queue_messages = 16;
  chosen.queue_bytes = 32 * 1024;
  chosen.timely_queue_messages = 4;
  chosen.timely_copies = 2;
  return chosen;
}

class Liar {
 public:
  Liar() : shared_(Bytes(32, 7)), hello_(link::derive_hello_key(shared_, direction()).view()) { live(Incarnation(1)); }

  [[nodiscard]] const crypto::SecretBytes& shared() const { return shared_; }
  void live(Incarnation incarnation) {
    incarnation_ = incarnation;
    key_.emplace(link::derive_frame_key(shared_, direction(), incarnation, kTestedLife).view());
    counter_ = 0;
  }
  [[nodiscard]] Bytes hello(Incarnation known) const {
    Bytes content(wire::kHelloBytes);
    Writer out(content);
    wire::write(out, wire::Hello{.src = incarnation_, .dst = known, .answer_wanted = true});
    return frame(wire::FrameKind::hello, 1, content);
  }
  [[nodiscard]] Bytes chunks(ByteView content, std::uint64_t skip) {
    counter_ += 1 + skip;
    return frame(wire::FrameKind::channel, counter_, content);
  }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }

 private:
  static link::Direction direction() {
    return {.system = kSystem, .src_site = kSite, .src = kLiar, .dst_site = kSite, .dst = kTested};
  }
  [[nodiscard]] Bytes frame(wire::FrameKind kind, std::uint64_t counter, ByteView content) const {
    Bytes bytes(wire::kFrameOverheadBytes + content.size());
    wire::write_frame_header(bytes, {.kind = kind,
                                     .length = static_cast<std::uint16_t>(bytes.size()),
                                     .src_site = kSite,
                                     .src_server = kLiar,
                                     .dst_site = kSite,
                                     .dst_server = kTested,
                                     .port_sequence = counter,
                                     .counter = counter});
    std::copy(content.begin(), content.end(), bytes.begin() + wire::kFrameHeaderBytes);
    const ByteView authenticated = wire::frame_authenticated(bytes);
    const crypto::Tag tag =
        kind == wire::FrameKind::hello ? hello_.tag(authenticated) : key_->seal(counter, authenticated);
    std::copy(tag.begin(), tag.end(), bytes.end() - wire::kFrameTagBytes);
    return bytes;
  }

  crypto::SecretBytes shared_;
  mutable crypto::HmacKey hello_;
  mutable std::optional<crypto::FrameKey> key_;
  Incarnation incarnation_;
  std::uint64_t counter_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const link::ChannelConfig chosen = config();
  constexpr std::size_t kQuota = 32 * 1024;
  const link::RxSlabPlan plan = link::plan_rx_slab(chosen, 1, kQuota);
  Slab slab(plan.classes, plan.owners, plan.quota_bytes);
  DropCounters drops;
  Liar liar;
  static const Bytes message(3000, 9);
  std::set<std::uint64_t> outstanding;
  {
    link::SharedPort port{.rx_slab = slab, .drops = drops};
    link::ChannelGroup group(chosen, {.system = kSystem, .site = kSite, .server = kTested, .incarnation = kTestedLife},
                             kSite, {{kLiar, liar.shared()}}, port);
    Instant now(1'000'000'000);
    std::vector<SlotRef> held;
    std::uint64_t handle = 0;
    Bytes out(chosen.payload_bytes);
    group.on_frame(now, liar.hello(kTestedLife));

    Reader in(ByteView(data, size));
    while (in.remaining() >= 3) {
      const std::uint8_t kind = in.u8();
      const ByteView bytes = in.view(std::min<std::size_t>(in.u16() % 1325, in.remaining()));
      switch (kind % 8) {
        case 0:
          group.on_frame(now, bytes);
          break;
        case 1:
          liar.live(Incarnation(liar.incarnation().value() + kind / 64));
          group.on_frame(now, liar.hello(Incarnation(kind / 8 % 4)));
          break;
        case 2:
          outstanding.insert(++handle);
          group.submit(now, ByteView(message).first(1 + bytes.size() * 2), handle, ServerSet::all(2),
                       kind < 128 ? TrafficClass::timely : TrafficClass::bounded, kind / 64);
          break;
        case 3:
          for (const SlotRef slot : held) slab.free(slot);
          held.clear();
          now = now + milliseconds(kind);
          break;
        default:
          group.on_frame(now, liar.chunks(bytes, kind / 32));
      }
      ServerId to;
      TrafficClass traffic{};
      for (int i = 0; i < 64 && group.next_frame(now, out, to, traffic) > 0; ++i) {
      }
      for (; group.peek_delivered() != nullptr; group.pop_delivered()) held.push_back(group.peek_delivered()->slot);
      while (const auto released = group.next_released()) CHECK(outstanding.erase(*released) == 1);
      for (std::size_t owner = 0; owner < plan.owners; ++owner) CHECK(slab.used_bytes(owner) <= kQuota);
      CHECK(outstanding.size() <= chosen.queue_messages + chosen.timely_queue_messages);
    }
    for (const SlotRef slot : held) slab.free(slot);
  }
  CHECK(slab.slots_in_use() == 0);
  return 0;
}
