#include "dataplane/link/overhear_table.h"

#include <gtest/gtest.h>

#include <utility>

namespace garrison::link {
namespace {

constexpr std::size_t kParts = 4;

Digest digest(std::uint64_t sequence, std::size_t index) {
  Digest made{};
  store_le(made.data(), sequence * 100 + index + 1);
  return made;
}

std::vector<Digest> encoding(std::uint64_t sequence) {
  std::vector<Digest> digests;
  for (std::size_t i = 0; i < kParts; ++i) digests.push_back(digest(sequence, i));
  return digests;
}

class OverhearTableTest : public testing::Test {
 protected:
  // Part `index` as its sender makes it.
  std::optional<DropReason> hear(std::uint64_t sequence, std::uint8_t index, const Bytes& part = {1, 2}) {
    const OverhearTable::Hearing hearing = table_.hear(SeqNum(sequence), index, part);
    if (hearing.says != nullptr) {
      EXPECT_EQ(*hearing.says, digest(sequence, index));
      to_verify_.push_back({SeqNum(sequence), index, part, *hearing.says});
    }
    return hearing.refused;
  }
  // Verifies all that is worth it.
  std::size_t verify(bool good = true) {
    while (auto early = table_.next_early()) {
      EXPECT_EQ(early->says, digest(early->sequence.value(), early->index));
      to_verify_.push_back(std::move(*early));
    }
    for (const OverhearTable::Early& each : to_verify_) table_.verdict(each.sequence, each.index, good);
    return std::exchange(to_verify_, {}).size();
  }

  std::vector<OverhearTable::Early> to_verify_;
  OverhearTable table_{{.parts = kParts, .window = 8, .waiting_bytes = 64}};
};

TEST_F(OverhearTableTest, a_part_counts_once_it_is_ones_own_encoding_and_its_signature_has_verified) {
  table_.expect(SeqNum(1), encoding(1));
  EXPECT_FALSE(hear(1, 2).has_value());
  EXPECT_EQ(table_.counted(SeqNum(1)), 0U) << "not verified yet";
  EXPECT_EQ(verify(), 1U);
  EXPECT_EQ(table_.counted(SeqNum(1)), 1U);
}

TEST_F(OverhearTableTest, a_part_that_turns_out_to_say_something_else_does_not_count) {
  table_.expect(SeqNum(1), encoding(1));
  EXPECT_EQ(hear(1, kParts), DropReason::link_part_malformed) << "no such part";
  EXPECT_FALSE(hear(1, 2).has_value());
  EXPECT_EQ(verify(false), 1U);
  EXPECT_EQ(table_.counted(SeqNum(1)), 0U);
}

TEST_F(OverhearTableTest, a_part_with_a_wrong_signature_does_not_count_and_the_right_one_still_does) {
  table_.expect(SeqNum(1), encoding(1));
  EXPECT_FALSE(hear(1, 2, {7}).has_value());
  EXPECT_FALSE(hear(1, 2, {8}).has_value()) << "the right one, behind the wrong one";
  EXPECT_EQ(hear(1, 2, {9}), DropReason::link_duplicate) << "no third one meanwhile";
  EXPECT_EQ(to_verify_.front().part, Bytes{7});
  to_verify_.erase(to_verify_.begin());
  table_.verdict(SeqNum(1), 2, false);
  EXPECT_EQ(table_.counted(SeqNum(1)), 0U);
  EXPECT_EQ(verify(), 1U);
  EXPECT_EQ(table_.counted(SeqNum(1)), 1U);
}

TEST_F(OverhearTableTest, each_index_counts_once_and_ones_own_part_when_it_is_sent) {
  table_.expect(SeqNum(1), encoding(1));
  for (int twice = 0; twice < 2; ++twice) {
    static_cast<void>(hear(1, 0));
    verify();
    table_.sent(SeqNum(1), 3);
    EXPECT_EQ(table_.counted(SeqNum(1)), 2U);
  }
  EXPECT_EQ(hear(1, 0), DropReason::link_duplicate);
}

TEST_F(OverhearTableTest, a_part_that_is_heard_before_ones_own_encoding_waits_for_it) {
  EXPECT_FALSE(hear(1, 0).has_value());
  EXPECT_EQ(verify(), 0U);
  table_.expect(SeqNum(1), encoding(1));
  EXPECT_EQ(verify(), 1U);
  EXPECT_EQ(table_.counted(SeqNum(1)), 1U);
  EXPECT_EQ(table_.waiting_bytes(), 0U);
}

TEST_F(OverhearTableTest, what_waits_is_bounded_by_candidates_bytes_and_sequences) {
  EXPECT_FALSE(hear(1, 0, {1}).has_value());
  EXPECT_EQ(hear(1, 0, {1}), DropReason::link_duplicate);
  EXPECT_FALSE(hear(1, 0, {2}).has_value());
  EXPECT_EQ(hear(1, 0, {3}), DropReason::chunk_no_slot) << "two that differ wait already";
  EXPECT_FALSE(hear(2, 0, Bytes(62)).has_value());
  EXPECT_EQ(hear(3, 0, {1}), DropReason::chunk_no_slot) << "bytes";
  EXPECT_EQ(table_.waiting_bytes(), 64U);
  EXPECT_EQ(hear(9, 0, {1}), DropReason::link_beyond_window);
  table_.forget_below(SeqNum(3));
  EXPECT_EQ(table_.waiting_bytes(), 0U);
  EXPECT_EQ(hear(2, 0), DropReason::link_stale);
}

TEST_F(OverhearTableTest, of_what_is_over_nothing_is_left_and_none_of_it_comes_back) {
  EXPECT_FALSE(hear(1, 0).has_value());
  table_.expect(SeqNum(1), encoding(1));
  table_.sent(SeqNum(1), 3);
  table_.forget_below(SeqNum(2));
  EXPECT_FALSE(table_.heard(SeqNum(1)).has_value());
  EXPECT_FALSE(table_.next_early().has_value());
  table_.expect(SeqNum(9), encoding(9));  // stands where the first one stood
  table_.sent(SeqNum(9), 3);
  table_.expect(SeqNum(1), encoding(1));
  table_.expect(SeqNum(9), encoding(1));
  EXPECT_EQ(table_.counted(SeqNum(9)), 1U);
  EXPECT_FALSE(hear(9, 0).has_value()) << "and says what it said";
}

TEST_F(OverhearTableTest, a_message_that_is_older_than_the_newest_leaves_the_window_where_it_is) {
  table_.expect(SeqNum(3), encoding(3));
  table_.expect(SeqNum(2), encoding(2));
  EXPECT_FALSE(hear(11, 0).has_value());
  EXPECT_EQ(hear(12, 0), DropReason::link_beyond_window);
}

TEST_F(OverhearTableTest, what_an_ignored_server_sends_is_not_looked_at) {
  table_.expect(SeqNum(1), encoding(1));
  table_.ignore(0b0001);
  EXPECT_EQ(hear(1, 0), DropReason::link_blacklisted);
  EXPECT_EQ(hear(2, 0), DropReason::link_blacklisted);
  EXPECT_EQ(table_.waiting_bytes(), 0U);
}

TEST_F(OverhearTableTest, no_more_than_a_window_of_messages_is_remembered) {
  for (std::uint64_t sequence = 1; sequence <= 9; ++sequence) {
    table_.expect(SeqNum(sequence), encoding(sequence));
    table_.sent(SeqNum(sequence), 0);
  }
  EXPECT_EQ(table_.counted(SeqNum(1)), 0U);
  EXPECT_EQ(table_.counted(SeqNum(2)), 1U);
  EXPECT_EQ(hear(1, 1), DropReason::link_stale);
}

}  // namespace
}  // namespace garrison::link
