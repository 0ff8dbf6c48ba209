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
// `scheme` is the number of a Scheme, of servers and clients, or 64 and that of a ThresholdScheme, of sites.
//
// A server or client signs alone, with BatchSigner. A site signs with the key of SiteKeyKind::one_correct, and its
// servers make that signature together, some time after the batch is closed: MerkleBatch is the two steps apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "crypto/key_directory.h"
#include "crypto/merkle.h"
#include "crypto/principal.h"
#include "crypto/signature.h"
#include "crypto/threshold/threshold.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"

namespace garrison::crypto {

inline constexpr std::size_t kSignatureBlockHeaderBytes = 8;
inline constexpr std::size_t kMaxSignatureBlockBytes =
    kSignatureBlockHeaderBytes + kMaxMerklePath * sizeof(Digest) + kMaxSignatureBytes;

// SHA-256(0x00 | message): what a signature is about, and what identifies a message.
[[nodiscard]] Digest leaf_digest(ByteView message);

// What a block's first byte says of who signed how.
[[nodiscard]] std::uint8_t block_scheme(Scheme scheme);
[[nodiscard]] std::uint8_t block_scheme(ThresholdScheme scheme);

// What the signature of a batch covers.
inline constexpr std::string_view kRootPurpose = "garrison-root-1";
inline constexpr std::size_t kRootStatementBytes = kRootPurpose.size() + 8 + (1 + 2 + 4) + 4 + 2 + sizeof(Digest);
using RootStatement = std::array<std::uint8_t, kRootStatementBytes>;
[[nodiscard]] RootStatement root_statement(SystemId system, Principal signer, KeyEpoch epoch, std::uint16_t leaf_count,
                                           const Digest& root);

// The messages under one signature, whoever makes it: first the statement to be signed, then the block of any leaf.
class MerkleBatch {
 public:
  // 1..kMaxMerkleLeaves leaves.
  MerkleBatch(SystemId system, Principal signer, KeyEpoch epoch, std::span<const Digest> leaves);

  [[nodiscard]] std::uint16_t leaf_count() const { return leaf_count_; }
  [[nodiscard]] const RootStatement& statement() const { return statement_; }
  // leaf < leaf_count().
  [[nodiscard]] std::size_t block_bytes(std::uint16_t leaf, std::size_t signature_bytes) const;
  // Writes the leaf's block to the front of `out`, which has room for block_bytes(), and returns its size. `scheme` as
  // block_scheme() gives it; `signature` is what signing statement() under it gave.
  std::size_t write_block(std::uint16_t leaf, std::uint8_t scheme, ByteView signature, MutableBytes out) const;

 private:
  MerkleTree tree_;
  std::uint16_t leaf_count_;
  RootStatement statement_;
};

class BatchSigner {
 public:
  BatchSigner(SystemId system, Principal self, KeyEpoch epoch, PrivateKey key);

  [[nodiscard]] Scheme scheme() const { return key_.scheme(); }
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
  // `directory` must outlive it. `roots_per_principal` bounds the cache, which keeps no root of a single message of
  // a client or a site: those of servers come again, as parts of link messages do that several servers introduce.
  BatchVerifier(SystemId system, const KeyDirectory& directory, std::size_t roots_per_principal = 64);

  [[nodiscard]] Verdict verify(Principal signer, KeyEpoch epoch, const Digest& leaf, ByteView block);

  [[nodiscard]] std::uint64_t signatures_checked() const { return signatures_checked_; }
  [[nodiscard]] std::uint64_t client_signatures_checked() const { return client_signatures_checked_; }  // of them
  [[nodiscard]] std::uint64_t site_signatures_checked() const { return site_signatures_checked_; }      // of them
  [[nodiscard]] std::uint64_t roots_from_cache() const { return roots_from_cache_; }

 private:
  struct Root {
    Digest digest;
    std::uint16_t leaf_count;
    Bytes signature;
  };
  // Made for principals of the directory only, so there are never more.
  struct Entry {
    std::uint8_t scheme;  // as blocks of this principal must say
    std::size_t signature_bytes;
    std::variant<PublicKey, std::unique_ptr<ThresholdVerifier>> key;
    std::vector<Root> roots{};  // a ring once it is full; `newest` is the slot written last
    std::size_t newest = 0;
  };
  [[nodiscard]] Entry* entry(Principal signer);
  [[nodiscard]] std::optional<Entry> make_entry(Principal signer) const;
  [[nodiscard]] static bool holds(const Entry& entry, const Digest& root, std::size_t leaves, ByteView signature);
  void keep(Entry& entry, const Digest& root, std::uint16_t leaves, ByteView signature) const;

  SystemId system_;
  const KeyDirectory& directory_;
  std::size_t roots_per_principal_;
  std::map<Principal, Entry> entries_;
  std::uint64_t signatures_checked_ = 0;
  std::uint64_t client_signatures_checked_ = 0;
  std::uint64_t site_signatures_checked_ = 0;
  std::uint64_t roots_from_cache_ = 0;
};

}  // namespace garrison::crypto
