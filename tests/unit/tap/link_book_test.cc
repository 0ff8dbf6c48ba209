// What an account says of link messages on a hub, by rule.
#include "apps/tap/link_book.h"

#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

class LinkBookTest : public SourceHubTest {
 protected:
  Account account_{topology_, &keys_.directory()};
  Account unverified_{topology_, nullptr};
};

// Message 1: its first set is servers 1, 2, 3; the second set server 0.
constexpr std::uint16_t kSecond = 0;

TEST_F(LinkBookTest, the_first_set_sends_and_the_second_is_cancelled) {
  for (std::uint64_t sequence = 1; sequence <= 8; ++sequence) send_first_set(account_, sequence);
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.link.messages, 8U);
  EXPECT_EQ(said.link.decoded, 8U);
  for (const ServerTotals& server : said.servers) {
    EXPECT_EQ(server.turns, 6U);
    EXPECT_EQ(server.sent_first, 6U);
    EXPECT_EQ(server.cancelled, 2U);
    EXPECT_EQ(server.sent_second + server.sent_asked + server.needless + server.missed_turns, 0U);
    EXPECT_EQ(server.overhearable, 18U);  // three parts of others where it was silent, two where it was not
  }
}

TEST_F(LinkBookTest, what_the_second_set_sends_when_enough_others_come_is_needless) {
  send(account_, 1, 1, Instant(1));
  send(account_, 1, kSecond, Instant(2));
  send(account_, 1, 2, Instant(3));
  send(account_, 1, 3, Instant(4));
  const ServerTotals server = said(account_).servers[kSecond];
  EXPECT_EQ(server.sent_second, 1U);
  EXPECT_EQ(server.needless, 1U);
  EXPECT_EQ(server.after_enough, 0U);
}

TEST_F(LinkBookTest, what_it_sends_when_enough_are_out_is_counted_apart) {
  send_first_set(account_, 1, Instant(1));
  send(account_, 1, kSecond, Instant(2));
  EXPECT_EQ(said(account_).servers[kSecond].after_enough, 1U);
  EXPECT_EQ(said(account_).servers[kSecond].needless, 1U);
}

TEST_F(LinkBookTest, what_it_sends_in_place_of_one_that_is_silent_is_not_needless) {
  send(account_, 1, 1, Instant(1));
  send(account_, 1, 2, Instant(1));
  send(account_, 1, kSecond, Instant(2));
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.servers[kSecond].sent_second, 1U);
  EXPECT_EQ(said.servers[kSecond].needless, 0U);
  EXPECT_EQ(said.servers[3].missed_turns, 1U);
  EXPECT_EQ(said.link.decoded, 1U);
}

TEST_F(LinkBookTest, what_is_sent_again_or_for_those_who_ask_is_asked_for) {
  send_first_set(account_, 1, Instant(1));
  send(account_, 1, 2, Instant(2), true);
  hear(account_, {request(0, 1, 0b1110), request(1, 1, 0b1110)}, Instant(3));
  send(account_, 1, kSecond, Instant(4));
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.servers[2].sent_asked, 1U);
  EXPECT_EQ(said.servers[2].sent_first, 1U);
  EXPECT_EQ(said.servers[kSecond].sent_asked, 1U);
  EXPECT_EQ(said.servers[kSecond].sent_second, 0U);
  EXPECT_EQ(said.servers[kSecond].cancelled, 1U);  // before it was asked
}

TEST_F(LinkBookTest, fewer_than_f_plus_one_that_ask_are_not_believed) {
  send_first_set(account_, 1, Instant(1));
  hear(account_, {request(1, 1, 0b1110), request(1, 1, 0b1110)}, Instant(2));
  send(account_, 1, kSecond, Instant(3));
  EXPECT_EQ(said(account_).servers[kSecond].sent_second, 1U);
}

TEST_F(LinkBookTest, a_part_that_says_something_else_names_its_server) {
  const Bytes message = whole(1);
  hear(account_, frames(part(message, 1, 2, 0x40), 1, 2));
  for (const std::uint16_t server : Order{1, 3, 0}) hear(account_, frames(part(message, 1, server), 1, server));
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.link.decoded, 1U) << "three right parts are there, whatever came before them";
  EXPECT_EQ(said.servers[2].wrong, 1U);
  EXPECT_TRUE(said.servers[2].proven_faulty());
  EXPECT_EQ(said.proofs[2], SeqNum(1));
  for (const std::size_t server : {0U, 1U, 3U}) EXPECT_FALSE(said.servers[server].proven_faulty());
}

TEST_F(LinkBookTest, a_wrong_part_is_found_when_the_message_is_known_before_it) {
  send_first_set(account_, 1);
  EXPECT_EQ(hear(account_, frames(part(whole(1), 1, kSecond, 1), 1, kSecond)), DropReason::link_bad_candidate);
  EXPECT_EQ(said(account_).servers[kSecond].wrong, 1U);
}

TEST_F(LinkBookTest, a_wrong_part_is_no_silence_and_counts_for_nobody) {
  const Bytes message = whole(1);
  send_first_set(account_, 1);
  hear(account_, frames(part(message, 1, kSecond, 1), 1, kSecond));
  EXPECT_EQ(said(account_).servers[1].overhearable, 2U);
}

TEST_F(LinkBookTest, two_different_parts_of_one_name_prove_their_signer_faulty) {
  const Bytes message = whole(1);
  hear(account_, frames(part(message, 1, 2), 1, 2));
  hear(account_, frames(part(message, 1, 2, 1), 1, 2));
  EXPECT_EQ(said(account_).servers[2].conflicting, 1U);
  EXPECT_EQ(said(account_).proofs[2], SeqNum(1));
}

TEST_F(LinkBookTest, a_forged_part_proves_nothing_against_whose_name_it_bears) {
  Bytes forged = part(whole(1), 1, 2);
  forged.back() ^= 1U;  // of the signature
  EXPECT_EQ(hear(account_, frames(forged, 1, 2)), DropReason::message_bad_signature);
  EXPECT_EQ(hear(account_, frames(part(whole(1), 1, 3), 1, 2)), DropReason::message_bad_signature)
      << "a part of another server";
  send_first_set(account_, 1);
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.servers[2].forged, 2U);
  EXPECT_FALSE(said.servers[2].proven_faulty());
  EXPECT_EQ(said.servers[2].sent_first, 1U);
  EXPECT_EQ(said.link.decoded, 1U);
}

TEST_F(LinkBookTest, many_forged_parts_do_not_keep_the_right_one_out_once_the_message_is_known) {
  for (const std::uint16_t server : Order{1, 3, 0}) send(account_, 1, server, Instant(1));
  for (std::uint8_t i = 0; i < 100; ++i) {
    Bytes forged = part(whole(1), 1, 2, static_cast<std::uint8_t>(i + 1));
    forged.back() ^= 1U;
    hear(account_, frames(forged, 1, 2));
  }
  EXPECT_EQ(said(account_).servers[2].forged, MessageView::kMostLooks);
  send(account_, 1, 2, Instant(2));
  EXPECT_EQ(said(account_).servers[2].sent_first, 1U);
}

TEST_F(LinkBookTest, a_part_under_another_name_accuses_nobody) {
  const Bytes message = whole(1);
  EXPECT_EQ(hear(account_, frames(part(message, 1, 2), 5, 2)), DropReason::message_not_first_hand);
  EXPECT_EQ(said(account_).link.misnamed, 1U);
  EXPECT_FALSE(all(said(account_)).proven_faulty());
}

TEST_F(LinkBookTest, who_signs_the_part_of_another_is_proven_faulty) {
  const Bytes message = whole(1);
  const coding::Code code(kServers, 3);
  Bytes bytes(code.part_bytes(message.size()));
  code.encode(message, 3, bytes);
  const Bytes stolen = signed_part(ServerId(2), {kDestination, TrafficClass::bounded, 3, 3, kServers, Incarnation(1),
                                                 SeqNum(1), static_cast<std::uint32_t>(message.size()), bytes});
  EXPECT_EQ(hear(account_, frames(stolen, 1, 2)), DropReason::link_bad_candidate);
  EXPECT_EQ(said(account_).servers[2].perjured, 1U);
}

TEST_F(LinkBookTest, who_signs_another_code_or_length_is_proven_faulty) {
  const Bytes message = whole(1);
  const coding::Code code(kServers, 3);
  Bytes bytes(code.part_bytes(message.size()));
  code.encode(message, 2, bytes);
  const auto size = static_cast<std::uint32_t>(message.size());
  hear(account_, frames(signed_part(ServerId(2), {kDestination, TrafficClass::bounded, 2, 2, kServers, Incarnation(1),
                                                  SeqNum(1), size, bytes}),
                        1, 2));
  hear(account_, frames(signed_part(ServerId(2), {kDestination, TrafficClass::bounded, 2, 3, kServers, Incarnation(1),
                                                  SeqNum(1), size * 2, bytes}),
                        1, 2));
  EXPECT_EQ(said(account_).servers[2].perjured, 2U);
}

TEST_F(LinkBookTest, parts_that_their_site_has_not_signed_decide_nothing) {
  Bytes message = whole(1);
  message.back() ^= 1U;
  for (const std::uint16_t server : Order{1, 2, 3}) hear(account_, frames(part(message, 1, server), 1, server));
  EXPECT_EQ(said(account_).link.undecided, 1U);
  EXPECT_EQ(said(account_).link.decoded, 0U);
  EXPECT_FALSE(all(said(account_)).proven_faulty()) << "whose fault it is, nobody can tell";
}

TEST_F(LinkBookTest, without_keys_parts_that_differ_are_counted_all_the_same) {
  const Bytes message = whole(1);
  Bytes forged = part(message, 1, 2, 0x40);
  forged.back() ^= 1U;
  for (const std::uint16_t server : Order{1, 3, 0}) hear(unverified_, frames(part(message, 1, server), 1, server));
  hear(unverified_, frames(forged, 1, 2));
  const LinkBook::Account said = LinkBookTest::said(unverified_);
  EXPECT_EQ(said.link.decoded, 1U);
  EXPECT_EQ(said.servers[2].wrong, 1U);
  EXPECT_EQ(said.servers[2].forged, 0U);
}

TEST_F(LinkBookTest, one_server_alone_does_not_move_the_window) {
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) send_first_set(account_, sequence);
  EXPECT_EQ(hear(account_, frames(part(whole(1'000'000), 1'000'000, 2), 1'000'000, 2)), DropReason::link_beyond_window);
  send_first_set(account_, 4);
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.link.messages, 4U);
  EXPECT_EQ(said.link.beyond_window, 1U);
}

TEST_F(LinkBookTest, f_plus_one_servers_move_it_wherever_they_are) {
  const std::uint64_t far = std::uint64_t{1} << 60U;
  for (const std::uint64_t sequence : {far, far + 1}) {
    for (const std::uint16_t server : Order{1, 2, 3}) send(account_, sequence, server, Instant(1));
  }
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.link.messages, 2U);
  EXPECT_EQ(said.link.beyond_window, 1U);  // the first part of all
}

TEST_F(LinkBookTest, what_is_judged_stays_counted_and_is_stale_then) {
  for (std::uint64_t sequence = 1; sequence <= 2 * LinkBook::kWindow; ++sequence) send_first_set(account_, sequence);
  const LinkBook::Account said = LinkBookTest::said(account_);
  EXPECT_EQ(said.link.messages, 2 * LinkBook::kWindow);
  EXPECT_EQ(all(said).sent_first, 3 * 2 * LinkBook::kWindow);
  EXPECT_EQ(said.lines.size(), LinkBook::kLines);
  EXPECT_EQ(hear(account_, frames(part(whole(1), 1, 1), 1, 1)), DropReason::link_stale);
}

TEST_F(LinkBookTest, signed_parts_of_a_message_that_nobody_else_knows_stand_alone) {
  send(account_, 3, 2, Instant(1));
  EXPECT_EQ(said(account_).servers[2].alone, 1U);
  send_first_set(account_, 3);
  EXPECT_EQ(said(account_).servers[2].alone, 0U);
}

// Server 2 sends nothing for a long time; then the second set takes its turns at once.
TEST_F(LinkBookTest, who_keeps_missing_turns_is_taken_for_demoted_until_it_sends_again) {
  std::uint64_t sequence = 1;
  const auto send_without_2 = [&] {
    for (const std::uint16_t server : Order{0, 1, 3}) send(account_, sequence, server, Instant(1));
    ++sequence;
  };
  for (int i = 0; i < 40; ++i) send_without_2();
  EXPECT_EQ(said(account_).demoted, ServerSet::only(ServerId(2)));
  const std::uint64_t second = all(said(account_)).sent_second;
  for (int i = 0; i < 40; ++i) send_without_2();
  EXPECT_EQ(all(said(account_)).sent_second, second) << "nobody is in the second set but the demoted one";
  for (int i = 0; i < 8; ++i) send_first_set(account_, sequence++);
  EXPECT_EQ(said(account_).demoted, ServerSet());
}

TEST_F(LinkBookTest, where_sets_do_not_adapt_nobody_is_taken_for_demoted) {
  config::Topology fixed = topology_;
  fixed.wan.adaptive_sets = false;
  Account account(fixed, &keys_.directory());
  for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) {
    for (const std::uint16_t server : Order{0, 1, 3}) send(account, sequence, server, Instant(1));
  }
  EXPECT_EQ(said(account).demoted, ServerSet());
  EXPECT_EQ(said(account).servers[2].missed_turns, 30U);
}

TEST_F(LinkBookTest, on_hub_immediate_nothing_is_needless_or_cancelled) {
  const config::Topology topology = hub_topology(keys_.system(), config::LinkKind::hub_immediate);
  Account account(topology, &keys_.directory());
  for (std::uint16_t server = 0; server < kServers; ++server) send(account, 1, server, Instant(1));
  const ServerTotals sum = all(said(account));
  EXPECT_EQ(sum.sent_first, 3U);
  EXPECT_EQ(sum.sent_second, 1U);
  EXPECT_EQ(sum.needless + sum.cancelled, 0U);
}

TEST_F(LinkBookTest, lines_say_who_sent_when) {
  send(account_, 1, 1, Instant(1'000'000));
  send(account_, 1, 3, Instant(1'500'000));
  const LinkBook::Account said = LinkBookTest::said(account_);
  ASSERT_EQ(said.lines.size(), 1U);
  EXPECT_EQ(said.lines.front().first_set, "B2 B3 B4");
  EXPECT_EQ(said.lines.front().parts, "B2+0.000ms B4+0.500ms");
}

}  // namespace
}  // namespace garrison::tap
