// Captures written by hand, in either order of bytes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "dataplane/base/bytes.h"

namespace garrison::tap {

class CaptureBytes {
 public:
  explicit CaptureBytes(bool swapped = false) : swapped_(swapped) {}

  CaptureBytes& u32(std::uint32_t value) { return put(swapped_ ? __builtin_bswap32(value) : value); }
  CaptureBytes& u16(std::uint16_t value) { return put(swapped_ ? __builtin_bswap16(value) : value); }
  CaptureBytes& bytes(ByteView view) {
    text_.append(view.begin(), view.end());
    return *this;
  }

  CaptureBytes& pcap_head(std::uint32_t magic = 0xa1b2c3d4, std::uint32_t link_type = 1) {
    return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(link_type);
  }
  CaptureBytes& pcap_frame(std::uint32_t seconds, std::uint32_t fraction, ByteView frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    return u32(seconds).u32(fraction).u32(size).u32(size).bytes(frame);
  }

  CaptureBytes& block(std::uint32_t type, const CaptureBytes& body) {
    const auto padding = static_cast<std::uint32_t>((4 - body.text_.size() % 4) % 4);
    const auto length = static_cast<std::uint32_t>(12 + body.text_.size() + padding);
    u32(type).u32(length);
    text_ += body.text_ + std::string(padding, '\0');
    return u32(length);
  }
  [[nodiscard]] CaptureBytes body() const { return CaptureBytes(swapped_); }
  CaptureBytes& section() { return block(0x0a0d0d0a, body().u32(0x1a2b3c4d).u16(1).u16(0).u32(~0U).u32(~0U)); }
  CaptureBytes& interface(std::uint16_t link_type = 1) { return block(1, body().u16(link_type).u16(0).u32(0)); }
  // With a time resolution as if_tsresol has it.
  CaptureBytes& interface_of(std::uint8_t resolution) {
    const Bytes value{resolution, 0, 0, 0};
    return block(1, body().u16(1).u16(0).u32(0).u16(9).u16(1).bytes(value).u32(0));
  }
  CaptureBytes& packet(std::uint32_t interface, std::uint64_t units, ByteView frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    return block(6, body()
                        .u32(interface)
                        .u32(static_cast<std::uint32_t>(units >> 32U))
                        .u32(static_cast<std::uint32_t>(units))
                        .u32(size)
                        .u32(size)
                        .bytes(frame));
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  template <typename T>
  CaptureBytes& put(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  bool swapped_;
  std::string text_;
};

}  // namespace garrison::tap
