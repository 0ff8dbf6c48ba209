// OverhearTable: how many parts of its site's link messages a server has heard on their way out. Of one link and class.
//
// A part counts only if it is worth its silence [ARCH] 4.2: it says what this server's own encoding says, bit for bit,
// and its sender's signature verifies. Anything less would let one corrupt server forge 2f + 1 frames and silence the
// correct ones. What a part says, this server knows by the digest that its sender signs. A server's own part counts
// when it has sent it.
//
// A part that is heard before this server has encoded the message waits, at most two that differ under each name. What
// is worth verifying is taken out, and its verdict told. Bounded: sequences within a window behind the newest expected
// one and within one before it, and so many bytes that wait.
//
// Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"

namespace garrison::link {

class OverhearTable {
 public:
  struct Config {
    std::size_t parts = 4;
    std::size_t window = 64;                              // sequences
    std::size_t waiting_bytes = std::size_t{512} << 10U;  // of parts heard too early
  };
  explicit OverhearTable(const Config& config) : config_(config) {}

  // This server's own encoding: by index, the digest that the part's sender signs.
  void expect(SeqNum sequence, std::vector<Digest> digests);
  // From now on parts with these indices, a bit each, count for nothing: the other site ignores those servers.
  void ignore(std::uint32_t indices) { ignored_ |= indices; }
  // Sequences below are over.
  void forget_below(SeqNum first);

  // A whole part, with the digest of what it says. None when it waits or is to be verified.
  [[nodiscard]] std::optional<DropReason> hear(SeqNum sequence, std::uint8_t index, const Digest& says, Bytes part);
  // This server has sent its own.
  void sent(SeqNum sequence, std::uint8_t index);

  struct ToVerify {
    SeqNum sequence;
    std::uint8_t index = 0;
    Bytes part;
  };
  [[nodiscard]] std::optional<ToVerify> next_to_verify();
  // Of one that was taken out.
  void verdict(SeqNum sequence, std::uint8_t index, bool good);

  // Different parts that count.
  [[nodiscard]] std::size_t counted(SeqNum sequence) const;
  // Which, a bit per index; none of what is not known any more.
  [[nodiscard]] std::optional<std::uint32_t> heard(SeqNum sequence) const;
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  static constexpr std::size_t kCandidates = 2;
  struct Message {
    std::vector<Digest> digests;
    std::uint32_t counted = 0;            // a bit per index
    std::vector<std::uint8_t> verifying;  // by index, how many
  };
  struct Early {
    SeqNum sequence;
    std::uint8_t index = 0;
    Digest says{};
    Bytes part;
  };
  [[nodiscard]] std::optional<DropReason> judge(Message& message, SeqNum sequence, std::uint8_t index,
                                                const Digest& says, Bytes part);
  [[nodiscard]] std::optional<DropReason> keep(Early early);

  Config config_;
  std::map<SeqNum, Message> messages_;  // at most `window`
  std::uint32_t ignored_ = 0;
  SeqNum newest_;
  SeqNum first_{1};
  std::deque<Early> early_;  // as they came
  std::size_t waiting_bytes_ = 0;
  std::deque<ToVerify> to_verify_;  // at most kCandidates per expected part
};

}  // namespace garrison::link
