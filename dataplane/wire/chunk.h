// What stands between the header and the tag of HELLO and channel frames. Little-endian, no padding.
//
//   HELLO    src_incarnation u64, dst_incarnation u64 (0: not known), flags u32, zero u32
//   channel  chunks, back to back, to the end:
//     ack      type u8 = 1, words u8 (0..4), zero u16, largest u64, words * u64
//     bounded  type u8 = 2, zero u8, size u16, total u32, offset u32, sequence u64, size bytes
//     timely   type u8 = 3, as bounded
//     base     type u8 = 4, zero u8, zero u16, sequence u64
//
// ack: counters of frames that were accepted: `largest`, and in word w bit i the counter largest - 64 * (w + 1) + i.
// base: BOUNDED messages below `sequence` that are not complete will never come.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/traffic.h"

namespace garrison::wire {

struct Hello {
  Incarnation src;
  Incarnation dst;
  bool answer_wanted = false;  // flags bit 0: the sender does not know yet that it is known
  friend bool operator==(const Hello&, const Hello&) = default;
};
inline constexpr std::size_t kHelloBytes = 24;

enum class ChunkType : std::uint8_t { ack = 1, bounded = 2, timely = 3, base = 4 };

inline constexpr std::size_t kAckWords = 4;
struct Ack {
  std::uint64_t largest = 0;
  std::uint8_t words = 0;
  std::array<std::uint64_t, kAckWords> below{};
  // Whether `counter` is among the acknowledged ones.
  [[nodiscard]] bool contains(std::uint64_t counter) const;
};
constexpr std::size_t ack_bytes(std::size_t words) { return 12 + 8 * words; }

struct DataChunk {
  TrafficClass traffic = TrafficClass::bounded;
  std::uint64_t sequence = 0;  // of the message, from 1, in its lane and session
  std::uint32_t total = 0;     // bytes of the message
  std::uint32_t offset = 0;    // of `bytes` in it
  ByteView bytes;              // never empty, never beyond total
};
inline constexpr std::size_t kDataChunkHeaderBytes = 20;
static_assert(kDataChunkHeaderBytes == 1 + 1 + 2 + 4 + 4 + 8);

inline constexpr std::size_t kBaseChunkBytes = 12;

void write(Writer& out, const Hello& hello);
void write(Writer& out, const Ack& ack);
void write(Writer& out, const DataChunk& chunk);
void write_base(Writer& out, std::uint64_t sequence);

// The whole content of a HELLO frame; none if it is malformed.
[[nodiscard]] std::optional<Hello> read_hello(ByteView content);

// The type of the chunk that comes next, already consumed; none if there is no such type.
[[nodiscard]] std::optional<ChunkType> read_chunk_type(Reader& in);
// The rest of a chunk of that type. `in` is bad afterwards if it was malformed.
[[nodiscard]] Ack read_ack(Reader& in);
[[nodiscard]] DataChunk read_data(Reader& in, TrafficClass traffic);
[[nodiscard]] std::uint64_t read_base(Reader& in);

}  // namespace garrison::wire
