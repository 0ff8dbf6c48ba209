#include "dataplane/forwarder/datagrams.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace garrison::forwarder {
namespace {

constexpr std::size_t kPiece = 100;

class DatagramsTest : public ::testing::Test {
 protected:
  DatagramSender sender(std::uint64_t incarnation) { return {from, Incarnation(incarnation), key, kPiece}; }
  std::optional<Bytes> take(const Bytes& datagram) {
    const DatagramReceiver::Outcome outcome = receiver.on_datagram(datagram);
    return outcome.complete.has_value() ? std::optional(to_bytes(*outcome.complete)) : std::nullopt;
  }
  static Bytes message(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return bytes;
  }

  ForwarderId from{SiteId(1), Role::backup};
  ForwarderId to{SiteId(2), Role::primary};
  crypto::SecretBytes shared{Bytes(32, 0x44)};
  crypto::SecretBytes key = datagram_key(shared, SystemId(5), from, to);
  DropCounters drops;
  DatagramReceiver receiver{key, kPiece, drops};
};

TEST_F(DatagramsTest, messages_of_any_length_come_out_whole) {
  DatagramSender out = sender(1);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1, kMaxMessageBytes}) {
    const std::vector<Bytes> datagrams = out.cut(TrafficClass::bounded, message(size));
    EXPECT_EQ(datagrams.size(), std::max<std::size_t>(1, (size + kPiece - 1) / kPiece));
    EXPECT_EQ(claimed_source(datagrams.front()), from);
    for (std::size_t i = 0; i + 1 < datagrams.size(); ++i) EXPECT_FALSE(take(datagrams[i]).has_value());
    EXPECT_EQ(take(datagrams.back()), message(size));
  }
}

TEST_F(DatagramsTest, pieces_come_in_any_order_and_count_once) {
  std::vector<Bytes> datagrams = sender(1).cut(TrafficClass::bounded, message(250));
  std::ranges::reverse(datagrams);
  EXPECT_FALSE(take(datagrams[0]).has_value());
  EXPECT_FALSE(take(datagrams[0]).has_value());
  EXPECT_EQ(drops.get(DropReason::forwarder_replayed), 1U);
  EXPECT_FALSE(take(datagrams[1]).has_value());
  EXPECT_EQ(take(datagrams[2]), message(250));
  for (const Bytes& datagram : datagrams) EXPECT_FALSE(take(datagram).has_value());
  EXPECT_EQ(drops.get(DropReason::forwarder_replayed), 4U);
}

TEST_F(DatagramsTest, what_was_altered_is_dropped) {
  const Bytes datagram = sender(1).cut(TrafficClass::timely, message(30)).front();
  for (std::size_t i = 0; i < datagram.size(); ++i) {
    Bytes altered = datagram;
    altered[i] ^= 1;
    EXPECT_FALSE(receiver.on_datagram(altered).authentic);
  }
  for (std::size_t size = 0; size < datagram.size(); ++size) {
    EXPECT_FALSE(receiver.on_datagram(ByteView(datagram).first(size)).authentic);
  }
  EXPECT_EQ(take(datagram), message(30));
}

TEST_F(DatagramsTest, directions_and_forwarders_have_keys_of_their_own) {
  for (const auto& other : {datagram_key(shared, SystemId(5), to, from), datagram_key(shared, SystemId(6), from, to),
                            datagram_key(shared, SystemId(5), {SiteId(1), Role::primary}, to)}) {
    DatagramSender out(from, Incarnation(1), other, kPiece);
    EXPECT_FALSE(receiver.on_datagram(out.cut(TrafficClass::timely, message(3)).front()).authentic);
  }
  EXPECT_EQ(drops.get(DropReason::forwarder_bad_tag), 3U);
}

TEST_F(DatagramsTest, messages_that_lose_pieces_give_up_their_room) {
  DatagramSender out = sender(1);
  for (std::size_t i = 0; i < 3 * kAssembling; ++i) {
    EXPECT_FALSE(take(out.cut(TrafficClass::bounded, message(150)).front()).has_value());
  }
  EXPECT_EQ(drops.get(DropReason::forwarder_incomplete), 2 * kAssembling);
  EXPECT_EQ(take(out.cut(TrafficClass::bounded, message(10)).front()), message(10));
}

TEST_F(DatagramsTest, timely_messages_that_overtake_take_no_room_of_others) {
  DatagramSender out = sender(1);
  const std::vector<Bytes> slow = out.cut(TrafficClass::bounded, message(150));
  EXPECT_FALSE(take(slow[0]).has_value());
  for (std::size_t i = 0; i < 3 * kAssembling; ++i) {
    EXPECT_FALSE(take(out.cut(TrafficClass::timely, message(150)).front()).has_value());
  }
  EXPECT_EQ(take(slow[1]), message(150));
}

TEST_F(DatagramsTest, a_new_life_begins_anew_and_an_old_one_is_over) {
  DatagramSender old_life = sender(1);
  const Bytes first = old_life.cut(TrafficClass::bounded, message(1)).front();
  const Bytes second = old_life.cut(TrafficClass::bounded, message(2)).front();
  EXPECT_EQ(take(first), message(1));
  DatagramSender new_life = sender(2);
  EXPECT_EQ(take(new_life.cut(TrafficClass::bounded, message(3)).front()), message(3));
  EXPECT_FALSE(take(second).has_value());
  EXPECT_EQ(drops.get(DropReason::forwarder_replayed), 1U);
}

// The MAC shows that a forwarder has made it; it may be compromised.
TEST_F(DatagramsTest, pieces_that_contradict_each_other_are_dropped) {
  DatagramSender one = sender(1);
  DatagramSender other = sender(1);
  const std::vector<Bytes> longer = one.cut(TrafficClass::bounded, message(250));
  const std::vector<Bytes> shorter = other.cut(TrafficClass::bounded, message(150));
  EXPECT_FALSE(take(longer[0]).has_value());
  EXPECT_FALSE(take(shorter[1]).has_value());
  EXPECT_EQ(drops.get(DropReason::forwarder_replayed), 1U);
  EXPECT_FALSE(take(longer[1]).has_value());
  EXPECT_EQ(take(longer[2]), message(250));
}

}  // namespace
}  // namespace garrison::forwarder
