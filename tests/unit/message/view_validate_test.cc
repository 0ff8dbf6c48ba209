// Validation of proofs, certificates and what else elects a leader and changes a view.
#include <gtest/gtest.h>

#include "control/message/validate.h"
#include "tests/support/signed_messages.h"
#include "tests/unit/message/outcome.h"

namespace garrison::message {
namespace {

using garrison::testing::signed_messages;
using garrison::testing::signed_rows;
using garrison::testing::signed_view_messages;
using garrison::testing::signed_votes;
using garrison::testing::SignedMessage;
using garrison::testing::SiteKeys;
using garrison::testing::views;

constexpr ServerId kA1{0};
constexpr ServerId kA2{1};
constexpr ServerId kA3{2};
constexpr std::size_t kServers = 4;
constexpr View kView{2};
constexpr SeqNum kStart{9};
const ServerSet kIds = ServerSet::all(3);
const VcPartialSig kShare{kView, kIds, kStart};

// Signs `votes` into a message of A1.
using MakeProof = Bytes (*)(SiteKeys& keys, const std::vector<ByteView>& votes);

Bytes new_leader_proof(SiteKeys& keys, const std::vector<ByteView>& votes) {
  return keys.sign(kA1, NewLeaderProof{kView, votes});
}
Bytes vc_proof(SiteKeys& keys, const std::vector<ByteView>& votes) {
  return keys.sign(kA1, VcProof{kView, kIds, kStart, votes});
}
Bytes replay(SiteKeys& keys, const std::vector<ByteView>& votes) {
  return keys.sign(kA1, Replay{kView, kIds, kStart, votes});
}
Bytes replay_certificate(SiteKeys& keys, const std::vector<ByteView>& votes) {
  return keys.sign(kA1, PcSet{kView, 1, {}, votes, View(1), kIds, kStart, {Digest{}}});
}
Bytes prepare_certificate(SiteKeys& keys, const std::vector<ByteView>& votes) {
  const Bytes pre_prepare = keys.sign(kA1, PrePrepare{View(1), SeqNum(3), MatrixRows(kServers)});
  return keys.sign(kA1, PcSet{kView, 1, pre_prepare, votes, {}, {}, {}, {}});
}

// A kind of proof and the kind of vote that it consists of.
struct Kind {
  MakeProof proof;
  Bytes (*vote)(SiteKeys& keys, ServerId signer);
};
const std::array kKinds = {
    Kind{new_leader_proof, [](SiteKeys& keys, ServerId signer) { return keys.sign(signer, NewLeader{kView}); }},
    Kind{vc_proof, [](SiteKeys& keys, ServerId signer) { return keys.sign(signer, kShare); }},
    Kind{replay, [](SiteKeys& keys, ServerId signer) { return keys.sign(signer, kShare); }},
    Kind{replay_certificate,
         [](SiteKeys& keys, ServerId signer) {
           return keys.sign(signer, ReplayPrepare{View(1), {}});
         }},
    Kind{prepare_certificate,
         [](SiteKeys& keys, ServerId signer) {
           return keys.sign(signer, Prepare{View(1), SeqNum(3), {}});
         }},
};

class ViewValidatorTest : public ::testing::Test {
 protected:
  Validation from_server(ByteView bytes, ServerId from = kA1) { return keys_.validator().server_message(from, bytes); }
  Validation with_votes(const Kind& kind, const std::vector<Bytes>& votes) {
    return from_server(kind.proof(keys_, views(votes)));
  }
  // `vote` is refused wherever it stands.
  void expect_bad_vote(const Kind& kind, const Bytes& vote, std::string_view what) {
    const Bytes good = kind.vote(keys_, kA2);
    const auto bad = name(DropReason::message_bad_vote);
    EXPECT_EQ(outcome(with_votes(kind, {vote, good})), bad) << what << " first, kind " << &kind - kKinds.data();
    EXPECT_EQ(outcome(with_votes(kind, {good, vote})), bad) << what << " last, kind " << &kind - kKinds.data();
  }

  SiteKeys keys_{kServers};
};

TEST_F(ViewValidatorTest, every_vote_of_a_proof_is_a_signed_one_of_its_kind) {
  SiteKeys wider(kServers + 1);
  SiteKeys other_system(kServers, 4, crypto::Scheme::modelled, keys_.site(), SystemId(1));
  SiteKeys other_site(kServers, 4, crypto::Scheme::modelled, SiteId(1));
  for (const Kind& kind : kKinds) {
    EXPECT_ACCEPTED(with_votes(kind, {kind.vote(keys_, kA1), kind.vote(keys_, kA3)}));
    expect_bad_vote(kind, keys_.sign(kA3, Report{kView, SeqNum(1), 0}), "another type");
    expect_bad_vote(kind, keys_.sign(kA3, Commit{View(1), SeqNum(3), {}, {}}), "an unsigned type");
    expect_bad_vote(kind, keys_.client_op(ClientId(0), SeqNum(1), {}), "a client's");
    expect_bad_vote(kind, kind.vote(other_system, kA3), "another system");
    expect_bad_vote(kind, kind.vote(other_site, kA3), "another site");
    expect_bad_vote(kind, kind.vote(wider, ServerId(kServers)), "beyond n");
    expect_bad_vote(kind, Bytes{}, "empty");
    Bytes vote = kind.vote(keys_, kA3);
    expect_bad_vote(kind, to_bytes(ByteView(vote).first(decode_envelope(vote)->content_bytes)), "no signature");
    vote.back() ^= 1U;
    expect_bad_vote(kind, vote, "bad signature");
    vote.back() ^= 1U;
    vote.push_back(0);
    expect_bad_vote(kind, vote, "left over");
  }
}

TEST_F(ViewValidatorTest, a_vote_of_one_kind_is_none_of_another) {
  for (const Kind& kind : kKinds) {
    const Bytes vote = kind.vote(keys_, kA3);
    const MessageType type = decode_envelope(kind.vote(keys_, kA3))->type;
    for (const Kind& other : kKinds) {
      if (decode_envelope(other.vote(keys_, kA3))->type == type) continue;
      expect_bad_vote(other, vote, name(type));
    }
  }
}

TEST_F(ViewValidatorTest, a_site_of_n_has_no_vote_of_server_n_though_the_directory_may) {
  Validator narrow(keys_.system(), keys_.site(), kServers - 1, keys_.directory());
  const std::vector<Bytes> votes = {keys_.sign(ServerId(3), kShare)};
  EXPECT_ACCEPTED(from_server(replay(keys_, views(votes))));
  EXPECT_REFUSED(narrow.server_message(kA1, replay(keys_, views(votes))), message_bad_vote);
}

TEST_F(ViewValidatorTest, the_rows_of_a_certificates_pre_prepare_are_checked_like_those_of_any) {
  const std::vector<Bytes> good = signed_rows(keys_);
  const std::vector<Bytes> votes = signed_votes(keys_, Prepare{View(1), SeqNum(3), {}});
  const auto certificate = [&](const std::vector<Bytes>& rows) {
    const Bytes pre_prepare = keys_.sign(kA2, PrePrepare{View(1), SeqNum(3), views(rows)});
    return from_server(keys_.sign(kA1, PcSet{kView, 1, pre_prepare, views(votes), {}, {}, {}, {}}));
  };
  EXPECT_ACCEPTED(certificate(good));
  std::vector<Bytes> swapped = good;
  std::swap(swapped[0], swapped[1]);
  EXPECT_REFUSED(certificate(swapped), message_bad_row);
  std::vector<Bytes> forged = good;
  forged[2].back() ^= 1U;
  EXPECT_REFUSED(certificate(forged), message_bad_row);
  std::vector<Bytes> too_many = good;
  too_many.emplace_back();
  EXPECT_REFUSED(certificate(too_many), message_bad_vote);
}

TEST_F(ViewValidatorTest, a_certificates_pre_prepare_carries_its_own_signature) {
  Bytes pre_prepare = keys_.sign(kA2, PrePrepare{View(1), SeqNum(3), MatrixRows(kServers)});
  const std::vector<Bytes> votes = signed_votes(keys_, Prepare{View(1), SeqNum(3), {}});
  const auto certificate = [&]() {
    return from_server(keys_.sign(kA1, PcSet{kView, 1, pre_prepare, views(votes), {}, {}, {}, {}}));
  };
  EXPECT_ACCEPTED(certificate());
  pre_prepare.back() ^= 1U;
  EXPECT_REFUSED(certificate(), message_bad_vote);
}

TEST_F(ViewValidatorTest, a_pre_prepare_is_no_vote_and_a_vote_no_pre_prepare) {
  const Bytes pre_prepare = keys_.sign(kA2, PrePrepare{View(1), SeqNum(3), MatrixRows(kServers)});
  ASSERT_LE(pre_prepare.size(), kMaxVoteBytes);  // so that it could stand as one
  for (const Kind& kind : kKinds) expect_bad_vote(kind, pre_prepare, "PRE-PREPARE");
  for (const Kind& kind : kKinds) {
    const Bytes vote = kind.vote(keys_, kA2);
    const Bytes certificate = keys_.sign(kA1, PcSet{kView, 1, vote, {ByteView(vote)}, {}, {}, {}, {}});
    EXPECT_REFUSED(from_server(certificate), message_bad_vote);
  }
}

TEST_F(ViewValidatorTest, a_second_pre_prepare_does_not_hide_the_rows_of_the_first) {
  std::vector<Bytes> forged = signed_rows(keys_);
  forged[0].back() ^= 1U;
  const Bytes first = keys_.sign(kA2, PrePrepare{View(1), SeqNum(3), views(forged)});
  const Bytes second = keys_.sign(kA2, PrePrepare{View(1), SeqNum(3), MatrixRows(kServers)});
  EXPECT_REFUSED(from_server(keys_.sign(kA1, PcSet{kView, 1, first, {ByteView(second)}, {}, {}, {}, {}})),
                 message_bad_vote);
}

TEST_F(ViewValidatorTest, a_set_with_a_server_that_the_site_has_not_is_refused) {
  const std::vector<Bytes> votes = signed_votes(keys_, kShare);
  const std::vector<Bytes> replay_votes = signed_votes(keys_, ReplayPrepare{View(1), {}});
  const auto with_ids = [&](ServerSet ids) {
    return std::vector<Bytes>{keys_.sign(kA1, VcList{kView, ids}), keys_.sign(kA1, VcPartialSig{kView, ids, kStart}),
                              keys_.sign(kA1, VcProof{kView, ids, kStart, views(votes)}),
                              keys_.sign(kA1, Replay{kView, ids, kStart, views(votes)}),
                              keys_.sign(kA1, PcSet{kView, 1, {}, views(replay_votes), View(1), ids, kStart, {}})};
  };
  for (const Bytes& message : with_ids(ServerSet::all(kServers))) EXPECT_ACCEPTED(from_server(message));
  for (const Bytes& message : with_ids(ServerSet::all(kServers + 1))) {
    EXPECT_EQ(outcome(from_server(message)), name(DropReason::message_malformed))
        << name(decode_envelope(message)->type);
  }
  const VcPartialSig wide{kView, ServerSet::all(kServers + 1), kStart};
  expect_bad_vote(kKinds[1], keys_.sign(kA2, wide), "beyond n");
}

TEST_F(ViewValidatorTest, unsigned_messages_count_only_from_their_author_and_bare) {
  for (const SignedMessage& message : signed_view_messages(keys_)) {
    if (!keys_.is_unsigned(message.bytes)) {
      EXPECT_EQ(outcome(from_server(message.bytes, kA3)), "accepted") << name(message.type);
      continue;
    }
    EXPECT_EQ(outcome(from_server(message.bytes, kA2)), "accepted") << name(message.type);
    EXPECT_EQ(outcome(from_server(message.bytes, kA3)), name(DropReason::message_not_first_hand)) << name(message.type);
    const std::vector<Bytes> with_block = keys_.sign_batch(keys_.server(kA2), std::array{message.bytes});
    EXPECT_EQ(outcome(from_server(with_block.front(), kA2)), name(DropReason::message_malformed)) << name(message.type);
  }
}

TEST_F(ViewValidatorTest, a_flipped_bit_in_the_votes_of_an_unsigned_proof_voids_it) {
  const std::vector<Bytes> votes = {keys_.sign(kA1, kShare), keys_.sign(kA2, kShare)};
  const Bytes proof = vc_proof(keys_, views(votes));
  EXPECT_ACCEPTED(from_server(proof));
  const std::size_t votes_bytes = 2 * 4 + votes[0].size() + votes[1].size();
  for (std::size_t i = proof.size() - votes_bytes; i < proof.size(); ++i) {
    Bytes flipped = proof;
    flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
    ASSERT_NE(outcome(from_server(flipped)), "accepted") << i;
  }
}

TEST_F(ViewValidatorTest, a_broadcast_of_a_server_that_the_site_has_not_is_refused) {
  EXPECT_ACCEPTED(from_server(keys_.sign(kA1, VcEcho{kView, {{ServerId(3), 0, {}}}})));
  EXPECT_REFUSED(from_server(keys_.sign(kA1, VcEcho{kView, {{kA1, 0, {}}, {ServerId(4), 0, {}}}})), message_malformed);
  EXPECT_ACCEPTED(from_server(keys_.sign(kA1, VcReady{kView, {{ServerId(3), 0, {}}}})));
  EXPECT_REFUSED(from_server(keys_.sign(kA1, VcReady{kView, {{kA1, 0, {}}, {ServerId(4), 0, {}}}})), message_malformed);
}

TEST_F(ViewValidatorTest, votes_are_taken_apart_before_the_first_of_their_signatures) {
  const std::vector<Bytes> votes = {keys_.sign(kA1, kShare), keys_.sign(kA2, NewLeader{kView})};
  EXPECT_REFUSED(from_server(vc_proof(keys_, views(votes))), message_bad_vote);
  EXPECT_EQ(keys_.validator().verifier().signatures_checked(), 0U);
}

TEST_F(ViewValidatorTest, a_proof_may_cost_a_signature_of_every_server) {
  for (const SignedMessage& message : signed_messages(keys_)) {
    const bool proof = message.type == MessageType::NewLeaderProof || message.type == MessageType::PcSet ||
                       message.type == MessageType::VcProof || message.type == MessageType::Replay ||
                       message.type == MessageType::Inquiry || message.type == MessageType::CorruptionProof ||
                       message.type == MessageType::BftViewChange || message.type == MessageType::SigEvidence;
    if (message.type == MessageType::PoRequest || message.type == MessageType::BftUpdates) continue;
    EXPECT_EQ(Validator::cost(message.bytes), proof ? kMaxServersPerSite : 1U) << name(message.type);
  }
}

TEST_F(ViewValidatorTest, a_vote_of_a_verified_proof_is_a_message_of_its_own) {
  const std::vector<Bytes> votes = signed_votes(keys_, kShare);
  const auto stored = keys_.verified(replay(keys_, views(votes)));
  const auto proof = stored->get().as<Replay>();
  const VerifiedMessage vote = inner_message(stored->get(), proof.proof[1]);
  EXPECT_EQ(vote.type(), MessageType::VcPartialSig);
  EXPECT_EQ(vote.server(), kA2);
  EXPECT_TRUE(equal(vote.bytes(), votes[1]));
  EXPECT_EQ(vote.digest(), keys_.verified(votes[1])->get().digest());
  EXPECT_EQ(vote.as<VcPartialSig>().start_seq, kStart);
  EXPECT_DEATH(static_cast<void>(inner_message(stored->get(), votes[1])), "not_after");
}

TEST_F(ViewValidatorTest, so_is_a_certificates_pre_prepare_and_each_of_its_rows) {
  const std::vector<Bytes> rows = signed_rows(keys_);
  const Bytes pre_prepare = keys_.sign(kA2, PrePrepare{View(1), SeqNum(3), views(rows)});
  const std::vector<Bytes> votes = signed_votes(keys_, Prepare{View(1), SeqNum(3), {}});
  const auto stored = keys_.verified(kA1, PcSet{kView, 1, pre_prepare, views(votes), {}, {}, {}, {}});
  const VerifiedMessage inner = inner_message(stored->get(), stored->get().as<PcSet>().pre_prepare);
  EXPECT_EQ(inner.type(), MessageType::PrePrepare);
  EXPECT_EQ(inner.server(), kA2);
  EXPECT_TRUE(equal(inner.bytes(), pre_prepare));
  const VerifiedMessage row = inner_message(inner, inner.as<PrePrepare>().rows[2]);
  EXPECT_EQ(row.type(), MessageType::PoSummary);
  EXPECT_EQ(row.server(), kA3);
}

TEST_F(ViewValidatorTest, an_own_proof_with_another_kind_of_vote_is_a_bug_of_ours) {
  const std::vector<Bytes> votes = signed_votes(keys_, kShare);
  EXPECT_EQ(keys_.validator().own(replay(keys_, views(votes))).type(), MessageType::Replay);
  EXPECT_DEATH(static_cast<void>(keys_.validator().own(new_leader_proof(keys_, views(votes)))), "fits_throughout");
}

}  // namespace
}  // namespace garrison::message
