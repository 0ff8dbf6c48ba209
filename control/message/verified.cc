#include "control/message/verified.h"

#include <algorithm>
#include <functional>
#include <type_traits>

#include "crypto/batch.h"

namespace garrison::message {

static_assert(std::is_trivially_copyable_v<VerifiedMessage> && sizeof(VerifiedMessage) <= 72);

VerifiedMessage::VerifiedMessage(ByteView bytes, const DecodedEnvelope& decoded, const Digest& digest)
    : data_(bytes.data()),
      size_(static_cast<std::uint32_t>(bytes.size())),
      content_size_(static_cast<std::uint32_t>(decoded.content_bytes)),
      epoch_(decoded.envelope.epoch.value()),
      signer_index_(decoded.envelope.signer.index),
      signer_site_(decoded.envelope.signer.site.value()),
      type_(decoded.type),
      signer_kind_(decoded.envelope.signer.kind),
      digest_(digest) {
  CHECK(bytes.size() <= kMaxMessageBytes && decoded.content_bytes <= bytes.size());
}

ServerId VerifiedMessage::server() const {
  CHECK(is_participant());
  return ServerId(static_cast<std::uint16_t>(signer().place()));  // below kMaxServersPerSite by read_envelope
}

namespace {

DecodedEnvelope envelope_inside(ByteView whole, ByteView inner) {
  const std::less_equal<> not_after;  // a total order of pointers, which < alone is not
  CHECK(not_after(whole.data(), inner.data()) && not_after(inner.data() + inner.size(), whole.data() + whole.size()));
  const std::optional<DecodedEnvelope> decoded = decode_envelope(inner);
  CHECK(decoded.has_value());
  return *decoded;
}

}  // namespace

VerifiedMessage inner_message(const VerifiedMessage& outer, ByteView inner) {
  const DecodedEnvelope decoded = envelope_inside(outer.content(), inner);
  CHECK(find_row(decoded.type)->direction == Direction::server_to_server);
  return {inner, decoded, crypto::leaf_digest(inner.first(decoded.content_bytes))};
}

VerifiedMessage update_message(const VerifiedMessage& updates, ByteView update) {
  CHECK(updates.type() == MessageType::BftUpdates || updates.type() == MessageType::PoRequest);
  const DecodedEnvelope decoded = envelope_inside(updates.content(), update);
  return {update, decoded, crypto::leaf_digest(update.first(decoded.content_bytes))};
}

StoredMessage::StoredMessage(const VerifiedMessage& message)
    : bytes_(std::make_unique<std::uint8_t[]>(message.size_)), message_(message) {
  std::copy_n(message.data_, message.size_, bytes_.get());
  message_.data_ = bytes_.get();
}

}  // namespace garrison::message
