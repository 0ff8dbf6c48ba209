// What servers carry over into a view, and what the reports of a set of them bind [PRIME] A.3.3, docs/adr/0007.
#include "control/prime/certificates.h"
#include "dataplane/base/rng.h"
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

// Certificates as replay_window() sees them: nobody looks at their signatures any more.
Digest digest_of(std::uint8_t what) {
  Digest digest{};
  digest[0] = what;
  return digest;
}
PrepareCertificatePtr prepared(std::uint64_t view, std::uint64_t sequence, std::uint8_t what) {
  return std::make_shared<PrepareCertificate>(
      PrepareCertificate{View(view), SeqNum(sequence), digest_of(what), nullptr, {}});
}
ReplayCertificatePtr replayed(std::uint64_t view, std::uint64_t start_seq, std::vector<Digest> window) {
  return std::make_shared<ReplayCertificate>(
      ReplayCertificate{View(view), ServerSet::all(3), SeqNum(start_seq), std::move(window), {}});
}
ReplayWindow window_of(const std::vector<Reported>& reports) {
  std::vector<const Reported*> pointers;
  for (const Reported& report : reports) pointers.push_back(&report);
  return replay_window(pointers);
}

TEST(ReplayWindowTest, nothing_reported_binds_nothing) {
  const ReplayWindow window = window_of({{SeqNum(3), {}, nullptr}, {SeqNum(8), {}, nullptr}, {SeqNum(5), {}, nullptr}});
  EXPECT_EQ(window.start_seq, SeqNum(9)) << "directly after what is stable";
  EXPECT_TRUE(window.digests.empty());
}

TEST(ReplayWindowTest, it_begins_after_the_highest_stable_number_and_ends_with_the_last_certificate) {
  const ReplayWindow window = window_of({{SeqNum(3), {prepared(0, 4, 1), prepared(0, 6, 2)}, nullptr},
                                         {SeqNum(4), {prepared(0, 7, 3)}, nullptr},
                                         {SeqNum(2), {}, nullptr}});
  EXPECT_EQ(window.first(), SeqNum(5));
  EXPECT_EQ(window.start_seq, SeqNum(8));
  EXPECT_EQ(window.digests, (std::vector{kNoOp, digest_of(2), digest_of(3)}));
  EXPECT_EQ(window.bindings[0], nullptr) << "a No-op where nothing is reported";
  EXPECT_EQ(window.bindings[1]->sequence, SeqNum(6));
  EXPECT_EQ(window.bindings[2]->sequence, SeqNum(7));
}

TEST(ReplayWindowTest, the_certificate_of_the_highest_view_wins) {
  for (const bool swapped : {false, true}) {
    std::vector<Reported> reports = {{SeqNum(0), {prepared(2, 1, 1)}, nullptr},
                                     {SeqNum(0), {prepared(3, 1, 2)}, nullptr},
                                     {SeqNum(0), {prepared(1, 1, 3)}, nullptr}};
    if (swapped) std::swap(reports[0], reports[1]);
    EXPECT_EQ(window_of(reports).digests, std::vector{digest_of(2)});
  }
}

TEST(ReplayWindowTest, a_no_op_of_a_replay_certificate_binds_against_older_prepare_certificates) {
  const Reported older{SeqNum(0), {prepared(0, 1, 1), prepared(0, 2, 2)}, nullptr};
  const Reported noop{SeqNum(0), {prepared(0, 2, 2)}, replayed(1, 3, {kNoOp, digest_of(2)})};
  const Reported newer{SeqNum(0), {prepared(2, 1, 3)}, nullptr};
  for (const std::vector<Reported>& reports : {std::vector{older, noop}, std::vector{noop, older}}) {
    EXPECT_EQ(window_of(reports).digests, (std::vector{kNoOp, digest_of(2)}));
  }
  EXPECT_EQ(window_of({older, noop, newer}).digests, (std::vector{digest_of(3), digest_of(2)})) << "not newer ones";
}

TEST(ReplayWindowTest, a_replay_certificate_prolongs_the_window_with_what_it_binds) {
  const ReplayWindow window = window_of({{SeqNum(1), {}, replayed(1, 4, {kNoOp, kNoOp})}, {SeqNum(0), {}, nullptr}});
  EXPECT_EQ(window.start_seq, SeqNum(4));
  EXPECT_EQ(window.digests, std::vector(2, kNoOp));
}

TEST(ReplayWindowTest, servers_bind_the_same_whatever_order_they_hold_the_reports_in) {
  Rng rng(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Reported> reports(3);
    for (Reported& report : reports) {
      report.stable = SeqNum(rng.below(3));
      for (std::uint64_t sequence = report.stable.value() + 1; sequence < 8; ++sequence) {
        const std::uint64_t view = rng.below(4);
        // One leader, one matrix: what a view prepared for a sequence number is unique.
        if (view > 0) report.prepared.push_back(prepared(view, sequence, static_cast<std::uint8_t>(view)));
      }
    }
    const ReplayWindow window = window_of(reports);
    for (int i = 0; i < 3; ++i) {
      std::rotate(reports.begin(), reports.begin() + 1, reports.end());
      EXPECT_EQ(window_of(reports).digests, window.digests);
      EXPECT_EQ(window_of(reports).start_seq, window.start_seq);
    }
  }
}

TEST(CarriedOverTest, certificates_beyond_what_is_stable_are_reported) {
  const Reported reported = carried_over(SeqNum(2), nullptr, {}, {prepared(0, 3, 1), prepared(0, 5, 2)});
  EXPECT_EQ(reported.stable, SeqNum(2));
  EXPECT_EQ(reported.prepared.size(), 2U);
  EXPECT_EQ(reported.replay, nullptr);
}

TEST(CarriedOverTest, what_a_replay_bound_replaces_certificates_of_earlier_views) {
  const ReplayCertificatePtr replay = replayed(1, 5, {digest_of(1), kNoOp});
  const PrepareCertificatePtr bound = prepared(0, 3, 1);
  const Reported reported =
      carried_over(SeqNum(2), replay, {bound, nullptr}, {prepared(0, 3, 9), prepared(0, 4, 9), prepared(1, 5, 7)});
  EXPECT_EQ(reported.replay, replay);
  ASSERT_EQ(reported.prepared.size(), 2U) << "the No-op as well";
  EXPECT_EQ(reported.prepared[0], bound);
  EXPECT_EQ(reported.prepared[1]->sequence, SeqNum(5));
}

// The server that committed the REPLAY of view 1 alone: view 2 went on at a lower number, and it sent COMMITs there.
TEST(CarriedOverTest, certificates_of_later_views_replace_what_a_replay_bound) {
  testing::SiteKeys keys(4);
  const PrepareCertificatePtr later = prepared(2, 4, 7);
  const PrepareCertificatePtr later_noop = prepared(2, 5, 8);
  const std::vector<PrepareCertificatePtr> bound = {prepared(0, 3, 1), prepared(0, 4, 2), nullptr};
  const Reported reported = carried_over(SeqNum(2), replayed(1, 6, {digest_of(1), digest_of(2), kNoOp}), bound,
                                         {prepared(0, 3, 1), later, later_noop});
  EXPECT_EQ(reported.prepared, (std::vector{bound[0], later, later_noop}));
  EXPECT_TRUE(consistent(config_of(keys, 0, 4, 1), reported));
  EXPECT_EQ(window_of({reported}).digests, (std::vector{digest_of(1), digest_of(7), digest_of(8)}));
}

// It has not heard yet that a quorum has executed what precedes the window, and has sent COMMITs for it.
TEST(CarriedOverTest, what_precedes_a_replayed_window_is_stable) {
  testing::SiteKeys keys(4);
  const PrimeConfig config = config_of(keys, 0, 4, 1);
  std::vector<PrepareCertificatePtr> prepared_before;
  for (std::uint64_t s = 11; s <= 10 + config.global_window; ++s) prepared_before.push_back(prepared(0, s, 1));
  std::vector<PrepareCertificatePtr> bound;
  for (std::uint64_t s = 251; s < 251 + config.global_window; ++s) bound.push_back(prepared(0, s, 1));
  const ReplayCertificatePtr replay =
      replayed(1, 251 + config.global_window, std::vector(config.global_window, digest_of(1)));

  const Reported reported = carried_over(SeqNum(10), replay, bound, prepared_before);
  EXPECT_EQ(reported.stable, SeqNum(250));
  EXPECT_LE(reported.prepared.size() + 1, config.max_pc_sets());
  EXPECT_TRUE(consistent(config, reported));
  EXPECT_EQ(carried_over(SeqNum(900), replay, bound, {}).replay, nullptr) << "over";
}

}  // namespace
}  // namespace garrison::prime
