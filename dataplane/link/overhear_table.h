// OverhearTable: how many parts of its site's link messages a server has heard on their way out. Of one link and class.
//
// A part counts only if it is worth its silence [ARCH] 4.2: it says what this server's own encoding says, bit for bit,
// and its sender's signature verifies. Anything less would let one corrupt server forge 2f + 1 frames and silence the
// correct ones. What a part says, this server knows by the digest that its sender signs. Both are looked at elsewhere:
// hear() says which digest it must be, verdict() is told. A server's own part counts when it has sent it.
//
// A part that is heard before this server has encoded the message waits, at most two that differ under each name.
// Bounded: sequences within a window behind the newest expected one and within one before it, and so many bytes that
// wait. Nothing is allocated but for parts that wait.
//
// Pure; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bounds.h"
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
  explicit OverhearTable(const Config& config);

  // This server's own encoding: by index, the digest that the part's sender signs. Parts that waited for it come out of
  // next_early().
  void expect(SeqNum sequence, std::span<const Digest> digests);
  // From now on parts with these indices, a bit each, count for nothing: the other site ignores those servers.
  void ignore(std::uint32_t indices) { ignored_ |= indices; }
  // Sequences below are over.
  void forget_below(SeqNum first);

  struct Hearing {
    std::optional<DropReason> refused;
    const Digest* says = nullptr;  // what it has to say, where it is to be verified now; until the next expect()
  };
  // A whole part. Neither refused nor to be verified: it waits.
  [[nodiscard]] Hearing hear(SeqNum sequence, std::uint8_t index, ByteView part);
  // This server has sent its own.
  void sent(SeqNum sequence, std::uint8_t index);

  // One that has waited and is to be verified now.
  struct Early {
    SeqNum sequence;
    std::uint8_t index = 0;
    Bytes part;
    Digest says{};
  };
  [[nodiscard]] std::optional<Early> next_early();

  // Of one that was to be verified.
  void verdict(SeqNum sequence, std::uint8_t index, bool good);

  // Different parts that count.
  [[nodiscard]] std::size_t counted(SeqNum sequence) const;
  // Which, a bit per index; none of what is not known any more.
  [[nodiscard]] std::optional<std::uint32_t> heard(SeqNum sequence) const;
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  static constexpr std::size_t kCandidates = 2;
  struct Message {
    SeqNum sequence;            // 0: none
    std::uint32_t counted = 0;  // a bit per index
    std::array<std::uint8_t, kMaxServersPerSite> verifying{};
  };
  struct Waiting {
    SeqNum sequence;
    std::uint8_t index = 0;
    Bytes part;
  };
  [[nodiscard]] std::size_t slot_of(SeqNum sequence) const { return sequence.value() & (messages_.size() - 1); }
  [[nodiscard]] const Message* find(SeqNum sequence) const;
  [[nodiscard]] Message* find(SeqNum sequence);
  [[nodiscard]] const Digest& says(SeqNum sequence, std::uint8_t index) const {
    return digests_[slot_of(sequence) * config_.parts + index];
  }
  // None: it is to be verified.
  [[nodiscard]] static std::optional<DropReason> judge(Message& message, std::uint8_t index);
  [[nodiscard]] std::optional<DropReason> keep(SeqNum sequence, std::uint8_t index, ByteView part);

  Config config_;
  std::vector<Message> messages_;  // a ring, of a power of two: [first_, first_ + window)
  std::vector<Digest> digests_;    // by slot and index
  std::uint32_t ignored_ = 0;
  SeqNum newest_;
  SeqNum first_{1};
  std::deque<Waiting> waiting_;  // as they came
  std::size_t waiting_bytes_ = 0;
  std::deque<Early> early_;  // at most kCandidates per part
};

}  // namespace garrison::link
