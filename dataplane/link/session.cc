#include "dataplane/link/session.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "crypto/agreement.h"

namespace garrison::link {
namespace {

constexpr std::size_t kInfoBytes = 64;

void write_info(Writer& out, std::string_view purpose, const Direction& direction) {
  const bool wide = direction.src_site != direction.dst_site;
  const std::string_view kind = wide ? "garrison wide-area " : "garrison channel ";
  out.bytes(as_bytes(kind)).bytes(as_bytes(purpose)).u64(direction.system.value());
  out.u16(direction.src_site.value()).u16(direction.src.value());
  if (wide) out.u16(direction.dst_site.value());
  out.u16(direction.dst.value());
}

crypto::SecretBytes derive_mac_key(const crypto::SecretBytes& shared, std::string_view purpose,
                                   const Direction& direction) {
  std::array<std::uint8_t, kInfoBytes> info;
  Writer out(info);
  write_info(out, purpose, direction);
  return crypto::derive(shared, ByteView(info).first(out.used()), 32);
}

}  // namespace

crypto::SecretBytes derive_hello_key(const crypto::SecretBytes& shared, const Direction& direction) {
  return derive_mac_key(shared, "hello", direction);
}

crypto::SecretBytes derive_request_key(const crypto::SecretBytes& shared, const Direction& direction) {
  return derive_mac_key(shared, "hub request", direction);
}

crypto::SecretBytes derive_frame_key(const crypto::SecretBytes& shared, const Direction& direction, Incarnation src,
                                     Incarnation dst) {
  std::array<std::uint8_t, kInfoBytes> info;
  Writer out(info);
  write_info(out, "frame", direction);
  out.u64(src.value()).u64(dst.value());
  return crypto::derive(shared, ByteView(info).first(out.used()), 16);
}

Session::Session(const Direction& out, Incarnation mine, crypto::SecretBytes shared, Duration hello_period,
                 Duration max_hello_period)
    : out_(out),
      mine_(mine),
      shared_(std::move(shared)),
      hello_period_(hello_period),
      max_hello_period_(max_hello_period),
      hello_out_(derive_hello_key(shared_, out).view()),
      hello_in_(derive_hello_key(shared_, out.reversed()).view()),
      hello_at_(std::numeric_limits<std::int64_t>::min()),
      hello_interval_(hello_period) {
  CHECK(mine.value() != 0);
}

Session::HelloOutcome Session::on_hello(Instant now, ByteView payload) {
  if (!hello_in_.verify(wire::frame_authenticated(payload), wire::frame_tag(payload))) {
    return {.refused = DropReason::frame_bad_tag};
  }
  const auto hello = wire::read_hello(wire::frame_content(payload));
  if (!hello) return {.refused = DropReason::chunk_malformed};
  if (hello->src < peer_) return {.refused = DropReason::frame_stale_incarnation};

  HelloOutcome outcome;
  if (hello->src > peer_) {
    begin(now, hello->src);
    outcome.new_session = true;
  } else if (hello->answer_wanted) {
    answer_owed_ = true;
    hello_at_ = earlier(hello_at_, std::max(now, last_hello_ + hello_period_));
  }
  if (hello->dst == mine_) peer_knows_us_ = true;
  if (hello->dst > mine_) superseded_ = true;
  settle_hello();
  return outcome;
}

void Session::begin(Instant now, Incarnation peer) {
  peer_ = peer;
  peer_knows_us_ = false;
  send_key_.emplace(derive_frame_key(shared_, out_, mine_, peer_).view());
  receive_key_.emplace(derive_frame_key(shared_, out_.reversed(), peer_, mine_).view());
  sent_ = 0;
  received_ = 0;
  replay_ = {};
  // The news is worth a HELLO at once; it happens once per life of the peer, so it needs no pacing.
  answer_owed_ = true;
  hello_interval_ = hello_period_;
  hello_at_ = now;
}

// An established side says HELLO only when it owes an answer.
void Session::settle_hello() {
  if (established() && !answer_owed_) hello_at_ = Instant::never();
}

std::optional<DropReason> Session::open(const wire::FrameHeader& header, ByteView payload) {
  if (!receive_key_) return DropReason::frame_no_session;
  if (!replay_.fresh(header.counter)) return DropReason::frame_replayed;
  if (!receive_key_->verify(header.counter, wire::frame_authenticated(payload), wire::frame_tag(payload))) {
    return DropReason::frame_bad_tag;
  }
  replay_.insert(header.counter);
  ++received_;
  if (!peer_knows_us_) {  // its key covers our incarnation
    peer_knows_us_ = true;
    settle_hello();
  }
  return std::nullopt;
}

wire::FrameHeader Session::header(wire::FrameKind kind, std::size_t bytes, std::uint64_t port_sequence,
                                  std::uint64_t counter) const {
  return {.kind = kind,
          .length = static_cast<std::uint16_t>(bytes),
          .src_site = out_.src_site,
          .src_server = out_.src,
          .dst_site = out_.dst_site,
          .dst_server = out_.dst,
          .port_sequence = port_sequence,
          .counter = counter};
}

std::size_t Session::write_hello(Instant now, MutableBytes out, std::uint64_t port_sequence) {
  constexpr std::size_t kBytes = wire::kFrameOverheadBytes + wire::kHelloBytes;
  const MutableBytes frame = out.first(kBytes);
  wire::write_frame_header(frame, header(wire::FrameKind::hello, kBytes, port_sequence, ++hellos_sent_));
  Writer writer(frame.subspan(wire::kFrameHeaderBytes));
  wire::write(writer, wire::Hello{.src = mine_, .dst = peer_, .answer_wanted = !established()});
  const crypto::Tag tag = hello_out_.tag(wire::frame_authenticated(frame));
  writer.bytes(tag);

  last_hello_ = now;
  answer_owed_ = false;
  hello_at_ = now + hello_interval_;
  hello_interval_ = std::min(hello_interval_ * 2, max_hello_period_);
  settle_hello();
  return kBytes;
}

std::size_t Session::seal(MutableBytes out, std::size_t content_bytes, std::uint64_t port_sequence) {
  CHECK(established());
  const std::size_t bytes = wire::kFrameOverheadBytes + content_bytes;
  const MutableBytes frame = out.first(bytes);
  ++sent_;
  wire::write_frame_header(frame, header(wire::FrameKind::channel, bytes, port_sequence, sent_));
  const crypto::Tag tag = send_key_->seal(sent_, wire::frame_authenticated(frame));
  std::memcpy(frame.data() + bytes - tag.size(), tag.data(), tag.size());
  return bytes;
}

}  // namespace garrison::link
