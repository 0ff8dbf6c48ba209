#include "control/service/kv_operation.h"

#include <gtest/gtest.h>

#include <limits>

#include "control/service/keyed_hash.h"
#include "dataplane/base/rng.h"
#include "tests/unit/service/kv_shorthand.h"

namespace garrison::service {
namespace {

std::vector<Bytes> one_of_each() {
  return {op_get("k"),
          op_set("key", "value", SetCondition::if_present),
          op_del({"a", "bb"}),
          op_exists({"a", "", "a"}),
          op_incr("n", -7),
          op_mget({"a", "b", "c"}),
          op_mset({{"a", "1"}, {"b", ""}}),
          op_db_size(),
          op_flush_all()};
}

TEST(KvOperationTest, every_operation_survives_encoding) {
  for (const Bytes& bytes : one_of_each()) {
    const std::optional<KvOperation> op = decode_kv_operation(bytes);
    ASSERT_TRUE(op.has_value());
    EXPECT_EQ(encode(*op).value(), bytes);
  }
}

TEST(KvOperationTest, decoding_yields_the_fields_that_were_encoded) {
  const Bytes set = op_set("key", "value", SetCondition::if_absent);
  const auto decoded_set = std::get<KvSet>(*decode_kv_operation(set));
  EXPECT_TRUE(equal(decoded_set.key, as_bytes(std::string_view("key"))));
  EXPECT_TRUE(equal(decoded_set.value, as_bytes(std::string_view("value"))));
  EXPECT_EQ(decoded_set.condition, SetCondition::if_absent);

  const Bytes incr = op_incr("n", std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(std::get<KvIncrBy>(*decode_kv_operation(incr)).delta, std::numeric_limits<std::int64_t>::min());

  const Bytes mset = op_mset({{"a", "1"}, {"b", "22"}});
  const auto pairs = std::get<KvMSet>(*decode_kv_operation(mset)).pairs;
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_TRUE(equal(pairs[1].key, as_bytes(std::string_view("b"))));
  EXPECT_TRUE(equal(pairs[1].value, as_bytes(std::string_view("22"))));
}

TEST(KvOperationTest, every_truncation_and_every_extra_byte_is_malformed) {
  for (Bytes bytes : one_of_each()) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_kv_operation(ByteView(bytes).first(size)).has_value()) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(decode_kv_operation(bytes).has_value());
  }
}

TEST(KvOperationTest, unknown_verbs_and_conditions_are_malformed) {
  EXPECT_FALSE(decode_kv_operation(Bytes{0}).has_value());
  EXPECT_FALSE(decode_kv_operation(Bytes{10}).has_value());
  Bytes set = op_set("k", "v");
  set[1] = 3;
  EXPECT_FALSE(decode_kv_operation(set).has_value());
}

TEST(KvOperationTest, no_keys_at_all_is_malformed) {
  const Bytes del{3, 0, 0};
  EXPECT_FALSE(decode_kv_operation(del).has_value());
  const Result<Bytes> encoded = encode(KvOperation(KvMGet{}));
  ASSERT_FALSE(encoded.ok());
  EXPECT_EQ(encoded.error().message, "ERR wrong number of arguments");
}

TEST(KvOperationTest, bounds_are_refused_at_both_ends) {
  const std::string key(kMaxKeyBytes, 'k');
  const std::string value(kMaxValueBytes, 'v');
  const Bytes largest = op_set(key, value);
  EXPECT_LE(largest.size(), kMaxOperationBytes);
  EXPECT_TRUE(decode_kv_operation(largest).has_value());

  const Result<Bytes> long_key = encode(KvOperation(KvGet{as_bytes(key + "k")}));
  ASSERT_FALSE(long_key.ok());
  EXPECT_EQ(long_key.error().message, "ERR key is longer than 512 bytes");
  const Result<Bytes> long_value = encode(KvOperation(KvSet{as_bytes(key), as_bytes(value + "v")}));
  ASSERT_FALSE(long_value.ok());
  EXPECT_EQ(long_value.error().message, "ERR value is longer than 31744 bytes");
  const std::vector<ByteView> many(kMaxKeysPerOperation + 1, as_bytes(std::string_view("k")));
  EXPECT_FALSE(encode(KvOperation(KvDel{many})).ok());
  const std::vector<ByteView> long_ones(100, as_bytes(key));
  const Result<Bytes> long_whole = encode(KvOperation(KvDel{long_ones}));
  ASSERT_FALSE(long_whole.ok());
  EXPECT_EQ(long_whole.error().message, "ERR operation is longer than 32768 bytes");

  Bytes forged{1, 1, 2};  // GET of a key of 513 bytes
  forged.resize(3 + 513, 'k');
  EXPECT_FALSE(decode_kv_operation(forged).has_value());
  Bytes forged_value{2, 0, 0, 0, 1, 0x7c, 0, 0};  // SET of a value of kMaxValueBytes + 1
  forged_value.resize(8 + kMaxValueBytes + 1, 'v');
  EXPECT_FALSE(decode_kv_operation(forged_value).has_value());
}

TEST(KvOperationTest, random_bytes_decode_to_what_encodes_to_the_same_bytes_or_to_nothing) {
  Rng rng(7);
  int decoded = 0;
  for (int round = 0; round < 200'000; ++round) {
    Bytes bytes(rng.below(24));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(rng.chance(900'000) ? 4 : 256));
    if (!bytes.empty()) bytes[0] = static_cast<std::uint8_t>(rng.below(11));
    const std::optional<KvOperation> op = decode_kv_operation(bytes);
    if (!op) continue;
    ++decoded;
    EXPECT_EQ(encode(*op).value(), bytes);
  }
  EXPECT_GT(decoded, 1000);
}

TEST(KvReplyTest, every_kind_survives_encoding) {
  KvReply array;
  array.kind = KvReply::Kind::array;
  array.elements = {KvReply::nil(), KvReply::bulk(as_bytes(std::string_view("x")))};
  const std::vector<std::pair<KvReply, std::string>> cases = {
      {KvReply::nil(), "(nil)"},
      {KvReply::status("OK"), "OK"},
      {KvReply::error("ERR no"), "(error) ERR no"},
      {KvReply::bulk({}), "\"\""},
      {KvReply::number(std::numeric_limits<std::int64_t>::min()), "(integer) -9223372036854775808"},
      {array, "[(nil), \"x\"]"},
  };
  for (const auto& [reply, text] : cases) {
    Bytes bytes{9, 9};
    encode(reply, bytes);
    EXPECT_EQ(print(bytes), text);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_kv_reply(ByteView(bytes).first(size)).has_value());
    }
    bytes.push_back(0);
    EXPECT_FALSE(decode_kv_reply(bytes).has_value());
  }
}

TEST(KvReplyTest, an_array_holds_nil_and_bulk_alone_and_no_more_than_its_bytes) {
  EXPECT_TRUE(decode_kv_reply(Bytes{5, 1, 0, 0}).has_value());
  EXPECT_FALSE(decode_kv_reply(Bytes{5, 1, 0, 5, 0, 0}).has_value());
  EXPECT_FALSE(decode_kv_reply(Bytes{5, 0xff, 0xff, 0}).has_value());
  EXPECT_FALSE(decode_kv_reply(Bytes{6}).has_value());
}

// Vectors made with the SipHash-1-3 of CPython 3.11, whose key is zero under PYTHONHASHSEED=0.
TEST(KeyedHashTest, agrees_with_another_implementation) {
  const auto hash = [](std::string_view text) { return sip_hash_13({0, 0}, as_bytes(text)); };
  EXPECT_EQ(hash("a"), 0x407448d2b89b1813U);
  EXPECT_EQ(hash("garrison"), 0xb682757013d41c0cU);
  EXPECT_EQ(hash("fifteen bytes!!"), 0x4ca305e7872b2b69U);
  EXPECT_EQ(hash("keys that clients choose, of any length"), 0x98af97965bed53d6U);
}

TEST(KeyedHashTest, depends_on_every_byte_on_the_length_and_on_the_key) {
  const std::array<std::uint64_t, 2> key{1, 2};
  Bytes bytes(21);
  const std::uint64_t reference = sip_hash_13(key, bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = 1;
    EXPECT_NE(sip_hash_13(key, bytes), reference) << i;
    bytes[i] = 0;
  }
  EXPECT_NE(sip_hash_13(key, Bytes(20)), reference);
  EXPECT_NE(sip_hash_13({1, 3}, bytes), reference);
  EXPECT_NE(sip_hash_13({0, 2}, bytes), reference);
}

}  // namespace
}  // namespace garrison::service
