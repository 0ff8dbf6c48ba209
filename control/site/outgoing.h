// What a site says under one signature (docs/adr/0012): a batch that every server of the site closes at the same place
// of the local order with the same content.
//
// Leaf 0 is SITE-BATCH, then come the messages that need a signature of their own, in the order in which the core
// emitted them, then the link messages. A link message carries its items' content; in the bundle that travels one proof
// of all that have a leaf stands behind the signed link message (crypto/joint_proof.h), so that the signature is there
// once, and the paths hardly.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "control/message/messages.h"
#include "control/message/validate.h"
#include "crypto/batch.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/base/traffic.h"

template <>
inline constexpr std::size_t garrison::kValuesOf<garrison::TrafficClass> = 2;

namespace garrison::site {

// The blocks of a batch, once the site's signature of its root is known. The signature is the only part that a server
// cannot compute alone, and it is the same bytes whoever made it.
struct RootSignature {
  std::uint8_t scheme = 0;  // crypto::block_scheme()
  Bytes bytes;
  STATE_FIELDS(scheme, bytes)
};

// What a block says of the signature under it; none when it is no block.
[[nodiscard]] std::optional<RootSignature> signature_of_block(ByteView block);

// A message of this site, as its core emitted it.
struct Emission {
  Bytes content;
  bool has_leaf = false;   // the catalogue asks for a signature; else the link vouches for it
  std::uint16_t leaf = 0;  // when has_leaf
  STATE_FIELDS(content, has_leaf, leaf)
};

struct LinkOut {
  SiteId to;
  TrafficClass traffic{};
  SeqNum sequence;
  Bytes content;  // of the LINK-MESSAGE
  std::uint16_t leaf = 0;
  std::vector<std::uint16_t> item_leaves;  // of the items that have one, in their order
  SeqNum df_sequence{};                    // under which servers present it to their forwarder; 0: they do not
  ServerSet demoted{};                     // on the hub: who is in the second set whoever's turn it is
  bool acknowledges = false;               // and nothing else: a LinkAcknowledgement
  STATE_FIELDS(to, traffic, sequence, content, leaf, item_leaves, df_sequence, demoted, acknowledges)
};

// An INQUIRY or INQUIRY-RESPONSE: it goes whole to the peers of each server, since what finds wrong parts cannot
// itself travel in parts.
struct UncodedOut {
  SiteId to;
  std::uint16_t leaf = 0;
  Bytes content;
  Bytes inquiry;  // the signed INQUIRY that a response answers; then both are evidence, and go to all other sites, too
  STATE_FIELDS(to, leaf, content, inquiry)
};

// Closed; SITE-BATCH first, whose content names it.
struct OutgoingBatch {
  std::uint64_t number = 0;
  std::vector<Emission> own;  // SITE-BATCH first
  std::vector<LinkOut> links;
  std::vector<UncodedOut> uncoded;
  crypto::MerkleBatch tree;
};

// A batch of what has its leaves already, which the tree follows from. CHECKs could_be_batch().
[[nodiscard]] std::shared_ptr<const OutgoingBatch> make_batch(std::vector<Emission> own, std::vector<LinkOut> links,
                                                              std::vector<UncodedOut> uncoded);
// Whether SITE-BATCH comes first and each leaf is there once.
[[nodiscard]] bool could_be_batch(const std::vector<Emission>& own, const std::vector<LinkOut>& links,
                                  const std::vector<UncodedOut>& uncoded);

// Content and block of own[i], and of uncoded[i].
[[nodiscard]] Bytes signed_message(const OutgoingBatch& batch, const Emission& own, const RootSignature& signature);
[[nodiscard]] Bytes signed_message(const OutgoingBatch& batch, const UncodedOut& out, const RootSignature& signature);

// u32 size of the message | LINK-MESSAGE with its block | what its items with a leaf need beside its path
[[nodiscard]] Bytes bundle(const OutgoingBatch& batch, const LinkOut& link, const RootSignature& signature);

// The room that a bundle takes beside its link message's content and, at most, the paths of its items.
inline constexpr std::size_t kBundleOverhead = 4 + message::kMaxBlockBytes;

// A bundle taken apart; views into it. None when it is malformed. The LINK-MESSAGE is not validated yet.
struct Bundle {
  ByteView message;
  ByteView proof;
};
[[nodiscard]] std::optional<Bundle> open_bundle(ByteView bytes);

// The items of a validated LINK-MESSAGE as messages of their own, blocks included; none when the proof in its
// bundle does not fit them.
[[nodiscard]] std::optional<std::vector<Bytes>> items_of(const message::LinkMessage& message, const Bundle& bundle);

// Which link message of which link.
struct LinkName {
  SiteId source;
  SiteId destination;
  TrafficClass traffic{};
  Incarnation incarnation;
  SeqNum sequence;
  friend bool operator==(const LinkName&, const LinkName&) = default;
};
// Which one these bytes say that they are; nothing is verified. None when they are no bundle.
[[nodiscard]] std::optional<LinkName> name_of(ByteView bundle);
// On a blink link a LINK-MESSAGE without items acknowledges, and does nothing else. It is TIMELY and has no place in
// the order of those: its sequence is that of the TIMELY link message which `by` waits for next.
struct LinkAcknowledgement {
  SiteId by;
  SiteId of;
  Incarnation incarnation;
  SeqNum delivered;    // BOUNDED link messages of `of` that `by` has executed, without a gap
  SeqNum next_timely;  // behind the highest TIMELY one that it has

  [[nodiscard]] SeqNum through(TrafficClass traffic) const {
    return traffic == TrafficClass::bounded ? delivered : SeqNum(next_timely.value() - 1);
  }
  [[nodiscard]] bool covers(const LinkName& name) const { return name.sequence <= through(name.traffic); }
};
// What a bundle is when it is of a blink link; none: something else. Nothing is verified.
[[nodiscard]] std::optional<LinkAcknowledgement> acknowledgement_of(ByteView bundle);

// The LINK-MESSAGE in these bytes, if the site that it names as its source has signed it for `destination` and the
// proof of its items leads to what that has signed, so that there are no two of them. Lives as long as they do.
[[nodiscard]] std::optional<message::VerifiedMessage> signed_link(message::Validator& validator, SiteId destination,
                                                                  ByteView bundle);
// Whether these bytes are what the source's servers code as this link message.
[[nodiscard]] bool is_signed_bundle(message::Validator& validator, const LinkName& name, ByteView bytes);

}  // namespace garrison::site
