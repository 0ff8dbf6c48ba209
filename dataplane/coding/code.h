// A systematic maximum-distance-separable erasure code over GF(256), by Intel ISA-L: a message becomes n parts of
// which any k give it back. [PRIME] 5.3 codes PO-REQUESTs with it, [ARCH] 4.1 link messages.
//
// The message is cut into k rows of part_bytes(); the last ones are filled up with zeros. Parts 0 .. k-1 are the rows
// themselves, the others combinations of them. Only Cauchy matrices: ISA-L's Vandermonde ones have singular k-subsets,
// (13, 5) for one. A message's length is not in its parts and travels beside them.
//
// A code corrects losses, not lies: a part with wrong bytes decodes to another message without a sign. Whoever decodes
// checks the result against a digest or a signature.
//
// Bytes of callers need neither padding nor alignment. ISA-L falls back to scalar code, sixty times slower, below 64
// bytes and has vector kernels only above; so the last columns of a message go through padded scratch here.
//
// Pure; no allocation but for tables. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"

namespace garrison::coding {

inline constexpr std::size_t kMaxParts = 32;
// Tables for decoding that a Code keeps. All sets of survivors of (7, 3) and (7, 5) fit.
inline constexpr std::size_t kKeptDecodeTables = 64;

struct Part {
  std::size_t index = 0;
  ByteView bytes;
};

// The code (n, k). Building one makes the tables for encoding, which costs more than coding a few kilobytes: keep it.
class Code {
 public:
  using NotState = void;  // but tables
  [[nodiscard]] static constexpr bool valid(std::size_t n, std::size_t k) { return k >= 1 && k <= n && n <= kMaxParts; }
  // CHECKs valid(n, k).
  Code(std::size_t n, std::size_t k);

  [[nodiscard]] std::size_t n() const { return n_; }
  [[nodiscard]] std::size_t k() const { return k_; }
  // Bytes of every part of a message of `message_bytes`: a k-th of it, rounded up.
  [[nodiscard]] std::size_t part_bytes(std::size_t message_bytes) const { return (message_bytes + k_ - 1) / k_; }

  // Part `index` alone, into exactly part_bytes(message.size()) bytes: all that a server that sends one part needs.
  // CHECKs index < n and the size. `part` does not overlap `message`.
  void encode(ByteView message, std::size_t index, MutableBytes part) const;
  // All n parts one after the other, into exactly n x part_bytes(message.size()) bytes.
  void encode_all(ByteView message, MutableBytes parts) const;

  // Writes the message of message.size() bytes that these parts, exactly k of different indices, are parts of.
  // Returns false, and leaves `message` as it was, when their number, an index or a length is not what it must be.
  [[nodiscard]] bool decode(std::span<const Part> parts, MutableBytes message);

 private:
  using Tables = std::vector<std::uint8_t>;
  struct DecodeTables {
    std::uint32_t survivors = 0;  // a bit per part
    Tables tables;                // one row per data part that is not among them
  };
  [[nodiscard]] const Tables& decode_tables(std::uint32_t survivors);
  [[nodiscard]] Tables make_decode_tables(std::uint32_t survivors) const;

  std::size_t n_;
  std::size_t k_;
  std::vector<std::uint8_t> matrix_;  // n x k, the unit matrix on top
  // ISA-L's layout of tables for several rows differs between its versions: those for one row are made on their own.
  std::vector<Tables> row_tables_;  // by part - k
  Tables all_tables_;               // for all parts from k on
  std::vector<DecodeTables> kept_;  // a ring once it is full
  std::size_t oldest_ = 0;
};

}  // namespace garrison::coding
