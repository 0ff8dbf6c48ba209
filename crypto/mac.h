// Symmetric authentication: HMAC-SHA-256 for client replies and hellos, AES-128-GMAC for frames.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "crypto/secret.h"
#include "dataplane/base/bytes.h"

namespace garrison::crypto {

using Tag = std::array<std::uint8_t, 16>;

// HMAC-SHA-256 truncated to 16 bytes, its key schedule computed once. One thread at a time.
class HmacKey {
 public:
  explicit HmacKey(ByteView key);
  ~HmacKey();
  HmacKey(HmacKey&&) noexcept;
  HmacKey& operator=(HmacKey&&) noexcept;
  [[nodiscard]] Tag tag(ByteView message);
  // Constant time in the tag.
  [[nodiscard]] bool verify(ByteView message, ByteView tag);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// AES-128-GMAC under one direction of one session. The 96-bit nonce is the frame counter; the caller never uses a
// counter twice to seal. One thread at a time.
class FrameKey {
 public:
  explicit FrameKey(ByteView key16);
  ~FrameKey();
  FrameKey(FrameKey&&) noexcept;
  FrameKey& operator=(FrameKey&&) noexcept;
  [[nodiscard]] Tag seal(std::uint64_t counter, ByteView authenticated);
  [[nodiscard]] bool verify(std::uint64_t counter, ByteView authenticated, ByteView tag);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace garrison::crypto
