// One signature for many messages [PRIME] C.2: the signer signs the root of a Merkle tree over message digests, and
// each message carries its path. Leaves and inner nodes are hashed under different prefixes (RFC 6962 shape), so a
// node can never be passed off as a message. A message stays self-contained.
//
// A verdict depends on nothing but the signer's key, the leaf and the block: a cached root only spares the signature
// check when the signature bytes are the ones that verified. Otherwise a relay could alter a signature so that
// servers with a warm cache take what others refuse.
//
// Signature block, appended to a message (little-endian):
//   u8 scheme | u8 path_length | u16 leaf_index | u16 leaf_count | u16 signature_bytes
//   path_length x 32 bytes | signature
// The signature covers: "garrison-root-1" | system | principal | key epoch | leaf_count | root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/key_directory.h"
#include "crypto/principal.h"
#include "crypto/signature.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"

namespace garrison::crypto {

inline constexpr std::size_t kSignatureBlockHeaderBytes = 8;
inline constexpr std::size_t kMaxSignatureBlockBytes =
    kSignatureBlockHeaderBytes + kMaxMerklePath * sizeof(Digest) + kMaxSignatureBytes;

// SHA-256(0x00 | message): what a signature is about, and what identifies a message.
[[nodiscard]] Digest leaf_digest(ByteView message);

class BatchSigner {
 public:
  BatchSigner(SystemId system, Principal self, KeyEpoch epoch, PrivateKey key);

  // Bytes that the block of any message of a batch of `leaves` messages takes at most.
  [[nodiscard]] std::size_t block_bytes(std::size_t leaves) const;
  // Signs 1..kMaxMerkleLeaves leaves with one signature. Writes block i to the front of blocks[i], which has room for
  // block_bytes(leaves), and its size to sizes[i]. One private-key operation.
  void sign(std::span<const Digest> leaves, std::span<const MutableBytes> blocks, std::span<std::size_t> sizes);

 private:
  SystemId system_;
  Principal self_;
  KeyEpoch epoch_;
  PrivateKey key_;
};

enum class Verdict : std::uint8_t { good, malformed, unknown_signer, bad_signature };

[[nodiscard]] std::string_view name(Verdict verdict);

// Verifies blocks and remembers the last roots that verified, per principal, so that further messages under them
// cost a path and no signature. One thread at a time; nothing is shared between servers.
class BatchVerifier {
 public:
  // `directory` must outlive it. `roots_per_principal` bounds the cache, which keeps no root of a single message.
  BatchVerifier(SystemId system, const KeyDirectory& directory, std::size_t roots_per_principal = 64);

  [[nodiscard]] Verdict verify(Principal signer, KeyEpoch epoch, const Digest& leaf, ByteView block);

  [[nodiscard]] std::uint64_t signatures_checked() const { return signatures_checked_; }
  [[nodiscard]] std::uint64_t client_signatures_checked() const { return client_signatures_checked_; }  // of them
  [[nodiscard]] std::uint64_t roots_from_cache() const { return roots_from_cache_; }

 private:
  struct Root {
    Digest digest;
    std::uint16_t leaf_count;
    Bytes signature;
  };
  // Made for principals of the directory only, so there are never more.
  struct Entry {
    PublicKey key;
    std::vector<Root> roots{};  // a ring once it is full; `newest` is the slot written last
    std::size_t newest = 0;
  };
  [[nodiscard]] Entry* entry(Principal signer);
  [[nodiscard]] static bool holds(const Entry& entry, const Digest& root, std::size_t leaves, ByteView signature);
  void keep(Entry& entry, const Digest& root, std::uint16_t leaves, ByteView signature) const;

  SystemId system_;
  const KeyDirectory& directory_;
  std::size_t roots_per_principal_;
  std::map<Principal, Entry> entries_;
  std::uint64_t signatures_checked_ = 0;
  std::uint64_t client_signatures_checked_ = 0;
  std::uint64_t roots_from_cache_ = 0;
};

}  // namespace garrison::crypto
