// What VIEW-CHANGEs carry over, as a function.
#include "control/bft/new_view.h"

#include <gtest/gtest.h>

namespace garrison::bft {
namespace {

using message::BftClaim;
using message::BftViewChange;

constexpr Digest kA{1};
constexpr Digest kB{2};

BftConfig site() {
  BftConfig config;
  config.checkpoint_interval = 10;
  config.window = 20;
  return config;
}

BftClaim claim(std::uint64_t sequence, std::uint64_t view, const Digest& batch) {
  return {SeqNum(sequence), View(view), batch};
}

BftViewChange change(std::vector<BftClaim> prepared, std::vector<BftClaim> pre_prepared, std::uint64_t stable = 0) {
  return {View(5), SeqNum(stable), {}, std::move(prepared), std::move(pre_prepared)};
}

std::optional<Carried> carried(const std::vector<BftViewChange>& changes) { return carry_over(changes, site()); }

TEST(BftNewViewTest, less_than_a_quorum_decides_nothing) {
  EXPECT_EQ(carried({change({}, {}), change({}, {})}), std::nullopt);
}

TEST(BftNewViewTest, where_nobody_prepared_anything_nothing_is_carried_over) {
  const BftClaim a = claim(1, 0, kA);
  EXPECT_EQ(carried({change({}, {a}), change({}, {a}), change({}, {})}), (Carried{SeqNum(0), {}}));
}

TEST(BftNewViewTest, a_prepared_batch_that_f_plus_one_hold_is_carried_over) {
  const BftClaim a = claim(1, 0, kA);
  EXPECT_EQ(carried({change({a}, {a}), change({}, {a}), change({}, {})}), (Carried{SeqNum(0), {kA}}));
}

TEST(BftNewViewTest, one_server_alone_can_make_nobody_carry_over_anything) {
  // The liar claims to have prepared, in the newest view, what nobody else has heard of.
  const BftClaim lie = claim(1, 4, kB);
  const BftViewChange liar = change({lie}, {lie});
  EXPECT_EQ(carried({liar, change({}, {}), change({}, {})}), std::nullopt);  // it takes one more to be sure
  EXPECT_EQ(carried({liar, change({}, {}), change({}, {}), change({}, {})}),
            (Carried{SeqNum(0), {message::kNullBatch}}));
  // Nor can it displace what was committed in view 0: quorum prepared it.
  const BftClaim a = claim(1, 0, kA);
  const BftViewChange honest = change({a}, {a});
  EXPECT_EQ(carried({liar, honest, honest}), std::nullopt);
  EXPECT_EQ(carried({liar, honest, honest, honest}), (Carried{SeqNum(0), {kA}}));
}

TEST(BftNewViewTest, the_newest_view_in_which_something_was_prepared_counts) {
  const BftClaim old = claim(1, 1, kA);
  const BftClaim newer = claim(1, 3, kB);
  EXPECT_EQ(carried({change({old}, {newer}), change({newer}, {newer}), change({}, {})}), (Carried{SeqNum(0), {kB}}));
}

TEST(BftNewViewTest, a_batch_is_held_by_who_pre_prepared_it_as_late_as_it_was_prepared) {
  const BftClaim prepared = claim(1, 3, kA);
  const BftClaim earlier = claim(1, 2, kA);
  EXPECT_EQ(carried({change({prepared}, {prepared}), change({}, {earlier}), change({}, {})}), std::nullopt);
  const BftClaim later = claim(1, 4, kA);
  EXPECT_EQ(carried({change({prepared}, {prepared}), change({}, {later}), change({}, {})}), (Carried{SeqNum(0), {kA}}));
}

TEST(BftNewViewTest, two_batches_prepared_in_one_view_cannot_both_be_true_and_stand_in_each_others_way) {
  const BftClaim a = claim(1, 3, kA);
  const BftClaim b = claim(1, 3, kB);
  EXPECT_EQ(carried({change({a}, {a}), change({b}, {b}), change({}, {a})}), std::nullopt);
}

TEST(BftNewViewTest, gaps_below_the_last_prepared_one_are_null_requests) {
  const BftClaim c = claim(3, 0, kA);
  EXPECT_EQ(carried({change({c}, {c}), change({}, {c}), change({}, {})}),
            (Carried{SeqNum(0), {message::kNullBatch, message::kNullBatch, kA}}));
}

TEST(BftNewViewTest, the_view_starts_from_the_highest_proven_checkpoint) {
  const BftClaim below = claim(9, 0, kA);
  const BftClaim above = claim(11, 0, kB);
  EXPECT_EQ(carried({change({below}, {below}), change({above}, {above}, 10), change({}, {above}, 10)}),
            (Carried{SeqNum(10), {kB}}));
}

TEST(BftNewViewTest, what_a_quorum_committed_is_carried_over_by_any_quorum_whatever_f_servers_claim) {
  // Servers 0..2 prepared A in view 2, so it may be committed. Server 3, or one of the others, says anything at all.
  const std::vector<BftClaim> lies = {claim(1, 0, kB), claim(1, 2, kB), claim(1, 4, kB), claim(1, 4, kA)};
  const BftClaim a = claim(1, 2, kA);
  const BftViewChange honest = change({a}, {a});
  std::vector<BftViewChange> liars = {change({}, {})};
  for (const BftClaim& prepared : lies) {
    liars.push_back(change({prepared}, {}));
    for (const BftClaim& held : lies) liars.push_back(change({prepared}, {held}));
  }
  for (const BftViewChange& liar : liars) {
    for (const auto& changes : {std::vector{honest, honest, liar}, std::vector{honest, honest, honest, liar},
                                std::vector{honest, liar, change({}, {}), honest}}) {
      EXPECT_EQ(carried(changes).value_or(Carried{SeqNum(0), {kA}}), (Carried{SeqNum(0), {kA}}));
    }
    EXPECT_TRUE(carried({honest, honest, honest, liar}).has_value());
  }
}

}  // namespace
}  // namespace garrison::bft
