#include "control/service/kv_service.h"

#include <gtest/gtest.h>

#include <limits>

#include "control/service/null_service.h"
#include "dataplane/base/rng.h"
#include "tests/unit/service/kv_shorthand.h"

namespace garrison::service {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr const char* kOom = "(error) OOM command not allowed when used memory > 'maxmemory'.";

class KvServiceTest : public testing::Test {
 protected:
  KvService kv_{ServiceOptions{}};
};

TEST_F(KvServiceTest, get_returns_what_set_stored) {
  EXPECT_EQ(run(kv_, op_get("k")), "(nil)");
  EXPECT_EQ(run(kv_, op_set("k", "v")), "OK");
  EXPECT_EQ(run(kv_, op_get("k")), "\"v\"");
  EXPECT_EQ(run(kv_, op_set("k", "")), "OK");
  EXPECT_EQ(run(kv_, op_get("k")), "\"\"");
}

TEST_F(KvServiceTest, keys_and_values_are_any_bytes) {
  const std::string odd("a\0b\r\n\xff", 6);
  EXPECT_EQ(run(kv_, op_set(odd, odd)), "OK");
  EXPECT_EQ(run(kv_, op_get(odd)), '"' + odd + '"');
  EXPECT_EQ(run(kv_, op_get("a")), "(nil)");
  EXPECT_EQ(run(kv_, op_set("", "empty key")), "OK");
  EXPECT_EQ(run(kv_, op_get("")), "\"empty key\"");
}

TEST_F(KvServiceTest, set_nx_stores_only_what_is_absent) {
  EXPECT_EQ(run(kv_, op_set("k", "1", SetCondition::if_absent)), "OK");
  EXPECT_EQ(run(kv_, op_set("k", "2", SetCondition::if_absent)), "(nil)");
  EXPECT_EQ(run(kv_, op_get("k")), "\"1\"");
}

TEST_F(KvServiceTest, set_xx_stores_only_over_what_is_present) {
  EXPECT_EQ(run(kv_, op_set("k", "1", SetCondition::if_present)), "(nil)");
  EXPECT_EQ(run(kv_, op_get("k")), "(nil)");
  run(kv_, op_set("k", "1"));
  EXPECT_EQ(run(kv_, op_set("k", "2", SetCondition::if_present)), "OK");
  EXPECT_EQ(run(kv_, op_get("k")), "\"2\"");
}

TEST_F(KvServiceTest, del_counts_what_it_removed_and_exists_counts_repetitions) {
  run(kv_, op_mset({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(run(kv_, op_exists({"a", "a", "x"})), "(integer) 2");
  EXPECT_EQ(run(kv_, op_del({"a", "a", "x", "b"})), "(integer) 2");
  EXPECT_EQ(run(kv_, op_exists({"a", "b", "c"})), "(integer) 1");
  EXPECT_EQ(run(kv_, op_db_size()), "(integer) 1");
}

TEST_F(KvServiceTest, mget_keeps_the_order_and_mset_lets_the_last_win) {
  EXPECT_EQ(run(kv_, op_mset({{"a", "1"}, {"b", "2"}, {"a", "3"}})), "OK");
  EXPECT_EQ(run(kv_, op_mget({"b", "x", "a", "b"})), "[\"2\", (nil), \"3\", \"2\"]");
}

TEST_F(KvServiceTest, an_mget_that_no_result_could_carry_is_refused) {
  run(kv_, op_set("k", std::string(kMaxValueBytes, 'v')));
  EXPECT_EQ(run(kv_, op_mget({"k"})).size(), kMaxValueBytes + 4);
  EXPECT_EQ(run(kv_, op_mget({"k", "k"})), "(error) ERR reply is longer than a result may be; ask for fewer keys");
}

TEST_F(KvServiceTest, flushall_leaves_nothing) {
  run(kv_, op_mset({{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(run(kv_, op_flush_all()), "OK");
  EXPECT_EQ(run(kv_, op_db_size()), "(integer) 0");
  EXPECT_EQ(kv_.state_bytes(), 0U);
}

TEST_F(KvServiceTest, incrby_starts_at_zero_and_stores_decimal_digits) {
  EXPECT_EQ(run(kv_, op_incr("n", 5)), "(integer) 5");
  EXPECT_EQ(run(kv_, op_incr("n", -15)), "(integer) -10");
  EXPECT_EQ(run(kv_, op_get("n")), "\"-10\"");
}

TEST_F(KvServiceTest, incrby_reaches_both_ends_and_refuses_to_pass_them) {
  const std::string overflow = "(error) ERR increment or decrement would overflow";
  EXPECT_EQ(run(kv_, op_incr("n", kMax)), "(integer) 9223372036854775807");
  EXPECT_EQ(run(kv_, op_incr("n", 1)), overflow);
  EXPECT_EQ(run(kv_, op_get("n")), "\"9223372036854775807\"");
  EXPECT_EQ(run(kv_, op_incr("m", kMin)), "(integer) -9223372036854775808");
  EXPECT_EQ(run(kv_, op_incr("m", -1)), overflow);
  EXPECT_EQ(run(kv_, op_incr("m", kMax)), "(integer) -1");
}

TEST_F(KvServiceTest, incrby_takes_only_what_redis_takes_for_an_integer) {
  for (const char* good : {"0", "-1", "9223372036854775807", "-9223372036854775808", "10"}) {
    run(kv_, op_set("n", good));
    EXPECT_EQ(run(kv_, op_incr("n", 0)), std::string("(integer) ") + good);
  }
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "0x1", "x", "9223372036854775808",
                          "-9223372036854775809", "99999999999999999999999"}) {
    run(kv_, op_set("n", bad));
    EXPECT_EQ(run(kv_, op_incr("n", 1)), "(error) ERR value is not an integer or out of range") << bad;
    EXPECT_EQ(run(kv_, op_get("n")), '"' + std::string(bad) + '"');
  }
}

TEST_F(KvServiceTest, queries_are_told_from_updates) {
  EXPECT_TRUE(kv_.is_query(op_get("k")));
  EXPECT_TRUE(kv_.is_query(op_exists({"k"})));
  EXPECT_TRUE(kv_.is_query(op_mget({"k"})));
  EXPECT_TRUE(kv_.is_query(op_db_size()));
  EXPECT_FALSE(kv_.is_query(op_set("k", "v")));
  EXPECT_FALSE(kv_.is_query(op_del({"k"})));
  EXPECT_FALSE(kv_.is_query(op_incr("k", 0)));
  EXPECT_FALSE(kv_.is_query(op_mset({{"k", "v"}})));
  EXPECT_FALSE(kv_.is_query(op_flush_all()));
  EXPECT_FALSE(kv_.is_query(Bytes{0x77}));
}

TEST_F(KvServiceTest, query_answers_queries_and_refuses_updates) {
  run(kv_, op_set("k", "v"));
  EXPECT_EQ(ask(kv_, op_get("k")), "\"v\"");
  EXPECT_EQ(ask(kv_, op_mget({"k", "x"})), "[\"v\", (nil)]");
  EXPECT_EQ(ask(kv_, op_exists({"k"})), "(integer) 1");
  EXPECT_EQ(ask(kv_, op_db_size()), "(integer) 1");
  EXPECT_EQ(ask(kv_, op_set("k", "w")), "(error) ERR not a query");
  EXPECT_EQ(ask(kv_, op_flush_all()), "(error) ERR not a query");
  EXPECT_EQ(ask(kv_, Bytes{}), "(error) ERR malformed operation");
}

TEST_F(KvServiceTest, malformed_operations_get_an_error_and_change_nothing) {
  run(kv_, op_set("k", "v"));
  const Digest before = kv_.digest();
  EXPECT_EQ(run(kv_, Bytes{}), "(error) ERR malformed operation");
  Bytes cut = op_set("k", "other");
  cut.pop_back();
  EXPECT_EQ(run(kv_, cut), "(error) ERR malformed operation");
  EXPECT_EQ(kv_.digest(), before);
}

TEST_F(KvServiceTest, random_operations_always_get_a_reply_within_the_bound_and_keep_the_books) {
  Rng rng(11);
  KvService twin{ServiceOptions{.max_state_bytes = 1U << 30U, .hash_key = {3, 4}}};
  Bytes reply;
  Bytes twin_reply;
  for (int round = 0; round < 100'000; ++round) {
    Bytes op(rng.below(20));
    for (std::uint8_t& byte : op) byte = static_cast<std::uint8_t>(rng.below(rng.chance(800'000) ? 3 : 256));
    if (!op.empty()) op[0] = static_cast<std::uint8_t>(rng.below(11));
    kv_.apply(op, reply);
    twin.apply(op, twin_reply);
    ASSERT_EQ(reply, twin_reply);
    ASSERT_LE(reply.size(), kMaxOperationBytes);
    ASSERT_TRUE(decode_kv_reply(reply).has_value());
  }
  EXPECT_EQ(kv_.digest(), twin.digest());
  KvService restored{ServiceOptions{}};
  ASSERT_TRUE(restored.restore(kv_.snapshot()).ok());
  EXPECT_EQ(restored.state_bytes(), kv_.state_bytes());  // restore counts afresh
}

TEST(KvServiceBoundTest, an_update_that_would_grow_the_state_beyond_the_bound_is_refused) {
  const std::uint64_t entry = KvService::kEntryOverheadBytes + 1 + 10;
  KvService kv{ServiceOptions{.max_state_bytes = 2 * entry, .hash_key = {}}};
  EXPECT_EQ(run(kv, op_set("a", "0123456789")), "OK");
  EXPECT_EQ(run(kv, op_set("b", "0123456789x")), kOom);
  EXPECT_EQ(run(kv, op_set("b", "0123456789")), "OK");
  EXPECT_EQ(kv.state_bytes(), 2 * entry);

  EXPECT_EQ(run(kv, op_set("c", "")), kOom);
  EXPECT_EQ(run(kv, op_incr("c", 1)), kOom);
  EXPECT_EQ(run(kv, op_set("a", "0123456789x")), kOom);
  EXPECT_EQ(run(kv, op_set("a", "9876543210")), "OK");  // no growth
  EXPECT_EQ(run(kv, op_set("a", "0")), "OK");
  EXPECT_EQ(run(kv, op_incr("a", 10)), "(integer) 10");
  EXPECT_EQ(run(kv, op_del({"b"})), "(integer) 1");
  EXPECT_EQ(run(kv, op_set("c", "0123456789")), "OK");
}

TEST(KvServiceBoundTest, a_state_beyond_a_lowered_bound_may_shrink_but_not_grow) {
  KvService large{ServiceOptions{}};
  run(large, op_mset({{"a", "12"}, {"b", "34"}}));
  KvService small{ServiceOptions{.max_state_bytes = 10, .hash_key = {}}};
  ASSERT_TRUE(small.restore(large.snapshot()).ok());
  EXPECT_EQ(run(small, op_set("a", "21")), "OK");
  EXPECT_EQ(run(small, op_set("a", "211")), kOom);
  EXPECT_EQ(run(small, op_set("c", "")), kOom);
  EXPECT_EQ(run(small, op_del({"b"})), "(integer) 1");
}

TEST(KvServiceBoundTest, mset_stores_all_or_nothing) {
  const std::uint64_t entry = KvService::kEntryOverheadBytes + 2;
  KvService kv{ServiceOptions{.max_state_bytes = 2 * entry, .hash_key = {}}};
  EXPECT_EQ(run(kv, op_mset({{"a", "1"}, {"b", "2"}, {"c", "3"}})), kOom);
  EXPECT_EQ(kv.size(), 0U);
  EXPECT_EQ(run(kv, op_mset({{"a", "1"}, {"b", "2"}})), "OK");
  EXPECT_EQ(run(kv, op_mset({{"a", "3"}, {"b", "4"}})), "OK");
}

TEST(KvServiceSnapshotTest, a_snapshot_restores_equal_state_whatever_the_order_of_insertion) {
  KvService one{ServiceOptions{}};
  KvService other{ServiceOptions{.max_state_bytes = 1U << 30U, .hash_key = {5, 6}}};
  for (int i = 0; i < 500; ++i) {
    run(one, op_set("key" + std::to_string(i), std::to_string(i * i)));
    run(other, op_set("key" + std::to_string(499 - i), std::to_string((499 - i) * (499 - i))));
  }
  EXPECT_EQ(one.snapshot(), other.snapshot());
  EXPECT_EQ(one.digest(), other.digest());

  KvService restored{ServiceOptions{}};
  run(restored, op_set("old", "gone"));
  ASSERT_TRUE(restored.restore(one.snapshot()).ok());
  EXPECT_EQ(restored.digest(), one.digest());
  EXPECT_EQ(restored.state_bytes(), one.state_bytes());
  EXPECT_EQ(run(restored, op_get("old")), "(nil)");
  EXPECT_EQ(run(restored, op_get("key7")), "\"49\"");
}

TEST(KvServiceSnapshotTest, digests_tell_states_apart) {
  KvService kv{ServiceOptions{}};
  const Digest empty = kv.digest();
  run(kv, op_set("ab", "c"));
  const Digest first = kv.digest();
  EXPECT_NE(first, empty);
  run(kv, op_flush_all());
  run(kv, op_set("a", "bc"));
  EXPECT_NE(kv.digest(), first);
  run(kv, op_flush_all());
  EXPECT_EQ(kv.digest(), empty);
}

TEST(KvServiceSnapshotTest, a_damaged_snapshot_is_refused_and_leaves_the_state_alone) {
  KvService kv{ServiceOptions{}};
  run(kv, op_mset({{"a", "1"}, {"b", "2"}}));
  const Bytes good = kv.snapshot();
  KvService target{ServiceOptions{}};
  run(target, op_set("kept", "yes"));
  const Digest before = target.digest();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(target.restore(ByteView(good).first(size)).ok()) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(target.restore(longer).ok());
  Bytes unsorted = good;
  unsorted[4 + 8 + 8] = 'z';  // first key
  EXPECT_FALSE(target.restore(unsorted).ok());
  Bytes repeated = good;
  repeated[4 + 8 + 8] = 'b';
  EXPECT_FALSE(target.restore(repeated).ok());
  EXPECT_EQ(target.digest(), before);
}

TEST(NullServiceTest, replies_with_nothing_and_counts) {
  NullService null;
  const Digest before = null.digest();
  Bytes reply{1};
  null.apply(Bytes{1, 2, 3}, reply);
  EXPECT_TRUE(reply.empty());
  EXPECT_EQ(null.applied(), 1U);
  EXPECT_NE(null.digest(), before);
  NullService restored;
  ASSERT_TRUE(restored.restore(null.snapshot()).ok());
  EXPECT_EQ(restored.digest(), null.digest());
  EXPECT_FALSE(restored.restore(Bytes{1, 2}).ok());
  EXPECT_EQ(restored.applied(), 1U);
}

TEST(MakeServiceTest, knows_its_kinds_and_names_them_in_the_error) {
  EXPECT_TRUE(make_service("kv").ok());
  EXPECT_TRUE(make_service("null").ok());
  const auto unknown = make_service("sql");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().message, "no service \"sql\"; there are: kv, null");
}

}  // namespace
}  // namespace garrison::service
