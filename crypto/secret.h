// Bytes that are wiped when they go: keys, shared secrets, nonces.
#pragma once

#include <cstddef>

#include "dataplane/base/bytes.h"

namespace garrison::crypto {

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  SecretBytes(const SecretBytes&) = default;
  SecretBytes& operator=(const SecretBytes& other);
  SecretBytes(SecretBytes&&) noexcept = default;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes();

  [[nodiscard]] ByteView view() const { return bytes_; }
  [[nodiscard]] MutableBytes writable() { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  // Overwrites and empties.
  void wipe();

 private:
  Bytes bytes_;
};

}  // namespace garrison::crypto
