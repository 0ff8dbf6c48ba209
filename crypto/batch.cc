#include "crypto/batch.h"

#include <bit>
#include <utility>

#include "crypto/digest.h"
#include "crypto/merkle.h"

namespace garrison::crypto {

namespace {

// Block schemes from here on are ThresholdSchemes; every Scheme lies outside.
constexpr std::uint8_t kFirstThresholdBlock = 64;
constexpr std::uint8_t kThresholdBlocks = 64;

// A block taken apart; views into it.
struct Block {
  std::uint8_t scheme;
  std::uint16_t leaf_index;
  std::uint16_t leaf_count;
  ByteView path;
  ByteView signature;
};

std::optional<Block> parse_block(ByteView bytes) {
  Reader in(bytes);
  Block block{};
  block.scheme = in.u8();
  const std::size_t path_digests = in.u8();
  block.leaf_index = in.u16();
  block.leaf_count = in.u16();
  const std::size_t signature_size = in.u16();
  block.path = in.view(path_digests * sizeof(Digest));
  block.signature = in.view(signature_size);
  if (!in.done()) return std::nullopt;
  return block;
}

}  // namespace

Digest leaf_digest(ByteView message) {
  static constexpr std::uint8_t kLeafPrefix[] = {0};
  return thread_sha256().update(kLeafPrefix).update(message).finish();
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "good";
    case Verdict::malformed:
      return "malformed";
    case Verdict::unknown_signer:
      return "unknown signer";
    case Verdict::bad_signature:
      return "bad signature";
  }
  check_failed("a known verdict", __FILE__, __LINE__);
}

std::uint8_t block_scheme(Scheme scheme) {
  const auto number = static_cast<std::uint8_t>(scheme);
  CHECK(number < kFirstThresholdBlock || number >= kFirstThresholdBlock + kThresholdBlocks);
  return number;
}

std::uint8_t block_scheme(ThresholdScheme scheme) {
  const auto number = static_cast<std::uint8_t>(scheme);
  CHECK(number < kThresholdBlocks);
  return static_cast<std::uint8_t>(kFirstThresholdBlock + number);
}

RootStatement root_statement(SystemId system, Principal signer, KeyEpoch epoch, std::uint16_t leaf_count,
                             const Digest& root) {
  RootStatement statement;
  Writer out(statement);
  out.bytes(as_bytes(kRootPurpose)).u64(system.value());
  out.u8(static_cast<std::uint8_t>(signer.kind)).u16(signer.site.value()).u32(signer.index);
  out.u32(epoch.value()).u16(leaf_count).bytes(root);
  CHECK(out.room() == 0);
  return statement;
}

MerkleBatch::MerkleBatch(SystemId system, Principal signer, KeyEpoch epoch, std::span<const Digest> leaves)
    : tree_(leaves), leaf_count_(static_cast<std::uint16_t>(leaves.size())) {
  CHECK(leaves.size() <= kMaxMerkleLeaves);
  statement_ = root_statement(system, signer, epoch, leaf_count_, tree_.root());
}

std::size_t MerkleBatch::block_bytes(std::uint16_t leaf, std::size_t signature_bytes) const {
  return kSignatureBlockHeaderBytes + path_length(leaf, leaf_count_) * sizeof(Digest) + signature_bytes;
}

std::size_t MerkleBatch::write_block(std::uint16_t leaf, std::uint8_t scheme, ByteView signature,
                                     MutableBytes out) const {
  const MerklePath path = tree_.path(leaf);
  Writer writer(out);
  writer.u8(scheme).u8(static_cast<std::uint8_t>(path.length));
  writer.u16(leaf).u16(leaf_count_).u16(static_cast<std::uint16_t>(signature.size()));
  for (const Digest& sibling : path.view()) writer.bytes(sibling);
  return writer.bytes(signature).used();
}

BatchSigner::BatchSigner(SystemId system, Principal self, KeyEpoch epoch, PrivateKey key)
    : system_(system), self_(self), epoch_(epoch), key_(std::move(key)) {}

std::size_t BatchSigner::block_bytes(std::size_t leaves) const {
  CHECK(leaves > 0 && leaves <= kMaxMerkleLeaves);
  const auto longest_path = static_cast<std::size_t>(std::bit_width(leaves - 1));
  return kSignatureBlockHeaderBytes + longest_path * sizeof(Digest) + signature_bytes(key_.scheme());
}

void BatchSigner::sign(std::span<const Digest> leaves, std::span<const MutableBytes> blocks,
                       std::span<std::size_t> sizes) {
  CHECK(blocks.size() == leaves.size() && sizes.size() == leaves.size());
  const MerkleBatch batch(system_, self_, epoch_, leaves);
  std::array<std::uint8_t, kMaxSignatureBytes> room;
  const MutableBytes signature = MutableBytes(room).first(signature_bytes(key_.scheme()));
  key_.sign(batch.statement(), signature);
  const std::uint8_t scheme = block_scheme(key_.scheme());
  for (std::uint16_t i = 0; i < batch.leaf_count(); ++i) {
    sizes[i] = batch.write_block(i, scheme, signature, blocks[i]);
  }
}

BatchVerifier::BatchVerifier(SystemId system, const KeyDirectory& directory, std::size_t roots_per_principal)
    : system_(system), directory_(directory), roots_per_principal_(roots_per_principal) {}

Verdict BatchVerifier::verify(Principal signer, KeyEpoch epoch, const Digest& leaf, ByteView bytes) {
  const std::optional<Block> block = parse_block(bytes);
  if (!block) return Verdict::malformed;
  Entry* const known = epoch == directory_.epoch() ? entry(signer) : nullptr;
  if (known == nullptr) return Verdict::unknown_signer;
  if (block->scheme != known->scheme || block->signature.size() != known->signature_bytes) return Verdict::malformed;
  const std::optional<Digest> root = root_of_path(leaf, block->leaf_index, block->leaf_count, block->path);
  if (!root) return Verdict::malformed;

  if (holds(*known, *root, block->leaf_count, block->signature)) {
    ++roots_from_cache_;
    return Verdict::good;
  }
  ++signatures_checked_;
  if (signer.kind == Principal::Kind::client) ++client_signatures_checked_;
  if (signer.kind == Principal::Kind::site) ++site_signatures_checked_;
  const RootStatement statement = root_statement(system_, signer, epoch, block->leaf_count, *root);
  auto* const alone = std::get_if<PublicKey>(&known->key);
  const bool good = alone != nullptr ? alone->verify(statement, block->signature)
                                     : std::get<1>(known->key)->verify(statement, block->signature);
  if (!good) return Verdict::bad_signature;
  if (block->leaf_count > 1 || signer.kind == Principal::Kind::server)
    keep(*known, *root, block->leaf_count, block->signature);
  return Verdict::good;
}

BatchVerifier::Entry* BatchVerifier::entry(Principal signer) {
  if (const auto at = entries_.find(signer); at != entries_.end()) return &at->second;
  std::optional<Entry> made = make_entry(signer);
  if (!made) return nullptr;
  return &entries_.try_emplace(signer, std::move(*made)).first->second;
}

// Its CHECKs hold because the directory has parsed every key before it took it.
std::optional<BatchVerifier::Entry> BatchVerifier::make_entry(Principal signer) const {
  if (signer.kind == Principal::Kind::site) {
    const ThresholdPublicKey* const key = directory_.find_site_key({signer.site, SiteKeyKind::one_correct});
    if (key == nullptr || signer.index != 0) return std::nullopt;
    Result<std::unique_ptr<ThresholdVerifier>> verifier = make_verifier(*key);
    CHECK(verifier.ok());
    return Entry{.scheme = block_scheme(key->scheme),
                 .signature_bytes = signature_bytes(key->scheme),
                 .key = std::move(verifier).value()};
  }
  const PublicKeys* const keys = directory_.find(signer);
  if (keys == nullptr) return std::nullopt;
  Result<PublicKey> key = PublicKey::parse(keys->scheme, keys->signing);
  CHECK(key.ok());
  return Entry{.scheme = block_scheme(keys->scheme),
               .signature_bytes = signature_bytes(keys->scheme),
               .key = std::move(key).value()};
}

// Newest first: the messages of one batch come close together.
bool BatchVerifier::holds(const Entry& entry, const Digest& root, std::size_t leaves, ByteView signature) {
  const std::size_t held = entry.roots.size();
  for (std::size_t age = 0; age < held; ++age) {
    const Root& candidate = entry.roots[(entry.newest + held - age) % held];
    if (candidate.digest == root && candidate.leaf_count == leaves && equal(candidate.signature, signature))
      return true;
  }
  return false;
}

void BatchVerifier::keep(Entry& entry, const Digest& root, std::uint16_t leaves, ByteView signature) const {
  if (entry.roots.size() < roots_per_principal_) {
    entry.roots.push_back({.digest = root, .leaf_count = leaves, .signature = to_bytes(signature)});
    entry.newest = entry.roots.size() - 1;
    return;
  }
  if (roots_per_principal_ == 0) return;
  entry.newest = (entry.newest + 1) % entry.roots.size();
  Root& oldest = entry.roots[entry.newest];
  oldest.digest = root;
  oldest.leaf_count = leaves;
  oldest.signature.assign(signature.begin(), signature.end());
}

}  // namespace garrison::crypto
