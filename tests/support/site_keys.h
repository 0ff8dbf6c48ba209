// Keys of one site of servers and some clients, for tests: signs contents and turns them into verified messages
// through the real Validator, which is the only way to make one. Keys follow from the principal, so runs repeat.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "control/message/messages.h"
#include "control/message/validate.h"
#include "control/message/verified.h"
#include "crypto/agreement.h"
#include "crypto/batch.h"
#include "crypto/key_directory.h"
#include "dataplane/base/check.h"

namespace garrison::testing {

class SiteKeys {
 public:
  // Modelled keys cost next to nothing; Scheme::ed25519 works as well. `configured` as message::Validator has it.
  explicit SiteKeys(std::size_t servers, std::size_t clients = 4, crypto::Scheme scheme = crypto::Scheme::modelled,
                    SiteId site = SiteId(0), SystemId system = SystemId(0x67617272),
                    message::Authentication configured = message::Authentication::signature)
      : system_(system),
        site_(site),
        servers_(servers),
        configured_(configured),
        directory_(system, kEpoch),
        scheme_(scheme) {
    for (std::size_t i = 0; i < servers; ++i) add(server(ServerId(static_cast<std::uint16_t>(i))));
    for (std::size_t i = 0; i < clients; ++i) add(client(ClientId(static_cast<std::uint32_t>(i))));
    validator_ = std::make_unique<message::Validator>(system_, site_, servers_, directory_, configured_);
  }

  SiteKeys(const SiteKeys&) = delete;  // the Validator holds on to the directory
  SiteKeys& operator=(const SiteKeys&) = delete;

  [[nodiscard]] SystemId system() const { return system_; }
  [[nodiscard]] SiteId site() const { return site_; }
  [[nodiscard]] KeyEpoch epoch() const { return kEpoch; }
  [[nodiscard]] std::size_t servers() const { return servers_; }
  [[nodiscard]] const crypto::KeyDirectory& directory() const { return directory_; }
  [[nodiscard]] message::Validator& validator() { return *validator_; }

  [[nodiscard]] crypto::Principal server(ServerId id) const { return crypto::Principal::server(site_, id); }
  [[nodiscard]] crypto::Principal client(ClientId id) const { return crypto::Principal::client(id); }
  [[nodiscard]] message::Envelope envelope(const crypto::Principal& signer) const { return {system_, signer, kEpoch}; }
  [[nodiscard]] message::Envelope envelope(ServerId id) const { return envelope(server(id)); }
  [[nodiscard]] message::Envelope envelope(ClientId id) const { return envelope(client(id)); }
  [[nodiscard]] const crypto::SecretBytes& agreement_secret(const crypto::Principal& principal) const {
    return private_.at(principal).agreement;
  }

  // Tests also sign contents that no catalogue knows.
  [[nodiscard]] bool is_unsigned(ByteView content) const {
    const auto head = message::decode_envelope(content);
    return head.has_value() &&
           message::authentication_of(*message::find_row(head->type), configured_) == message::Authentication::channel;
  }

  // Content with the signature block of `signer` behind it, whoever the content names.
  [[nodiscard]] Bytes sign(const crypto::Principal& signer, ByteView content) {
    if (content.size() >= message::kEnvelopeBytes && is_unsigned(content)) return to_bytes(content);
    return std::move(sign_batch(signer, std::array{to_bytes(content)}).front());
  }
  // Several contents under one root.
  [[nodiscard]] std::vector<Bytes> sign_batch(const crypto::Principal& signer, std::span<const Bytes> contents) {
    crypto::BatchSigner& batch_signer = private_.at(signer).signer;
    std::vector<Digest> leaves;
    std::vector<Bytes> blocks(contents.size(), Bytes(batch_signer.block_bytes(contents.size())));
    for (const Bytes& content : contents) leaves.push_back(crypto::leaf_digest(content));
    std::vector<MutableBytes> views(blocks.begin(), blocks.end());
    std::vector<std::size_t> sizes(contents.size());
    batch_signer.sign(leaves, views, sizes);
    std::vector<Bytes> out(contents.begin(), contents.end());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].insert(out[i].end(), blocks[i].begin(), blocks[i].begin() + static_cast<std::ptrdiff_t>(sizes[i]));
    }
    return out;
  }
  template <typename Message>
  [[nodiscard]] Bytes sign(ServerId signer, const Message& content) {
    return sign(server(signer), message::encode(envelope(signer), content));
  }
  [[nodiscard]] Bytes client_op(ClientId id, SeqNum sequence, ByteView operation,
                                Incarnation incarnation = Incarnation(1)) {
    return sign(client(id), message::encode(envelope(id), message::ClientOp{id, incarnation, sequence, operation}));
  }

  // A signed message, validated as if it came from its signer; null when it is not valid.
  [[nodiscard]] std::shared_ptr<const message::StoredMessage> checked(ByteView signed_message) {
    const auto head = message::decode_envelope(signed_message);
    if (!head.has_value()) return nullptr;
    const bool from_server = head->envelope.signer.kind == crypto::Principal::Kind::server;
    const message::Validation validation =
        from_server ? validator_->server_message(ServerId(static_cast<std::uint16_t>(head->envelope.signer.index)),
                                                 signed_message)
                    : validator_->client_op(signed_message);
    const auto* valid = std::get_if<message::VerifiedMessage>(&validation);
    return valid == nullptr ? nullptr : std::make_shared<const message::StoredMessage>(*valid);
  }
  // CHECKs that it is valid.
  [[nodiscard]] std::shared_ptr<const message::StoredMessage> verified(ByteView signed_message) {
    std::shared_ptr<const message::StoredMessage> message = checked(signed_message);
    CHECK(message != nullptr);
    return message;
  }
  [[nodiscard]] std::shared_ptr<const message::StoredMessage> verified(const crypto::Principal& signer,
                                                                       ByteView content) {
    return verified(sign(signer, content));
  }
  template <typename Message>
  [[nodiscard]] std::shared_ptr<const message::StoredMessage> verified(ServerId signer, const Message& content) {
    return verified(sign(signer, content));
  }

  // A further principal, of another site say. Not one that is there.
  void add(const crypto::Principal& principal) {
    Bytes seed(scheme_ == crypto::Scheme::modelled ? 8 : 32);
    seed[0] = static_cast<std::uint8_t>(principal.kind);
    store_le<std::uint16_t>(seed.data() + 1, principal.site.value());
    store_le<std::uint32_t>(seed.data() + 3, principal.index);
    Bytes agreement_seed(crypto::kAgreementKeyBytes, 0x5a);
    std::copy(seed.begin(), seed.begin() + 8, agreement_seed.begin());

    crypto::PrivateKey key = crypto::PrivateKey::parse(scheme_, crypto::SecretBytes(ByteView(seed))).value();
    crypto::SecretBytes agreement{ByteView(agreement_seed)};
    crypto::PublicKeys keys{scheme_, key.public_key().encoded(), crypto::agreement_public_key(agreement).value()};
    CHECK(directory_.add(principal, std::move(keys)).ok());
    private_.emplace(principal, Private{crypto::BatchSigner(system_, principal, kEpoch, std::move(key)), agreement});
  }
  // A further site's key.
  void add_site_key(SiteId site, crypto::SiteKeyKind kind, const crypto::ThresholdPublicKey& key) {
    CHECK(directory_.add_site_key({site, kind}, key).ok());
  }

 private:
  static constexpr KeyEpoch kEpoch{1};

  struct Private {
    crypto::BatchSigner signer;
    crypto::SecretBytes agreement;
  };

  SystemId system_;
  SiteId site_;
  std::size_t servers_;
  message::Authentication configured_;
  crypto::KeyDirectory directory_;
  crypto::Scheme scheme_;
  std::map<crypto::Principal, Private> private_;
  std::unique_ptr<message::Validator> validator_;
};

}  // namespace garrison::testing
