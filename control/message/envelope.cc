// The envelope that every message starts with; its layout is in messages.h.
#include "control/message/codec.h"

namespace garrison::message {
namespace {

using Kind = crypto::Principal::Kind;

// What no server says in its own name.
bool only_sites_say(MessageType type) {
  return type == MessageType::SiteBatch || type == MessageType::LinkMessage || type == MessageType::LinkInquiry ||
         type == MessageType::LinkInquiryResponse;
}

// A site as a participant of protocols that servers have, too (docs/adr/0012).
bool speaks_as_site(const CatalogueRow& row) {
  return row.protocol == Protocol::prime || row.protocol == Protocol::bft || row.protocol == Protocol::state ||
         only_sites_say(row.type);
}

// The row's direction says who signs. Where nobody vouches for the content, the sender may stay unnamed.
bool signer_fits(const CatalogueRow& row, const crypto::Principal& signer) {
  if (signer == crypto::Principal{}) return row.authentication == Authentication::none;
  if (row.direction == Direction::client_to_server) return signer.kind == Kind::client && signer.site == SiteId(0);
  if (signer.kind == Kind::site) {
    return speaks_as_site(row) && signer.site.index() < kMaxServersPerSite && signer.index == 0;
  }
  if (only_sites_say(row.type)) return false;
  return signer.kind == Kind::server && signer.site.index() < kMaxSites && signer.index < kMaxServersPerSite;
}

}  // namespace

void write_envelope(Writer& writer, const Envelope& envelope, MessageType type, std::size_t body_bytes) {
  const CatalogueRow* row = find_row(type);
  CHECK(row != nullptr && signer_fits(*row, envelope.signer));
  writer.u8(kMessageVersion).u8(static_cast<std::uint8_t>(row->protocol)).u8(row->number);
  writer.u8(static_cast<std::uint8_t>(envelope.signer.kind)).u32(static_cast<std::uint32_t>(body_bytes));
  writer.u64(envelope.system.value()).u32(envelope.signer.index).u16(envelope.signer.site.value()).zeros(2);
  writer.u32(envelope.epoch.value()).zeros(4);
  CHECK(writer.used() == kEnvelopeBytes);
}

std::variant<DecodedEnvelope, DropReason> read_envelope(ByteView message) {
  Reader reader(message);
  const std::uint8_t version = reader.u8();
  const std::uint8_t protocol = reader.u8();
  const std::uint8_t number = reader.u8();
  const std::uint8_t kind = reader.u8();
  const std::size_t body_bytes = reader.u32();
  Envelope envelope;
  envelope.system = SystemId(reader.u64());
  envelope.signer.kind = static_cast<Kind>(kind);
  envelope.signer.index = reader.u32();
  envelope.signer.site = SiteId(reader.u16());
  const std::uint16_t reserved_after_site = reader.u16();
  envelope.epoch = KeyEpoch(reader.u32());
  const std::uint32_t reserved_after_epoch = reader.u32();

  if (!reader.ok()) return DropReason::message_truncated;
  if (version != kMessageVersion) return DropReason::message_bad_version;
  const auto type = static_cast<MessageType>((std::uint16_t{protocol} << 8U) | number);
  const CatalogueRow* row = find_row(type);
  if (row == nullptr) return DropReason::message_unknown_type;
  if (reserved_after_site != 0 || reserved_after_epoch != 0) return DropReason::message_malformed;
  if (!signer_fits(*row, envelope.signer)) return DropReason::message_malformed;
  if (body_bytes > row->max_body_bytes) return DropReason::message_oversized;
  if (body_bytes > reader.remaining()) return DropReason::message_truncated;
  return DecodedEnvelope{envelope, type, kEnvelopeBytes + body_bytes};
}

bool is_signed(ByteView content, Authentication configured) {
  CHECK(content.size() >= kEnvelopeBytes);
  const CatalogueRow* row = find_row(static_cast<MessageType>((std::uint16_t{content[1]} << 8U) | content[2]));
  CHECK(row != nullptr);
  return authentication_of(*row, configured) == Authentication::signature;
}

std::optional<DecodedEnvelope> decode_envelope(ByteView message) {
  const std::variant<DecodedEnvelope, DropReason> read = read_envelope(message);
  const auto* decoded = std::get_if<DecodedEnvelope>(&read);
  return decoded == nullptr ? std::nullopt : std::optional(*decoded);
}

}  // namespace garrison::message
