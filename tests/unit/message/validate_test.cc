#include "control/message/validate.h"

#include <gtest/gtest.h>

#include "tests/support/signed_messages.h"
#include "tests/unit/message/outcome.h"

namespace garrison::message {
namespace {

using garrison::testing::signed_messages;
using garrison::testing::signed_rows;
using garrison::testing::SignedMessage;
using garrison::testing::SiteKeys;
using garrison::testing::views;

constexpr ServerId kA1{0};
constexpr ServerId kA2{1};
constexpr ServerId kA3{2};
constexpr std::size_t kServers = 4;

class ValidatorTest : public ::testing::Test {
 protected:
  Validation from_server(ByteView bytes) { return keys_.validator().server_message(kA1, bytes); }
  Validation from_client(ByteView bytes) { return keys_.validator().client_op(bytes); }
  // A matrix of A1 with these rows.
  Validation matrix(const std::vector<Bytes>& rows) { return from_server(keys_.sign(kA1, SummaryMatrix{views(rows)})); }
  Validation request(const std::vector<Bytes>& updates) {
    return from_server(keys_.sign(kA1, PoRequest{kA1, SeqNum(1), views(updates)}));
  }
  Bytes summary(ServerId signer, std::size_t entries = kServers, std::uint64_t value = 1) {
    return keys_.sign(signer, PoSummary{std::vector<SeqNum>(entries, SeqNum(value))});
  }

  SiteKeys keys_{kServers};
};

TEST_F(ValidatorTest, accepts_every_type_and_says_who_signed_what) {
  for (const SignedMessage& message : signed_messages(keys_)) {
    const std::uint32_t author = decode_envelope(message.bytes)->envelope.signer.index;
    const Validation validation =
        message.type == MessageType::ClientOp
            ? from_client(message.bytes)
            : keys_.validator().server_message(ServerId(static_cast<std::uint16_t>(author)), message.bytes);
    ASSERT_TRUE(std::holds_alternative<VerifiedMessage>(validation))
        << name(message.type) << " " << outcome(validation);
    const auto& verified = std::get<VerifiedMessage>(validation);
    const DecodedEnvelope head = *decode_envelope(message.bytes);
    EXPECT_EQ(verified.type(), message.type);
    EXPECT_EQ(verified.signer(), head.envelope.signer);
    EXPECT_EQ(verified.epoch(), keys_.epoch());
    EXPECT_TRUE(equal(verified.bytes(), message.bytes));
    EXPECT_EQ(verified.content().size(), head.content_bytes);
    EXPECT_EQ(verified.digest(), crypto::leaf_digest(verified.content()));
  }
}

TEST_F(ValidatorTest, works_with_real_signatures) {
  SiteKeys keys(kServers, 1, crypto::Scheme::ed25519);
  for (SignedMessage& message : signed_messages(keys)) {
    if (find_row(message.type)->authentication != Authentication::signature) continue;
    const auto validate = [&]() {
      return message.type == MessageType::ClientOp ? keys.validator().client_op(message.bytes)
                                                   : keys.validator().server_message(kA1, message.bytes);
    };
    EXPECT_ACCEPTED(validate());
    message.bytes.back() ^= 1U;
    EXPECT_REFUSED(validate(), message_bad_signature) << name(message.type);
  }
}

TEST_F(ValidatorTest, refuses_every_signed_message_with_any_bit_of_its_content_flipped) {
  for (const SignedMessage& message : signed_messages(keys_)) {
    if (keys_.is_unsigned(message.bytes)) continue;
    const std::size_t content_bytes = decode_envelope(message.bytes)->content_bytes;
    for (std::size_t i = 0; i < content_bytes; ++i) {
      Bytes flipped = message.bytes;
      flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
      ASSERT_NE(outcome(from_server(flipped)), "accepted") << name(message.type) << " at " << i;
      ASSERT_NE(outcome(from_client(flipped)), "accepted") << name(message.type) << " at " << i;
    }
  }
}

TEST_F(ValidatorTest, refuses_a_message_cut_short_anywhere) {
  for (const SignedMessage& message : signed_messages(keys_)) {
    const std::size_t content_bytes = decode_envelope(message.bytes)->content_bytes;
    for (std::size_t length = 0; length < message.bytes.size(); ++length) {
      const ByteView cut = ByteView(message.bytes).first(length);
      const auto got = outcome(message.type == MessageType::ClientOp ? from_client(cut) : from_server(cut));
      ASSERT_EQ(got, name(length < content_bytes ? DropReason::message_truncated : DropReason::message_malformed))
          << name(message.type) << " at " << length;
    }
  }
}

TEST_F(ValidatorTest, refuses_bytes_behind_the_signature_block) {
  Bytes message = keys_.sign(kA1, Prepare{});
  message.push_back(0);
  EXPECT_REFUSED(from_server(message), message_malformed);
}

TEST_F(ValidatorTest, refuses_what_is_too_long) {
  EXPECT_REFUSED(from_server(Bytes(kMaxMessageBytes + 1)), message_oversized);
  Bytes long_body = keys_.sign(kA1, Prepare{});
  store_le<std::uint32_t>(long_body.data() + 4, 49);
  EXPECT_REFUSED(from_server(long_body), message_oversized);
  Bytes long_block = encode(keys_.envelope(kA1), Prepare{});
  long_block.resize(long_block.size() + crypto::kMaxSignatureBlockBytes + 1);
  EXPECT_REFUSED(from_server(long_block), message_oversized);
}

TEST_F(ValidatorTest, refuses_other_versions_and_unknown_types) {
  Bytes version = keys_.sign(kA1, Prepare{});
  version[0] = kMessageVersion + 1;
  EXPECT_REFUSED(from_server(version), message_bad_version);
  Bytes type = keys_.sign(kA1, Prepare{});
  type[2] = 99;
  EXPECT_REFUSED(from_server(type), message_unknown_type);
  EXPECT_REFUSED(from_client(type), message_unknown_type);
}

TEST_F(ValidatorTest, servers_do_not_send_client_messages_nor_clients_server_messages) {
  EXPECT_REFUSED(from_server(keys_.client_op(ClientId(0), SeqNum(1), {})), message_wrong_direction);
  EXPECT_REFUSED(from_server(keys_.sign(kA1, ClientReply{kA1, {}, {}, {}, 0, {}})), message_wrong_direction);
  EXPECT_REFUSED(from_server(keys_.sign(kA1, QueryReply{kA1, {}, {}, 1, 0, 0, {}})), message_wrong_direction);
  EXPECT_REFUSED(from_server(keys_.sign(kA1, ClientChallenge{})), message_wrong_direction);
  EXPECT_REFUSED(from_client(keys_.sign(kA1, Prepare{})), message_wrong_direction);
  const Bytes hello = encode(keys_.envelope(ClientId(0)), ClientHello{});
  EXPECT_REFUSED(from_client(keys_.sign(keys_.client(ClientId(0)), hello)), message_wrong_direction);
  const Bytes query = encode(keys_.envelope(ClientId(0)), ClientQuery{});
  EXPECT_REFUSED(from_client(keys_.sign(keys_.client(ClientId(0)), query)), message_wrong_direction);
  EXPECT_REFUSED(from_server(keys_.sign(keys_.client(ClientId(0)), query)), message_wrong_direction);
}

TEST_F(ValidatorTest, refuses_messages_of_another_system_though_signed_by_the_same_keys) {
  SiteKeys other(kServers, 4, crypto::Scheme::modelled, keys_.site(), SystemId(keys_.system().value() + 1));
  EXPECT_REFUSED(from_server(other.sign(kA1, Prepare{})), message_wrong_system);
  EXPECT_REFUSED(from_client(other.client_op(ClientId(0), SeqNum(1), {})), message_wrong_system);
}

TEST_F(ValidatorTest, refuses_messages_of_another_site_and_their_replay_under_this_one) {
  SiteKeys other(kServers, 4, crypto::Scheme::modelled, SiteId(1));
  Bytes message = other.sign(kA1, Prepare{});
  EXPECT_REFUSED(from_server(message), message_wrong_system);
  store_le<std::uint16_t>(message.data() + 20, keys_.site().value());
  EXPECT_REFUSED(from_server(message), message_bad_signature);
}

TEST_F(ValidatorTest, refuses_signers_without_a_key) {
  SiteKeys wider(kServers + 1, 5);
  EXPECT_REFUSED(from_server(wider.sign(ServerId(4), Prepare{})), message_unknown_signer);
  EXPECT_REFUSED(from_client(wider.client_op(ClientId(4), SeqNum(1), {})), message_unknown_signer);
  Envelope next_epoch = keys_.envelope(kA1);
  next_epoch.epoch = keys_.epoch().next();
  EXPECT_REFUSED(from_server(keys_.sign(keys_.server(kA1), encode(next_epoch, Prepare{}))), message_unknown_signer);
}

TEST_F(ValidatorTest, a_site_of_n_servers_has_no_server_n_though_the_directory_may) {
  Validator narrow(keys_.system(), keys_.site(), kServers - 1, keys_.directory());
  EXPECT_REFUSED(narrow.server_message(kA1, keys_.sign(ServerId(3), Prepare{})), message_unknown_signer);
}

TEST_F(ValidatorTest, refuses_a_message_signed_by_another_than_it_names) {
  const Bytes content = encode(keys_.envelope(kA1), Prepare{});
  EXPECT_REFUSED(from_server(keys_.sign(keys_.server(kA2), content)), message_bad_signature);
  const Bytes op = encode(keys_.envelope(ClientId(0)), ClientOp{ClientId(0), {}, SeqNum(1), {}});
  EXPECT_REFUSED(from_client(keys_.sign(keys_.client(ClientId(1)), op)), message_bad_signature);
}

TEST_F(ValidatorTest, refuses_fields_that_do_not_fit_a_site_of_n_servers) {
  EXPECT_ACCEPTED(from_server(summary(kA2)));
  EXPECT_REFUSED(from_server(summary(kA2, kServers - 1)), message_malformed);
  EXPECT_REFUSED(from_server(summary(kA2, kServers + 1)), message_malformed);
  EXPECT_ACCEPTED(from_server(keys_.sign(kA2, PoAck{{{ServerId(3), SeqNum(1), {}}}})));
  EXPECT_REFUSED(from_server(keys_.sign(kA2, PoAck{{{ServerId(4), SeqNum(1), {}}}})), message_malformed);
  EXPECT_ACCEPTED(matrix(std::vector<Bytes>(kServers)));
  EXPECT_REFUSED(matrix(std::vector<Bytes>(kServers - 1)), message_malformed);
  EXPECT_REFUSED(matrix(std::vector<Bytes>(kServers + 1)), message_malformed);
  const PrePrepare wide{View(1), SeqNum(1), MatrixRows(kServers + 1)};
  EXPECT_REFUSED(from_server(keys_.sign(kA1, wide)), message_malformed);
}

TEST_F(ValidatorTest, accepts_another_servers_message_that_a_server_passes_on) {
  EXPECT_ACCEPTED(
      keys_.validator().server_message(kA3, keys_.sign(kA1, PrePrepare{View(1), SeqNum(1), MatrixRows(4)})));
}

TEST_F(ValidatorTest, every_row_of_a_matrix_is_the_signed_summary_of_its_server) {
  const std::vector<Bytes> good = signed_rows(keys_);
  const auto with_row = [&](std::size_t index, Bytes row) {
    std::vector<Bytes> rows = good;
    rows[index] = std::move(row);
    return rows;
  };
  EXPECT_ACCEPTED(matrix(good));
  EXPECT_REFUSED(matrix(with_row(1, summary(kA1))), message_bad_row);
  EXPECT_REFUSED(matrix(with_row(1, summary(kA2, kServers + 1))), message_bad_row);
  EXPECT_REFUSED(matrix(with_row(1, keys_.sign(kA2, Prepare{}))), message_bad_row);
  EXPECT_REFUSED(matrix(with_row(1, Bytes{1})), message_bad_row);
  EXPECT_REFUSED(matrix(with_row(3, good[0])), message_bad_row);
  Bytes forged = summary(kA2, kServers, 7);
  forged.back() ^= 1U;
  EXPECT_REFUSED(matrix(with_row(1, forged)), message_bad_row);
  SiteKeys other_system(kServers, 4, crypto::Scheme::modelled, keys_.site(), SystemId(1));
  const PoSummary foreign{std::vector<SeqNum>(kServers)};
  EXPECT_REFUSED(matrix(with_row(1, other_system.sign(kA2, foreign))), message_bad_row);
  SiteKeys other_site(kServers, 4, crypto::Scheme::modelled, SiteId(1));
  EXPECT_REFUSED(matrix(with_row(1, other_site.sign(kA2, foreign))), message_bad_row);
  EXPECT_ACCEPTED(matrix(good));
}

TEST_F(ValidatorTest, the_rows_of_a_pre_prepare_are_checked_like_those_of_a_matrix) {
  std::vector<Bytes> rows = signed_rows(keys_);
  EXPECT_ACCEPTED(from_server(keys_.sign(kA1, PrePrepare{View(1), SeqNum(1), views(rows)})));
  rows[2].back() ^= 1U;
  EXPECT_REFUSED(from_server(keys_.sign(kA1, PrePrepare{View(1), SeqNum(1), views(rows)})), message_bad_row);
}

TEST_F(ValidatorTest, a_row_that_verified_once_does_not_lend_its_verdict_to_other_bytes_or_rows) {
  std::vector<Bytes> rows = signed_rows(keys_);
  EXPECT_ACCEPTED(matrix(rows));
  std::vector<Bytes> swapped = rows;
  std::swap(swapped[0], swapped[1]);
  EXPECT_REFUSED(matrix(swapped), message_bad_row);
  for (std::size_t i = 0; i < rows[0].size(); ++i) {
    std::vector<Bytes> flipped = rows;
    flipped[0][i] ^= 1U;
    ASSERT_EQ(outcome(matrix(flipped)), name(DropReason::message_bad_row)) << i;
  }
}

TEST_F(ValidatorTest, a_row_or_update_that_names_another_system_is_refused_though_signed_for_this_one) {
  Envelope server = keys_.envelope(kA2);
  Envelope client = keys_.envelope(ClientId(0));
  server.system = client.system = SystemId(1);
  std::vector<Bytes> rows(kServers);
  rows[1] = keys_.sign(server.signer, encode(server, PoSummary{std::vector<SeqNum>(kServers)}));
  EXPECT_REFUSED(matrix(rows), message_bad_row);
  const Bytes update = keys_.sign(client.signer, encode(client, ClientOp{ClientId(0), {}, SeqNum(1), {}}));
  EXPECT_REFUSED(request({update}), message_bad_update);
}

TEST_F(ValidatorTest, rows_that_verified_last_cost_neither_a_signature_nor_a_path_in_the_next_matrix) {
  const std::vector<Bytes> rows = signed_rows(keys_);
  EXPECT_ACCEPTED(from_server(rows[0]));  // a PO-SUMMARY on its own counts as well
  EXPECT_ACCEPTED(matrix(rows));
  const std::uint64_t signatures = keys_.validator().verifier().signatures_checked();
  const std::uint64_t cached = keys_.validator().verifier().roots_from_cache();
  EXPECT_EQ(signatures, 1U + 3U);  // three rows, one matrix
  EXPECT_ACCEPTED(from_server(keys_.sign(kA2, SummaryMatrix{views(rows)})));
  EXPECT_EQ(keys_.validator().verifier().signatures_checked(), signatures + 1);
  EXPECT_EQ(keys_.validator().verifier().roots_from_cache(), cached);
}

TEST_F(ValidatorTest, structure_is_checked_before_any_signature) {
  EXPECT_REFUSED(from_server(summary(kA2, kServers + 1)), message_malformed);
  EXPECT_REFUSED(request({keys_.client_op(ClientId(0), SeqNum(1), {}), Bytes{}}), message_bad_update);
  EXPECT_EQ(keys_.validator().verifier().signatures_checked(), 1U);  // the request's own
}

TEST_F(ValidatorTest, a_request_with_one_invalid_update_is_void_as_a_whole) {
  const Bytes first = keys_.client_op(ClientId(0), SeqNum(1), {});
  const Bytes second = keys_.client_op(ClientId(1), SeqNum(1), {});
  EXPECT_ACCEPTED(request({first, second}));
  Bytes forged = second;
  forged.back() ^= 1U;
  EXPECT_REFUSED(request({first, forged}), message_bad_update);
  EXPECT_REFUSED(request({forged, first}), message_bad_update);
  Bytes trailing = second;
  trailing.push_back(0);
  EXPECT_REFUSED(request({first, trailing}), message_bad_update);
  EXPECT_REFUSED(request({first, Bytes{}}), message_bad_update);
  EXPECT_REFUSED(request({first, summary(kA2)}), message_bad_update);
  SiteKeys wider(kServers, 5);
  EXPECT_REFUSED(request({first, wider.client_op(ClientId(4), SeqNum(1), {})}), message_bad_update);
  SiteKeys other(kServers, 4, crypto::Scheme::modelled, keys_.site(), SystemId(1));
  EXPECT_REFUSED(request({first, other.client_op(ClientId(1), SeqNum(1), {})}), message_bad_update);
}

TEST_F(ValidatorTest, what_an_accusation_shows_are_signed_parts_of_servers_of_this_site) {
  const Recon recon{kA1, SeqNum(1), {}, 100, {}, {}};
  const auto inquiry = [&](const Bytes& second) {
    const Bytes first = keys_.sign(kA2, recon);
    return from_server(keys_.sign(kA1, Inquiry{{first, second}}));
  };
  const auto proof = [&](const Bytes& part) { return from_server(keys_.sign(kA1, CorruptionProof{part, {}})); };
  EXPECT_ACCEPTED(inquiry(keys_.sign(kA3, recon)));
  EXPECT_ACCEPTED(proof(keys_.sign(kA3, recon)));
  Bytes forged = keys_.sign(kA3, recon);
  forged.back() ^= 1U;
  SiteKeys other_system(kServers, 4, crypto::Scheme::modelled, keys_.site(), SystemId(1));
  SiteKeys other_site(kServers, 4, crypto::Scheme::modelled, SiteId(1));
  SiteKeys wider(kServers + 1);
  Envelope foreign = keys_.envelope(kA3);
  foreign.system = SystemId(1);
  Recon of_nobody = recon;
  of_nobody.introducer = ServerId(kServers);
  for (const Bytes& part :
       {forged, Bytes(), Bytes{1}, keys_.sign(kA3, Prepare{}), keys_.sign(kA3, of_nobody),
        other_system.sign(kA3, recon), other_site.sign(kA3, recon), wider.sign(ServerId(kServers), recon),
        keys_.sign(foreign.signer, encode(foreign, recon))}) {
    EXPECT_REFUSED(inquiry(part), message_bad_vote);
    EXPECT_REFUSED(proof(part), message_bad_vote);
  }
}

TEST_F(ValidatorTest, a_part_names_an_introducer_of_this_site) {
  EXPECT_REFUSED(from_server(keys_.sign(kA1, Recon{ServerId(kServers), SeqNum(1), {}, 100, {}, {}})),
                 message_malformed);
}

TEST_F(ValidatorTest, messages_of_one_batch_are_accepted_alone_and_not_under_each_others_blocks) {
  const std::vector<Bytes> contents = {
      encode(keys_.envelope(kA1), Prepare{View(1), SeqNum(1), {}}),
      encode(keys_.envelope(kA1), Prepare{View(1), SeqNum(2), {}}),
      encode(keys_.envelope(kA1), PoSummary{std::vector<SeqNum>(kServers, SeqNum(1))})};
  std::vector<Bytes> batch = keys_.sign_batch(keys_.server(kA1), contents);
  for (const Bytes& message : batch) EXPECT_ACCEPTED(from_server(message));
  std::swap_ranges(batch[0].begin(), batch[0].begin() + static_cast<std::ptrdiff_t>(contents[0].size()),
                   batch[1].begin());
  EXPECT_REFUSED(from_server(batch[0]), message_bad_signature);
}

TEST_F(ValidatorTest, an_unsigned_message_counts_only_from_its_author_and_bare) {
  const Bytes commit = encode(keys_.envelope(kA2), Commit{View(1), SeqNum(1), {}, {}});
  EXPECT_ACCEPTED(keys_.validator().server_message(kA2, commit));
  EXPECT_REFUSED(keys_.validator().server_message(kA1, commit), message_not_first_hand);
  const std::vector<Bytes> with_block = keys_.sign_batch(keys_.server(kA2), std::array{commit});
  EXPECT_REFUSED(keys_.validator().server_message(kA2, with_block.front()), message_malformed);
}

TEST_F(ValidatorTest, what_a_server_signed_itself_is_not_verified_again) {
  for (SignedMessage& message : signed_messages(keys_)) {
    if (message.type == MessageType::ClientOp) continue;
    if (!keys_.is_unsigned(message.bytes)) message.bytes.back() ^= 1U;
    const VerifiedMessage own = keys_.validator().own(message.bytes);
    EXPECT_EQ(own.type(), message.type);
    EXPECT_EQ(own.digest(), crypto::leaf_digest(own.content()));
  }
}

TEST_F(ValidatorTest, an_own_message_that_could_never_be_valid_is_a_bug_of_ours) {
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(Bytes(10))), "CHECK|own|read");
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(keys_.client_op(ClientId(0), SeqNum(1), {}))), "direction");
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(encode(keys_.envelope(kA1), Prepare{}))), "fits_throughout");
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(summary(kA1, kServers + 1))), "fits_throughout");
  const Bytes update = summary(kA2);
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(keys_.sign(kA1, PoRequest{kA1, {}, {update}}))),
               "fits_throughout");
  const MatrixRows rows = {update, {}, {}, {}};
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(keys_.sign(kA1, SummaryMatrix{rows}))), "fits_throughout");
}

TEST_F(ValidatorTest, the_cost_of_a_request_is_its_number_of_updates) {
  const std::vector<Bytes> updates(3, keys_.client_op(ClientId(0), SeqNum(1), {}));
  Bytes request = keys_.sign(kA1, PoRequest{kA1, SeqNum(1), views(updates)});
  EXPECT_EQ(Validator::cost(request), 3U);
  store_le<std::uint16_t>(request.data() + kEnvelopeBytes + 8, 0xffff);
  EXPECT_EQ(Validator::cost(request), kMaxUpdatesPerPoRequest);
  store_le<std::uint16_t>(request.data() + kEnvelopeBytes + 8, 0);
  EXPECT_EQ(Validator::cost(request), 1U);
  EXPECT_EQ(Validator::cost(keys_.sign(kA1, SummaryMatrix{MatrixRows(kServers)})), 1U);
  const Bytes part = keys_.sign(kA1, Recon{kA1, SeqNum(1), {}, 100, {}, {}});
  EXPECT_EQ(Validator::cost(part), 1U);
  EXPECT_EQ(Validator::cost(keys_.sign(kA1, Inquiry{{part, part}})), kMaxServersPerSite);
  for (std::size_t length = 0; length < 42; ++length) EXPECT_EQ(Validator::cost(ByteView(request).first(length)), 1U);
}

TEST_F(ValidatorTest, a_row_of_a_verified_matrix_is_a_message_of_its_own) {
  const std::vector<Bytes> rows = signed_rows(keys_);
  const auto stored = keys_.verified(kA1, PrePrepare{View(1), SeqNum(1), views(rows)});
  const auto pre_prepare = stored->get().as<PrePrepare>();
  const VerifiedMessage row = inner_message(stored->get(), pre_prepare.rows[1]);
  EXPECT_EQ(row.type(), MessageType::PoSummary);
  EXPECT_EQ(row.server(), kA2);
  EXPECT_TRUE(equal(row.bytes(), rows[1]));
  EXPECT_EQ(row.digest(), keys_.verified(rows[1])->get().digest());
  EXPECT_EQ(row.as<PoSummary>().vec, decode<PoSummary>(rows[1])->vec);
  EXPECT_DEATH(static_cast<void>(inner_message(stored->get(), rows[1])), "not_after");
  EXPECT_DEATH(static_cast<void>(inner_message(stored->get(), ByteView())), "not_after");
}

TEST_F(ValidatorTest, an_update_is_no_message_of_a_server) {
  const Bytes update = keys_.client_op(ClientId(0), SeqNum(1), {});
  const auto stored = keys_.verified(kA1, PoRequest{kA1, SeqNum(1), {ByteView(update)}});
  const ByteView inside = stored->get().as<PoRequest>().updates[0];
  EXPECT_DEATH(static_cast<void>(inner_message(stored->get(), inside)), "direction");
}

TEST_F(ValidatorTest, a_stored_message_outlives_the_bytes_it_was_verified_in) {
  Bytes bytes = keys_.sign(kA2, Prepare{View(3), SeqNum(4), {}});
  const Bytes before = bytes;
  const auto stored = keys_.verified(bytes);
  std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xee});
  EXPECT_TRUE(equal(stored->get().bytes(), before));
  EXPECT_EQ(stored->get().as<Prepare>().view, View(3));
  EXPECT_EQ(stored->get().server(), kA2);
}

TEST_F(ValidatorTest, asking_for_another_type_or_a_clients_server_is_a_bug_of_ours) {
  const auto op = keys_.verified(keys_.client_op(ClientId(0), SeqNum(1), {}));
  EXPECT_DEATH(static_cast<void>(op->get().as<Prepare>()), "kType");
  EXPECT_DEATH(static_cast<void>(op->get().server()), "is_participant");
  EXPECT_EQ(op->get().signer(), keys_.client(ClientId(0)));
}

}  // namespace
}  // namespace garrison::message
