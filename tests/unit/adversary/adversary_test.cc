// The decorator itself, around a core that the test speaks for.
#include "apps/adversary/adversary.h"

#include <gtest/gtest.h>

#include "tests/support/site_keys.h"

namespace garrison::adversary {
namespace {

using message::MessageType;
using ordering::Output;

// Says what it is told to at its next step, and remembers what it hears.
class ScriptedCore final : public ordering::OrderingCore {
 public:
  void step(Instant, const ordering::Input& input, Output& output) override {
    if (const auto* message = std::get_if<message::VerifiedMessage>(&input)) {
      heard.push_back(to_bytes(message->content()));
    } else {
      ++wakeups;
    }
    output.sign = std::exchange(next_sign, {});
    output.forward = std::exchange(next_forward, {});
  }
  Instant next_wakeup() const override { return wakeup; }
  bool accepts_updates() const override { return true; }
  ordering::Progress progress() const override { return {}; }
  std::optional<ordering::Checkpoint> checkpoint() const override { return std::nullopt; }
  ordering::Status status() const override { return {}; }

  std::vector<ordering::Sign> next_sign;
  std::vector<ordering::Forward> next_forward;
  std::vector<Bytes> heard;
  std::size_t wakeups = 0;
  Instant wakeup = Instant::never();
};

class Scripted final : public Adversary {
 public:
  using Adversary::act;
  using Adversary::Adversary;
  using Adversary::let_hear;
  using Adversary::lie;
  using Adversary::now;
  using Adversary::send;
  using Adversary::send_later;
  std::function<bool(Scripted&, const message::VerifiedMessage&)> on_hears;
  std::function<void(Scripted&, ordering::Sign&)> on_says;
  std::function<void(Scripted&, ordering::Forward&)> on_forwards;
  std::function<void(Scripted&)> on_acts;
  Instant act_at = Instant::never();

 protected:
  bool hears(const message::VerifiedMessage& message) override { return !on_hears || on_hears(*this, message); }
  void says(ordering::Sign& sign) override {
    if (on_says) on_says(*this, sign);
  }
  void forwards(ordering::Forward& forward) override {
    if (on_forwards) on_forwards(*this, forward);
  }
  Instant acts_at() const override { return act_at; }
  void acts() override {
    act_at = Instant::never();
    if (on_acts) on_acts(*this);
  }
};

class AdversaryTest : public ::testing::Test {
 protected:
  static constexpr ServerId kSelf{0};

  AdversaryTest() : conspiracy_(std::make_shared<Conspiracy>(4, 1, ServerSet::only(kSelf))) {
    auto core = std::make_unique<ScriptedCore>();
    core_ = core.get();
    auto scripted = std::make_unique<Scripted>(std::move(core), context(), conspiracy_->record(kSelf, "scripted"));
    adversary_ = scripted.get();
    outermost_ = std::move(scripted);
  }
  Context context() { return {keys_.envelope(kSelf), kSelf, conspiracy_, 1}; }

  ordering::Sign commit(std::uint64_t sequence) {
    ordering::Sign sign;
    sign.type = MessageType::Commit;
    sign.content = message::encode(keys_.envelope(kSelf), message::Commit{View(0), SeqNum(sequence), {}, {}});
    sign.to = ServerSet::all(4).without(kSelf);
    return sign;
  }
  Output step(const ordering::Input& input, Instant now = Instant(1)) {
    Output output;
    outermost_->step(now, input, output);
    return output;
  }
  Output hear(ServerId from, std::uint64_t sequence) {
    const auto stored = keys_.verified(from, message::Commit{View(0), SeqNum(sequence), {}, {}});
    kept_.push_back(stored);
    return step(stored->get());
  }
  // The core speaks, whatever made it step.
  Output say(std::vector<ordering::Sign> signs) {
    core_->next_sign = std::move(signs);
    return hear(ServerId(1), ++heard_);
  }
  Output come_back(const ordering::Sign& sign, Instant now = Instant(1)) {
    kept_.push_back(keys_.verified(keys_.server(kSelf), sign.content));
    return step(kept_.back()->get(), now);
  }
  [[nodiscard]] std::size_t heard(const Bytes& content) const {
    return static_cast<std::size_t>(std::count(core_->heard.begin(), core_->heard.end(), content));
  }

  testing::SiteKeys keys_{4};
  std::shared_ptr<Conspiracy> conspiracy_;
  ScriptedCore* core_ = nullptr;
  Scripted* adversary_ = nullptr;
  std::unique_ptr<ordering::OrderingCore> outermost_;
  std::vector<std::shared_ptr<const message::StoredMessage>> kept_;
  std::uint64_t heard_ = 1000;
};

TEST_F(AdversaryTest, without_hooks_nothing_changes) {
  const Output output = say({commit(1)});
  ASSERT_EQ(output.sign.size(), 1U);
  EXPECT_EQ(output.sign[0].to.size(), 3U);
  come_back(output.sign[0]);
  EXPECT_EQ(heard(output.sign[0].content), 1U);
  EXPECT_EQ(conspiracy_->records()[0].acted.get(), 0U);
}

TEST_F(AdversaryTest, what_it_ignores_its_core_does_not_hear) {
  adversary_->on_hears = [](Scripted& self, const message::VerifiedMessage& message) {
    self.act();
    return message.server() != ServerId(2);
  };
  hear(ServerId(2), 1);
  EXPECT_TRUE(core_->heard.empty());
  hear(ServerId(3), 1);
  EXPECT_EQ(core_->heard.size(), 1U);
  EXPECT_EQ(conspiracy_->records()[0].acted.get(), 2U);
}

TEST_F(AdversaryTest, what_it_kept_to_itself_its_core_hears_when_it_acts_and_each_answer_is_altered_once) {
  adversary_->on_hears = [](Scripted& /*self*/, const message::VerifiedMessage& /*message*/) { return false; };
  hear(ServerId(2), 1);
  hear(ServerId(3), 1);
  ASSERT_TRUE(core_->heard.empty());
  std::size_t said = 0;
  adversary_->on_says = [&](Scripted& /*self*/, ordering::Sign& /*sign*/) { ++said; };
  adversary_->on_acts = [&](Scripted& self) {
    for (std::uint64_t i = 0; i < 2; ++i) {
      core_->next_sign = {commit(i + 1)};
      self.let_hear(kept_[i]->get());
    }
  };
  adversary_->act_at = Instant(70);
  EXPECT_EQ(outermost_->next_wakeup(), Instant(70));
  EXPECT_TRUE(step(ordering::Wakeup{}, Instant(69)).sign.empty());
  const Output output = step(ordering::Wakeup{}, Instant(70));
  EXPECT_EQ(core_->heard.size(), 2U);
  EXPECT_EQ(output.sign.size(), 2U);
  EXPECT_EQ(said, 2U);
  EXPECT_EQ(core_->wakeups, 0U) << "the core had not asked for it";
}

TEST_F(AdversaryTest, held_back_it_is_a_correct_server_until_it_begins) {
  conspiracy_->hold_back();
  adversary_->act_at = Instant(1);
  adversary_->on_acts = [](Scripted& /*self*/) { ADD_FAILURE() << "it acts"; };
  adversary_->on_hears = [](Scripted& /*self*/, const message::VerifiedMessage& /*message*/) { return false; };
  adversary_->on_says = [](Scripted& /*self*/, ordering::Sign& sign) { sign.to = {}; };
  adversary_->on_forwards = [](Scripted& /*self*/, ordering::Forward& forward) { forward.to = {}; };
  core_->next_forward.push_back({kept_.emplace_back(keys_.verified(ServerId(2), message::Commit{})),
                                 ServerSet::only(ServerId(3)), TrafficClass::bounded, 0});
  const Output correct = say({commit(1)});
  ASSERT_EQ(correct.sign.size(), 1U);
  EXPECT_EQ(correct.sign[0].to.size(), 3U);
  EXPECT_EQ(correct.forward.size(), 1U);
  EXPECT_EQ(core_->heard.size(), 1U);
  EXPECT_EQ(outermost_->next_wakeup(), Instant::never());
  adversary_->on_acts = {};
  conspiracy_->begin();
  hear(ServerId(1), 1);
  EXPECT_EQ(core_->heard.size(), 1U);
}

TEST_F(AdversaryTest, a_lie_is_signed_and_never_reaches_the_core) {
  const Bytes other = commit(2).content;
  adversary_->on_says = [&](Scripted& self, ordering::Sign& sign) {
    sign.to.erase(ServerId(3));
    self.lie(sign, other, ServerSet::only(ServerId(3)).insert(kSelf));
  };
  const Output output = say({commit(1)});
  ASSERT_EQ(output.sign.size(), 2U);
  EXPECT_EQ(output.sign[0].content, other);
  EXPECT_EQ(output.sign[0].to, ServerSet::only(ServerId(3)));
  EXPECT_FALSE(output.sign[1].to.contains(ServerId(3)));
  for (const ordering::Sign& sign : output.sign) come_back(sign);
  EXPECT_EQ(heard(other), 0U);
  EXPECT_EQ(heard(output.sign[1].content), 1U);
  // A peer floods both of them.
  for (const ordering::Sign& sign : output.sign) come_back(sign);
  EXPECT_EQ(heard(other), 0U);
  EXPECT_EQ(heard(output.sign[1].content), 2U);
}

TEST_F(AdversaryTest, what_was_a_lie_once_may_be_said_in_earnest_later) {
  adversary_->on_says = [&](Scripted& self, ordering::Sign& sign) { self.lie(sign, commit(2).content, sign.to); };
  for (const ordering::Sign& sign : say({commit(1)}).sign) come_back(sign);
  adversary_->on_says = {};
  for (const ordering::Sign& sign : say({commit(2)}).sign) come_back(sign);
  EXPECT_EQ(heard(commit(2).content), 1U);
}

TEST_F(AdversaryTest, a_replaced_content_is_what_the_core_hears_back) {
  adversary_->on_says = [&](Scripted&, ordering::Sign& sign) { sign.content = commit(2).content; };
  const Output output = say({commit(1)});
  come_back(output.sign[0]);
  EXPECT_EQ(heard(commit(2).content), 1U);
}

TEST_F(AdversaryTest, a_late_message_comes_back_at_once_and_leaves_in_time) {
  adversary_->on_says = [](Scripted& self, ordering::Sign& sign) { self.send_later(sign, Instant(50)); };
  const Output output = say({commit(1)});
  ASSERT_EQ(output.sign.size(), 1U);
  EXPECT_TRUE(output.sign[0].to.empty());
  EXPECT_TRUE(come_back(output.sign[0], Instant(10)).forward.empty());
  EXPECT_EQ(heard(output.sign[0].content), 1U);
  EXPECT_EQ(outermost_->next_wakeup(), Instant(50));
  EXPECT_TRUE(step(ordering::Wakeup{}, Instant(49)).forward.empty());
  const Output late = step(ordering::Wakeup{}, Instant(50));
  ASSERT_EQ(late.forward.size(), 1U);
  EXPECT_EQ(late.forward[0].to.size(), 3U);
  EXPECT_EQ(outermost_->next_wakeup(), Instant::never());
  EXPECT_EQ(core_->wakeups, 0U) << "the core had not asked for it";
}

TEST_F(AdversaryTest, its_core_is_woken_when_it_asked_for_it) {
  core_->wakeup = Instant(20);
  EXPECT_EQ(outermost_->next_wakeup(), Instant(20));
  step(ordering::Wakeup{}, Instant(20));
  EXPECT_EQ(core_->wakeups, 1U);
}

TEST_F(AdversaryTest, a_chain_swallows_each_lie_where_it_was_told) {
  Conspiracy::Record& record = conspiracy_->record(kSelf, "outer");
  auto outer = std::make_unique<Scripted>(std::move(outermost_), context(), record);
  outer->on_says = [&](Scripted& self, ordering::Sign& sign) {
    self.act();
    self.lie(sign, commit(3).content, ServerSet::only(ServerId(2)));
  };
  outermost_ = std::move(outer);
  adversary_->on_says = [&](Scripted& self, ordering::Sign& sign) {
    self.lie(sign, commit(2).content, ServerSet::only(ServerId(1)));
  };
  const Output output = say({commit(1)});
  EXPECT_EQ(output.sign.size(), 4U);
  EXPECT_EQ(record.acted.get(), 2U) << "the outer one hears the inner one's lie like any message";
  for (const ordering::Sign& sign : output.sign) come_back(sign);
  EXPECT_EQ(heard(commit(1).content), 1U);
  EXPECT_EQ(heard(commit(2).content) + heard(commit(3).content), 0U);
}

TEST_F(AdversaryTest, an_outer_one_may_replace_what_an_inner_one_said_late) {
  auto outer = std::make_unique<Scripted>(std::move(outermost_), context(), conspiracy_->record(kSelf, "outer"));
  outer->on_says = [&](Scripted&, ordering::Sign& sign) { sign.content = commit(9).content; };
  outermost_ = std::move(outer);
  adversary_->on_says = [](Scripted& self, ordering::Sign& sign) { self.send_later(sign, Instant(1)); };
  const Output output = say({commit(1)});
  const Output back = come_back(output.sign[0]);
  ASSERT_EQ(back.forward.size(), 1U);
  EXPECT_EQ(to_bytes(back.forward[0].message->get().content()), commit(9).content);
}

}  // namespace
}  // namespace garrison::adversary
