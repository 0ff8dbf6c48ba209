// Messages on a TCP connection between a client and a server: u32 length, little-endian, then that many bytes. The
// length is at most kMaxClientMessageBytes, so a peer makes us hold no more than one such message. Pure; one thread.
#pragma once

#include <cstddef>
#include <optional>

#include "control/message/catalogue.h"
#include "crypto/batch.h"
#include "dataplane/base/bytes.h"

namespace garrison::client {

inline constexpr std::size_t kFrameHeaderBytes = 4;
// A CLIENT-OP is the largest message of the client protocol.
inline constexpr std::size_t kMaxClientMessageBytes =
    message::kEnvelopeBytes + message::kMaxClientOpBody + crypto::kMaxSignatureBlockBytes;
static_assert(message::kEnvelopeBytes + 64 + kMaxOperationBytes + 16 <= kMaxClientMessageBytes,
              "a CLIENT-REPLY fits, and so do queries");

void append_frame(Bytes& out, ByteView message);

// Cuts a byte stream into messages.
//
//   read into room(), say filled(n), then take front() and pop() until front() gives nothing
class FrameReader {
 public:
  // Where the next bytes of the stream go; never empty. Invalidates front().
  [[nodiscard]] MutableBytes room();
  void filled(std::size_t bytes);

  // The oldest whole message: valid until room(). None: read on, unless bad().
  [[nodiscard]] std::optional<ByteView> front() const;
  void pop();
  // The peer announced a message longer than any may be; nothing after it can be read.
  [[nodiscard]] bool bad() const;
  // Forgets everything: another stream begins.
  void reset();

 private:
  [[nodiscard]] std::size_t waiting() const { return end_ - begin_; }
  // Length that the header at begin_ states; none while it is not all there.
  [[nodiscard]] std::optional<std::size_t> announced() const;

  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace garrison::client
