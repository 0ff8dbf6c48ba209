#include "apps/adversary/spec.h"

#include <gtest/gtest.h>

#include <set>

#include "apps/adversary/attack.h"

namespace garrison::adversary {
namespace {

std::string error_of(std::string_view text) {
  const auto specs = parse_specs(text);
  return specs.ok() ? "" : specs.error().message;
}

TEST(SpecTest, a_spec_is_a_name_and_its_options) {
  const auto specs = parse_specs("silent:types=PREPARE+COMMIT:to=A2,late:by=7ms,replay");
  ASSERT_TRUE(specs.ok());
  ASSERT_EQ(specs.value().size(), 3U);
  const Conspiracy conspiracy(4, 1, ServerSet::only(ServerId(0)));
  EXPECT_EQ(specs.value()[0].kind->name, "silent");
  EXPECT_EQ(specs.value()[0].text, "silent:types=PREPARE+COMMIT:to=A2");
  EXPECT_EQ(specs.value()[0].options.servers("to", conspiracy), ServerSet::only(ServerId(1)));
  using message::MessageType;
  EXPECT_EQ(specs.value()[0].options.types("types"),
            (MessageTypes{MessageType::Prepare, MessageType::BftPrepare, MessageType::Commit, MessageType::BftCommit}));
  EXPECT_EQ(specs.value()[1].options.duration("by"), milliseconds(7));
  EXPECT_EQ(specs.value()[2].options.number("chance"), 20U) << "the option's own value";
}

TEST(SpecTest, errors_say_what_would_be_right) {
  EXPECT_NE(error_of("shouting").find("there are: silent, deaf"), std::string::npos);
  EXPECT_NE(error_of("").find("no adversary is called \"\""), std::string::npos);
  EXPECT_NE(error_of("silent,").find("no adversary"), std::string::npos) << "a comma promises one more";
  EXPECT_NE(error_of("silent:by=7ms").find("there are: types, to"), std::string::npos);
  EXPECT_NE(error_of("ack-only-faulty:to=f").find("there are: none"), std::string::npos);
  EXPECT_NE(error_of("late:by=7").find("a duration"), std::string::npos);
  EXPECT_NE(error_of("silent:types=PO-REQUESTS").find("names of messages"), std::string::npos);
  EXPECT_NE(error_of("silent:types=CLIENT-OP").find("names of messages"), std::string::npos);
  EXPECT_NE(error_of("silent:to=B").find("names of servers"), std::string::npos);
  EXPECT_NE(error_of("replay:chance=101").find("percent"), std::string::npos);
  EXPECT_NE(error_of("repeat:times=0").find("a number"), std::string::npos);
  EXPECT_NE(error_of("lie-times:as=middling").find("low or high"), std::string::npos);
  EXPECT_NE(error_of("repeat:times=").find("a number"), std::string::npos);
}

TEST(SpecTest, every_example_of_every_kind_can_be_parsed) {
  std::set<std::string_view> names;
  for (const Kind& kind : kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_FALSE(kind.examples.empty()) << kind.name;
    for (const std::string_view example : kind.examples) EXPECT_EQ(error_of(example), "") << example;
    for (const OptionOfKind& option : kind.options) {
      EXPECT_FALSE(wanted_instead(option.kind, option.initial).has_value()) << kind.name << " " << option.name;
    }
  }
}

TEST(SpecTest, a_preset_stands_for_its_chain) {
  const auto specs = parse_specs("replay,prime-attack");
  ASSERT_TRUE(specs.ok());
  ASSERT_EQ(specs.value().size(), 4U);
  EXPECT_EQ(specs.value()[2].kind->name, "withhold-requests");
  for (const Preset& preset : presets()) EXPECT_EQ(error_of(preset.specs), "");
}

TEST(SpecTest, random_mixes_can_be_parsed_and_differ) {
  for (const config::LocalProtocol protocol : {config::LocalProtocol::prime, config::LocalProtocol::bft}) {
    Rng rng(1);
    std::set<std::string> drawn;
    for (int i = 0; i < 50; ++i) {
      const std::string specs = random_specs(rng, protocol);
      drawn.insert(specs);
      ASSERT_EQ(error_of(specs), "");
      const std::vector<Spec> parsed = parse_specs(specs).value();
      EXPECT_FALSE(parsed.front().kind->on_occasion) << "one of them acts in any busy run";
      for (const Spec& spec : parsed) {
        EXPECT_TRUE(protocol == config::LocalProtocol::prime || !spec.kind->bft_examples.empty()) << spec.text;
      }
    }
    EXPECT_GT(drawn.size(), 20U);
  }
}

TEST(AttackTest, what_nobody_acted_on_is_found) {
  Conspiracy conspiracy(7, 2, ServerSet::only(ServerId(0)).insert(ServerId(6)));
  conspiracy.record(ServerId(0), "silent").acted.add();
  Conspiracy::Record& late = conspiracy.record(ServerId(0), "late");
  conspiracy.record(ServerId(6), "silent");
  EXPECT_EQ(find_idle({"silent,late", "2"}, conspiracy), "late never acted");
  late.acted.add();
  EXPECT_EQ(find_idle({"silent,late", "2"}, conspiracy), std::nullopt) << "one of its servers acted on each";
  EXPECT_EQ(find_idle({"random", "2"}, conspiracy), "A7 never acted") << "its mix is its own";
  const auto name_of = [](ServerId site) { return "site " + std::to_string(site.value()); };
  EXPECT_EQ(find_idle({"random", "2"}, conspiracy, name_of), "site 6 never acted");
  conspiracy.record(ServerId(0), "delay-leader", true);
  EXPECT_EQ(find_idle({"silent,late,delay-leader", "2"}, conspiracy), std::nullopt) << "perhaps it never led";
  Conspiracy alone(4, 1, ServerSet::only(ServerId(0)));
  alone.record(ServerId(0), "delay-leader", true);
  EXPECT_EQ(find_idle({"delay-leader", "1"}, alone), "delay-leader never acted");
  alone.record(ServerId(0), "cry-wolf", true).acted.add();
  EXPECT_EQ(find_idle({"delay-leader,cry-wolf", "1"}, alone), "delay-leader never acted") << "nor is that any busy run";
}

TEST(AttackTest, a_random_mix_that_did_nothing_is_idle_whatever_it_waited_for) {
  Conspiracy conspiracy(7, 2, ServerSet::only(ServerId(0)).insert(ServerId(6)));
  conspiracy.record(ServerId(0), "silent").acted.add();
  conspiracy.record(ServerId(6), "silent");
  conspiracy.record(ServerId(6), "delay-leader", true);
  EXPECT_EQ(find_idle({"random", "2"}, conspiracy), "A7 never acted");
}

TEST(ConspiracyTest, the_faulty_agree_on_whom_of_the_correct_to_leave_out_and_whom_to_serve) {
  const Conspiracy conspiracy(7, 2, ServerSet::only(ServerId(0)).insert(ServerId(6)));
  EXPECT_EQ(conspiracy.victims(), ServerSet::only(ServerId(4)).insert(ServerId(5)));
  EXPECT_EQ(conspiracy.confidants(), ServerSet::only(ServerId(1)));
  EXPECT_EQ(Conspiracy(7, 2, ServerSet::only(ServerId(0))).confidants(),
            ServerSet::only(ServerId(1)).insert(ServerId(2)));
  EXPECT_EQ(parse_servers("f", conspiracy), conspiracy.victims());
  EXPECT_EQ(parse_servers("few", conspiracy), ServerSet::only(ServerId(1)));
  EXPECT_EQ(parse_servers("correct", conspiracy)->size(), 5U);
  EXPECT_EQ(parse_servers("faulty", conspiracy), conspiracy.faulty());
  EXPECT_EQ(parse_servers("all", conspiracy), ServerSet::all(7));
  EXPECT_EQ(parse_servers("A1+A3", conspiracy), ServerSet::only(ServerId(0)).insert(ServerId(2)));
}

}  // namespace
}  // namespace garrison::adversary
