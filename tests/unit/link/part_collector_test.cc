// What comes out of parts, whoever lies.
#include "dataplane/link/part_collector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <set>

#include "dataplane/base/rng.h"

namespace garrison::link {
namespace {

constexpr SiteId kSource(4);
constexpr PartCode kSmall{.n = 4, .k = 2};
constexpr PartCode kLarge{.n = 7, .k = 3};

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
  return bytes;
}

std::vector<Bytes> parts_of(PartCode code, ByteView message) {
  const coding::Code made(code.n, code.k);
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < code.n; ++i) {
    parts.emplace_back(made.part_bytes(message.size()));
    made.encode(message, i, parts.back());
  }
  return parts;
}

LinkMessageId id(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded, SiteId source = kSource) {
  return {.source = source, .traffic = traffic, .sequence = SeqNum(sequence)};
}

std::size_t choose(std::size_t n, std::size_t k) {
  std::size_t result = 1;
  for (std::size_t i = 1; i <= k; ++i) result = result * (n - k + i) / i;
  return result;
}

class Collected {
 public:
  explicit Collected(PartCode code,
                     const PartCollector::Config& config = {.max_message_bytes = 1000, .window_messages = 4})
      : code_(code), collector_(config, std::array{PartCollector::Source{kSource, code}}) {}

  std::optional<DropReason> take(std::size_t index, const Bytes& bytes, std::size_t message_bytes,
                                 std::uint64_t sequence = 1) {
    return collector_.take(
        {.of = id(sequence), .code = code_, .index = index, .message_bytes = message_bytes, .bytes = bytes});
  }
  // Everything that can be tried now.
  std::vector<Bytes> candidates(std::uint64_t sequence = 1) {
    std::vector<Bytes> all;
    while (const auto next = collector_.next_candidate(id(sequence))) all.push_back(to_bytes(*next));
    return all;
  }
  PartCollector& operator*() { return collector_; }
  PartCollector* operator->() { return &collector_; }

 private:
  PartCode code_;
  PartCollector collector_;
};

TEST(PartCodeTest, a_code_is_built_once) {
  PartCodes codes;
  coding::Code& small = codes.of(kSmall);
  EXPECT_EQ(codes.of(kLarge).k(), 3U);
  EXPECT_EQ(&codes.of(kSmall), &small);
}

TEST(PartCollectorTest, the_first_k_parts_give_the_message_whichever_they_are_and_in_any_order) {
  for (const PartCode code : {kSmall, kLarge, PartCode{.n = 5, .k = 5}, PartCode{.n = 4, .k = 1}}) {
    for (const std::size_t size : {1U, 2U, 63U, 64U, 65U, 997U, 1000U}) {
      const Bytes message = random_bytes(size, size);
      const std::vector<Bytes> parts = parts_of(code, message);
      std::vector<std::size_t> order(code.n);
      std::iota(order.begin(), order.end(), 0);
      do {
        Collected collected(code);
        for (std::size_t i = 0; i < code.k; ++i) {
          EXPECT_FALSE(collected->next_candidate(id(1)));
          ASSERT_FALSE(collected.take(order[i], parts[order[i]], size));
        }
        ASSERT_EQ(collected.candidates(), std::vector<Bytes>{message});
      } while (size == 65 && std::next_permutation(order.begin(), order.end()));
    }
  }
}

// Faulty pairs together: their parts are those of one other message, or each of its own.
TEST(PartCollectorTest, every_pattern_of_wrong_parts_leaves_the_message_among_the_candidates) {
  for (const PartCode code : {kSmall, kLarge}) {
    const Bytes message = random_bytes(200, 1);
    const std::vector<Bytes> good = parts_of(code, message);
    const std::vector<Bytes> conspired = parts_of(code, random_bytes(200, 2));
    Rng rng(3);
    std::vector<std::size_t> order(code.n);
    std::iota(order.begin(), order.end(), 0);
    std::size_t orders = 0;
    do {
      if (code == kLarge && rng.below(100) != 0) continue;  // some of 5040
      ++orders;
      for (std::uint32_t wrong = 0; wrong < std::uint32_t{1} << code.n; ++wrong) {
        if (std::popcount(wrong) > code.n - code.k) continue;
        Collected collected(code);
        std::size_t correct = 0;
        std::size_t tried = 0;
        bool found = false;
        for (std::size_t taken = 0; taken < code.n && !found; ++taken) {
          const std::size_t index = order[taken];
          const bool lies = (wrong >> index & 1U) != 0;
          correct += lies ? 0 : 1;
          const Bytes& bytes = !lies ? good[index] : orders % 2 == 0 ? conspired[index] : random_bytes(100, index);
          const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(good[index].size()));
          ASSERT_FALSE(collected.take(index, cut, message.size()));
          for (const Bytes& candidate : collected.candidates()) {
            ++tried;
            found = found || candidate == message;
          }
          ASSERT_EQ(tried, taken + 1 < code.k ? 0 : choose(taken + 1, code.k));
          ASSERT_EQ(found, correct >= code.k) << "wrong " << wrong << " after " << taken + 1;
        }
        ASSERT_TRUE(found);
      }
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_GE(orders, 20U);
  }
}

TEST(PartCollectorTest, candidates_are_all_sets_of_k_parts_once_and_the_newest_part_is_in_each_new_one) {
  const std::vector<std::size_t> order{5, 0, 6, 2, 1, 4, 3};
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < kLarge.n; ++i) parts.push_back(random_bytes(34, i + 1));  // no two sets agree
  coding::Code code(kLarge.n, kLarge.k);
  Collected collected(kLarge);
  std::set<Bytes> all;
  for (std::size_t taken = 1; taken <= order.size(); ++taken) {
    ASSERT_FALSE(collected.take(order[taken - 1], parts[order[taken - 1]], 100));
    std::vector<Bytes> expected;  // with the last place, and with each set of two before it, by their larger one
    for (std::size_t b = 0; b + 1 < taken; ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        std::vector<coding::Part> set;
        for (const std::size_t place : {a, b, taken - 1}) set.push_back({order[place], parts[order[place]]});
        ASSERT_TRUE(code.decode(set, expected.emplace_back(100)));
      }
    }
    EXPECT_EQ(collected.candidates(), expected) << taken;
    all.insert(expected.begin(), expected.end());
  }
  EXPECT_EQ(all.size(), 35U);
}

TEST(PartCollectorTest, servers_that_execute_the_same_parts_try_the_same_candidates) {
  Rng rng(9);
  std::vector<std::vector<Bytes>> logs(2);
  std::array<Collected, 2> servers{Collected(kLarge), Collected(kLarge)};
  for (std::uint64_t i = 0; i < 400; ++i) {
    const std::size_t message_bytes = 99 + rng.below(2);
    const Bytes bytes = random_bytes(rng.below(20) == 0 ? 33 : (message_bytes + 2) / 3, rng.next());
    const std::size_t index = rng.below(8);
    const std::uint64_t sequence = i / 50 + rng.below(5);
    std::array<std::optional<DropReason>, 2> refused;
    for (std::size_t server = 0; server < 2; ++server) {
      refused[server] = servers[server].take(index, bytes, message_bytes, sequence);
      const std::vector<Bytes> tried = servers[server].candidates(sequence);
      logs[server].insert(logs[server].end(), tried.begin(), tried.end());
      if (i % 50 == 49) servers[server]->advance(kSource, TrafficClass::bounded, SeqNum(i / 50));
    }
    EXPECT_EQ(refused[0], refused[1]);
  }
  EXPECT_GT(logs[0].size(), 50U);
  EXPECT_EQ(logs[0], logs[1]);
}

TEST(PartCollectorTest, the_first_part_of_an_index_counts_whatever_length_a_later_one_says) {
  const Bytes message = random_bytes(100, 1);
  const std::vector<Bytes> good = parts_of(kSmall, message);
  Collected collected(kSmall);
  EXPECT_FALSE(collected.take(1, good[1], 100));
  EXPECT_EQ(collected.take(1, good[1], 100), DropReason::link_duplicate);
  EXPECT_EQ(collected.take(1, random_bytes(50, 5), 100), DropReason::link_duplicate);
  EXPECT_EQ(collected.take(1, random_bytes(10, 5), 20), DropReason::link_duplicate);
  EXPECT_FALSE(collected.take(3, good[3], 100));
  EXPECT_EQ(collected.candidates(), std::vector<Bytes>{message});
}

TEST(PartCollectorTest, parts_that_say_another_length_are_never_combined) {
  const Bytes message = random_bytes(100, 1);
  const Bytes other = random_bytes(99, 2);  // parts of one size
  const std::vector<Bytes> good = parts_of(kSmall, message);
  const std::vector<Bytes> bad = parts_of(kSmall, other);
  Collected collected(kSmall);
  EXPECT_FALSE(collected.take(0, bad[0], 99));
  EXPECT_FALSE(collected.take(1, good[1], 100));
  EXPECT_TRUE(collected.candidates().empty());
  EXPECT_FALSE(collected.take(2, bad[2], 99));
  EXPECT_EQ(collected.candidates(), std::vector<Bytes>{other});
  EXPECT_FALSE(collected.take(3, good[3], 100));
  EXPECT_EQ(collected.candidates(), std::vector<Bytes>{message});
}

TEST(PartCollectorTest, what_is_known_takes_no_more_parts_and_no_memory) {
  const std::vector<Bytes> parts = parts_of(kSmall, random_bytes(100, 1));
  Collected collected(kSmall);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_FALSE(collected.take(i, parts[i], 100, 2));
  EXPECT_EQ(collected->held_bytes(kSource), 100U);
  EXPECT_TRUE(collected->next_candidate(id(2)));
  collected->done(id(2));
  EXPECT_EQ(collected->held_bytes(kSource), 0U);
  EXPECT_EQ(collected.take(2, parts[2], 100, 2), DropReason::link_stale);
  EXPECT_FALSE(collected->next_candidate(id(2)));
  EXPECT_FALSE(collected.take(2, parts[2], 100, 1));  // another message is not
}

TEST(PartCollectorTest, the_window_moves_when_it_is_told_to_and_never_back) {
  const std::vector<Bytes> parts = parts_of(kSmall, random_bytes(100, 1));
  Collected collected(kSmall);
  EXPECT_EQ(collected.take(0, parts[0], 100, 0), DropReason::link_stale);
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) EXPECT_FALSE(collected.take(0, parts[0], 100, sequence));
  EXPECT_EQ(collected.take(0, parts[0], 100, 5), DropReason::link_beyond_window);
  EXPECT_EQ(collected.take(0, parts[0], 100, ~std::uint64_t{0}), DropReason::link_beyond_window);

  collected->advance(kSource, TrafficClass::bounded, SeqNum(3));
  EXPECT_EQ(collected->held_bytes(kSource), 100U);
  EXPECT_EQ(collected.take(1, parts[1], 100, 2), DropReason::link_stale);
  EXPECT_FALSE(collected->next_candidate(id(2)));
  EXPECT_FALSE(collected.take(1, parts[1], 100, 6)) << "the ring holds nothing of sequence 2 any more";
  EXPECT_FALSE(collected->next_candidate(id(6)));
  collected->advance(kSource, TrafficClass::bounded, SeqNum(1));
  EXPECT_EQ(collected.take(1, parts[1], 100, 2), DropReason::link_stale);
  EXPECT_FALSE(collected.take(1, parts[1], 100, 3));
  EXPECT_TRUE(collected->next_candidate(id(3)));

  collected->advance(kSource, TrafficClass::bounded, SeqNum(1'000'000'007));
  EXPECT_EQ(collected->held_bytes(kSource), 0U);
  EXPECT_FALSE(collected.take(1, parts[1], 100, 1'000'000'010));
  EXPECT_EQ(collected.take(1, parts[1], 100, 1'000'000'011), DropReason::link_beyond_window);
}

TEST(PartCollectorTest, a_message_that_was_known_leaves_no_trace_on_the_next_one_in_its_place) {
  const std::vector<Bytes> parts = parts_of(kSmall, random_bytes(100, 1));
  Collected collected(kSmall);
  collected->done(id(1));
  collected->advance(kSource, TrafficClass::bounded, SeqNum(2));
  EXPECT_FALSE(collected.take(1, parts[1], 100, 5));
}

TEST(PartCollectorTest, sources_and_classes_do_not_meet) {
  constexpr SiteId kOther(2);
  const Bytes message = random_bytes(90, 1);
  const std::vector<Bytes> small = parts_of(kSmall, message);
  const std::vector<Bytes> large = parts_of(kLarge, message);
  PartCollector collector({.max_message_bytes = 1000, .window_messages = 4},
                          std::array{PartCollector::Source{kSource, kSmall}, PartCollector::Source{kOther, kLarge}});
  const auto take = [&](const LinkMessageId& of, PartCode code, std::size_t index) {
    return collector.take({.of = of,
                           .code = code,
                           .index = index,
                           .message_bytes = 90,
                           .bytes = code == kSmall ? small[index] : large[index]});
  };
  EXPECT_FALSE(take(id(1), kSmall, 0));
  EXPECT_FALSE(take(id(1, TrafficClass::timely), kSmall, 1));
  EXPECT_FALSE(take(id(1, TrafficClass::bounded, kOther), kLarge, 2));
  EXPECT_FALSE(take(id(1, TrafficClass::bounded, kOther), kLarge, 3));
  EXPECT_EQ(take(id(1, TrafficClass::bounded, kOther), kSmall, 1), DropReason::link_part_malformed);
  EXPECT_EQ(take(id(1, TrafficClass::bounded, SiteId(9)), kSmall, 1), DropReason::link_part_malformed);
  EXPECT_FALSE(collector.next_candidate(id(1)));
  EXPECT_FALSE(collector.next_candidate(id(1, TrafficClass::timely)));
  EXPECT_FALSE(collector.next_candidate(id(1, TrafficClass::bounded, kOther)));
  EXPECT_FALSE(collector.next_candidate(id(1, TrafficClass::bounded, SiteId(9))));
  EXPECT_FALSE(take(id(1, TrafficClass::timely), kSmall, 0));
  EXPECT_EQ(to_bytes(collector.next_candidate(id(1, TrafficClass::timely)).value()), message);
  collector.advance(kSource, TrafficClass::timely, SeqNum(100));
  EXPECT_EQ(collector.held_bytes(kSource), 45U);
  EXPECT_EQ(collector.held_bytes(kOther), 60U);
}

TEST(PartCollectorTest, parts_that_fit_no_message_of_the_link_are_refused) {
  Collected collected(kSmall);
  const auto refused = [&](PartCode code, std::size_t index, std::size_t message_bytes, std::size_t part_bytes) {
    const Bytes bytes(part_bytes);
    return collected->take(
               {.of = id(1), .code = code, .index = index, .message_bytes = message_bytes, .bytes = bytes}) ==
           DropReason::link_part_malformed;
  };
  EXPECT_TRUE(refused(kLarge, 0, 100, 34));
  EXPECT_TRUE(refused({.n = 4, .k = 1}, 0, 100, 100));
  EXPECT_TRUE(refused({.n = 4, .k = 0}, 0, 100, 100));
  EXPECT_TRUE(refused({.n = 255, .k = 2}, 200, 100, 50));
  EXPECT_TRUE(refused(kSmall, 4, 100, 50));
  EXPECT_TRUE(refused(kSmall, ~std::size_t{0}, 100, 50));
  EXPECT_TRUE(refused(kSmall, 0, 0, 0));
  EXPECT_TRUE(refused(kSmall, 0, 1001, 501));
  EXPECT_TRUE(refused(kSmall, 0, ~std::size_t{0}, 0));
  EXPECT_TRUE(refused(kSmall, 0, 100, 49));
  EXPECT_TRUE(refused(kSmall, 0, 100, 51));
  EXPECT_FALSE(refused(kSmall, 0, 1000, 500));
}

TEST(PartCollectorTest, what_a_source_can_make_a_server_hold_is_bounded_and_faulty_pairs_leave_room_for_the_others) {
  Collected collected(kSmall);
  const Bytes message = random_bytes(1000, 1);
  const std::vector<Bytes> good = parts_of(kSmall, message);
  Rng rng(5);
  for (int i = 0; i < 2'000; ++i) {  // of the two faulty pairs, over all sequences and lengths
    const std::size_t message_bytes = rng.chance(500'000) ? 1000 : rng.between(1, 1000);
    (void)collected.take(rng.below(2), Bytes((message_bytes + 1) / 2), message_bytes, rng.below(1'000));
    (void)collected.take(rng.below(2), Bytes((message_bytes + 1) / 2), message_bytes, rng.below(6));
  }
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) {
    for (const std::size_t index : {2U, 3U}) ASSERT_FALSE(collected.take(index, good[index], 1000, sequence));
    const std::vector<Bytes> tried = collected.candidates(sequence);
    EXPECT_TRUE(std::find(tried.begin(), tried.end(), message) != tried.end());
  }
  EXPECT_EQ(collected->most_bytes(kSource), 2U * 4 * 4 * 500);
  EXPECT_LE(collected->held_bytes(kSource), collected->most_bytes(kSource) / 2);
}

}  // namespace
}  // namespace garrison::link
