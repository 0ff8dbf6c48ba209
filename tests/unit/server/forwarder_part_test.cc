#include "apps/server/forwarder_part.h"

#include <gtest/gtest.h>

#include "apps/server/queues.h"
#include "control/message/messages.h"

namespace garrison::server {
namespace {

constexpr SiteId kHere(0);
constexpr SiteId kThere(2);

class ForwarderPartTest : public ::testing::Test {
 protected:
  ForwarderPartTest()
      : sites_(ServerSet::only(ServerId(kThere.value()))),
        send_slab_(kSendClasses, 1, ~std::size_t{0}),
        queues_(make_queues()),
        part_({envelope_, sites_, 2}, queues_, send_slab_) {}

  ForwarderQueues make_queues() {
    Queues all;
    add_forwarder_queues(all, bundle_slots(sites_), []<typename T>(std::size_t capacity, Part) {
      return std::unique_ptr<Queue<T>>(std::make_unique<PlainQueue<T>>(capacity));
    });
    return std::move(all.forwarder);
  }
  // As its site would sign it; the signature is not looked at here.
  static Bytes bundle(SiteId source, TrafficClass traffic = TrafficClass::bounded, std::size_t item = 10) {
    const message::Envelope envelope{SystemId(5), crypto::Principal::of_site(source), KeyEpoch(1)};
    const Bytes bytes(item, 7);
    const Bytes message = message::encode(
        envelope,
        message::LinkMessage{
            kHere, traffic, Incarnation(1), SeqNum(3), SeqNum(0), {{message::LinkMessage::Item::kWhole, bytes}}});
    Bytes out(4 + message.size());
    Writer(out).u32(static_cast<std::uint32_t>(message.size())).bytes(message);
    return out;
  }
  void want_presented(std::uint64_t df_sequence) {
    const SlotRef slot = *send_slab_.allocate(0, 3);
    send_slab_.bytes(slot)[0] = static_cast<std::uint8_t>(df_sequence);
    ASSERT_TRUE(queues_.to_present->push_one({slot, SeqNum(df_sequence), kThere, TrafficClass::timely}));
  }

  message::Envelope envelope_{SystemId(5), crypto::Principal::server(kHere, ServerId(1)), KeyEpoch(1)};
  ServerSet sites_;
  Slab send_slab_;
  ForwarderQueues queues_;
  ForwarderPart part_;
};

TEST_F(ForwarderPartTest, what_control_wants_presented_waits_for_every_forwarder_in_order) {
  want_presented(4);
  want_presented(6);
  EXPECT_EQ(part_.poll(), 2U);
  for (const std::size_t forwarder : {0U, 1U}) {
    forwarder::PresentedQueue& queue = part_.presented(forwarder);
    for (const std::uint64_t sequence : {4U, 6U}) {
      ASSERT_NE(queue.next(), nullptr);
      EXPECT_EQ(queue.next()->header,
                (forwarder::Header{SeqNum(sequence), std::uint64_t{1} << kThere.index(), TrafficClass::timely}));
      EXPECT_EQ(queue.next()->message.front(), sequence);
      queue.presented();
    }
    EXPECT_EQ(queue.next(), nullptr);
  }
  EXPECT_EQ(queues_.presented->size(), 2U) << "the slots are control's again";
}

TEST_F(ForwarderPartTest, what_arrives_goes_to_crypto_as_this_servers_event) {
  const Bytes message = bundle(kThere, TrafficClass::timely);
  part_.arrived(kThere, message);
  BundleInbound inbound;
  ASSERT_TRUE(queues_.received->pop_one(inbound));
  EXPECT_EQ(inbound.source, kThere);
  EXPECT_EQ(inbound.traffic, TrafficClass::timely);
  const ByteView event = part_.receive_slab().bytes(inbound.slot);
  EXPECT_EQ(message::decode_envelope(event)->envelope.signer, envelope_.signer);
  EXPECT_TRUE(equal(message::decode<message::LinkBundle>(event)->bundle, message));
  ASSERT_TRUE(queues_.consumed->push_one(inbound.slot));
  part_.poll();
  EXPECT_EQ(part_.receive_slab().slots_in_use(), 0U);
}

TEST_F(ForwarderPartTest, what_is_no_link_message_of_that_site_goes_nowhere) {
  part_.arrived(kThere, bundle(SiteId(3)));
  part_.arrived(SiteId(3), bundle(SiteId(3)));
  part_.arrived(SiteId(kMaxSites - 1), bundle(kThere));
  EXPECT_EQ(part_.drops().get(DropReason::link_unknown), 3U);
  part_.arrived(kThere, {});
  part_.arrived(kThere, Bytes(100, 1));
  EXPECT_EQ(part_.drops().get(DropReason::link_malformed), 2U);
  EXPECT_EQ(queues_.received->size(), 0U);
  EXPECT_EQ(part_.receive_slab().slots_in_use(), 0U);
}

TEST_F(ForwarderPartTest, a_site_that_sends_without_end_fills_its_quota_and_no_more) {
  const Bytes message = bundle(kThere, TrafficClass::bounded, 10'000);
  for (std::size_t i = 0; i < 1000; ++i) part_.arrived(kThere, message);
  EXPECT_GT(part_.drops().get(DropReason::ring_full), 0U);
  EXPECT_LE(part_.receive_slab().used_bytes(kThere.index()), kBundleQuotaBytes);
  EXPECT_EQ(queues_.received->size(), part_.receive_slab().slots_in_use());
}

}  // namespace
}  // namespace garrison::server
