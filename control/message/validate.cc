#include "control/message/validate.h"

#include <algorithm>
#include <bitset>

namespace garrison::message {

using crypto::Principal;

// One message taken apart, fields unread.
struct Validator::Parsed {
  DecodedEnvelope head;
  ByteView bytes;  // all of it
  [[nodiscard]] ByteView content() const { return bytes.first(head.content_bytes); }
  [[nodiscard]] ByteView block() const { return bytes.subspan(head.content_bytes); }
  [[nodiscard]] const Principal& signer() const { return head.envelope.signer; }

  // Size, version, type and envelope.
  static Refusal read(ByteView bytes, Parsed& parsed) {
    if (bytes.size() > kMaxMessageBytes) return DropReason::message_oversized;
    const std::variant<DecodedEnvelope, DropReason> head = read_envelope(bytes);
    if (const auto* reason = std::get_if<DropReason>(&head)) return *reason;
    parsed = {*std::get_if<DecodedEnvelope>(&head), bytes};
    if (parsed.block().size() > crypto::kMaxSignatureBlockBytes) return DropReason::message_oversized;
    return std::nullopt;
  }
};

namespace {

template <typename Message>
bool take_rows(ByteView bytes, std::size_t servers, std::vector<ByteView>& rows) {
  std::optional<Message> decoded = decode<Message>(bytes);
  if (!decoded.has_value() || decoded->rows.size() != servers) return false;
  rows = std::move(decoded->rows);
  return true;
}

// The whole messages that one field of a message consists of.
template <typename Message>
bool take(ByteView bytes, std::vector<ByteView> Message::*field, std::vector<ByteView>& inside) {
  std::optional<Message> decoded = decode<Message>(bytes);
  if (!decoded.has_value()) return false;
  inside = std::move((*decoded).*field);
  return true;
}

bool carries_updates(MessageType type) { return type == MessageType::PoRequest || type == MessageType::BftUpdates; }

bool fits_new_view(ByteView bytes, std::size_t servers) {
  const std::optional<BftNewView> decoded = decode<BftNewView>(bytes);
  return decoded.has_value() && std::all_of(decoded->basis.begin(), decoded->basis.end(),
                                            [&](const auto& basis) { return basis.server.index() < servers; });
}

bool within(ServerSet ids, std::size_t servers) { return (ids.bits() & ~ServerSet::all(servers).bits()) == 0; }

// The PRE-PREPARE, empty in a replay certificate, and the votes behind it.
bool take_certificate(ByteView bytes, std::size_t servers, std::vector<ByteView>& inside) {
  std::optional<PcSet> decoded = decode<PcSet>(bytes);
  if (!decoded.has_value() || !within(decoded->ids, servers)) return false;
  inside = std::move(decoded->votes);
  inside.insert(inside.begin(), decoded->pre_prepare);
  return true;
}

bool take_part(ByteView bytes, std::vector<ByteView>& inside) {
  const std::optional<CorruptionProof> decoded = decode<CorruptionProof>(bytes);
  if (!decoded.has_value()) return false;
  inside = {decoded->part};
  return true;
}

// Whether messages of `type` consist of votes.
bool is_proof(MessageType type) {
  return type == MessageType::NewLeaderProof || type == MessageType::PcSet || type == MessageType::VcProof ||
         type == MessageType::Replay || type == MessageType::Inquiry || type == MessageType::CorruptionProof ||
         type == MessageType::BftViewChange || type == MessageType::SigEvidence;
}

bool is_of_an_inquiry(MessageType type) {
  return type == MessageType::LinkInquiry || type == MessageType::LinkInquiryResponse;
}

// Events that nobody but their introducer vouches for.
bool is_its_introducers(MessageType type) {
  return type == MessageType::Tick || type == MessageType::LinkBundle || type == MessageType::DutyReport;
}

bool decodes_introducers(MessageType type, ByteView update) {
  if (type == MessageType::Tick) return decode<Tick>(update).has_value();
  if (type == MessageType::DutyReport) return decode<DutyReport>(update).has_value();
  return decode<LinkBundle>(update).has_value();
}

// What stands at `i` of `inside`, which was taken from a proof of type `proof`.
MessageType vote_type(MessageType proof, const std::vector<ByteView>& inside, std::size_t i) {
  if (proof == MessageType::NewLeaderProof) return MessageType::NewLeader;
  if (proof == MessageType::Inquiry || proof == MessageType::CorruptionProof) return MessageType::Recon;
  if (proof == MessageType::BftViewChange) return MessageType::BftCheckpoint;
  if (proof == MessageType::SigEvidence) return MessageType::SigShare;
  if (proof != MessageType::PcSet) return MessageType::VcPartialSig;
  if (i == 0) return MessageType::PrePrepare;
  return inside[0].empty() ? MessageType::ReplayPrepare : MessageType::Prepare;
}

template <typename Message>
bool ids_fit(ByteView bytes, std::size_t servers) {
  const std::optional<Message> decoded = decode<Message>(bytes);
  return decoded.has_value() && within(decoded->ids, servers);
}

template <typename Message>
bool entries_fit(ByteView bytes, std::size_t servers) {
  const std::optional<Message> decoded = decode<Message>(bytes);
  return decoded.has_value() &&
         std::all_of(decoded->entries.begin(), decoded->entries.end(),
                     [&](const BroadcastEntry& entry) { return entry.origin.index() < servers; });
}

bool fits_ack(ByteView bytes, std::size_t servers) {
  const std::optional<PoAck> decoded = decode<PoAck>(bytes);
  return decoded.has_value() &&
         std::all_of(decoded->entries.begin(), decoded->entries.end(),
                     [&](const PoAck::Entry& entry) { return entry.introducer.index() < servers; });
}

bool fits_recon(ByteView bytes, std::size_t servers) {
  const std::optional<Recon> decoded = decode<Recon>(bytes);
  return decoded.has_value() && decoded->introducer.index() < servers;
}

bool fits_summary(ByteView bytes, std::size_t servers) {
  const std::optional<PoSummary> decoded = decode<PoSummary>(bytes);
  return decoded.has_value() && decoded->vec.size() == servers;
}

}  // namespace

Validator::Validator(SystemId system, SiteId site, std::size_t servers, const crypto::KeyDirectory& directory,
                     Authentication configured)
    : system_(system), site_(site), servers_(servers), configured_(configured), verifier_(system, directory) {
  CHECK(servers >= 1 && servers <= kMaxServersPerSite);
  CHECK(configured == Authentication::channel || configured == Authentication::signature);
}

Validator Validator::of_sites(SystemId system, std::size_t sites, const crypto::KeyDirectory& directory) {
  Validator validator(system, SiteId(0), sites, directory);
  validator.sites_ = true;
  return validator;
}

Principal Validator::participant(std::size_t place) const {
  const auto number = static_cast<std::uint16_t>(place);
  return sites_ ? Principal::of_site(SiteId(number)) : Principal::server(site_, ServerId(number));
}

Validation Validator::server_message(ServerId from, ByteView bytes) {
  CHECK(from.index() < servers_);
  Parsed message;
  std::vector<ByteView> inside;
  Digest leaf;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  if (sites_ && bytes.size() > kMaxSiteMessageBytes) return DropReason::message_oversized;
  if (find_row(message.head.type)->direction != Direction::server_to_server) return DropReason::message_wrong_direction;
  if (const Refusal refusal = structure(message, inside)) return *refusal;
  if (!is_signed(message.content(), configured_)) {
    if (!message.block().empty()) return DropReason::message_malformed;
    if (message.signer() != participant(from.index())) return DropReason::message_not_first_hand;
    if (const Refusal refusal = inside_signed(message, inside)) return *refusal;
    return VerifiedMessage(bytes, message.head, leaf_digest(message));
  }
  if (const Refusal refusal = signature(message, leaf)) return *refusal;
  if (const Refusal refusal = inside_signed(message, inside)) return *refusal;
  if (message.head.type == MessageType::PoSummary) {
    last_summary_[message.signer().place()].assign(bytes.begin(), bytes.end());
  }
  return VerifiedMessage(bytes, message.head, leaf);
}

Validation Validator::client_op(ByteView bytes) {
  Parsed message;
  Digest leaf;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  if (message.head.type != MessageType::ClientOp) return DropReason::message_wrong_direction;
  if (message.head.envelope.system != system_) return DropReason::message_wrong_system;
  if (!decode<ClientOp>(bytes).has_value()) return DropReason::message_malformed;
  if (const Refusal refusal = signature(message, leaf)) return *refusal;
  return VerifiedMessage(bytes, message.head, leaf);
}

Validation Validator::link_part(Principal from, ByteView bytes) {
  Parsed message;
  Digest leaf;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  if (message.head.type != MessageType::LinkPart) return DropReason::message_wrong_direction;
  if (message.signer() != from) return DropReason::message_not_first_hand;
  if (!fits_update(participant(0), bytes, message)) return DropReason::message_malformed;
  if (const Refusal refusal = signature(message, leaf)) return *refusal;
  return VerifiedMessage(bytes, message.head, leaf);
}

Validation Validator::overheard(Principal from, ByteView bytes) {
  Parsed message;
  Digest leaf;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  if (message.head.type != MessageType::LinkPart || from.site != site_) return DropReason::message_wrong_direction;
  if (message.signer() != from) return DropReason::message_not_first_hand;
  if (message.head.envelope.system != system_ || !decode<LinkPart>(bytes)) return DropReason::message_malformed;
  if (const Refusal refusal = signature(message, leaf)) return *refusal;
  return VerifiedMessage(bytes, message.head, leaf);
}

Validation Validator::from_another_site(Principal from, ByteView bytes) {
  Parsed message;
  Digest leaf;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  if (message.head.type == MessageType::LinkPart) return link_part(from, bytes);
  if (message.head.type == MessageType::LinkBundle) {
    if (!fits_update(from, bytes, message)) return DropReason::message_malformed;
    return VerifiedMessage(bytes, message.head, leaf_digest(message));
  }
  if (!is_of_an_inquiry(message.head.type)) return DropReason::message_wrong_direction;
  if (!fits_update(participant(0), bytes, message)) return DropReason::message_malformed;
  if (const Refusal refusal = signature(message, leaf)) return *refusal;
  if (const Refusal refusal = inquiry_signed(message)) return *refusal;
  return VerifiedMessage(bytes, message.head, leaf);
}

bool Validator::fits_inquiry(ByteView bytes) const {
  const std::optional<LinkInquiry> inquiry = decode<LinkInquiry>(bytes);
  if (!inquiry.has_value()) return false;
  std::optional<LinkPart> first;
  std::bitset<256> indices;  // a part has one byte for its own
  for (const ByteView each : inquiry->parts) {
    Parsed parsed;
    if (Parsed::read(each, parsed) || parsed.head.envelope.system != system_) return false;
    const std::optional<LinkPart> part = decode<LinkPart>(each);
    if (!part.has_value() || parsed.signer().site != inquiry->id.asked || part->destination != inquiry->id.asker) {
      return false;
    }
    if (!first.has_value()) first = part;
    if (part->traffic != inquiry->id.traffic || part->sequence != inquiry->id.sequence ||
        part->incarnation != inquiry->id.incarnation || part->k != inquiry->parts.size() || part->n != first->n ||
        part->bundle_bytes != first->bundle_bytes || indices.test(part->index)) {
      return false;
    }
    if (part->part.size() != (part->bundle_bytes + part->k - std::size_t{1}) / part->k) return false;
    indices.set(part->index);
  }
  return true;
}

Validator::Refusal Validator::inquiry_signed(const Parsed& message) {
  if (message.head.type != MessageType::LinkInquiry) return std::nullopt;
  const std::optional<LinkInquiry> inquiry = decode<LinkInquiry>(message.bytes);
  CHECK(inquiry.has_value());
  Digest leaf;
  for (const ByteView each : inquiry->parts) {
    Parsed part;
    if (Parsed::read(each, part) || signature(part, leaf)) return DropReason::message_bad_vote;
  }
  return std::nullopt;
}

Validation Validator::link_message(SiteId source, SiteId destination, ByteView bytes) {
  Parsed message;
  Digest leaf;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  if (message.head.envelope.system != system_ || message.signer() != Principal::of_site(source)) {
    return DropReason::message_wrong_system;
  }
  const std::optional<LinkMessage> decoded = decode<LinkMessage>(bytes);
  if (!decoded.has_value() || decoded->destination != destination) return DropReason::message_malformed;
  if (const Refusal refusal = signature(message, leaf)) return *refusal;
  return VerifiedMessage(bytes, message.head, leaf);
}

VerifiedMessage Validator::own_event(ByteView bytes) const {
  Parsed message;
  CHECK(!Parsed::read(bytes, message) && find_row(message.head.type)->direction == Direction::event);
  CHECK(message.block().empty() != is_signed(message.content(), configured_));
  return {bytes, message.head, crypto::leaf_digest(message.content())};
}

VerifiedMessage Validator::own(ByteView bytes) {
  Parsed message;
  CHECK(!Parsed::read(bytes, message));
  if (message.head.type == MessageType::LinkPart) {
    CHECK(decode<LinkPart>(bytes).has_value());
  } else {
    CHECK(find_row(message.head.type)->direction == Direction::server_to_server);
    CHECK(fits_throughout(message));
  }
  return {bytes, message.head, leaf_digest(message)};
}

Validation Validator::vouched(ByteView bytes) const {
  Parsed message;
  if (const Refusal refusal = Parsed::read(bytes, message)) return *refusal;
  const bool ordered = find_row(message.head.type)->direction == Direction::server_to_server;
  if (ordered ? !fits_throughout(message) : !fits_update(message.signer(), bytes, message)) {
    return DropReason::message_malformed;
  }
  return VerifiedMessage(bytes, message.head, crypto::leaf_digest(message.content()));
}

bool Validator::fits_throughout(const Parsed& message) const {
  std::vector<ByteView> inside;
  if (message.block().empty() == is_signed(message.content(), configured_)) return false;
  if (structure(message, inside)) return false;
  Parsed part;
  std::vector<Parsed> votes;
  std::vector<ByteView> rows;
  if (is_proof(message.head.type)) {
    if (!fits_votes(message.head.type, inside, votes, rows)) return false;
    inside = std::move(rows);
  }
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const bool fits = carries_updates(message.head.type) ? fits_update(message.signer(), inside[i], part)
                                                         : inside[i].empty() || fits_row(i, inside[i], part);
    if (!fits) return false;
  }
  return true;
}

std::size_t Validator::cost(ByteView bytes) {
  constexpr std::size_t kCountOffset = kEnvelopeBytes + 8;  // behind the sequence of PO-REQUEST and UPDATES
  if (bytes.size() < kCountOffset + 2) return 1;
  const auto type = static_cast<MessageType>((std::uint16_t{bytes[1]} << 8U) | bytes[2]);
  if (is_proof(type)) return kMaxServersPerSite;
  if (!carries_updates(type)) return 1;
  const std::size_t count = load_le<std::uint16_t>(bytes.data() + kCountOffset);
  return std::clamp<std::size_t>(count, 1, kMaxUpdatesPerPoRequest);
}

Validator::Refusal Validator::structure(const Parsed& message, std::vector<ByteView>& inside) const {
  const Principal& signer = message.signer();
  const Principal::Kind kind = sites_ ? Principal::Kind::site : Principal::Kind::server;
  if (message.head.envelope.system != system_ || signer.kind != kind || (!sites_ && signer.site != site_)) {
    return DropReason::message_wrong_system;
  }
  if (signer.place() >= servers_) return DropReason::message_unknown_signer;
  const auto well_formed = [&]() {
    switch (message.head.type) {
      case MessageType::PoRequest:
        return take(message.bytes, &PoRequest::updates, inside);
      case MessageType::PoAck:
        return fits_ack(message.bytes, servers_);
      case MessageType::PoSummary:
        return fits_summary(message.bytes, servers_);
      case MessageType::SummaryMatrix:
        return take_rows<SummaryMatrix>(message.bytes, servers_, inside);
      case MessageType::PrePrepare:
        return take_rows<PrePrepare>(message.bytes, servers_, inside);
      case MessageType::Prepare:
        return decode<Prepare>(message.bytes).has_value();
      case MessageType::Commit:
        return decode<Commit>(message.bytes).has_value();
      case MessageType::PrePrepareRequest:
        return decode<PrePrepareRequest>(message.bytes).has_value();
      case MessageType::RttPing:
        return decode<RttPing>(message.bytes).has_value();
      case MessageType::RttPong:
        return decode<RttPong>(message.bytes).has_value();
      case MessageType::RttMeasure:
        return decode<RttMeasure>(message.bytes).has_value();
      case MessageType::TatUb:
        return decode<TatUb>(message.bytes).has_value();
      case MessageType::TatMeasure:
        return decode<TatMeasure>(message.bytes).has_value();
      case MessageType::NewLeader:
        return decode<NewLeader>(message.bytes).has_value();
      case MessageType::NewLeaderProof:
        return take(message.bytes, &NewLeaderProof::votes, inside);
      case MessageType::Report:
        return decode<Report>(message.bytes).has_value();
      case MessageType::PcSet:
        return take_certificate(message.bytes, servers_, inside);
      case MessageType::VcEcho:
        return entries_fit<VcEcho>(message.bytes, servers_);
      case MessageType::VcReady:
        return entries_fit<VcReady>(message.bytes, servers_);
      case MessageType::VcList:
        return ids_fit<VcList>(message.bytes, servers_);
      case MessageType::VcPartialSig:
        return ids_fit<VcPartialSig>(message.bytes, servers_);
      case MessageType::VcProof:
        return ids_fit<VcProof>(message.bytes, servers_) && take(message.bytes, &VcProof::proof, inside);
      case MessageType::Replay:
        return ids_fit<Replay>(message.bytes, servers_) && take(message.bytes, &Replay::proof, inside);
      case MessageType::ReplayPrepare:
        return decode<ReplayPrepare>(message.bytes).has_value();
      case MessageType::ReplayCommit:
        return decode<ReplayCommit>(message.bytes).has_value();
      case MessageType::Ordered:
        return decode<Ordered>(message.bytes).has_value();
      case MessageType::Recon:
        return fits_recon(message.bytes, servers_);
      case MessageType::Inquiry:
        return take(message.bytes, &Inquiry::parts, inside);
      case MessageType::CorruptionProof:
        return take_part(message.bytes, inside);
      case MessageType::SigShare:
        return decode<SigShare>(message.bytes).has_value();
      case MessageType::SigRequest:
        return decode<SigRequest>(message.bytes).has_value();
      case MessageType::SigEvidence:
        return take(message.bytes, &SigEvidence::shares, inside);
      case MessageType::SigComplete:
        return decode<SigComplete>(message.bytes).has_value();
      case MessageType::StateRequest:
        return decode<StateRequest>(message.bytes).has_value();
      case MessageType::Checkpoint:
        return decode<Checkpoint>(message.bytes).has_value();
      case MessageType::StateFetch:
        return decode<StateFetch>(message.bytes).has_value();
      case MessageType::StateChunk:
        return decode<StateChunk>(message.bytes).has_value();
      case MessageType::BftPrePrepare:
        return decode<BftPrePrepare>(message.bytes).has_value();
      case MessageType::BftPrepare:
        return decode<BftPrepare>(message.bytes).has_value();
      case MessageType::BftCommit:
        return decode<BftCommit>(message.bytes).has_value();
      case MessageType::BftCheckpoint:
        return decode<BftCheckpoint>(message.bytes).has_value();
      case MessageType::BftViewChange:
        return take(message.bytes, &BftViewChange::checkpoints, inside);
      case MessageType::BftNewView:
        return fits_new_view(message.bytes, servers_);
      case MessageType::BftStatus:
        return decode<BftStatus>(message.bytes).has_value();
      case MessageType::BftFetch:
        return decode<BftFetch>(message.bytes).has_value();
      case MessageType::BftBatch:
        return decode<BftBatch>(message.bytes).has_value();
      case MessageType::BftUpdates:
        return take(message.bytes, &BftUpdates::updates, inside);
      case MessageType::ClientChallenge:
      case MessageType::ClientHello:
      case MessageType::ClientOp:
      case MessageType::ClientReply:
      case MessageType::ClientQuery:
      case MessageType::QueryReply:
      case MessageType::Tick:
      case MessageType::SiteBatch:
      case MessageType::LinkPart:
      case MessageType::LinkMessage:
      case MessageType::LinkBundle:
      case MessageType::DutyReport:
      case MessageType::LinkInquiry:
      case MessageType::LinkInquiryResponse:
        break;
    }
    return false;
  };
  return well_formed() ? Refusal() : DropReason::message_malformed;
}

Validator::Refusal Validator::signature(const Parsed& message, Digest& leaf) {
  leaf = leaf_digest(message);
  switch (verifier_.verify(message.signer(), message.head.envelope.epoch, leaf, message.block())) {
    case crypto::Verdict::good:
      return std::nullopt;
    case crypto::Verdict::malformed:
      return DropReason::message_malformed;
    case crypto::Verdict::unknown_signer:
      return DropReason::message_unknown_signer;
    case crypto::Verdict::bad_signature:
      return DropReason::message_bad_signature;
  }
  return DropReason::message_bad_signature;
}

Digest Validator::leaf_digest(const Parsed& message) {
  bytes_hashed_ += message.head.content_bytes;
  return crypto::leaf_digest(message.content());
}

Validator::Refusal Validator::inside_signed(const Parsed& outer, const std::vector<ByteView>& inside) {
  const MessageType type = outer.head.type;
  switch (type) {
    case MessageType::PoRequest:
    case MessageType::BftUpdates:
      return updates_signed(outer.signer(), inside);
    case MessageType::SummaryMatrix:
    case MessageType::PrePrepare:
      return rows_signed(inside);
    default:
      return is_proof(type) ? votes_signed(type, inside) : Refusal();
  }
}

Validator::Refusal Validator::updates_signed(const Principal& introducer, const std::vector<ByteView>& updates) {
  // All of their structure before the first of their signatures: a signature costs as much as hundreds of shapes.
  std::vector<Parsed> parsed(updates.size());
  for (std::size_t i = 0; i < updates.size(); ++i) {
    if (!fits_update(introducer, updates[i], parsed[i])) return DropReason::message_bad_update;
  }
  Digest leaf;
  for (const Parsed& update : parsed) {
    if (!is_its_introducers(update.head.type) && signature(update, leaf)) return DropReason::message_bad_update;
    if (inquiry_signed(update)) return DropReason::message_bad_update;
  }
  return std::nullopt;
}

Validator::Refusal Validator::rows_signed(const std::vector<ByteView>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].empty() && !row_signed(i, rows[i])) return DropReason::message_bad_row;
  }
  return std::nullopt;
}

Validator::Refusal Validator::votes_signed(MessageType type, const std::vector<ByteView>& inside) {
  std::vector<Parsed> votes;
  std::vector<ByteView> rows;
  if (!fits_votes(type, inside, votes, rows)) return DropReason::message_bad_vote;
  Digest leaf;
  for (const Parsed& vote : votes) {
    if (signature(vote, leaf)) return DropReason::message_bad_vote;
  }
  return rows_signed(rows);
}

bool Validator::fits_row(std::size_t index, ByteView row, Parsed& parsed) const {
  return !Parsed::read(row, parsed) && parsed.head.envelope.system == system_ &&
         parsed.signer() == participant(index) && fits_summary(row, servers_);
}

bool Validator::fits_votes(MessageType proof, const std::vector<ByteView>& inside, std::vector<Parsed>& votes,
                           std::vector<ByteView>& rows) const {
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const MessageType type = vote_type(proof, inside, i);
    if (type == MessageType::PrePrepare && inside[i].empty()) continue;  // of a replay certificate
    Parsed& vote = votes.emplace_back();
    if (Parsed::read(inside[i], vote) || vote.head.type != type) return false;
    std::vector<ByteView> carried;
    if (structure(vote, carried)) return false;
    if (type == MessageType::PrePrepare) rows = std::move(carried);
  }
  return true;
}

bool Validator::fits_update(const Principal& introducer, ByteView update, Parsed& parsed) const {
  if (Parsed::read(update, parsed) || parsed.head.envelope.system != system_) return false;
  const Principal& signer = parsed.signer();
  if (parsed.head.type == MessageType::ClientOp) return decode<ClientOp>(update).has_value();
  if (!events_) return false;
  if (is_its_introducers(parsed.head.type)) {
    return signer == introducer && parsed.block().empty() && decodes_introducers(parsed.head.type, update);
  }
  if (parsed.head.type == MessageType::SiteBatch) {
    return signer == Principal::of_site(site_) && decode<SiteBatch>(update).has_value();
  }
  if (signer.site == site_) return false;
  if (parsed.head.type == MessageType::LinkInquiry) return fits_inquiry(update);
  if (parsed.head.type == MessageType::LinkInquiryResponse) return decode<LinkInquiryResponse>(update).has_value();
  const std::optional<LinkPart> part = decode<LinkPart>(update);
  return part.has_value() && part->destination == site_;
}

bool Validator::row_signed(std::size_t index, ByteView row) {
  if (equal(row, last_summary_[index])) return true;
  Parsed parsed;
  Digest leaf;
  if (!fits_row(index, row, parsed) || signature(parsed, leaf)) return false;
  last_summary_[index].assign(row.begin(), row.end());
  return true;
}

}  // namespace garrison::message
