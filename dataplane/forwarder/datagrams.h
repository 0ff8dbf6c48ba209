// Messages between two forwarders, cut into datagrams under a MAC: of two sites, or primary and backup of one.
//
//   u32 magic | u16 source site | u8 source forwarder | u8 class | u64 incarnation | u64 number of the message |
//   u32 size of the message | u16 index | u16 reserved | a piece of the message | tag: HMAC of all before it
//
// Every piece but the last fills its datagram, so place and length follow from index and size. Pieces may come in any
// order; a message that has lost one is dropped when so many later ones have begun that its memory is needed. Whole
// messages come out once each. Numbers count by class, because TIMELY overtakes on the way. The incarnation rises with
// every start of a forwarder, and begins the numbers anew.
//
// Memory: kAssembling messages of each class for each source, taken under the MAC of a forwarder alone. Pure; one
// thread.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <vector>

#include "crypto/mac.h"
#include "crypto/secret.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/forwarder/forwarder.h"
#include "dataplane/link/sliding_bitmap.h"

namespace garrison::forwarder {

struct ForwarderId {
  SiteId site;
  Role role = Role::primary;
  friend auto operator<=>(const ForwarderId&, const ForwarderId&) = default;
};

inline constexpr std::size_t kDatagramHeadBytes = 4 + 2 + 1 + 1 + 8 + 8 + 4 + 2 + 2;
inline constexpr std::size_t kDatagramTagBytes = std::tuple_size_v<crypto::Tag>;
inline constexpr std::size_t kAssembling = 32;

// Who a datagram says that it is from; not verified.
[[nodiscard]] std::optional<ForwarderId> claimed_source(ByteView datagram);

// Whether it has the first piece of a message that is not empty; nothing is verified.
[[nodiscard]] bool begins_message(ByteView datagram);

// What one direction is keyed by.
[[nodiscard]] crypto::SecretBytes datagram_key(const crypto::SecretBytes& shared, SystemId system, ForwarderId from,
                                               ForwarderId to);

class DatagramSender {
 public:
  // `piece_bytes`: of a message in one datagram.
  DatagramSender(ForwarderId self, Incarnation incarnation, const crypto::SecretBytes& key, std::size_t piece_bytes);

  // The datagrams of the next message, which may be empty: one then, that only says that the sender is there.
  [[nodiscard]] std::vector<Bytes> cut(TrafficClass traffic, ByteView message);

 private:
  ForwarderId self_;
  Incarnation incarnation_;
  crypto::HmacKey key_;
  std::size_t piece_bytes_;
  std::uint64_t number_[2]{};  // by class
};

class DatagramReceiver {
 public:
  // `piece_bytes` as the sender has it. `drops` outlives it.
  DatagramReceiver(const crypto::SecretBytes& key, std::size_t piece_bytes, DropCounters& drops);

  struct Outcome {
    bool authentic = false;            // the sender is there
    std::optional<ByteView> complete;  // a whole message, until the next call
  };
  [[nodiscard]] Outcome on_datagram(ByteView datagram);

 private:
  struct Assembly {
    std::uint64_t number = 0;  // 0: free
    Bytes message;
    std::vector<bool> has;  // by index
    std::size_t missing = 0;
  };
  struct Lane {
    link::SlidingBitmap<1024> done;
    std::array<Assembly, kAssembling> assemblies;  // by number modulo their count
  };
  [[nodiscard]] Assembly& assembly(Lane& lane, std::uint64_t number, std::size_t size);

  crypto::HmacKey key_;
  std::size_t piece_bytes_;
  DropCounters& drops_;
  Incarnation incarnation_;
  Lane lanes_[2];  // by class
  Bytes whole_;
};

}  // namespace garrison::forwarder
