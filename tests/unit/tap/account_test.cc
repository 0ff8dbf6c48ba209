#include "apps/tap/account.h"

#include "apps/tap/report.h"
#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

class AccountTest : public SourceHubTest {
 protected:
  Account account_{topology_, &keys_.directory()};
};

TEST_F(AccountTest, frames_and_bytes_are_counted_by_sender_tap_and_kind) {
  const std::vector<Bytes> sent = frames(part(whole(1), 1, 1), 1, 1, false, TrafficClass::bounded, 100);
  ASSERT_GT(sent.size(), 2U);
  std::uint64_t bytes = 0;
  for (const Bytes& each : sent) bytes += each.size();
  hear(account_, sent, Instant(5), 1);
  hear(account_, {request(3, 1, 0)}, Instant(9), 1);
  const FrameTotals& frames = account_.senders().at({kSource, ServerId(1)}).frames[1];
  EXPECT_EQ(frames.frames, sent.size());
  EXPECT_EQ(frames.bytes, bytes);
  EXPECT_EQ(frames.kinds[2], sent.size());
  EXPECT_EQ(account_.senders().at({kDestination, ServerId(3)}).frames[1].kinds[3], 1U);
  EXPECT_EQ(account_.requested({kDestination, ServerId(3)}), 1U);
  EXPECT_EQ(account_.tap(1).frames, sent.size() + 1);
  EXPECT_EQ(account_.tap(1).first, Instant(5));
  EXPECT_EQ(account_.tap(1).last, Instant(9));
  EXPECT_EQ(account_.taps(), 2U);
}

TEST_F(AccountTest, a_part_in_several_frames_is_one_part) {
  hear(account_, frames(part(whole(1), 1, 1), 1, 1, false, TrafficClass::bounded, 64));
  EXPECT_EQ(said(account_).servers[1].sent_first, 1U);
}

TEST_F(AccountTest, what_is_no_frame_of_ours_is_refused_by_name) {
  Bytes frame = frames(part(whole(1), 1, 1), 1, 1).front();
  EXPECT_EQ(account_.take(Instant(1), 0, ByteView(frame).first(20)).refused, DropReason::frame_truncated);
  frame[kEncapsulationBytes] ^= 1U;  // UDP's checksum finds it
  EXPECT_EQ(account_.take(Instant(1), 0, frame).refused, DropReason::frame_bad_checksum);
  EXPECT_EQ(account_.tap(0).refused[static_cast<std::size_t>(DropReason::frame_bad_checksum)], 1U);
  EXPECT_TRUE(account_.senders().empty());
}

TEST_F(AccountTest, servers_and_links_that_there_are_not_take_no_memory) {
  const Bytes content(wire::kHubPartHeadBytes + 1);
  for (std::uint16_t i = 4; i < 100; ++i) {
    Bytes made = frame(wire::FrameKind::hub_part, {kSource, ServerId(0)}, {kDestination, ServerId(0)}, 1, content);
    store_le<std::uint16_t>(made.data() + kEncapsulationBytes + 10, i);  // of the source's server
    wire::encapsulate(made, address({kSource, ServerId(0)}), address({kDestination, ServerId(0)}),
                      TrafficClass::bounded, wire::UdpChecksum::none);
    EXPECT_EQ(account_.take(Instant(1), 0, made).refused, DropReason::frame_unknown_peer);
  }
  EXPECT_TRUE(account_.senders().empty());
  EXPECT_TRUE(account_.links().empty());
}

TEST_F(AccountTest, parts_of_a_link_that_is_on_no_hub_are_refused) {
  const config::Topology topology = hub_topology(keys_.system(), config::LinkKind::erasure);
  Account account(topology, &keys_.directory());
  EXPECT_EQ(hear(account, frames(part(whole(1), 1, 1), 1, 1)), DropReason::link_unknown);
  EXPECT_EQ(hear(account, {request(1, 1, 0)}), DropReason::link_unknown);
}

TEST_F(AccountTest, a_part_of_another_servers_index_is_refused) {
  std::vector<Bytes> made = frames(part(whole(1), 1, 1), 1, 1);
  made.front()[kEncapsulationBytes + wire::kFrameHeaderBytes + 1] = 3;
  wire::encapsulate(made.front(), address({kSource, ServerId(1)}), address({kDestination, ServerId(1)}),
                    TrafficClass::bounded, wire::UdpChecksum::none);
  EXPECT_EQ(hear(account_, made), DropReason::link_part_malformed);
}

TEST_F(AccountTest, frames_from_another_address_than_their_senders_are_counted) {
  Bytes made = frames(part(whole(1), 1, 1), 1, 1).front();
  wire::encapsulate(made, address({kSource, ServerId(2)}), address({kDestination, ServerId(1)}), TrafficClass::bounded,
                    wire::UdpChecksum::none);
  static_cast<void>(account_.take(Instant(1), 0, made));
  EXPECT_EQ(account_.senders().at({kSource, ServerId(1)}).frames[0].foreign_address, 1U);
}

TEST_F(AccountTest, two_taps_hear_one_sending_and_not_two) {
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    first_set(sequence).for_each([&](ServerId id) {
      const std::vector<Bytes> sent = frames(part(whole(sequence), sequence, id.value()), sequence, id.value());
      hear(account_, sent, Instant(1), 0);
      if (sequence != 3 || id != ServerId(0)) hear(account_, sent, Instant(2), 1);
    });
  }
  const LinkBook::Account said = SourceHubTest::said(account_);
  EXPECT_EQ(all(said).sent_first, 18U);
  EXPECT_EQ(all(said).sent_asked, 0U);
  EXPECT_EQ(said.servers[0].only_at[0], 1U) << "a part that one tap heard and the other did not";
  EXPECT_EQ(all(said).only_at[0], 1U);
  EXPECT_EQ(all(said).only_at[1], 0U);
  EXPECT_EQ(account_.senders().at({kSource, ServerId(0)}).sequences.only_at(0), 1U);
}

TEST_F(AccountTest, what_is_on_its_way_to_the_other_tap_is_missed_by_nobody) {
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    for (std::uint16_t server = 0; server < kServers; ++server) {
      const std::vector<Bytes> sent = frames(part(whole(sequence), sequence, server), sequence, server);
      hear(account_, sent, Instant(1), 0);
      if (sequence < 3 || server > 0) hear(account_, sent, Instant(2), 1);
    }
  }
  EXPECT_EQ(all(said(account_)).only_at[0], 0U) << "the last one of server 0";
}

TEST_F(AccountTest, the_same_frames_give_the_same_account) {
  std::vector<Bytes> heard;
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
    for (std::uint16_t server = 0; server < kServers; ++server) {
      const Bytes whole_part = part(whole(sequence), sequence, server, sequence % 7 == 0 && server == 2 ? 1 : 0);
      for (Bytes& each : frames(whole_part, sequence, server)) heard.push_back(std::move(each));
    }
  }
  Account again(topology_, &keys_.directory());
  hear(account_, heard);
  hear(again, heard);
  EXPECT_EQ(report_rows(account_, 256), report_rows(again, 256));
}

}  // namespace
}  // namespace garrison::tap
