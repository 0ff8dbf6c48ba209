// One end of a session between a forwarder and a server of its site: frames under a MAC on a byte stream (TCP).
//
//   hello   u64 magic | u64 system | u16 site | u16 server | u8 forwarder | 3 reserved | 16-byte nonce
//   frame   u32 size of body | body | tag: HMAC of the frame's number and everything before the tag
//
// Server and forwarder each open with a hello, the server first. Keys are derived from what the two share and both
// nonces, one for each direction, and frames count from 1, so a frame verifies at its place in its session and nowhere
// else. The first frame of each direction proves who sent it. Pure; one thread.
#pragma once

#include <array>
#include <optional>

#include "crypto/mac.h"
#include "crypto/secret.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/forwarder/forwarder.h"

namespace garrison::forwarder {

using Nonce = std::array<std::uint8_t, 16>;

struct Hello {
  SystemId system;
  SiteId site;
  ServerId server;
  Role forwarder = Role::primary;
  Nonce nonce{};
};
inline constexpr std::size_t kHelloBytes = 8 + 8 + 2 + 2 + 1 + 3 + 16;
[[nodiscard]] std::array<std::uint8_t, kHelloBytes> write_hello(const Hello& hello);
[[nodiscard]] std::optional<Hello> read_hello(ByteView bytes);

// Bodies. From the server: u64 sequence | u64 destinations | u8 class | 7 reserved | message; empty: the first frame,
// which only proves. From the forwarder: u16 source site | 6 reserved | message.
inline constexpr std::size_t kHeaderBytes = 24;
inline constexpr std::size_t kArrivalBytes = 8;
inline constexpr std::size_t kMaxBodyBytes = kHeaderBytes + kMaxMessageBytes;

[[nodiscard]] Bytes write_departure(const Header& header, ByteView message);
struct DepartureView {
  Header header;
  ByteView message;
};
[[nodiscard]] std::optional<DepartureView> read_departure(ByteView body);

[[nodiscard]] Bytes write_arrival(SiteId source, ByteView message);
struct ArrivalView {
  SiteId source;
  ByteView message;
};
[[nodiscard]] std::optional<ArrivalView> read_arrival(ByteView body);

class SessionStream {
 public:
  enum class End : std::uint8_t { server, forwarder };

  // `shared` is the secret of this server and this forwarder.
  SessionStream(End mine, const crypto::SecretBytes& shared, const Hello& server, const Nonce& of_forwarder);

  // Appends one frame to `out`, in the order in which they are sent. CHECKs kMaxBodyBytes.
  void seal(ByteView body, Bytes& out);

  // Takes bytes of the stream: at most room() at once.
  [[nodiscard]] MutableBytes room();
  void filled(std::size_t bytes);
  // The body of the next whole frame, until pop() or room(); none: read on, unless failed().
  [[nodiscard]] std::optional<ByteView> front();
  void pop();
  // What was wrong with the stream, for good.
  [[nodiscard]] std::optional<DropReason> failed() const { return failed_; }
  // Frames that have verified.
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  static constexpr std::size_t kSizeBytes = 4;
  static constexpr std::size_t kTagBytes = std::tuple_size_v<crypto::Tag>;

  crypto::HmacKey send_key_;
  crypto::HmacKey receive_key_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  Bytes scratch_;  // the number and the frame, as they are authenticated
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool verified_ = false;  // the frame at begin_
  std::optional<DropReason> failed_;
};

}  // namespace garrison::forwarder
