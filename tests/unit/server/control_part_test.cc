#include "apps/server/control_part.h"

#include <gtest/gtest.h>

#include <functional>

#include "control/service/kv_operation.h"
#include "tests/support/site_keys.h"
#include "tests/unit/server/plain_queues.h"

namespace garrison::server {
namespace {

// Does what the test says for each input.
class ScriptedCore final : public ordering::OrderingCore {
 public:
  std::function<void(const ordering::Input&, ordering::Output&)> script = [](const auto&, auto&) {};
  std::vector<ordering::PersistToken> durable;

  void step(Instant, const ordering::Input& input, ordering::Output& output) override {
    if (const auto* persisted = std::get_if<ordering::Persisted>(&input)) durable.push_back(persisted->token);
    script(input, output);
  }
  [[nodiscard]] Instant next_wakeup() const override { return Instant::never(); }
  [[nodiscard]] bool accepts_updates() const override { return true; }
  [[nodiscard]] ordering::Progress progress() const override { return progress_now; }
  [[nodiscard]] std::optional<ordering::Checkpoint> checkpoint() const override { return checkpoint_now; }
  [[nodiscard]] ordering::Status status() const override { return {}; }
  ordering::Progress progress_now;
  std::optional<ordering::Checkpoint> checkpoint_now;
};

class SlowStore final : public Store {
 public:
  void append(const ordering::Persist& record) override { appended = record.token; }
  [[nodiscard]] ordering::PersistToken durable() const override { return done; }
  ordering::PersistToken appended = 0;
  ordering::PersistToken done = 0;
};

class ControlPartTest : public ::testing::Test {
 protected:
  ControlPartTest() { start_over(); }
  void start_over(const char* service = "null") {
    auto core = std::make_unique<ScriptedCore>();
    auto store = std::make_unique<SlowStore>();
    core_ = core.get();
    store_ = store.get();
    state_transfer::TransferConfig transfer;
    transfer.envelope = keys_.envelope(ServerId(0));
    part_ = std::make_unique<ControlPart>(ControlPart::Config{keys_.system(), keys_.site(), ServerId(0), keys_.epoch()},
                                          std::move(core),
                                          std::make_unique<service::Executor>(service::make_service(service).value()),
                                          std::move(store), queues_, transfer);
  }
  // What another server says.
  template <typename Message>
  void hear(std::size_t from, const Message& message) {
    stored_.push_back(keys_.verified(ServerId(static_cast<std::uint16_t>(from)), message));
    ASSERT_TRUE(queues_.verified->push_one({stored_.back()->get(), SlotRef{}}));
  }
  void hand_in(const Bytes& op) {
    stored_.push_back(keys_.verified(op));
    ASSERT_TRUE(queues_.client_verified->push_one({stored_.back()->get(), SlotRef{}}));
  }
  // A batch of the total order that holds one update.
  ordering::Deliver delivery(const Bytes& op) {
    const auto request = keys_.verified(ServerId(1), message::PoRequest{ServerId(1), SeqNum(1), {op}});
    return {request, request->get().as<message::PoRequest>().updates};
  }

  testing::SiteKeys keys_{4};
  Queues queues_ = testing::plain_queues(4);
  ScriptedCore* core_ = nullptr;
  SlowStore* store_ = nullptr;
  std::vector<std::shared_ptr<const message::StoredMessage>> stored_;
  std::unique_ptr<ControlPart> part_;
};

TEST_F(ControlPartTest, a_send_waits_until_its_record_is_durable) {
  const auto prepare = keys_.verified(ServerId(0), message::Prepare{View(0), SeqNum(1), {}});
  core_->script = [&](const ordering::Input& input, ordering::Output& output) {
    if (!std::holds_alternative<message::VerifiedMessage>(input)) return;
    output.persist.push_back({5, Bytes{1}});
    output.forward.push_back({prepare, ServerSet::only(ServerId(1)), TrafficClass::bounded, 5});
    output.forward.push_back({prepare, ServerSet::only(ServerId(2)), TrafficClass::bounded, 0});
  };
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  part_->poll(Instant(1));
  EXPECT_EQ(store_->appended, 5U);
  EXPECT_EQ(queues_.to_send->size(), 1U) << "what waits for nothing goes at once";
  store_->done = 4;
  part_->poll(Instant(2));
  EXPECT_EQ(queues_.to_send->size(), 1U);
  store_->done = 5;
  part_->poll(Instant(3));
  EXPECT_EQ(queues_.to_send->size(), 2U);
  EXPECT_EQ(core_->durable, (std::vector<ordering::PersistToken>{4, 5}));
}

TEST_F(ControlPartTest, an_update_in_progress_is_not_given_to_the_core_again) {
  std::size_t introduced = 0;
  core_->script = [&](const ordering::Input&, ordering::Output&) { ++introduced; };
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  part_->poll(Instant(1));
  EXPECT_EQ(introduced, 1U);
  EXPECT_EQ(part_->drops().get(DropReason::client_duplicate), 1U);
  EXPECT_EQ(queues_.client_consumed->size(), 2U);
}

TEST_F(ControlPartTest, an_update_that_the_core_refused_may_come_again) {
  std::size_t introduced = 0;
  core_->script = [&](const ordering::Input&, ordering::Output& output) {
    ++introduced;
    output.drops.push_back(DropReason::client_intake_full);
  };
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  part_->poll(Instant(1));
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  part_->poll(Instant(2));
  EXPECT_EQ(introduced, 2U);
}

TEST_F(ControlPartTest, an_update_ordered_twice_is_executed_once_and_its_reply_comes_from_the_table) {
  const Bytes op = keys_.client_op(ClientId(1), SeqNum(1), {});
  bool deliver = true;
  core_->script = [&](const ordering::Input&, ordering::Output& output) {
    if (!deliver) return;
    output.deliver.push_back(delivery(op));
    output.deliver.push_back(delivery(op));
  };
  hand_in(op);
  part_->poll(Instant(1));
  EXPECT_EQ(part_->executor().state_sequence(), 1U);
  EXPECT_EQ(queues_.replies->size(), 1U);
  deliver = false;
  hand_in(op);  // the client missed the reply
  part_->poll(Instant(2));
  EXPECT_EQ(queues_.replies->size(), 2U);
  EXPECT_EQ(part_->executor().state_sequence(), 1U);
}

TEST_F(ControlPartTest, a_query_is_answered_between_two_updates_of_one_delivery) {
  start_over("kv");
  const std::string_view key = "k";
  const auto set = [&](std::uint64_t sequence, std::string_view value) {
    const Bytes operation = service::encode(service::KvSet{as_bytes(key), as_bytes(value)}).value();
    return keys_.client_op(ClientId(1), SeqNum(sequence), operation);
  };
  const Bytes updates[] = {set(1, "one"), set(2, "two"), set(3, "three")};
  core_->script = [&](const ordering::Input&, ordering::Output& output) {
    for (const Bytes& one : updates) output.deliver.push_back(delivery(one));
  };
  const Bytes query =
      message::encode(keys_.envelope(ClientId(2)),
                      message::ClientQuery{.client = ClientId(2),
                                           .incarnation = Incarnation(1),
                                           .number = 1,
                                           .target = 2,
                                           .operation = service::encode(service::KvGet{as_bytes(key)}).value()});
  ASSERT_TRUE(queues_.queries->push_one({.message = query, .slot = {}, .client = ClientId(2)}));
  part_->poll(Instant(1));
  EXPECT_EQ(part_->next_wakeup(), Instant(1) + service::kQueryWait);
  hand_in(updates[0]);
  part_->poll(Instant(2));
  EXPECT_EQ(part_->executor().state_sequence(), 3U);
  ReplyOutbound answer;
  ASSERT_TRUE(queues_.answers->pop_one(answer));
  const auto reply = message::decode<message::QueryReply>(part_->queries().answer_slab().bytes(answer.slot));
  EXPECT_EQ(reply->state_sequence, 2U);
  EXPECT_TRUE(equal(service::decode_kv_reply(reply->result)->bytes, as_bytes(std::string_view("two"))));
  EXPECT_EQ(queues_.replies->size(), 3U);
}

TEST_F(ControlPartTest, bytes_to_verify_go_to_crypto_and_come_back_as_an_input_only_if_they_are_valid) {
  const auto request = keys_.verified(ServerId(1), message::PoSummary{std::vector<SeqNum>(4)});
  std::size_t verified = 0;
  core_->script = [&](const ordering::Input& input, ordering::Output& output) {
    const auto& message = std::get<message::VerifiedMessage>(input);
    verified += message.type() == message::MessageType::PoSummary ? 1 : 0;
    if (message.type() != message::MessageType::ClientOp) return;
    for (std::size_t i = 0; i < kCheckSlots + 1; ++i) output.verify.push_back({to_bytes(request->get().bytes())});
  };
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  part_->poll(Instant(1));
  EXPECT_EQ(queues_.to_check->size(), kCheckSlots);
  EXPECT_EQ(part_->drops().get(DropReason::ring_full), 1U);
  bool valid = false;
  for (SlotRef slot; queues_.to_check->pop_one(slot); valid = !valid) {
    EXPECT_TRUE(equal(part_->send_slab().bytes(slot), request->get().bytes()));
    ASSERT_TRUE(queues_.checked->push_one({slot, valid, valid ? request->get() : message::VerifiedMessage()}));
  }
  while (queues_.checked->size() > 0) part_->poll(Instant(2));
  EXPECT_EQ(verified, kCheckSlots / 2);
  EXPECT_EQ(part_->send_slab().slots_in_use(), 0U);
}

TEST_F(ControlPartTest, a_checkpoint_digest_is_of_the_state_at_its_place_among_the_deliveries) {
  // The same two updates: in one step with a checkpoint between them, and alone in front of a checkpoint.
  const auto digest_after = [&](bool more_in_the_step) {
    std::optional<Digest> seen;
    core_->script = [&, done = false](const ordering::Input& input, ordering::Output& output) mutable {
      if (const auto* digest = std::get_if<ordering::CheckpointDigest>(&input)) {
        EXPECT_EQ(digest->sequence, SeqNum(64));
        seen = digest->digest;
      }
      if (std::exchange(done, true)) return;
      output.deliver.push_back(delivery(keys_.client_op(ClientId(1), SeqNum(1), {})));
      if (more_in_the_step) output.deliver.push_back(delivery(keys_.client_op(ClientId(1), SeqNum(2), {})));
      output.checkpoints.push_back({SeqNum(64), Bytes{1}, 1, true});
    };
    hand_in(keys_.client_op(ClientId(2), SeqNum(1), {}));
    part_->poll(Instant(1));
    return seen;
  };
  const std::optional<Digest> between = digest_after(true);
  ASSERT_TRUE(between.has_value());
  EXPECT_EQ(part_->executor().state_sequence(), 2U);
  start_over();
  EXPECT_EQ(digest_after(false), between);
  EXPECT_EQ(part_->executor().state_sequence(), 1U);
}

TEST_F(ControlPartTest, whoever_asks_gets_a_checkpoint_of_the_state_at_the_boundary_and_not_of_what_follows) {
  part_->poll(Instant(1));
  core_->progress_now = {SeqNum(63), SeqNum(63)};
  part_->poll(Instant(2));
  hear(3, message::StateRequest{1, SeqNum(0), SeqNum(64)});
  part_->poll(Instant(3));
  core_->script = [&, done = false](const ordering::Input&, ordering::Output& output) mutable {
    if (std::exchange(done, true)) return;
    output.deliver.push_back(delivery(keys_.client_op(ClientId(1), SeqNum(1), {})));
    output.deliver.push_back(delivery(keys_.client_op(ClientId(1), SeqNum(2), {})));
    output.checkpoints.push_back({SeqNum(64), Bytes{1}, 1, false});
  };
  hand_in(keys_.client_op(ClientId(2), SeqNum(1), {}));
  part_->poll(Instant(4));
  Outbound out;
  ASSERT_TRUE(queues_.to_sign->pop_one(out));
  const auto said = message::decode<message::Checkpoint>(part_->send_slab().bytes(out.slot));
  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(out.to, ServerSet::only(ServerId(3)));
  service::Executor alone(service::make_service("null").value());
  const Bytes op = keys_.client_op(ClientId(1), SeqNum(1), {});
  ASSERT_TRUE(alone.execute(*message::decode<message::ClientOp>(op)).has_value());
  EXPECT_EQ(said->root, state_transfer::Snapshot(alone.snapshot()).root());
  EXPECT_EQ(said->sequence, SeqNum(64));
}

TEST_F(ControlPartTest, a_proven_snapshot_replaces_the_state_and_the_core_goes_on_from_it) {
  service::Executor other(service::make_service("null").value());
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const Bytes op = keys_.client_op(ClientId(1), SeqNum(i), {});
    ASSERT_TRUE(other.execute(*message::decode<message::ClientOp>(op)).has_value());
  }
  const state_transfer::Snapshot snapshot(other.snapshot());
  const std::array<std::uint8_t, 1> state{7};
  std::vector<SeqNum> restored;
  core_->script = [&](const ordering::Input& input, ordering::Output&) {
    const auto* checkpoint = std::get_if<ordering::Restored>(&input);
    if (checkpoint == nullptr) return;
    EXPECT_TRUE(equal(checkpoint->state, state));
    restored.push_back(checkpoint->sequence);
  };
  core_->progress_now = {SeqNum(0), SeqNum(200)};
  part_->poll(Instant(1));
  part_->poll(Instant(1) + seconds(2));
  EXPECT_TRUE(part_->next_wakeup() < Instant::never());
  for (const std::size_t from : {1U, 2U}) {
    hear(from, message::Checkpoint{SeqNum(192), snapshot.size(), snapshot.root(), state});
  }
  part_->poll(Instant(1) + seconds(2));
  hear(1, message::StateChunk{SeqNum(192), snapshot.root(), 0, snapshot.path(0), snapshot.chunk(0)});
  part_->poll(Instant(1) + seconds(2));
  EXPECT_EQ(restored, std::vector<SeqNum>{SeqNum(192)});
  EXPECT_EQ(part_->executor().state_digest(), other.state_digest());
}

TEST_F(ControlPartTest, what_finds_no_slot_to_be_signed_in_keeps_its_order) {
  const Bytes content = message::encode(keys_.envelope(ServerId(0)), message::PoSummary{std::vector<SeqNum>(4)});
  std::uint64_t wanted = 0;
  core_->script = [&](const ordering::Input&, ordering::Output& output) {
    for (std::uint64_t i = 0; i < kSendSlots; ++i) {
      output.sign.push_back(
          {message::MessageType::Prepare,
           message::encode(keys_.envelope(ServerId(0)), message::Prepare{View(0), SeqNum(++wanted), {}}),
           {},
           TrafficClass::bounded,
           0,
           0});
    }
  };
  hand_in(keys_.client_op(ClientId(1), SeqNum(1), {}));
  part_->poll(Instant(1));
  std::uint64_t seen = 0;
  while (seen < wanted) {
    Outbound out;
    ASSERT_TRUE(queues_.to_sign->pop_one(out)) << "after " << seen << " of " << wanted;
    const auto prepare = message::decode<message::Prepare>(part_->send_slab().bytes(out.slot));
    ASSERT_EQ(prepare->sequence, SeqNum(++seen));
    ASSERT_TRUE(queues_.sent->push_one(out.slot));
    part_->poll(Instant(2));
  }
  EXPECT_EQ(part_->send_slab().slots_in_use(), 0U);
}

}  // namespace
}  // namespace garrison::server
