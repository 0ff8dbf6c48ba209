// Session: which lives of two servers talk, and the keys and counters of that pair of lives.
//
// HELLO says "my incarnation is x, I know yours as y" under a key of the pair of servers (HMAC, so forging one costs
// us one short hash and replaying one tells nothing new). Channel frames are tagged under a key of the direction and
// of *both* incarnations, with the frame counter as nonce: a restarted server comes back with a higher incarnation,
// hence under keys whose counters start anew, and no frame of an earlier life verifies.
//
// A side is established when it knows the peer's incarnation and that the peer knows its own. It repeats its HELLO
// until then, asking for an answer; an established side answers, at most once per hello_period. Owned by one Channel.
#pragma once

#include <cstdint>
#include <optional>

#include "crypto/mac.h"
#include "crypto/secret.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/link/sliding_bitmap.h"
#include "dataplane/wire/chunk.h"
#include "dataplane/wire/frame.h"

namespace garrison::link {

// One direction between two servers, of one site or of two.
struct Direction {
  SystemId system;
  SiteId src_site;
  ServerId src;
  SiteId dst_site;
  ServerId dst;
  [[nodiscard]] Direction reversed() const {
    return {.system = system, .src_site = dst_site, .src = dst, .dst_site = src_site, .dst = src};
  }
};

// HKDF-SHA-256 of the shared secret. Within a site `info` is the text "garrison channel hello" or "garrison channel
// frame", system u64, site u16, src u16, dst u16; between sites the text "garrison wide-area hello" or "... frame",
// system u64, src_site u16, src u16, dst_site u16, dst u16. For frames both incarnations u64 follow. All little-endian.
[[nodiscard]] crypto::SecretBytes derive_hello_key(const crypto::SecretBytes& shared, const Direction& direction);
// The same with "hub request": of what a server asks of another site on a hub link.
[[nodiscard]] crypto::SecretBytes derive_request_key(const crypto::SecretBytes& shared, const Direction& direction);
[[nodiscard]] crypto::SecretBytes derive_frame_key(const crypto::SecretBytes& shared, const Direction& direction,
                                                   Incarnation src, Incarnation dst);

inline constexpr std::size_t kReplayWindow = 1024;  // frames

class Session {
 public:
  // `out` sends from self to the peer.
  Session(const Direction& out, Incarnation mine, crypto::SecretBytes shared, Duration hello_period,
          Duration max_hello_period);

  struct HelloOutcome {
    std::optional<DropReason> refused;
    bool new_session = false;  // the peer has begun a life that we did not know: everything of the last one is void
  };
  [[nodiscard]] HelloOutcome on_hello(Instant now, ByteView payload);

  // Judges one channel frame with a parsed header: session, replay, tag. Accepting it uses its counter up.
  [[nodiscard]] std::optional<DropReason> open(const wire::FrameHeader& header, ByteView payload);

  // Whether channel frames may be sent.
  [[nodiscard]] bool established() const { return send_key_.has_value() && peer_knows_us_; }
  [[nodiscard]] Incarnation peer() const { return peer_; }
  [[nodiscard]] bool superseded() const { return superseded_; }

  // When the next HELLO is due.
  [[nodiscard]] Instant hello_due() const { return hello_at_; }
  // Writes a HELLO frame and returns its size.
  [[nodiscard]] std::size_t write_hello(Instant now, MutableBytes out, std::uint64_t port_sequence);

  // Completes a channel frame whose content stands behind the header's place; returns its size and uses up
  // next_counter(). established() only.
  [[nodiscard]] std::size_t seal(MutableBytes out, std::size_t content_bytes, std::uint64_t port_sequence);
  [[nodiscard]] std::uint64_t next_counter() const { return sent_ + 1; }

  // Of this session: the last counter sent, the highest received, and how many below it never came.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t highest_received() const { return replay_.highest(); }
  [[nodiscard]] std::uint64_t missing() const { return replay_.highest() - received_; }

 private:
  [[nodiscard]] wire::FrameHeader header(wire::FrameKind kind, std::size_t bytes, std::uint64_t port_sequence,
                                         std::uint64_t counter) const;
  void begin(Instant now, Incarnation peer);
  void settle_hello();

  Direction out_;
  Incarnation mine_;
  crypto::SecretBytes shared_;
  Duration hello_period_;
  Duration max_hello_period_;
  crypto::HmacKey hello_out_;
  crypto::HmacKey hello_in_;

  Incarnation peer_;
  bool peer_knows_us_ = false;
  bool superseded_ = false;
  std::optional<crypto::FrameKey> send_key_;
  std::optional<crypto::FrameKey> receive_key_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  SlidingBitmap<kReplayWindow> replay_;

  Instant hello_at_;  // the first is due at once
  Instant last_hello_;
  Duration hello_interval_;
  bool answer_owed_ = false;
  std::uint64_t hellos_sent_ = 0;
};

}  // namespace garrison::link
