// Byte strings, and the bounded little-endian reader and writer that every layout here is made with.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "dataplane/base/check.h"

namespace garrison {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;
using Digest = std::array<std::uint8_t, 32>;  // SHA-256

inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

inline ByteView as_bytes(std::span<const char> text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

static_assert(std::endian::native == std::endian::little, "layouts are copied as little-endian words");

template <std::unsigned_integral T>
T load_le(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <std::unsigned_integral T>
void store_le(std::uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// Reads a layout front to back. The first read past the end makes it bad for good: every later read yields
// zeros and ok() is false, so that a decoder checks once, at its end.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  T read() {
    if (rest_.size() < sizeof(T)) return fail(), T{};
    const T value = load_le<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  std::uint8_t u8() { return read<std::uint8_t>(); }
  std::uint16_t u16() { return read<std::uint16_t>(); }
  std::uint32_t u32() { return read<std::uint32_t>(); }
  std::uint64_t u64() { return read<std::uint64_t>(); }

  ByteView view(std::size_t size) {
    if (rest_.size() < size) return fail(), ByteView{};
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    const ByteView taken = view(N);
    if (taken.size() == N) std::memcpy(out.data(), taken.data(), N);
    return out;
  }

  // Reserved bytes are zero, or the layout is bad.
  void zeros(std::size_t size) {
    for (const std::uint8_t byte : view(size)) {
      if (byte != 0) fail();
    }
  }

  void fail() {
    ok_ = false;
    rest_ = {};
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

 private:
  ByteView rest_;
  bool ok_ = true;
};

// Writes a layout front to back into memory of the caller. Running out of room is the caller's bug: sizes are
// bounded before encoding starts.
class Writer {
 public:
  explicit Writer(MutableBytes out) : out_(out) {}

  template <std::unsigned_integral T>
  Writer& write(T value) {
    CHECK(out_.size() - used_ >= sizeof(T));
    store_le(out_.data() + used_, value);
    used_ += sizeof(T);
    return *this;
  }
  Writer& u8(std::uint8_t v) { return write(v); }
  Writer& u16(std::uint16_t v) { return write(v); }
  Writer& u32(std::uint32_t v) { return write(v); }
  Writer& u64(std::uint64_t v) { return write(v); }

  Writer& bytes(ByteView view) {
    CHECK(out_.size() - used_ >= view.size());
    if (!view.empty()) std::memcpy(out_.data() + used_, view.data(), view.size());
    used_ += view.size();
    return *this;
  }
  Writer& zeros(std::size_t size) {
    CHECK(out_.size() - used_ >= size);
    std::memset(out_.data() + used_, 0, size);
    used_ += size;
    return *this;
  }

  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t room() const { return out_.size() - used_; }

 private:
  MutableBytes out_;
  std::size_t used_ = 0;
};

}  // namespace garrison
