// What counts as a certificate, what a server may report, and what a REPLAY binds.
#include "control/prime/certificates.h"

#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::PcSet;
using message::Prepare;
using message::ReplayPrepare;

constexpr View kPreinstalled(5);

class CertificatesTest : public RulesTest {
 protected:
  Stored vote(std::size_t from, std::uint64_t view, std::uint64_t sequence, const Digest& matrix) {
    return keys_.verified(server(from), Prepare{View(view), SeqNum(sequence), matrix});
  }
  Stored replay_vote(std::size_t from, std::uint64_t view, const Digest& digest) {
    return keys_.verified(server(from), ReplayPrepare{View(view), digest});
  }
  // `sequence` of `view` with the votes of `from`; other `what`, other matrix.
  PrepareCertificatePtr prepared(std::uint64_t view, std::uint64_t sequence, std::uint64_t what,
                                 const std::vector<std::size_t>& from) {
    auto out = std::make_shared<PrepareCertificate>();
    out->view = View(view);
    out->sequence = SeqNum(sequence);
    out->pre_prepare = pre_prepare(sequence, three_rows({0, 0, what, 0}), view, view % kN);
    out->matrix = matrix(out->pre_prepare);
    for (const std::size_t i : from) out->prepares.push_back(vote(i, view, sequence, out->matrix));
    return out;
  }
  PrepareCertificatePtr prepared(std::uint64_t view, std::uint64_t sequence, std::uint64_t what = 1) {
    return prepared(view, sequence, what, {(view + 1) % kN, (view + 2) % kN});
  }
  ReplayCertificatePtr replayed(std::uint64_t view, std::uint64_t start_seq, std::vector<Digest> window,
                                const std::vector<std::size_t>& from = {0, 1, 2}) {
    auto out = std::make_shared<ReplayCertificate>();
    out->view = View(view);
    out->ids = ServerSet::all(3);
    out->start_seq = SeqNum(start_seq);
    out->window = std::move(window);
    const Digest digest = message::replay_digest(out->view, out->ids, out->start_seq, out->window);
    for (const std::size_t i : from) out->votes.push_back(replay_vote(i, view, digest));
    return out;
  }
  PrepareCertificatePtr take(const PcSet& set) {
    const Stored message = keys_.verified(server(3), set);
    return prepare_certificate(config(), kPreinstalled, message->get());
  }
  ReplayCertificatePtr take_replay(const PcSet& set) {
    const Stored message = keys_.verified(server(3), set);
    return replay_certificate(config(), kPreinstalled, message->get());
  }
};

TEST_F(CertificatesTest, a_prepare_certificate_survives_its_pc_set) {
  const PrepareCertificatePtr sent = prepared(1, 7, 1, {0, 3});
  const PrepareCertificatePtr read = take(pc_set(kPreinstalled, 1, *sent));
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->view, View(1));
  EXPECT_EQ(read->sequence, SeqNum(7));
  EXPECT_EQ(read->matrix, sent->matrix);
  EXPECT_EQ(read->pre_prepare->get().digest(), sent->pre_prepare->get().digest());
  EXPECT_EQ(read->prepares.size(), 2U);
  EXPECT_EQ(take_replay(pc_set(kPreinstalled, 1, *sent)), nullptr);
}

TEST_F(CertificatesTest, a_prepare_certificate_that_proves_nothing_is_none) {
  const auto altered = [&](auto change) {
    auto certificate = std::make_shared<PrepareCertificate>(*prepared(1, 7, 1, {0, 3}));
    change(*certificate);
    return take(pc_set(kPreinstalled, 1, *certificate));
  };
  ASSERT_NE(altered([](PrepareCertificate&) {}), nullptr);
  EXPECT_EQ(altered([](PrepareCertificate& c) { c.prepares.pop_back(); }), nullptr) << "too few";
  EXPECT_EQ(altered([](PrepareCertificate& c) { c.prepares[1] = c.prepares[0]; }), nullptr) << "one voter twice";
  EXPECT_EQ(altered([&](PrepareCertificate& c) { c.prepares[1] = vote(1, 1, 7, c.matrix); }), nullptr)
      << "the leader's PREPARE says nothing beyond its PRE-PREPARE";
  EXPECT_EQ(altered([&](PrepareCertificate& c) { c.prepares[1] = vote(3, 1, 7, Digest{}); }), nullptr) << "digest";
  EXPECT_EQ(altered([&](PrepareCertificate& c) { c.prepares[1] = vote(3, 1, 8, c.matrix); }), nullptr) << "sequence";
  EXPECT_EQ(altered([&](PrepareCertificate& c) { c.prepares[1] = vote(3, 2, 7, c.matrix); }), nullptr) << "view";
  EXPECT_EQ(altered([&](PrepareCertificate& c) {
              c.pre_prepare = pre_prepare(7, three_rows({0, 0, 1, 0}), 1, 2);
              c.prepares = {vote(0, 1, 7, c.matrix), vote(3, 1, 7, c.matrix)};
            }),
            nullptr)
      << "a PRE-PREPARE of a server that does not lead";
}

TEST_F(CertificatesTest, certificates_are_of_views_before_the_preinstalled_one) {
  EXPECT_NE(take(pc_set(kPreinstalled, 1, *prepared(4, 7))), nullptr);
  EXPECT_EQ(take(pc_set(kPreinstalled, 1, *prepared(5, 7))), nullptr);
  EXPECT_EQ(take(pc_set(kPreinstalled, 1, *prepared(6, 7))), nullptr);
  EXPECT_NE(take_replay(pc_set(kPreinstalled, 1, *replayed(4, 2, {Digest{}}))), nullptr);
  EXPECT_EQ(take_replay(pc_set(kPreinstalled, 1, *replayed(5, 2, {Digest{}}))), nullptr);
}

TEST_F(CertificatesTest, a_replay_certificate_survives_its_pc_set) {
  const ReplayCertificatePtr sent = replayed(2, 9, {prepared(1, 7)->matrix, kNoOp});
  const ReplayCertificatePtr read = take_replay(pc_set(kPreinstalled, 1, *sent));
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->view, View(2));
  EXPECT_EQ(read->ids, sent->ids);
  EXPECT_EQ(read->first(), SeqNum(7));
  EXPECT_EQ(read->window, sent->window);
  EXPECT_EQ(read->votes.size(), 3U);
  EXPECT_EQ(take(pc_set(kPreinstalled, 1, *sent)), nullptr);
}

TEST_F(CertificatesTest, a_replay_certificate_that_proves_nothing_is_none) {
  const auto altered = [&](auto change) {
    auto certificate = std::make_shared<ReplayCertificate>(*replayed(2, 9, {kNoOp, kNoOp}));
    change(*certificate);
    return take_replay(pc_set(kPreinstalled, 1, *certificate));
  };
  ASSERT_NE(altered([](ReplayCertificate&) {}), nullptr);
  EXPECT_EQ(altered([](ReplayCertificate& c) { c.votes.pop_back(); }), nullptr) << "too few";
  EXPECT_EQ(altered([](ReplayCertificate& c) { c.votes[2] = c.votes[1]; }), nullptr) << "one voter twice";
  EXPECT_EQ(altered([&](ReplayCertificate& c) { c.votes[2] = replay_vote(2, 2, Digest{}); }), nullptr) << "digest";
  EXPECT_EQ(altered([](ReplayCertificate& c) { c.window[0][0] = 1; }), nullptr) << "another window";
  EXPECT_EQ(altered([](ReplayCertificate& c) { c.start_seq = SeqNum(10); }), nullptr) << "another place";
  EXPECT_EQ(altered([](ReplayCertificate& c) { c.ids = ServerSet::all(4); }), nullptr) << "others' reports";
  EXPECT_EQ(altered([&](ReplayCertificate& c) { c.view = View(3); }), nullptr) << "votes of another view";
}

TEST_F(CertificatesTest, a_replay_window_begins_at_one_and_fits_the_ordering_window) {
  EXPECT_NE(take_replay(pc_set(kPreinstalled, 1, *replayed(2, 3, {kNoOp, kNoOp}))), nullptr);
  EXPECT_EQ(take_replay(pc_set(kPreinstalled, 1, *replayed(2, 2, {kNoOp, kNoOp}))), nullptr);
  EXPECT_EQ(take_replay(pc_set(kPreinstalled, 1, *replayed(2, 0, {}))), nullptr);
  const std::size_t window = config().global_window;
  EXPECT_NE(take_replay(pc_set(kPreinstalled, 1, *replayed(2, 999, std::vector<Digest>(window)))), nullptr);
  EXPECT_EQ(take_replay(pc_set(kPreinstalled, 1, *replayed(2, 999, std::vector<Digest>(window + 1)))), nullptr);
}

TEST_F(CertificatesTest, a_report_ascends_within_the_window_behind_what_is_stable) {
  const PrimeConfig config = this->config();
  const std::uint64_t end = 10 + config.global_window;
  EXPECT_TRUE(consistent(config, {SeqNum(10), {}, nullptr}));
  EXPECT_TRUE(consistent(config, {SeqNum(10), {prepared(0, 11), prepared(0, 13), prepared(0, end)}, nullptr}));
  EXPECT_FALSE(consistent(config, {SeqNum(10), {prepared(0, 10)}, nullptr}));
  EXPECT_FALSE(consistent(config, {SeqNum(10), {prepared(0, 11), prepared(1, 11)}, nullptr}));
  EXPECT_FALSE(consistent(config, {SeqNum(10), {prepared(0, end + 1)}, nullptr}));
  EXPECT_FALSE(consistent(config, {SeqNum(10), {}, replayed(1, end + 2, {kNoOp})}));
  EXPECT_FALSE(consistent(config, {SeqNum(UINT64_MAX), {prepared(0, 11)}, nullptr}));
}

TEST_F(CertificatesTest, a_report_holds_what_its_replay_certificate_binds) {
  const PrimeConfig config = this->config();
  const PrepareCertificatePtr bound = prepared(0, 11);
  const ReplayCertificatePtr replay = replayed(1, 13, {bound->matrix, kNoOp});
  EXPECT_TRUE(consistent(config, {SeqNum(10), {bound}, replay}));
  EXPECT_FALSE(consistent(config, {SeqNum(10), {}, replay}));
  EXPECT_FALSE(consistent(config, {SeqNum(10), {prepared(0, 11, 2)}, replay})) << "not what it binds";
  EXPECT_FALSE(consistent(config, {SeqNum(10), {prepared(1, 11, 2)}, replay})) << "of no later view";
  EXPECT_TRUE(consistent(config, {SeqNum(10), {prepared(2, 11, 2)}, replay})) << "a later view bound it again";
  EXPECT_TRUE(consistent(config, {SeqNum(11), {}, replay})) << "stable needs no certificate";
}

}  // namespace
}  // namespace garrison::prime
