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

class Collected {
 public:
  explicit Collected(PartCode code,
                     const PartCollector::Config& config = {.max_message_bytes = 1000, .window_messages = 4})
      : code_(code), collector_(config, std::array{PartCollector::Source{kSource, code}}) {}

  std::optional<DropReason> take(std::size_t index, const Bytes& bytes, std::size_t message_bytes,
                                 std::uint64_t sequence = 1) {
    return collector_.take({.of = id(sequence),
                            .code = code_,
                            .index = index,
                            .message_bytes = message_bytes,
                            .bytes = bytes,
                            .whole = bytes});
  }
  std::optional<Bytes> candidate(std::uint64_t sequence = 1) {
    const auto made = collector_.candidate(id(sequence));
    return made.has_value() ? std::optional(to_bytes(made->message)) : std::nullopt;
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
          EXPECT_FALSE(collected->candidate(id(1)));
          ASSERT_FALSE(collected.take(order[i], parts[order[i]], size));
        }
        ASSERT_EQ(collected.candidate(), message);
      } while (size == 65 && std::next_permutation(order.begin(), order.end()));
    }
  }
}

TEST(PartCollectorTest, the_candidate_names_the_signed_parts_that_it_was_decoded_from) {
  const Bytes message = random_bytes(100, 1);
  const std::vector<Bytes> parts = parts_of(kSmall, message);
  Collected collected(kSmall);
  std::vector<Bytes> wholes;
  for (const std::size_t index : {2U, 0U, 1U}) {
    Bytes whole(3, 0x11);  // as in an envelope and before a signature
    whole.insert(whole.end(), parts[index].begin(), parts[index].end());
    whole.insert(whole.end(), 7, static_cast<std::uint8_t>(index));
    ASSERT_FALSE(collected->take({.of = id(1),
                                  .code = kSmall,
                                  .index = index,
                                  .message_bytes = 100,
                                  .bytes = ByteView(whole).subspan(3, 50),
                                  .whole = whole}));
    wholes.push_back(whole);
  }
  const auto candidate = collected->candidate(id(1));
  ASSERT_TRUE(candidate.has_value());
  EXPECT_EQ(to_bytes(candidate->message), message);
  ASSERT_EQ(candidate->parts.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(to_bytes(candidate->parts[i]), wholes[i]);
}

// Whichever pairs are faulty, forgetting their parts leaves the message.
TEST(PartCollectorTest, when_the_parts_of_faulty_servers_are_forgotten_those_of_correct_pairs_give_the_message) {
  for (const PartCode code : {kSmall, kLarge}) {
    const Bytes message = random_bytes(200, 1);
    const std::vector<Bytes> good = parts_of(code, message);
    std::vector<std::size_t> order(code.n);
    std::iota(order.begin(), order.end(), 0);
    Rng rng(3);
    do {
      if (code == kLarge && rng.below(100) != 0) continue;  // some of 5040
      for (std::uint32_t wrong = 0; wrong < std::uint32_t{1} << code.n; ++wrong) {
        if (std::popcount(wrong) > code.n - code.k) continue;
        Collected collected(code);
        for (const std::size_t index : order) {
          const bool lies = (wrong >> index & 1U) != 0;
          const Bytes bytes = lies ? random_bytes(good[index].size(), index) : good[index];
          ASSERT_FALSE(collected.take(index, bytes, message.size()));
        }
        collected->forget(kSource, wrong);
        ASSERT_EQ(collected.candidate(), message) << "wrong " << wrong;
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST(PartCollectorTest, what_is_forgotten_takes_no_memory_in_any_class_and_leaves_the_others) {
  const std::vector<Bytes> parts = parts_of(kSmall, random_bytes(100, 1));
  Collected collected(kSmall);
  for (const std::uint64_t sequence : {1U, 3U}) {
    for (const std::size_t index : {0U, 1U, 3U}) ASSERT_FALSE(collected.take(index, parts[index], 100, sequence));
  }
  ASSERT_FALSE(collected->take({.of = id(2, TrafficClass::timely),
                                .code = kSmall,
                                .index = 1,
                                .message_bytes = 100,
                                .bytes = parts[1],
                                .whole = parts[1]}));
  EXPECT_EQ(collected->held_bytes(kSource), 350U);
  collected->forget(kSource, 0b1010);
  EXPECT_EQ(collected->held_bytes(kSource), 100U);
  EXPECT_FALSE(collected.candidate(1));
  EXPECT_EQ(collected.take(0, parts[0], 100, 3), DropReason::link_duplicate);
  EXPECT_FALSE(collected.take(1, parts[1], 100, 3)) << "of another server, perhaps";
}

TEST(PartCollectorTest, servers_that_execute_the_same_parts_decode_the_same) {
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
      if (const auto candidate = servers[server].candidate(sequence); candidate.has_value()) {
        logs[server].push_back(*candidate);
        if (i % 3 == 0) servers[server]->forget(kSource, 1U << index % kLarge.n);
      }
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
  EXPECT_EQ(collected.candidate(), message);
}

TEST(PartCollectorTest, parts_that_say_another_length_are_never_combined) {
  const Bytes message = random_bytes(100, 1);
  const Bytes other = random_bytes(99, 2);  // parts of one size
  const std::vector<Bytes> good = parts_of(kSmall, message);
  const std::vector<Bytes> bad = parts_of(kSmall, other);
  Collected collected(kSmall);
  EXPECT_FALSE(collected.take(0, bad[0], 99));
  EXPECT_FALSE(collected.take(1, good[1], 100));
  EXPECT_FALSE(collected.candidate());
  EXPECT_FALSE(collected.take(2, bad[2], 99));
  EXPECT_EQ(collected.candidate(), other);
  EXPECT_FALSE(collected.take(3, good[3], 100));
  collected->forget(kSource, 0b0001);
  EXPECT_EQ(collected.candidate(), message);
}

TEST(PartCollectorTest, what_is_known_takes_no_more_parts_and_no_memory) {
  const std::vector<Bytes> parts = parts_of(kSmall, random_bytes(100, 1));
  Collected collected(kSmall);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_FALSE(collected.take(i, parts[i], 100, 2));
  EXPECT_EQ(collected->held_bytes(kSource), 100U);
  EXPECT_TRUE(collected->candidate(id(2)));
  collected->done(id(2));
  EXPECT_EQ(collected->held_bytes(kSource), 0U);
  EXPECT_EQ(collected.take(2, parts[2], 100, 2), DropReason::link_stale);
  EXPECT_FALSE(collected->candidate(id(2)));
  EXPECT_FALSE(collected.take(2, parts[2], 100, 1));  // another message is not
  EXPECT_TRUE(collected->over(id(2)));
  EXPECT_FALSE(collected->over(id(1)));
  collected->advance(kSource, TrafficClass::bounded, SeqNum(2));
  EXPECT_TRUE(collected->over(id(1)));
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
  EXPECT_FALSE(collected->candidate(id(2)));
  EXPECT_FALSE(collected.take(1, parts[1], 100, 6)) << "the ring holds nothing of sequence 2 any more";
  EXPECT_FALSE(collected->candidate(id(6)));
  collected->advance(kSource, TrafficClass::bounded, SeqNum(1));
  EXPECT_EQ(collected.take(1, parts[1], 100, 2), DropReason::link_stale);
  EXPECT_FALSE(collected.take(1, parts[1], 100, 3));
  EXPECT_TRUE(collected->candidate(id(3)));

  collected->advance(kSource, TrafficClass::bounded, SeqNum(1'000'000'007));
  EXPECT_EQ(collected->held_bytes(kSource), 0U);
  EXPECT_FALSE(collected.take(1, parts[1], 100, 1'000'000'010));
  EXPECT_EQ(collected.take(1, parts[1], 100, 1'000'000'011), DropReason::link_beyond_window);
}

TEST(PartCollectorTest, a_message_that_was_known_leaves_no_trace_on_the_next_one_in_its_place) {
  const std::vector<Bytes> parts = parts_of(kSmall, random_bytes(100, 1));
  Collected collected(kSmall);
  ASSERT_FALSE(collected.take(1, parts[1], 100));
  collected->done(id(1));
  collected->advance(kSource, TrafficClass::bounded, SeqNum(2));
  // The length that is said first comes first.
  const Bytes other = random_bytes(99, 2);
  const std::vector<Bytes> others = parts_of(kSmall, other);
  for (const std::size_t index : {0U, 2U}) ASSERT_FALSE(collected.take(index, others[index], 99, 5));
  for (const std::size_t index : {1U, 3U}) ASSERT_FALSE(collected.take(index, parts[index], 100, 5));
  EXPECT_EQ(collected.candidate(5), other);
}

TEST(PartCollectorTest, a_window_of_any_size_holds_that_many_messages) {
  Collected collected(kSmall, {.max_message_bytes = 1000, .window_messages = 3});
  std::vector<Bytes> messages;
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    const std::vector<Bytes> parts = parts_of(kSmall, messages.emplace_back(random_bytes(100, sequence)));
    for (const std::size_t index : {0U, 3U}) ASSERT_FALSE(collected.take(index, parts[index], 100, sequence));
  }
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    EXPECT_EQ(collected.candidate(sequence), messages[sequence - 1]);
  }
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
                           .bytes = code == kSmall ? small[index] : large[index],
                           .whole = code == kSmall ? small[index] : large[index]});
  };
  EXPECT_FALSE(take(id(1), kSmall, 0));
  EXPECT_FALSE(take(id(1, TrafficClass::timely), kSmall, 1));
  EXPECT_FALSE(take(id(1, TrafficClass::bounded, kOther), kLarge, 2));
  EXPECT_FALSE(take(id(1, TrafficClass::bounded, kOther), kLarge, 3));
  EXPECT_EQ(take(id(1, TrafficClass::bounded, kOther), kSmall, 1), DropReason::link_part_malformed);
  EXPECT_EQ(take(id(1, TrafficClass::bounded, SiteId(9)), kSmall, 1), DropReason::link_part_malformed);
  EXPECT_FALSE(collector.candidate(id(1)));
  EXPECT_FALSE(collector.candidate(id(1, TrafficClass::timely)));
  EXPECT_FALSE(collector.candidate(id(1, TrafficClass::bounded, kOther)));
  EXPECT_FALSE(collector.candidate(id(1, TrafficClass::bounded, SiteId(9))));
  EXPECT_FALSE(take(id(1, TrafficClass::timely), kSmall, 0));
  EXPECT_EQ(to_bytes(collector.candidate(id(1, TrafficClass::timely)).value().message), message);
  collector.advance(kSource, TrafficClass::timely, SeqNum(100));
  EXPECT_EQ(collector.held_bytes(kSource), 45U);
  EXPECT_EQ(collector.held_bytes(kOther), 60U);
}

TEST(PartCollectorTest, parts_that_fit_no_message_of_the_link_are_refused) {
  Collected collected(kSmall);
  const auto refused = [&](PartCode code, std::size_t index, std::size_t message_bytes, std::size_t part_bytes) {
    const Bytes bytes(part_bytes);
    return collected->take({.of = id(1),
                            .code = code,
                            .index = index,
                            .message_bytes = message_bytes,
                            .bytes = bytes,
                            .whole = bytes}) == DropReason::link_part_malformed;
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
  const Bytes padded(50 + 1025);
  EXPECT_EQ(collected->take({.of = id(1),
                             .code = kSmall,
                             .index = 1,
                             .message_bytes = 100,
                             .bytes = ByteView(padded).first(50),
                             .whole = padded}),
            DropReason::link_part_malformed);
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
  }
  EXPECT_EQ(collected->most_bytes(kSource), 2U * 4 * 4 * (500 + 1024));
  EXPECT_LE(collected->held_bytes(kSource), collected->most_bytes(kSource) / 2);
  collected->forget(kSource, 0b0011);
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) EXPECT_EQ(collected.candidate(sequence), message);
}

}  // namespace
}  // namespace garrison::link
