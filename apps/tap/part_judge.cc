#include "apps/tap/part_judge.h"

#include <utility>
#include <variant>

#include "apps/server/link_setup.h"
#include "control/message/messages.h"
#include "control/site/outgoing.h"
#include "crypto/batch.h"
#include "dataplane/base/check.h"

namespace garrison::tap {

namespace {

// Whether a server that signs its parts and no others, of the code of that link, can have signed this.
bool could_be_of(const site::LinkPlan& plan, const link::HubPartName& name, const message::LinkPart& part) {
  const link::PartCode code = plan.code();
  return part.index == name.index && part.k == code.k && part.n == code.n && part.bundle_bytes > 0 &&
         part.part.size() == (part.bundle_bytes + code.k - std::size_t{1}) / code.k;
}

}  // namespace

PartJudge::PartJudge(const config::Topology& topology, const crypto::KeyDirectory* keys)
    : topology_(topology), keys_(keys) {
  for (const config::SiteSettings& from : topology.sites) {
    for (const config::SiteSettings& to : topology.sites) {
      plans_.push_back(from.id == to.id ? site::LinkPlan{} : server::link_plan(topology, from, to));
    }
    if (keys == nullptr) continue;
    validators_.push_back(std::make_unique<message::Validator>(topology.system, from.id, from.n(), *keys));
  }
}

const site::LinkPlan& PartJudge::plan(SiteId from, SiteId to) const {
  return plans_.at(from.index() * topology_.sites.size() + to.index());
}

PartJudge::Judgement PartJudge::judge(const link::HubPartName& name, ByteView bytes) {
  const auto signer = crypto::Principal::server(name.from, ServerId(name.index));
  Judgement judgement;
  if (keys_ != nullptr) {
    const message::Validation heard = validators_.at(name.from.index())->overheard(signer, bytes);
    if (const auto* reason = std::get_if<DropReason>(&heard); reason != nullptr) {
      const bool unsigned_by_it = *reason == DropReason::message_bad_signature ||
                                  *reason == DropReason::message_not_first_hand ||
                                  *reason == DropReason::message_unknown_signer;
      judgement.worth = unsigned_by_it ? PartWorth::forged : PartWorth::malformed;
      return judgement;
    }
  }
  const std::optional<message::DecodedEnvelope> head = message::decode_envelope(bytes);
  const std::optional<message::LinkPart> part = message::decode<message::LinkPart>(bytes);
  if (!head.has_value() || !part.has_value() || head->envelope.system != topology_.system) return judgement;
  judgement.says = crypto::leaf_digest(bytes.first(head->content_bytes));
  judgement.bundle_bytes = part->bundle_bytes;
  const bool named = part->destination == name.to && part->traffic == name.traffic && part->sequence == name.sequence;
  if (head->envelope.signer != signer) {
    judgement.worth = PartWorth::forged;
  } else if (part->index != name.index || (named && !could_be_of(plan(name.from, name.to), name, *part))) {
    judgement.worth = PartWorth::perjured;
  } else {
    judgement.worth = named ? PartWorth::good : PartWorth::misnamed;
  }
  return judgement;
}

std::optional<Digest> PartJudge::digest_of(ByteView part) {
  const std::optional<message::DecodedEnvelope> head = message::decode_envelope(part);
  if (!head.has_value()) return std::nullopt;
  return crypto::leaf_digest(part.first(head->content_bytes));
}

std::optional<std::vector<Digest>> PartJudge::decode(const link::HubPartName& name, std::span<const ByteView> parts) {
  const link::PartCode code = plan(name.from, name.to).code();
  coding::Code& coder = codes_.of(code);
  CHECK(parts.size() == code.k);
  std::vector<coding::Part> coded;
  std::uint32_t bundle_bytes = 0;
  for (const ByteView each : parts) {
    const std::optional<message::LinkPart> part = message::decode<message::LinkPart>(each);
    CHECK(part.has_value());
    bundle_bytes = part->bundle_bytes;
    coded.push_back({part->index, part->part});
  }
  Bytes bundle(bundle_bytes);
  if (!coder.decode(coded, bundle)) return std::nullopt;
  const std::optional<site::LinkName> says = site::name_of(bundle);
  if (!says.has_value() || !is_of_site(name, says->incarnation, bundle)) return std::nullopt;

  std::vector<Digest> digests;
  Bytes bytes(coder.part_bytes(bundle.size()));
  for (std::size_t i = 0; i < code.n; ++i) {
    coder.encode(bundle, i, bytes);
    const message::Envelope envelope{topology_.system,
                                     crypto::Principal::server(name.from, ServerId(static_cast<std::uint16_t>(i))),
                                     topology_.crypto.epoch};
    const message::LinkPart part{name.to,       name.traffic, static_cast<std::uint8_t>(i),
                                 code.k,        code.n,       says->incarnation,
                                 name.sequence, bundle_bytes, bytes};
    digests.push_back(crypto::leaf_digest(message::encode(envelope, part)));
  }
  return digests;
}

// Without keys its own claim is all there is.
bool PartJudge::is_of_site(const link::HubPartName& name, Incarnation incarnation, ByteView bundle) {
  const site::LinkName wanted{name.from, name.to, name.traffic, incarnation, name.sequence};
  if (keys_ == nullptr) return site::name_of(bundle) == wanted;
  return site::is_signed_bundle(*validators_.at(name.from.index()), wanted, bundle);
}

}  // namespace garrison::tap
