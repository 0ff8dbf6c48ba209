#include "apps/tap/capture_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace garrison::tap {

namespace {

constexpr std::uint32_t kSection = 0x0a0d0d0a;
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
constexpr std::uint32_t kInterfaceBlock = 1;
constexpr std::uint32_t kSimplePacketBlock = 3;
constexpr std::uint32_t kEnhancedPacketBlock = 6;
constexpr std::uint32_t kPcapMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kPcapNanoseconds = 0xa1b23c4d;
constexpr std::uint16_t kEthernet = 1;
constexpr std::uint16_t kTimeResolution = 9;
constexpr std::uint16_t kTimeOffset = 14;
constexpr std::uint16_t kFlags = 2;
constexpr std::uint32_t kDirections = 3;
constexpr std::uint32_t kOutbound = 2;
constexpr std::uint64_t kNanoseconds = 1'000'000'000;
constexpr std::size_t kPcapHeadBytes = 24;
constexpr std::size_t kPcapRecordBytes = 16;

std::uint32_t swap(std::uint32_t value) { return __builtin_bswap32(value); }

}  // namespace

std::uint32_t CaptureReader::u32(std::size_t at) const {
  const auto value = load_le<std::uint32_t>(block_.data() + at);
  return swapped_ ? swap(value) : value;
}

std::uint16_t CaptureReader::u16(std::size_t at) const {
  const auto value = load_le<std::uint16_t>(block_.data() + at);
  return swapped_ ? __builtin_bswap16(value) : value;
}

std::nullopt_t CaptureReader::fail(const std::string& what) {
  if (!fault_.has_value()) fault_ = Error{fmt::format("byte {}: {}", offset_, what)};
  return std::nullopt;
}

bool CaptureReader::read(std::size_t bytes, const char* of) {
  block_.resize(bytes);
  in_.read(reinterpret_cast<char*>(block_.data()), static_cast<std::streamsize>(bytes));
  const auto got = static_cast<std::size_t>(in_.gcount());
  if (got == bytes) return true;
  if (got > 0) fail(fmt::format("the file breaks off in {}", of));
  return false;
}

std::optional<CapturedFrame> CaptureReader::next() {
  if (fault_.has_value()) return std::nullopt;
  if (kind_ == Kind::unknown) open();
  if (fault_.has_value()) return std::nullopt;
  return kind_ == Kind::pcap ? next_of_pcap() : next_of_pcapng();
}

void CaptureReader::open() {
  if (!read(4, "its first bytes")) {
    fail("the file is empty");
    return;
  }
  const auto magic = load_le<std::uint32_t>(block_.data());
  if (magic == kSection) {
    kind_ = Kind::pcapng;
    in_.seekg(0);
    return;
  }
  const auto either = [&](std::uint32_t wanted) { return magic == wanted || magic == swap(wanted); };
  if (!either(kPcapMicroseconds) && !either(kPcapNanoseconds)) {
    fail("this is no .pcap or .pcapng file");
    return;
  }
  kind_ = Kind::pcap;
  swapped_ = magic == swap(kPcapMicroseconds) || magic == swap(kPcapNanoseconds);
  nanoseconds_ = either(kPcapNanoseconds);
  if (!read(kPcapHeadBytes - 4, "its head")) {
    fail("the file breaks off in its head");
    return;
  }
  offset_ = kPcapHeadBytes;
  if ((u32(16) & 0xffffU) != kEthernet) fail("its frames are not Ethernet");
}

std::optional<CapturedFrame> CaptureReader::next_of_pcap() {
  if (!read(kPcapRecordBytes, "the head of a frame")) return std::nullopt;
  const std::uint64_t seconds = u32(0);
  const std::uint64_t fraction = u32(4);
  const std::uint32_t bytes = u32(8);
  const std::uint32_t wire_bytes = u32(12);
  if (bytes > kMaxBlockBytes) return fail(fmt::format("a frame of {} bytes", bytes));
  if (bytes > 0 && !read(bytes, "a frame")) return fail("the file breaks off before a frame");
  if (bytes == 0) block_.clear();
  offset_ += kPcapRecordBytes + bytes;
  const std::uint64_t ns = seconds * kNanoseconds + fraction * (nanoseconds_ ? 1 : 1000);
  return CapturedFrame{Instant(static_cast<std::int64_t>(ns)), 0, block_, std::max<std::size_t>(wire_bytes, bytes)};
}

// The whole block is in block_, from behind its type and length to before the length that is repeated at its end.
bool CaptureReader::read_block(std::uint32_t& type) {
  if (!read(8, "the head of a block")) return false;
  type = load_le<std::uint32_t>(block_.data());
  std::size_t had = 0;  // of the body, to learn the order of bytes
  std::uint32_t length = 0;
  if (type == kSection) {
    const auto raw = load_le<std::uint32_t>(block_.data() + 4);
    if (!read(4, "the head of a section")) return fail("the file breaks off in the head of a section"), false;
    const auto order = load_le<std::uint32_t>(block_.data());
    if (order != kByteOrder && order != swap(kByteOrder)) return fail("a section without an order of bytes"), false;
    swapped_ = order != kByteOrder;
    length = swapped_ ? swap(raw) : raw;
    had = 4;
  } else {
    type = u32(0);
    length = u32(4);
  }
  if (length % 4 != 0 || length < 12 + had || length > kMaxBlockBytes) {
    return fail(fmt::format("a block of {} bytes", length)), false;
  }
  const std::size_t body = length - 12 - had;
  if (!read(body + 4, "a block")) return fail("the file breaks off before the end of a block"), false;
  if (u32(body) != length) return fail("a block that ends with another length than it begins with"), false;
  block_.resize(body);
  offset_ += length;
  return true;
}

std::optional<CapturedFrame> CaptureReader::next_of_pcapng() {
  std::uint32_t type = 0;
  while (!fault_.has_value() && read_block(type)) {
    if (type == kSection) {
      interfaces_.clear();
    } else if (type == kInterfaceBlock) {
      on_interface();
    } else if (type == kEnhancedPacketBlock) {
      return enhanced_packet();
    } else if (type == kSimplePacketBlock) {
      return simple_packet();
    }
  }
  return std::nullopt;
}

void CaptureReader::on_interface() {
  if (block_.size() < 8) return void(fail("an interface without its fields"));
  if (interfaces_.size() >= kMaxInterfaces) return void(fail("too many interfaces"));
  if (u16(0) != kEthernet) return void(fail("an interface that is not Ethernet"));
  Interface& interface = interfaces_.emplace_back();
  interface.snap_bytes = u32(4);
  bool fits = true;
  const bool whole = each_option(8, [&](std::uint16_t code, std::size_t at, std::size_t size) {
    if (code == kTimeResolution && size == 1) {
      const unsigned power = block_[at] & 0x7fU;
      const bool binary = (block_[at] & 0x80U) != 0;
      fits = power <= (binary ? 63U : 19U);
      interface.units_per_s = 1;
      for (unsigned i = 0; fits && i < power; ++i) interface.units_per_s *= binary ? 2 : 10;
    } else if (code == kTimeOffset && size == 8) {
      const auto low = std::uint64_t{u32(swapped_ ? at + 4 : at)};
      const auto high = std::uint64_t{u32(swapped_ ? at : at + 4)};
      interface.offset_s = static_cast<std::int64_t>(high << 32U | low);
    }
  });
  if (!whole) fail("an option that is longer than its block");
  if (!fits) fail("a time resolution that does not fit 64 bits");
}

template <typename Use>
bool CaptureReader::each_option(std::size_t at, Use&& use) const {
  while (at + 4 <= block_.size()) {
    const std::uint16_t code = u16(at);
    const std::size_t size = u16(at + 2);
    at += 4;
    if (code == 0) return true;
    if (size > block_.size() - at) return false;
    use(code, at, size);
    at += (size + 3) / 4 * 4;
  }
  return true;
}

std::optional<Instant> CaptureReader::time_of(const Interface& interface, std::uint64_t units) {
  constexpr std::int64_t kMostSeconds =
      std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(kNanoseconds) - 1;
  const std::uint64_t whole = units / interface.units_per_s;
  if (whole > static_cast<std::uint64_t>(kMostSeconds)) return std::nullopt;
  if (interface.offset_s < -kMostSeconds || interface.offset_s > kMostSeconds) return std::nullopt;
  const std::int64_t seconds = static_cast<std::int64_t>(whole) + interface.offset_s;
  if (seconds < 0 || seconds > kMostSeconds) return std::nullopt;
  __extension__ using Wide = unsigned __int128;
  const Wide rest = Wide{units % interface.units_per_s} * kNanoseconds / interface.units_per_s;
  return Instant(seconds * static_cast<std::int64_t>(kNanoseconds) + static_cast<std::int64_t>(rest));
}

std::optional<CapturedFrame> CaptureReader::enhanced_packet() {
  constexpr std::size_t kHead = 20;
  if (block_.size() < kHead) return fail("a packet without its fields");
  const std::size_t interface = u32(0);
  const std::uint64_t units = std::uint64_t{u32(4)} << 32U | u32(8);
  const std::size_t bytes = u32(12);
  const std::size_t wire_bytes = u32(16);
  if (interface >= interfaces_.size()) return fail("a packet of an interface that is not described");
  if (bytes > block_.size() - kHead) return fail("a packet that is longer than its block");
  const std::optional<Instant> when = time_of(interfaces_[interface], units);
  if (!when.has_value()) return fail("a packet of no time that there is");
  CapturedFrame frame{*when, interface, ByteView(block_).subspan(kHead, bytes), std::max(wire_bytes, bytes)};
  const bool whole =
      each_option(kHead + (bytes + 3) / 4 * 4, [&](std::uint16_t code, std::size_t at, std::size_t size) {
        if (code == kFlags && size == 4) frame.sent = (u32(at) & kDirections) == kOutbound;
      });
  if (!whole) return fail("an option that is longer than its block");
  return frame;
}

std::optional<CapturedFrame> CaptureReader::simple_packet() {
  if (block_.size() < 4) return fail("a packet without its fields");
  if (interfaces_.empty()) return fail("a packet of an interface that is not described");
  const std::size_t wire_bytes = u32(0);
  const std::size_t snap = interfaces_.front().snap_bytes;
  const std::size_t bytes = std::min(snap == 0 ? wire_bytes : std::min(wire_bytes, snap), block_.size() - 4);
  return CapturedFrame{Instant(), 0, ByteView(block_).subspan(4, bytes), wire_bytes};
}

}  // namespace garrison::tap
