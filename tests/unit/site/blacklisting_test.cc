// Blacklisting between the logical machines of several sites: wrong parts, lost questions and answers, and sites that
// lie about each other. At every server of a site the same must be listed behind the same event.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/site/world.h"

namespace garrison::site {
namespace {

constexpr SiteId kA(0);
constexpr SiteId kB(1);

class BlacklistingTest : public ::testing::Test {
 protected:
  // All servers of a site list the same, behind the same event.
  void watch(World& world) {
    for (std::size_t s = 0; s < world.options().sites; ++s) {
      for (std::size_t i = 0; i < world.options().servers; ++i) {
        world.machine(s, i).on_convicted = [this, s, i](std::uint64_t events, const Conviction& conviction) {
          listed_[{s, i}].emplace_back(events, conviction.site, conviction.servers.bits(), conviction.offence);
        };
      }
    }
  }
  void expect_same_lists(World& world) {
    for (std::size_t s = 0; s < world.options().sites; ++s) {
      for (std::size_t i = 1; i < world.options().servers; ++i) {
        EXPECT_EQ((listed_[{s, i}]), (listed_[{s, 0}])) << "site " << s << " server " << i;
        EXPECT_EQ(world.machine(s, i).blacklist(), world.machine(s, 0).blacklist());
      }
    }
  }
  static void submit_rounds(World& world, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = first; i < first + count; ++i) {
      for (std::uint32_t s = 0; s < 4; ++s) world.submit(s, i % 4, s, i);
      world.run_for(milliseconds(50));
    }
  }
  static void expect_executed(World& world, std::uint64_t updates, std::vector<std::size_t> sites = {0, 1, 2, 3}) {
    for (const std::size_t s : sites) {
      for (std::size_t i = 0; i < world.options().servers; ++i) {
        EXPECT_EQ(world.executed(s, i), updates) << "site " << s << " server " << i;
        EXPECT_EQ(world.digest(s, i), world.digest(sites.front(), 0)) << "site " << s << " server " << i;
      }
    }
  }
  // Servers of A that lie to these sites.
  static void lie(World& world, ServerSet liars, std::vector<SiteId> to) {
    world.corrupt = [liars, to](SiteId source, std::size_t from, message::LinkPart& part, Bytes& bytes) {
      if (source == kA && liars.contains(ServerId(static_cast<std::uint16_t>(from))) &&
          std::ranges::find(to, part.destination) != to.end()) {
        bytes[bytes.size() / 2] ^= 1U;
      }
      return true;
    };
  }

 private:
  using Listed = std::tuple<std::uint64_t, SiteId, std::uint32_t, Offence>;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Listed>> listed_;
};

TEST_F(BlacklistingTest, a_server_that_sends_wrong_parts_is_listed_everywhere_and_decoding_fails_once_per_site) {
  World world;
  watch(world);
  lie(world, ServerSet::only(ServerId(3)), {kB, SiteId(2), SiteId(3)});
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_executed(world, 20);
  expect_same_lists(world);
  for (std::size_t s = 0; s < 4; ++s) {
    EXPECT_EQ(world.machine(s, 0).blacklist().servers(kA), ServerSet::only(ServerId(3))) << "site " << s;
    for (std::uint16_t other = 0; other < 4; ++other) {
      EXPECT_FALSE(world.machine(s, 0).blacklist().has(SiteId(other)));
      if (other == kA.value()) continue;
      EXPECT_TRUE(world.machine(s, 0).blacklist().servers(SiteId(other)).empty());
    }
    EXPECT_LE(world.machine(s, 0).status().failed_decodings, 1U);
  }
  EXPECT_EQ(world.machine(1, 0).status().failed_decodings, 1U);
}

TEST_F(BlacklistingTest, a_server_that_lies_to_one_site_is_listed_at_the_others_too) {
  World world;
  watch(world);
  lie(world, ServerSet::only(ServerId(1)), {kB});
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_executed(world, 20);
  expect_same_lists(world);
  for (const std::size_t s : {0U, 1U, 2U, 3U}) {
    EXPECT_EQ(world.machine(s, 0).blacklist().servers(kA), ServerSet::only(ServerId(1))) << "site " << s;
    EXPECT_EQ(world.machine(s, 0).status().failed_decodings, s == 1 ? 1U : 0U);
    ASSERT_EQ(world.convictions(s, 0).size(), 1U);
    const Conviction& conviction = world.convictions(s, 0).front();
    const auto wrong = message::decode<message::LinkPart>(conviction.evidence.front());
    ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(wrong->destination, kB) << "the proof is the same at every site";
  }
}

TEST_F(BlacklistingTest, questions_and_answers_that_are_lost_are_repeated) {
  for (const bool lose_questions : {true, false}) {
    World world;
    watch(world);
    lie(world, ServerSet::only(ServerId(3)), {kB});
    std::size_t lost = 0;
    world.passes = [&](SiteId, std::size_t, SiteId, const Bytes& message) {
      const bool asks = message::decode<message::LinkInquiry>(message).has_value();
      if (asks != lose_questions || lost == 8) return true;
      ++lost;
      return false;
    };
    world.run_for(seconds(5));
    submit_rounds(world, 1, 3);
    world.run_for(seconds(3));
    EXPECT_EQ(lost, 8U);
    expect_executed(world, 12);
    expect_same_lists(world);
    EXPECT_EQ(world.machine(1, 0).blacklist().servers(kA), ServerSet::only(ServerId(3)));
    EXPECT_EQ(world.machine(1, 0).status().failed_decodings, 1U);
  }
}

// Bound: f + 1 failed decodings of one source, whatever its servers do and as often as they do it.
TEST_F(BlacklistingTest, decoding_what_a_faulty_site_sends_fails_f_plus_one_times_and_never_again) {
  World world({.servers = 7, .faulty_servers = 2});
  watch(world);
  world.corrupt = [&](SiteId source, std::size_t from, message::LinkPart& part, Bytes& bytes) {
    // One server after the other begins to lie, so that they are found out one by one.
    const bool lies = source == kA && part.destination == kB && part.sequence.value() >= 20 * (from + 1);
    if (lies) bytes[bytes.size() / 3] ^= 1U;
    return true;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 10);
  world.run_for(seconds(8));
  expect_same_lists(world);
  EXPECT_TRUE(world.machine(1, 0).blacklist().has(kA)) << "more than f of its servers are known";
  EXPECT_EQ(world.machine(1, 0).blacklist().servers(kA).size(), 3U);
  EXPECT_EQ(world.machine(1, 0).status().failed_decodings, 3U);
  expect_executed(world, world.executed(1, 0), {1, 2, 3});
  EXPECT_GE(world.executed(1, 0), 30U) << "the other sites go on";
  EXPECT_EQ(world.machine(1, 0).receiver().held_bytes(kA), 0U);
}

TEST_F(BlacklistingTest, a_site_that_never_answers_is_held_back_in_bounded_memory_and_the_others_go_on) {
  World world;
  watch(world);
  lie(world, ServerSet::only(ServerId(3)), {kB});
  world.passes = [](SiteId source, std::size_t, SiteId destination, const Bytes&) {
    return source != kA || destination != kB;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(6));
  expect_same_lists(world);
  EXPECT_FALSE(world.machine(1, 0).blacklist().has(kA));
  EXPECT_EQ(world.machine(1, 0).status().failed_decodings, 1U);
  EXPECT_GT(world.machine(1, 0).drops().get(DropReason::link_held_back), 0U);
  for (const std::size_t s : {1U, 2U, 3U}) EXPECT_GE(world.executed(s, 0), 15U);
}

// What all servers of a faulty site do behind the same event.
class FalseInquirer {
 public:
  // Collects k right parts of a link message of its victim and asks about them.
  explicit FalseInquirer(SiteId victim, SiteId self, const message::Envelope& envelope)
      : victim_(victim), self_(self), envelope_(envelope) {}
  void on_event(LogicalMachine& machine, const message::VerifiedMessage& event) {
    if (asked_ || event.type() != message::MessageType::LinkPart || event.signer().site != victim_) return;
    const auto part = event.as<message::LinkPart>();
    if (part.traffic != TrafficClass::bounded || part.sequence.value() < 5) return;
    if (!sequence_.has_value()) sequence_ = part.sequence;
    if (part.sequence != *sequence_) return;
    parts_.push_back(to_bytes(event.bytes()));
    if (parts_.size() < part.k) return;
    asked_ = true;
    const message::InquiryId id{victim_, self_, part.traffic, part.incarnation, SeqNum(1), *sequence_};
    machine.say_uncoded(
        {victim_, message::encode(envelope_, message::LinkInquiry{id, {parts_.begin(), parts_.end()}}), {}});
  }

 private:
  SiteId victim_;
  SiteId self_;
  message::Envelope envelope_;
  std::optional<SeqNum> sequence_;
  std::vector<Bytes> parts_;
  bool asked_ = false;
};

TEST_F(BlacklistingTest, a_site_that_asks_about_right_parts_is_listed_by_whom_it_asked_and_the_others_go_on) {
  World world;
  watch(world);
  const SiteId liar(3);
  for (std::size_t i = 0; i < 4; ++i) {
    auto inquirer = std::make_shared<FalseInquirer>(kA, liar, world.envelope(crypto::Principal::of_site(liar)));
    world.machine(3, i).corrupt({[inquirer](LogicalMachine& machine, const message::VerifiedMessage& event) {
      inquirer->on_event(machine, event);
    }});
  }
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(3));
  expect_same_lists(world);
  // It may have acknowledged the message meanwhile.
  EXPECT_TRUE(world.machine(0, 0).blacklist().has(liar));
  EXPECT_FALSE(world.machine(1, 0).blacklist().has(kA));
  EXPECT_TRUE(world.machine(1, 0).blacklist().servers(kA).empty());
  for (const std::size_t s : {0U, 1U, 2U}) EXPECT_GE(world.executed(s, 0), 15U);
}

TEST_F(BlacklistingTest, on_the_naive_link_a_wrong_copy_lists_its_sender) {
  World world({.link = config::LinkKind::naive});
  watch(world);
  lie(world, ServerSet::only(ServerId(1)), {kB, SiteId(2), SiteId(3)});
  world.run_for(seconds(1));
  submit_rounds(world, 1, 3);
  world.run_for(seconds(2));
  expect_executed(world, 12);
  expect_same_lists(world);
  for (const std::size_t s : {1U, 2U, 3U}) {
    EXPECT_EQ(world.machine(s, 0).blacklist().servers(kA), ServerSet::only(ServerId(1)));
    EXPECT_EQ(world.machine(s, 0).status().failed_decodings, 1U);
  }
}

}  // namespace
}  // namespace garrison::site
