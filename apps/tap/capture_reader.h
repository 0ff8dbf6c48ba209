// CaptureReader: the frames of a .pcap or .pcapng file, whatever is in it. Files come from other people's machines: no
// length in them is believed before it is bounded, and a file that breaks off or goes wrong gives the frames before
// that and then says at which byte, and what.
//
// pcap: both byte orders, microseconds and nanoseconds. pcapng: any number of sections, in either byte order; enhanced
// and simple packet blocks; any time resolution, to the nanosecond; other blocks are passed over. Ethernet alone.
//
// Memory: one block of at most kMaxBlockBytes. One thread; blocking reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::tap {

struct CapturedFrame {
  Instant when;                // since 1970; 0 where the file does not say
  std::size_t interface = 0;   // in the order in which its section describes them
  ByteView bytes;              // until the next one is read
  std::size_t wire_bytes = 0;  // more than those where the capture has cut it short
  bool sent = false;           // by who captured it, and not heard
};

class CaptureReader {
 public:
  static constexpr std::size_t kMaxBlockBytes = std::size_t{1} << 20U;
  static constexpr std::size_t kMaxInterfaces = 64;

  // `in` outlives it.
  explicit CaptureReader(std::istream& in) : in_(in) {}

  // The next frame. None at the end of the file, and where it goes wrong: then fault() says how.
  [[nodiscard]] std::optional<CapturedFrame> next();
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

 private:
  struct Interface {
    std::uint64_t units_per_s = 1'000'000;
    std::int64_t offset_s = 0;
    std::uint32_t snap_bytes = 0;
  };
  enum class Kind : std::uint8_t { unknown, pcap, pcapng };

  void open();
  [[nodiscard]] std::optional<CapturedFrame> next_of_pcap();
  [[nodiscard]] std::optional<CapturedFrame> next_of_pcapng();
  // Fills block_ with so many more bytes of the file; false at its end, or a fault in the middle of them.
  [[nodiscard]] bool read(std::size_t bytes, const char* of);
  std::nullopt_t fail(const std::string& what);

  [[nodiscard]] bool read_block(std::uint32_t& type);
  void on_section();
  void on_interface();
  [[nodiscard]] std::optional<CapturedFrame> enhanced_packet();
  [[nodiscard]] std::optional<CapturedFrame> simple_packet();
  // Calls `use(code, at, size)` for each option of the block from `at` on; false where one goes beyond it.
  template <typename Use>
  [[nodiscard]] bool each_option(std::size_t at, Use&& use) const;
  [[nodiscard]] std::optional<Instant> time_of(const Interface& interface, std::uint64_t units);

  [[nodiscard]] std::uint32_t u32(std::size_t at) const;
  [[nodiscard]] std::uint16_t u16(std::size_t at) const;

  std::istream& in_;
  Kind kind_ = Kind::unknown;
  bool swapped_ = false;
  bool nanoseconds_ = false;
  std::uint64_t offset_ = 0;  // of the file
  Bytes block_;
  std::vector<Interface> interfaces_;  // of the section
  std::optional<Error> fault_;
};

}  // namespace garrison::tap
