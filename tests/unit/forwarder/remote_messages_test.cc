#include "dataplane/forwarder/remote_messages.h"

#include <gtest/gtest.h>

#include <string>

namespace garrison::forwarder {
namespace {

class RemoteMessagesTest : public ::testing::Test {
 protected:
  void push(std::uint16_t site, std::string_view text) { messages.push(SiteId(site), as_bytes(text)); }
  // What the server takes, until it has everything or so many.
  std::string take(std::uint16_t server, std::size_t most = 100) {
    std::string all;
    for (; most > 0; --most) {
      const auto arrival = messages.next(ServerId(server));
      if (!arrival.has_value()) break;
      all += std::string(arrival->message.begin(), arrival->message.end()) + " ";
      messages.written(ServerId(server), arrival->source, arrival->number);
    }
    return all;
  }

  DropCounters drops;
  RemoteMessages messages{{.n = 4, .f = 1, .collect_after = 2, .sites = 3, .queue = 3}, drops};
};

TEST_F(RemoteMessagesTest, every_server_has_every_message_of_a_site_in_order) {
  push(1, "a");
  push(1, "b");
  for (std::uint16_t server = 0; server < 3; ++server) EXPECT_EQ(take(server), "a b ");
  EXPECT_EQ(messages.waiting(SiteId(1)), 2U);
  EXPECT_EQ(take(3), "a b ");
  EXPECT_EQ(messages.waiting(SiteId(1)), 0U);
}

TEST_F(RemoteMessagesTest, a_message_stays_the_next_one_until_it_is_written) {
  push(1, "a");
  EXPECT_EQ(messages.next(ServerId(0))->number, 1U);
  EXPECT_EQ(messages.next(ServerId(0))->number, 1U);
  EXPECT_EQ(take(0), "a ");
  EXPECT_FALSE(messages.next(ServerId(0)).has_value());
}

TEST_F(RemoteMessagesTest, sites_have_their_turns) {
  for (const std::string_view text : {"a", "b", "c"}) push(1, text);
  push(2, "x");
  EXPECT_EQ(take(0), "a x b c ");
}

TEST_F(RemoteMessagesTest, what_f_plus_1_servers_have_is_forgotten_where_room_is_needed) {
  for (const std::string_view text : {"a", "b", "c"}) push(1, text);
  EXPECT_EQ(take(0), "a b c ");
  push(1, "d");  // one server has a, and that one may be faulty
  EXPECT_EQ(drops.get(DropReason::forwarder_queue_full), 1U);
  EXPECT_EQ(take(1, 1), "a ");
  push(1, "e");
  EXPECT_EQ(drops.get(DropReason::forwarder_forgotten), 1U);
  EXPECT_EQ(take(0), "e ");
  EXPECT_EQ(take(2), "b c e ");
}

TEST_F(RemoteMessagesTest, one_site_takes_no_room_of_another) {
  for (int i = 0; i < 10; ++i) push(1, "a");
  push(2, "x");
  EXPECT_EQ(drops.get(DropReason::forwarder_queue_full), 7U);
  EXPECT_EQ(take(0), "a x a a ");
}

TEST_F(RemoteMessagesTest, what_was_forgotten_while_it_was_written_is_written) {
  for (const std::string_view text : {"a", "b", "c"}) push(1, text);
  take(0);
  take(1);
  const auto slow = messages.next(ServerId(2));
  const std::uint64_t number = slow->number;
  push(1, "d");
  messages.written(ServerId(2), SiteId(1), number);
  EXPECT_EQ(take(2), "b c d ");
}

}  // namespace
}  // namespace garrison::forwarder
