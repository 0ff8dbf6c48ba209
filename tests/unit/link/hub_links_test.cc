// Two sites on a hub each: what one server sends, all of its own site overhear and all of the other site hear.
#include "dataplane/link/hub_links.h"

#include <gtest/gtest.h>

#include <map>

#include "crypto/digest.h"

namespace garrison::link {
namespace {

constexpr Instant kStart{1'000'000'000};
constexpr std::size_t kServers = 4;
constexpr std::size_t kPayload = 700;

crypto::SecretBytes shared() { return crypto::SecretBytes(Bytes(32, 9)); }

// A "signed" part: what it says, and a last byte that is 1 where the signature is good.
Bytes part_of(std::uint64_t sequence, std::uint8_t index, std::size_t size = 200) {
  Bytes bytes(size, index);
  store_le(bytes.data(), sequence);
  bytes.back() = 1;
  return bytes;
}
Digest says(ByteView part) { return crypto::sha256(part.first(part.size() - 1)); }

struct Server {
  Server(SiteId site, ServerId id)
      : slab(std::array{SlabClass{64, 1}}, 1, 64),
        port{.rx_slab = slab, .drops = drops},
        links(
            {.system = SystemId(7), .site = site, .server = id, .incarnation = Incarnation(1)}, kPayload,
            remotes(SiteId(1 - site.value()), id), [this](const HubLinks::Heard& part) { return take(part); }, port) {}

  struct Heard {
    HubPartName name;
    Bytes bytes;
    std::optional<Digest> says;
  };
  bool take(const HubLinks::Heard& part) {
    if (to_verify.size() == room) return false;
    to_verify.push_back(
        {part.name, to_bytes(part.bytes), part.says == nullptr ? std::nullopt : std::optional(*part.says)});
    return true;
  }

  static std::vector<HubLinks::Remote> remotes(SiteId other, ServerId self) {
    HubLinks::Remote remote{.site = other, .sender = {}, .receiver = {}, .servers = {}};
    remote.sender.index = static_cast<std::uint8_t>(self.value());
    for (std::uint16_t i = 0; i < kServers; ++i) remote.servers.push_back({ServerId(i), shared()});
    std::vector<HubLinks::Remote> all;
    all.push_back(std::move(remote));
    return all;
  }

  Slab slab;
  DropCounters drops;
  SharedPort port;
  HubLinks links;
  std::deque<Heard> to_verify;
  std::size_t room = 1000;
  std::vector<Heard> received;  // of the other site, verified
};

class HubLinksTest : public testing::Test {
 protected:
  HubLinksTest() {
    for (std::uint16_t site = 0; site < 2; ++site) {
      for (std::uint16_t id = 0; id < kServers; ++id) {
        servers_.push_back(std::make_unique<Server>(SiteId(site), ServerId(id)));
      }
    }
  }
  Server& at(std::size_t site, std::size_t id) { return *servers_[site * kServers + id]; }

  // Every server of site 0 has its part of a link message; 0, 1 and 2 are the first set.
  void submit(std::uint64_t sequence, std::size_t bytes = 200) {
    std::vector<Digest> encoding;
    for (std::uint8_t i = 0; i < kServers; ++i) encoding.push_back(says(part_of(sequence, i, bytes)));
    for (std::uint8_t id = 0; id < kServers; ++id) {
      parts_.push_back(part_of(sequence, id, bytes));
      at(0, id).links.submit(kStart, SiteId(1),
                             {.traffic = TrafficClass::bounded,
                              .sequence = SeqNum(sequence),
                              .first_set = ServerSet::all(3),
                              .bytes = parts_.back(),
                              .handle = sequence,
                              .encoding = encoding});
    }
  }
  // Puts a payload on the hub of the site that sends it and, if it leaves, of the other one.
  void put(Instant now, std::size_t site, const Bytes& payload, bool leaves, Server* sender = nullptr) {
    for (std::size_t hub = 0; hub < 2; ++hub) {
      if (hub != site && !leaves) continue;
      for (std::size_t id = 0; id < kServers; ++id) {
        if (&at(hub, id) == sender) continue;
        wire::FrameHeader header;
        ASSERT_FALSE(wire::parse_frame_header(payload, header).has_value());
        at(hub, id).links.on_frame(now, header, payload);
      }
    }
  }
  // Everything that is due at `now` goes; `leaves(site, server)`.
  void run(Instant now, const std::function<bool(std::size_t, std::size_t)>& leaves = {}) {
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::size_t i = 0; i < servers_.size(); ++i) {
        Server& server = *servers_[i];
        moved = verify(now, server) || moved;
        for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
          Bytes payload(kPayload);
          WideEnd to;
          const std::size_t size = server.links.next_frame(now, traffic, payload, to);
          if (size == 0) continue;
          moved = true;
          payload.resize(size);
          ++frames_;
          put(now, i / kServers, payload, !leaves || leaves(i / kServers, i % kServers), &server);
        }
      }
    }
  }
  static bool verify(Instant now, Server& server) {
    bool any = false;
    for (; !server.to_verify.empty(); server.to_verify.pop_front()) {
      any = true;
      Server::Heard& heard = server.to_verify.front();
      const bool good = heard.bytes.back() == 1 && (!heard.says.has_value() || *heard.says == says(heard.bytes));
      server.links.verdict(now, heard.name, good);
      if (good && heard.name.to.value() == 1 && heard.name.from.value() == 0) {
        server.received.push_back(std::move(heard));
      }
    }
    return any;
  }
  std::size_t received(std::size_t id) { return at(1, id).received.size(); }

  std::vector<std::unique_ptr<Server>> servers_;
  std::deque<Bytes> parts_;
  std::size_t frames_ = 0;
};

TEST_F(HubLinksTest, the_first_set_sends_all_hear_and_the_second_set_keeps_silent) {
  submit(1);
  for (int milli = 0; milli <= 500; milli += 5) run(kStart + milliseconds(milli));
  EXPECT_EQ(frames_, 3U) << "2f + 1 parts, no request";
  for (std::size_t id = 0; id < kServers; ++id) {
    ASSERT_EQ(received(id), 3U) << "uniform reception";
    for (const Server::Heard& heard : at(1, id).received) {
      EXPECT_EQ(heard.bytes, part_of(1, heard.name.index));
    }
  }
  EXPECT_EQ(at(0, 3).links.stats().cancelled, 1U);
}

TEST_F(HubLinksTest, parts_longer_than_a_frame_arrive_whole) {
  submit(1, 3000);
  run(kStart);
  ASSERT_EQ(received(2), 3U);
  EXPECT_EQ(at(1, 2).received.front().bytes, part_of(1, at(1, 2).received.front().name.index, 3000));
  EXPECT_EQ(frames_, 3 * 5U);
}

TEST_F(HubLinksTest, what_is_heard_and_never_leaves_is_asked_for_and_the_second_set_sends) {
  submit(1);
  const auto leaves = [](std::size_t site, std::size_t server) { return site == 1 || server != 0; };
  for (int milli = 0; milli <= 500; milli += 5) run(kStart + milliseconds(milli), leaves);
  EXPECT_EQ(received(0), 3U);
  EXPECT_EQ(at(0, 3).links.stats().sent_asked, 1U);
  EXPECT_EQ(at(0, 1).links.stats().sent_asked, 0U) << "what is held there is not sent again";
}

TEST_F(HubLinksTest, a_server_alone_cannot_have_anything_sent_again) {
  submit(1);
  run(kStart);
  // It has lost what it heard, and asks.
  Server lonely(SiteId(1), ServerId(2));
  lonely.links.verdict(kStart, {SiteId(0), SiteId(1), TrafficClass::bounded, SeqNum(1), 0}, true);
  Bytes payload(kPayload);
  WideEnd to;
  const Instant later = kStart + seconds(1);
  const std::size_t size = lonely.links.next_frame(later, TrafficClass::timely, payload, to);
  ASSERT_GT(size, 0U);
  payload.resize(size);
  const std::size_t before = frames_;
  put(later, 1, payload, true);
  run(later);
  EXPECT_EQ(frames_, before);
  // The same request again, or one whose tag is not its, does not even count.
  put(later, 1, payload, true);
  EXPECT_EQ(at(0, 0).drops.get(DropReason::frame_replayed), 1U);
  payload[wire::kFrameHeaderBytes + wire::kHubRequestHeadBytes + 4] ^= 1U;
  put(later, 1, payload, true);
  EXPECT_EQ(at(0, 0).drops.get(DropReason::frame_bad_tag), 1U);
}

TEST_F(HubLinksTest, frames_are_judged_by_what_they_say_and_not_by_whom_they_are_addressed_to) {
  Server& heard = at(1, 3);
  wire::FrameHeader header{.kind = wire::FrameKind::hub_part,
                           .src_site = SiteId(0),
                           .src_server = ServerId(1),
                           .dst_site = SiteId(1),
                           .dst_server = ServerId(0),
                           .counter = 5};
  const Bytes whole = part_of(5, 1);
  const auto frame = [&](std::uint8_t index) {
    Bytes payload(wire::kFrameHeaderBytes + wire::kHubPartHeadBytes + whole.size());
    header.length = static_cast<std::uint16_t>(payload.size());
    wire::write_frame_header(payload, header);
    Writer writer(MutableBytes(payload).subspan(wire::kFrameHeaderBytes));
    wire::write(writer, wire::HubPart{.traffic = TrafficClass::bounded,
                                      .index = index,
                                      .total = static_cast<std::uint32_t>(whole.size()),
                                      .mark = 1,
                                      .bytes = whole});
    return payload;
  };
  heard.links.on_frame(kStart, header, frame(1));
  EXPECT_TRUE(verify(kStart, heard));
  EXPECT_EQ(heard.received.size(), 1U);
  heard.links.on_frame(kStart, header, frame(2));
  EXPECT_EQ(heard.drops.get(DropReason::link_part_malformed), 1U) << "part 2 is server 2's";
  header.dst_site = SiteId(2);
  heard.links.on_frame(kStart, header, frame(1));
  EXPECT_EQ(heard.drops.get(DropReason::frame_not_for_us), 1U);
  header.dst_site = SiteId(1);
  header.src_site = SiteId(3);
  heard.links.on_frame(kStart, header, frame(1));
  EXPECT_EQ(heard.drops.get(DropReason::frame_unknown_peer), 1U);
}

TEST_F(HubLinksTest, a_part_that_nobody_has_room_for_is_dropped_by_name_and_asked_for) {
  for (const std::size_t full : {1U, 2U}) at(1, full).room = 1;
  submit(1);
  run(kStart);
  EXPECT_EQ(received(2), 1U);
  EXPECT_EQ(at(1, 2).drops.get(DropReason::chunk_no_slot), 2U);
  for (int milli = 0; milli <= 500; milli += 5) run(kStart + milliseconds(milli));
  EXPECT_EQ(received(2), 3U) << "f + 1 servers have asked";
}

TEST_F(HubLinksTest, forged_frames_neither_silence_the_second_set_nor_keep_parts_out) {
  // Before anything is sent, server 0 puts parts of 1 and 2 on its hub: with the right content and no signature, and
  // with other content under a good one.
  submit(1);
  for (const auto index : std::initializer_list<std::uint8_t>{1, 2}) {
    for (const bool right : {true, false}) {
      Bytes forged = part_of(right ? 1 : 9, index);
      if (right) forged.back() = 0;
      Bytes payload(wire::kFrameHeaderBytes + wire::kHubPartHeadBytes + forged.size());
      wire::write_frame_header(payload, {.kind = wire::FrameKind::hub_part,
                                         .length = static_cast<std::uint16_t>(payload.size()),
                                         .src_site = SiteId(0),
                                         .src_server = ServerId(index),
                                         .dst_site = SiteId(1),
                                         .dst_server = ServerId(index),
                                         .counter = 1});
      Writer writer(MutableBytes(payload).subspan(wire::kFrameHeaderBytes));
      wire::write(writer, wire::HubPart{.traffic = TrafficClass::bounded,
                                        .index = index,
                                        .total = static_cast<std::uint32_t>(forged.size()),
                                        .mark = 1,
                                        .bytes = forged});
      put(kStart, 0, payload, false);
    }
  }
  for (Server* server : {&at(0, 3)}) verify(kStart, *server);
  EXPECT_EQ(at(0, 3).links.stats().overheard, 0U);
  for (int milli = 0; milli <= 100; milli += 5) run(kStart + milliseconds(milli));
  EXPECT_EQ(received(0), 3U);
  EXPECT_EQ(at(0, 3).links.stats().cancelled, 1U);
}

}  // namespace
}  // namespace garrison::link
