#include "dataplane/forwarder/session_stream.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace garrison::forwarder {
namespace {

using End = SessionStream::End;

Hello hello() {
  Hello hello{SystemId(7), SiteId(1), ServerId(2), Role::backup, {}};
  hello.nonce.fill(0x11);
  return hello;
}

class SessionStreamTest : public ::testing::Test {
 protected:
  // Feeds it in pieces of so many bytes.
  static void feed(SessionStream& to, ByteView bytes, std::size_t step, std::vector<Bytes>& bodies) {
    while (!bytes.empty()) {
      const MutableBytes room = to.room();
      const std::size_t size = std::min({step, room.size(), bytes.size()});
      std::copy_n(bytes.begin(), size, room.begin());
      to.filled(size);
      bytes = bytes.subspan(size);
      while (const auto body = to.front()) {
        bodies.push_back(to_bytes(*body));
        to.pop();
      }
      if (to.failed().has_value()) return;
    }
  }

  crypto::SecretBytes shared{Bytes(32, 0x33)};
  Nonce nonce{0x22};
  SessionStream server{End::server, shared, hello(), nonce};
  SessionStream forwarder{End::forwarder, shared, hello(), nonce};
};

TEST_F(SessionStreamTest, frames_arrive_whole_however_the_stream_is_cut) {
  const std::vector<Bytes> sent{{}, {1}, Bytes(kMaxBodyBytes, 7), {2, 3}};
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
    SessionStream from(End::server, shared, hello(), nonce);
    SessionStream to(End::forwarder, shared, hello(), nonce);
    Bytes stream;
    for (const Bytes& body : sent) from.seal(body, stream);
    std::vector<Bytes> bodies;
    feed(to, stream, step, bodies);
    EXPECT_EQ(bodies, sent);
    EXPECT_EQ(to.received(), 4U);
  }
}

TEST_F(SessionStreamTest, a_frame_that_was_altered_ends_the_session) {
  Bytes stream;
  server.seal(Bytes{1, 2, 3}, stream);
  for (std::size_t i = 4; i < stream.size(); ++i) {
    SessionStream to(End::forwarder, shared, hello(), nonce);
    Bytes altered = stream;
    altered[i] ^= 1;
    std::vector<Bytes> bodies;
    feed(to, altered, 1000, bodies);
    EXPECT_EQ(to.failed(), DropReason::forwarder_bad_tag);
    EXPECT_TRUE(bodies.empty());
  }
}

TEST_F(SessionStreamTest, a_frame_counts_at_its_place_alone) {
  Bytes first;
  Bytes second;
  server.seal(Bytes{1}, first);
  server.seal(Bytes{1}, second);
  std::vector<Bytes> bodies;
  feed(forwarder, first, 1000, bodies);
  feed(forwarder, first, 1000, bodies);  // again
  EXPECT_EQ(forwarder.failed(), DropReason::forwarder_bad_tag);
  SessionStream other(End::forwarder, shared, hello(), nonce);
  feed(other, second, 1000, bodies);  // too early
  EXPECT_EQ(other.failed(), DropReason::forwarder_bad_tag);
  EXPECT_EQ(bodies.size(), 1U);
}

TEST_F(SessionStreamTest, a_frame_counts_in_its_session_and_direction_alone) {
  Bytes stream;
  server.seal(Bytes{1}, stream);
  Hello other_server = hello();
  other_server.server = ServerId(3);
  Hello other_nonce = hello();
  other_nonce.nonce.fill(0x12);
  Nonce other{};
  std::vector<Bytes> bodies;
  SessionStream streams[] = {{End::forwarder, crypto::SecretBytes(Bytes(32, 0x34)), hello(), nonce},
                             {End::forwarder, shared, other_server, nonce},
                             {End::forwarder, shared, other_nonce, nonce},
                             {End::forwarder, shared, hello(), other},
                             {End::server, shared, hello(), nonce}};
  for (SessionStream& each : streams) {
    feed(each, stream, 1000, bodies);
    EXPECT_EQ(each.failed(), DropReason::forwarder_bad_tag);
  }
  EXPECT_TRUE(bodies.empty());
}

TEST_F(SessionStreamTest, a_frame_that_announces_too_much_ends_the_session) {
  Bytes stream(4);
  Writer(stream).u32(kMaxBodyBytes + 1);
  std::vector<Bytes> bodies;
  feed(forwarder, stream, 4, bodies);
  EXPECT_EQ(forwarder.failed(), DropReason::forwarder_malformed);
}

TEST(SessionBodiesTest, hellos_and_bodies_come_back_as_they_were_written) {
  const auto greeting = read_hello(write_hello(hello()));
  ASSERT_TRUE(greeting.has_value());
  EXPECT_EQ(greeting->server, ServerId(2));
  EXPECT_EQ(greeting->forwarder, Role::backup);
  EXPECT_EQ(greeting->nonce, hello().nonce);

  const Header header{SeqNum(9), 0x8001, TrafficClass::timely};
  const Bytes departure_body = write_departure(header, Bytes{1, 2});
  const auto departure = read_departure(departure_body);
  ASSERT_TRUE(departure.has_value());
  EXPECT_EQ(departure->header, header);
  EXPECT_EQ(to_bytes(departure->message), (Bytes{1, 2}));

  const Bytes arrival_body = write_arrival(SiteId(3), Bytes{5});
  const auto arrival = read_arrival(arrival_body);
  ASSERT_TRUE(arrival.has_value());
  EXPECT_EQ(arrival->source, SiteId(3));
  EXPECT_EQ(to_bytes(arrival->message), Bytes{5});
}

TEST(SessionBodiesTest, bodies_that_fit_no_layout_are_refused) {
  const auto bytes = write_hello(hello());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(read_hello(ByteView(bytes).first(size)));
  for (const std::size_t at : {0, 20, 21}) {
    auto altered = bytes;
    altered[at] ^= 0x80;
    EXPECT_FALSE(read_hello(altered));
  }
  const Bytes departure = write_departure({SeqNum(9), 1, TrafficClass::timely}, {});
  for (std::size_t size = 0; size < departure.size(); ++size) {
    EXPECT_FALSE(read_departure(ByteView(departure).first(size)));
  }
  for (const std::size_t at : {16, 17}) {  // class, reserved
    Bytes altered = departure;
    altered[at] ^= 0x80;
    EXPECT_FALSE(read_departure(altered));
  }
  EXPECT_FALSE(read_departure(write_departure({SeqNum(0), 1, TrafficClass::timely}, {})));
  EXPECT_FALSE(read_arrival(Bytes(kArrivalBytes - 1)));
  EXPECT_FALSE(read_arrival(Bytes{0, 0, 1, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace garrison::forwarder
