#include "control/site/outgoing.h"

#include <algorithm>
#include <utility>

#include "crypto/joint_proof.h"

namespace garrison::site {

namespace {

constexpr std::size_t kSizeBytes = 4;

struct BlockHead {
  std::uint8_t scheme = 0;
  std::uint8_t path_length = 0;
  std::uint16_t leaf_index = 0;
  std::uint16_t leaf_count = 0;
  ByteView signature;
};

std::optional<BlockHead> read_block(ByteView block) {
  Reader reader(block);
  BlockHead head;
  head.scheme = reader.u8();
  head.path_length = reader.u8();
  head.leaf_index = reader.u16();
  head.leaf_count = reader.u16();
  const std::size_t signature_bytes = reader.u16();
  static_cast<void>(reader.view(head.path_length * sizeof(Digest)));
  head.signature = reader.view(signature_bytes);
  return reader.done() ? std::optional(head) : std::nullopt;
}

Bytes with_block(const OutgoingBatch& batch, ByteView content, std::uint16_t leaf, const RootSignature& signature) {
  Bytes out(content.size() + batch.tree.block_bytes(leaf, signature.bytes.size()));
  Writer(out).bytes(content);
  batch.tree.write_block(leaf, signature.scheme, signature.bytes, MutableBytes(out).subspan(content.size()));
  return out;
}

// The digests of a leaf's path, which stand behind the head of its block.
ByteView path_in_block(ByteView block) {
  return block.subspan(crypto::kSignatureBlockHeaderBytes, std::size_t{block[1]} * sizeof(Digest));
}

}  // namespace

std::optional<RootSignature> signature_of_block(ByteView block) {
  const std::optional<BlockHead> head = read_block(block);
  if (!head.has_value()) return std::nullopt;
  return RootSignature{head->scheme, to_bytes(head->signature)};
}

namespace {

// By leaf, what it is of; empty where nothing is, or two things are.
std::vector<ByteView> by_leaf(const std::vector<Emission>& own, const std::vector<LinkOut>& links,
                              const std::vector<UncodedOut>& uncoded) {
  const auto with_leaf = std::ranges::count_if(own, [](const Emission& each) { return each.has_leaf; });
  std::vector<ByteView> contents(static_cast<std::size_t>(with_leaf) + links.size() + uncoded.size());
  const auto add = [&](std::uint16_t leaf, const Bytes& content) {
    if (leaf < contents.size()) contents[leaf] = contents[leaf].empty() ? ByteView(content) : ByteView();
  };
  for (const Emission& each : own) {
    if (each.has_leaf) add(each.leaf, each.content);
  }
  for (const LinkOut& each : links) add(each.leaf, each.content);
  for (const UncodedOut& each : uncoded) add(each.leaf, each.content);
  return contents;
}

}  // namespace

bool could_be_batch(const std::vector<Emission>& own, const std::vector<LinkOut>& links,
                    const std::vector<UncodedOut>& uncoded) {
  if (own.empty() || !own.front().has_leaf || own.front().leaf != 0) return false;
  if (!message::decode<message::SiteBatch>(own.front().content).has_value()) return false;
  const std::vector<ByteView> contents = by_leaf(own, links, uncoded);
  const auto has_leaves = [&](const LinkOut& link) {
    return std::ranges::all_of(link.item_leaves, [&](std::uint16_t leaf) { return leaf < contents.size(); });
  };
  return contents.size() <= kMaxMerkleLeaves && std::ranges::all_of(links, has_leaves) &&
         std::ranges::none_of(contents, [](ByteView content) { return content.empty(); });
}

std::shared_ptr<const OutgoingBatch> make_batch(std::vector<Emission> own, std::vector<LinkOut> links,
                                                std::vector<UncodedOut> uncoded) {
  CHECK(could_be_batch(own, links, uncoded));
  std::vector<Digest> leaves;
  for (const ByteView content : by_leaf(own, links, uncoded)) leaves.push_back(crypto::leaf_digest(content));
  const message::Envelope envelope = message::decode_envelope(own.front().content)->envelope;
  const std::uint64_t number = message::decode<message::SiteBatch>(own.front().content)->number;
  return std::make_shared<const OutgoingBatch>(
      OutgoingBatch{number, std::move(own), std::move(links), std::move(uncoded),
                    crypto::MerkleBatch(envelope.system, envelope.signer, envelope.epoch, leaves)});
}

Bytes signed_message(const OutgoingBatch& batch, const Emission& own, const RootSignature& signature) {
  CHECK(own.has_leaf);
  return with_block(batch, own.content, own.leaf, signature);
}

Bytes signed_message(const OutgoingBatch& batch, const UncodedOut& out, const RootSignature& signature) {
  return with_block(batch, out.content, out.leaf, signature);
}

Bytes bundle(const OutgoingBatch& batch, const LinkOut& link, const RootSignature& signature) {
  const Bytes message = with_block(batch, link.content, link.leaf, signature);
  std::vector<Bytes> blocks;
  std::vector<crypto::LeafPath> items;
  for (const std::uint16_t leaf : link.item_leaves) blocks.push_back(with_block(batch, {}, leaf, signature));
  for (std::size_t i = 0; i < blocks.size(); ++i) items.push_back({link.item_leaves[i], path_in_block(blocks[i])});
  const crypto::LeafPath known{link.leaf, path_in_block(ByteView(message).subspan(link.content.size()))};
  const Bytes proof = crypto::joint_proof(batch.tree.leaf_count(), known, items);
  Bytes out(kSizeBytes + message.size() + proof.size());
  Writer(out).u32(static_cast<std::uint32_t>(message.size())).bytes(message).bytes(proof);
  CHECK(out.size() <= message::kMaxLinkBundleBytes);
  return out;
}

std::optional<Bundle> open_bundle(ByteView bytes) {
  Reader reader(bytes);
  const std::size_t size = reader.u32();
  Bundle bundle;
  bundle.message = reader.view(size);
  bundle.proof = reader.view(reader.remaining());
  return reader.ok() ? std::optional(bundle) : std::nullopt;
}

namespace {

// The paths of the items that have a leaf, in their order, if they lead to the root over `leaf`, the link message's.
std::optional<std::vector<Bytes>> item_paths(const BlockHead& head, ByteView block, const Digest& leaf,
                                             const message::LinkMessage& message, ByteView proof) {
  std::vector<crypto::PlacedLeaf> leaves;
  for (const message::LinkMessage::Item& item : message.items) {
    if (item.leaf == message::LinkMessage::Item::kWhole) continue;
    leaves.push_back({item.leaf, crypto::leaf_digest(item.bytes)});
  }
  return crypto::paths_of(head.leaf_count, {head.leaf_index, path_in_block(block)}, leaf, leaves, proof);
}

}  // namespace

std::optional<std::vector<Bytes>> items_of(const message::LinkMessage& message, const Bundle& bundle) {
  const auto envelope = message::decode_envelope(bundle.message);
  CHECK(envelope.has_value());
  const ByteView block = bundle.message.subspan(envelope->content_bytes);
  const std::optional<BlockHead> head = read_block(block);
  CHECK(head.has_value());  // it was verified
  const Digest leaf = crypto::leaf_digest(bundle.message.first(envelope->content_bytes));
  const auto paths = item_paths(*head, block, leaf, message, bundle.proof);
  if (!paths.has_value()) return std::nullopt;
  std::vector<Bytes> items;
  std::size_t next = 0;
  for (const message::LinkMessage::Item& item : message.items) {
    if (item.leaf == message::LinkMessage::Item::kWhole) {
      items.push_back(to_bytes(item.bytes));
      continue;
    }
    const Bytes& path = (*paths)[next++];
    Bytes& whole = items.emplace_back(item.bytes.size() + crypto::kSignatureBlockHeaderBytes + path.size() +
                                      head->signature.size());
    Writer(whole)
        .bytes(item.bytes)
        .u8(head->scheme)
        .u8(static_cast<std::uint8_t>(path.size() / sizeof(Digest)))
        .u16(item.leaf)
        .u16(head->leaf_count)
        .u16(static_cast<std::uint16_t>(head->signature.size()))
        .bytes(path)
        .bytes(head->signature);
  }
  return items;
}

std::optional<LinkName> name_of(ByteView bundle) {
  const std::optional<Bundle> opened = open_bundle(bundle);
  if (!opened.has_value()) return std::nullopt;
  const auto head = message::decode_envelope(opened->message);
  const auto link = message::decode<message::LinkMessage>(opened->message);
  if (!head.has_value() || !link.has_value()) return std::nullopt;
  return LinkName{head->envelope.signer.site, link->destination, link->traffic, link->incarnation, link->sequence};
}

std::optional<LinkAcknowledgement> acknowledgement_of(ByteView bundle) {
  const std::optional<LinkName> name = name_of(bundle);
  if (!name.has_value() || name->traffic != TrafficClass::timely) return std::nullopt;
  const auto link = message::decode<message::LinkMessage>(open_bundle(bundle)->message);
  if (!link->items.empty()) return std::nullopt;
  return LinkAcknowledgement{name->source, name->destination, name->incarnation, link->delivered, name->sequence};
}

std::optional<message::VerifiedMessage> signed_link(message::Validator& validator, SiteId destination,
                                                    ByteView bundle) {
  const std::optional<LinkName> name = name_of(bundle);
  if (!name.has_value()) return std::nullopt;
  const Bundle opened = *open_bundle(bundle);
  const message::Validation outcome = validator.link_message(name->source, destination, opened.message);
  const auto* message = std::get_if<message::VerifiedMessage>(&outcome);
  if (message == nullptr) return std::nullopt;
  const ByteView block = message->bytes().subspan(message->content().size());
  const std::optional<BlockHead> head = read_block(block);
  CHECK(head.has_value());  // it was verified
  const auto paths = item_paths(*head, block, message->digest(), message->as<message::LinkMessage>(), opened.proof);
  return paths.has_value() ? std::optional(*message) : std::nullopt;
}

bool is_signed_bundle(message::Validator& validator, const LinkName& name, ByteView bytes) {
  // The site may have signed another message of its under these bytes: a part of it was replayed under this sequence.
  return name_of(bytes) == name && signed_link(validator, name.destination, bytes).has_value();
}

}  // namespace garrison::site
