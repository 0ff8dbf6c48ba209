// Batches and bundles: what one site signs once, another takes apart into messages that stand by themselves.
#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

using OutgoingTest = SourceSiteTest;

TEST_F(OutgoingTest, messages_come_out_of_a_bundle_signed_by_their_site) {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 9U, 40U}) {
    const OutgoingBatch out = batch(count);
    const Bytes bytes = bundle(out, out.links.front(), sign(out));
    const auto items = receive(bytes);
    ASSERT_TRUE(items.has_value()) << count;
    EXPECT_EQ(items->size(), count + 1);
  }
}

TEST_F(OutgoingTest, the_signature_and_what_paths_have_in_common_cross_once_whatever_the_number_of_messages) {
  const OutgoingBatch one = batch(1);
  const OutgoingBatch many = batch(33);
  const Bytes small = bundle(one, one.links.front(), sign(one));
  const Bytes large = bundle(many, many.links.front(), sign(many));
  const std::size_t content = many.links.front().content.size() - one.links.front().content.size();
  EXPECT_LE(large.size() - small.size(), content + 8 * sizeof(Digest)) << "of 32 more, each with its content";
}

TEST_F(OutgoingTest, every_message_of_the_batch_stands_by_itself) {
  const OutgoingBatch out = batch(5);
  const RootSignature signature = sign(out);
  message::Validator local(keys_.system(), kSource, 4, keys_.directory());
  for (const Emission& own : out.own) {
    if (!own.has_leaf) continue;
    const Bytes whole = signed_message(out, own, signature);
    const auto head = message::decode_envelope(whole);
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(signature_of_block(ByteView(whole).subspan(head->content_bytes))->bytes, signature.bytes);
  }
}

TEST_F(OutgoingTest, a_signature_of_another_batch_serves_no_message) {
  const OutgoingBatch out = batch(3);
  const OutgoingBatch other = batch(4);
  EXPECT_FALSE(receive(bundle(out, out.links.front(), sign(other))).has_value());
}

TEST_F(OutgoingTest, a_bundle_with_any_byte_altered_is_refused_or_loses_items_but_never_shows_others) {
  const OutgoingBatch out = batch(3);
  const Bytes good = bundle(out, out.links.front(), sign(out));
  const auto said = receive(good);
  ASSERT_TRUE(said.has_value());
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x40U;
    const auto got = receive(bad);
    if (got.has_value()) {
      EXPECT_EQ(*got, *said) << "byte " << i;
    }
  }
}

TEST_F(OutgoingTest, a_bundle_cut_short_or_with_bytes_behind_it_is_refused) {
  const OutgoingBatch out = batch(3);
  Bytes bytes = bundle(out, out.links.front(), sign(out));
  bytes.push_back(0);
  EXPECT_FALSE(receive(bytes).has_value());
  for (bytes.pop_back(); !bytes.empty();) {
    bytes.pop_back();
    ASSERT_FALSE(receive(bytes).has_value()) << bytes.size();
  }
}

}  // namespace
}  // namespace garrison::site
