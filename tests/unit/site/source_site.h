// A site that signs batches by itself: what tests of its receivers start from.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "control/site/outgoing.h"
#include "crypto/threshold/modelled.h"
#include "tests/support/site_keys.h"

namespace garrison::site {

inline constexpr SiteId kSource(1);
inline constexpr SiteId kDestination(2);

class SourceSiteTest : public ::testing::Test {
 protected:
  SourceSiteTest() : sites_(message::Validator::of_sites(keys_.system(), 4, keys_.directory())) {
    const crypto::DealtThresholdKey dealt =
        crypto::deal_modelled_key(crypto::ThresholdScheme::modelled_rsa2048, 2, 4, keys_.system(), kSource,
                                  crypto::SiteKeyKind::one_correct)
            .value();
    keys_.add_site_key(kSource, crypto::SiteKeyKind::one_correct, dealt.key);
    combiner_ = crypto::make_combiner(dealt.key).value();
    for (std::uint16_t i = 0; i < 2; ++i) {
      signers_.push_back(crypto::make_signer(dealt.key, ServerId(i), dealt.secrets[i]).value());
    }
  }

  [[nodiscard]] message::Envelope envelope() const { return keys_.envelope(crypto::Principal::of_site(kSource)); }

  // A batch with `signed_items` messages that have a leaf, one that has none, and a link message with all of them.
  OutgoingBatch batch(std::size_t signed_items, SeqNum sequence = SeqNum(5),
                      TrafficClass traffic = TrafficClass::bounded, std::uint64_t number = 7) {
    std::vector<Emission> own;
    std::vector<Digest> leaves;
    const auto add = [&](const Bytes& content) {
      leaves.push_back(crypto::leaf_digest(content));
      own.push_back({content, true, static_cast<std::uint16_t>(leaves.size() - 1)});
    };
    add(message::encode(envelope(), message::SiteBatch{number}));
    for (std::size_t i = 0; i < signed_items; ++i) {
      add(message::encode(envelope(), message::Prepare{View(0), SeqNum(i + 1), {}}));
    }
    own.push_back({message::encode(envelope(), message::Commit{View(0), SeqNum(1), {}, SeqNum(0)}), false, 0});
    LinkOut link{kDestination, traffic, sequence, {}, static_cast<std::uint16_t>(leaves.size()), {}};
    message::LinkMessage message{kDestination, traffic, Incarnation(1), sequence, SeqNum(3), {}};
    for (std::size_t i = 1; i < own.size(); ++i) {
      message.items.push_back({own[i].has_leaf ? own[i].leaf : message::LinkMessage::Item::kWhole, own[i].content});
      if (own[i].has_leaf) link.item_leaves.push_back(own[i].leaf);
    }
    link.content = message::encode(envelope(), message);
    leaves.push_back(crypto::leaf_digest(link.content));
    crypto::MerkleBatch tree(keys_.system(), envelope().signer, keys_.epoch(), leaves);
    return {number, std::move(own), {link}, {}, std::move(tree)};
  }

  RootSignature sign(const OutgoingBatch& batch) {
    std::vector<Bytes> shares;
    std::vector<crypto::SignatureShare> views;
    for (const auto& signer : signers_) shares.push_back(signer->share(batch.tree.statement()));
    for (std::uint16_t i = 0; i < 2; ++i) views.push_back({ServerId(i), shares[i]});
    return {crypto::block_scheme(crypto::ThresholdScheme::modelled_rsa2048),
            combiner_->combine(batch.tree.statement(), views).value()};
  }

  // The items of a bundle, if the link message and each of them verify.
  std::optional<std::vector<Bytes>> receive(ByteView bytes) {
    const std::optional<Bundle> opened = open_bundle(bytes);
    if (!opened.has_value()) return std::nullopt;
    const auto link = sites_.link_message(kSource, kDestination, opened->message);
    if (!std::holds_alternative<message::VerifiedMessage>(link)) return std::nullopt;
    const auto items = items_of(std::get<message::VerifiedMessage>(link).as<message::LinkMessage>(), *opened);
    if (!items.has_value()) return std::nullopt;
    for (const Bytes& item : *items) {
      const auto outcome = sites_.server_message(ServerId(kSource.value()), item);
      if (!std::holds_alternative<message::VerifiedMessage>(outcome)) return std::nullopt;
    }
    return items;
  }

  testing::SiteKeys keys_{4};
  message::Validator sites_;
  std::unique_ptr<crypto::ShareCombiner> combiner_;
  std::vector<std::unique_ptr<crypto::ThresholdSigner>> signers_;
};

}  // namespace garrison::site
