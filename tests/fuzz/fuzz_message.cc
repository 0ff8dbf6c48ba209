// Any bytes as a message: decoders and Validator neither crash nor accept what they cannot take apart again.
#include <cstddef>
#include <cstdint>

#include "control/message/validate.h"
#include "tests/support/site_keys.h"

namespace garrison::message {
namespace {

testing::SiteKeys& keys() {
  static testing::SiteKeys keys(4, 2);
  return keys;
}

// A message has one encoding: what decodes encodes back to the same content.
template <typename Message>
void decode_as(ByteView bytes) {
  const std::optional<Message> decoded = decode<Message>(bytes);
  if (!decoded.has_value()) return;
  const DecodedEnvelope head = *decode_envelope(bytes);
  CHECK(equal(encode(head.envelope, *decoded), bytes.first(head.content_bytes)));
}

template <typename Matrix>
void visit_rows(const VerifiedMessage& message) {
  const Matrix matrix = message.as<Matrix>();
  CHECK(matrix_digest(matrix.rows) != Digest{});
  for (std::size_t i = 0; i < matrix.rows.size(); ++i) {
    if (matrix.rows[i].empty()) continue;
    const VerifiedMessage row = inner_message(message, matrix.rows[i]);
    CHECK(row.server().index() == i && row.template as<PoSummary>().vec.size() == keys().servers());
  }
}

// The signed messages inside a proof are accepted ones of servers of the site, of the type that belongs there.
template <typename Vote>
void visit_votes(const VerifiedMessage& proof, const std::vector<ByteView>& votes) {
  CHECK(votes.size() <= Validator::cost(proof.bytes()));
  for (const ByteView bytes : votes) {
    const VerifiedMessage vote = inner_message(proof, bytes);
    static_cast<void>(vote.as<Vote>());
    CHECK(vote.server().index() < keys().servers());
    const Validation again = keys().validator().server_message(ServerId(0), bytes);
    CHECK(std::holds_alternative<VerifiedMessage>(again));
    CHECK(std::get<VerifiedMessage>(again).digest() == vote.digest());
  }
}

void visit_certificate(const VerifiedMessage& message) {
  const auto certificate = message.as<PcSet>();
  if (certificate.pre_prepare.empty()) return visit_votes<ReplayPrepare>(message, certificate.votes);
  visit_votes<Prepare>(message, certificate.votes);
  visit_votes<PrePrepare>(message, {certificate.pre_prepare});
  visit_rows<PrePrepare>(inner_message(message, certificate.pre_prepare));
}

// What the cores do with a message that was accepted.
void use(const VerifiedMessage& accepted) {
  const StoredMessage stored(accepted);
  CHECK(stored.get().digest() == crypto::leaf_digest(accepted.content()));
  if (accepted.type() == MessageType::ClientOp) return static_cast<void>(stored.get().as<ClientOp>());
  CHECK(keys().validator().own(accepted.bytes()).digest() == accepted.digest());
  if (accepted.type() == MessageType::SummaryMatrix) visit_rows<SummaryMatrix>(stored.get());
  if (accepted.type() == MessageType::PrePrepare) visit_rows<PrePrepare>(stored.get());
  if (accepted.type() == MessageType::NewLeaderProof)
    visit_votes<NewLeader>(stored.get(), stored.get().as<NewLeaderProof>().votes);
  if (accepted.type() == MessageType::VcProof)
    visit_votes<VcPartialSig>(stored.get(), stored.get().as<VcProof>().proof);
  if (accepted.type() == MessageType::Replay) visit_votes<VcPartialSig>(stored.get(), stored.get().as<Replay>().proof);
  if (accepted.type() == MessageType::PcSet) visit_certificate(stored.get());
  if (accepted.type() == MessageType::Inquiry) visit_votes<Recon>(stored.get(), stored.get().as<Inquiry>().parts);
  if (accepted.type() == MessageType::CorruptionProof) {
    visit_votes<Recon>(stored.get(), {stored.get().as<CorruptionProof>().part});
  }
  if (accepted.type() == MessageType::SigEvidence) {
    visit_votes<SigShare>(stored.get(), stored.get().as<SigEvidence>().shares);
  }
  if (accepted.type() == MessageType::BftViewChange) {
    for (const ByteView part : stored.get().as<BftViewChange>().checkpoints) {
      CHECK(inner_message(stored.get(), part).server().index() < keys().servers());
    }
  }
  if (accepted.type() == MessageType::BftUpdates) {
    for (const ByteView part : stored.get().as<BftUpdates>().updates) {
      CHECK(update_message(stored.get(), part).type() == MessageType::ClientOp);
    }
  }
  if (accepted.type() == MessageType::PoRequest) {
    CHECK(stored.get().as<PoRequest>().updates.size() == Validator::cost(accepted.bytes()));
  }
}

// A site that the others send to. It has no site's key, so what a site must have signed is refused, but not before its
// form and that of what it carries was looked at.
Validator& among_others() {
  static Validator validator = [] {
    Validator made(keys().system(), SiteId(1), keys().servers(), keys().directory());
    made.take_events();
    return made;
  }();
  return validator;
}

void validate(ByteView bytes) {
  const auto sender = crypto::Principal::server(SiteId(0), ServerId(0));
  const Validation from_site = among_others().from_another_site(sender, bytes);
  if (const auto* accepted = std::get_if<VerifiedMessage>(&from_site)) CHECK(accepted->signer() == sender);
  for (const Validation& validation :
       {keys().validator().server_message(ServerId(0), bytes), keys().validator().client_op(bytes)}) {
    if (const auto* accepted = std::get_if<VerifiedMessage>(&validation)) use(*accepted);
  }
}

// The same content with a length that fits and a signature that verifies, so that mutants get past both.
void validate_signed(ByteView bytes) {
  if (bytes.size() < kEnvelopeBytes) return;
  Bytes content = to_bytes(bytes);
  store_le<std::uint32_t>(content.data() + 4, static_cast<std::uint32_t>(bytes.size() - kEnvelopeBytes));
  const std::optional<DecodedEnvelope> head = decode_envelope(content);
  if (!head.has_value() || keys().directory().find(head->envelope.signer) == nullptr) return;
  validate(keys().sign(head->envelope.signer, content));
}

}  // namespace
}  // namespace garrison::message

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace garrison::message;
  const garrison::ByteView bytes(data, size);
#define GARRISON_DECODE(Name, ...) decode_as<Name>(bytes);
  GARRISON_MESSAGES(GARRISON_DECODE)
#undef GARRISON_DECODE
  const std::size_t cost = Validator::cost(bytes);
  CHECK(cost >= 1 && cost <= garrison::kMaxUpdatesPerPoRequest);
  validate(bytes);
  validate_signed(bytes);
  return 0;
}
