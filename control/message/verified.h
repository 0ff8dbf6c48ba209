// Verified messages: the only input of protocol cores, made only by Validator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "control/message/messages.h"
#include "crypto/principal.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/check.h"
#include "dataplane/base/ids.h"

namespace garrison::message {

// A view of a message whose structure, signer and signatures (rows and client updates inside it, too) were checked
// under key epoch epoch(). Trivially copyable, so that it crosses rings; the bytes are owned elsewhere (a slab slot,
// a StoredMessage) and must outlive it.
class VerifiedMessage {
 public:
  VerifiedMessage() = default;  // type() is not in the catalogue; only to fill arrays

  [[nodiscard]] MessageType type() const { return type_; }
  [[nodiscard]] crypto::Principal signer() const { return {signer_kind_, SiteId(signer_site_), signer_index_}; }
  // Whether the signer takes part in protocols: a server, or a site among sites.
  [[nodiscard]] bool is_participant() const {
    return signer_kind_ == crypto::Principal::Kind::server || signer_kind_ == crypto::Principal::Kind::site;
  }
  // The place of the signer among the participants: which server of its site, or which site. CHECKs is_participant().
  [[nodiscard]] ServerId server() const;
  [[nodiscard]] KeyEpoch epoch() const { return KeyEpoch(epoch_); }
  // Content and signature block: what is forwarded.
  [[nodiscard]] ByteView bytes() const { return {data_, size_}; }
  // Envelope and body alone.
  [[nodiscard]] ByteView content() const { return {data_, content_size_}; }
  // Whether a signature block vouches for it, so that it convinces whoever sees it; else the channel did.
  [[nodiscard]] bool is_signed() const { return size_ > content_size_; }
  // crypto::leaf_digest(content()): identifies the message whatever batch it was signed in.
  [[nodiscard]] const Digest& digest() const { return digest_; }

  // Cannot fail for the right type: validation has decoded it before.
  template <typename Message>
  [[nodiscard]] Message as() const {
    CHECK(type_ == Message::kType);
    std::optional<Message> decoded = decode<Message>(bytes());
    CHECK(decoded.has_value());
    return std::move(*decoded);
  }

 private:
  friend class Validator;
  friend class StoredMessage;
  // `bytes` starts with content that `decoded` was read from; `digest` is its leaf digest.
  VerifiedMessage(ByteView bytes, const DecodedEnvelope& decoded, const Digest& digest);
  friend VerifiedMessage inner_message(const VerifiedMessage& outer, ByteView inner);
  friend VerifiedMessage update_message(const VerifiedMessage& updates, ByteView update);

  const std::uint8_t* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t content_size_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint32_t signer_index_ = 0;
  std::uint16_t signer_site_ = 0;
  MessageType type_{};
  crypto::Principal::Kind signer_kind_{};
  Digest digest_{};
};

// A signed message inside a verified one, as a message of its own: the outer one's validation covered it. `inner` is a
// non-empty row of a matrix, or a vote or PRE-PREPARE of a proof, as outer.as<...>() shows it; it lives as long as the
// outer one's bytes.
[[nodiscard]] VerifiedMessage inner_message(const VerifiedMessage& outer, ByteView inner);

// The same of a client's update, or an event, in a verified UPDATES or PO-REQUEST.
[[nodiscard]] VerifiedMessage update_message(const VerifiedMessage& updates, ByteView update);

// A verified message with bytes of its own. Immutable; share it by shared_ptr<const StoredMessage>.
class StoredMessage {
 public:
  explicit StoredMessage(const VerifiedMessage& message);
  StoredMessage(const StoredMessage&) = delete;
  StoredMessage& operator=(const StoredMessage&) = delete;
  [[nodiscard]] const VerifiedMessage& get() const { return message_; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  VerifiedMessage message_;
};

}  // namespace garrison::message
