// A site of state transfers whose executed state is a string of bytes per sequence. The test says how far each server
// is, who lies, and who is cut off.
#include "control/state_transfer/state_transfer.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "tests/support/site_keys.h"

namespace garrison::state_transfer {
namespace {

ServerId server(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

ServerSet servers(std::initializer_list<std::size_t> members) {
  ServerSet set;
  for (const std::size_t i : members) set.insert(server(i));
  return set;
}

class Site {
 public:
  explicit Site(std::size_t n = 4, std::size_t f = 1, std::size_t state_bytes = 40 * message::kStateChunkBytes)
      : keys_(n), state_bytes_(state_bytes), hosts_(n) {
    for (std::size_t i = 0; i < n; ++i) {
      TransferConfig config;
      config.self = server(i);
      config.envelope = keys_.envelope(server(i));
      config.n = n;
      config.f = f;
      hosts_[i].transfer = std::make_unique<StateTransfer>(config);
    }
  }

  struct Host {
    std::unique_ptr<StateTransfer> transfer;
    SeqNum executed;
    bool mid_sequence = false;  // has no checkpoint to give now
    std::size_t snapshots = 0;
    std::size_t chunk_bytes_sent = 0;
    std::optional<Restore> restored;
  };
  // Rewrites what a server says: a faulty one. None: says nothing.
  std::function<std::optional<Bytes>(std::size_t from, const ordering::Sign&)> lie;
  ServerSet cut_off;
  SeqNum evident;           // what every server sees of the others
  Duration sequence_every;  // zero: nothing is ordered

  // The executed state behind `sequence`, and what a core adds to it.
  [[nodiscard]] Bytes snapshot(SeqNum sequence) const {
    Bytes bytes(state_bytes_);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + sequence.value());
    return bytes;
  }
  [[nodiscard]] static ordering::Checkpoint checkpoint(SeqNum sequence) {
    return {sequence, Bytes{static_cast<std::uint8_t>(sequence.value())}, 0, false};
  }

  void run(Duration time) {
    for (const Instant end = now_ + time; now_ < end; now_ = now_ + milliseconds(10)) {
      if (sequence_every > Duration() && now_ >= order_at_) {
        order_at_ = now_ + sequence_every;
        order_next();
      }
      for (std::size_t i = 0; i < hosts_.size(); ++i) tick(i);
      while (!wire_.empty()) deliver();
    }
  }
  // A message of a server that follows no protocol.
  template <typename Message>
  void inject(std::size_t from, std::size_t to, const Message& message) {
    wire_.push_back({to, keys_.verified(server(from), message)});
  }

  [[nodiscard]] Host& host(std::size_t i) { return hosts_[i]; }
  [[nodiscard]] std::size_t drops(DropReason reason) const { return drops_.count(reason) ? drops_.at(reason) : 0; }
  [[nodiscard]] const TransferConfig& config() const { return config_; }
  void set_executed(std::initializer_list<std::uint64_t> executed) {
    std::size_t i = 0;
    for (const std::uint64_t sequence : executed) hosts_[i++].executed = SeqNum(sequence);
    for (const Host& host : hosts_) evident = std::max(evident, host.executed);
  }

 private:
  struct Packet {
    std::size_t to;
    std::shared_ptr<const message::StoredMessage> message;
  };

  // Those that are as far as anybody execute the next sequence.
  void order_next() {
    const SeqNum last = evident;
    evident = evident.next();
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      Host& host = hosts_[i];
      if (host.executed != last) continue;
      if (evident.value() % config_.checkpoint_interval == 0) take(i, evident);
      host.executed = evident;
    }
  }
  void take(std::size_t i, SeqNum sequence) {
    Host& host = hosts_[i];
    if (!host.transfer->wants(now_, sequence)) return;
    ++host.snapshots;
    Output output;
    host.transfer->keep(now_, checkpoint(sequence), snapshot(sequence), output);
    carry_out(i, output);
  }
  void tick(std::size_t i) {
    Host& host = hosts_[i];
    Output output;
    host.transfer->tick(now_, {host.executed, evident}, output);
    carry_out(i, output);
    EXPECT_GT(host.transfer->next_wakeup(), now_) << "asks to be woken in the past";
    if (!host.mid_sequence) take(i, host.executed);
  }
  void deliver() {
    const Packet packet = wire_.front();
    wire_.pop_front();
    Output output;
    hosts_[packet.to].transfer->on_message(now_, packet.message->get(), output);
    carry_out(packet.to, output);
  }
  void carry_out(std::size_t i, Output& output) {
    for (const DropReason reason : output.drops) ++drops_[reason];
    if (output.restore.has_value()) {
      hosts_[i].executed = output.restore->sequence;
      hosts_[i].transfer->restored(output.restore->sequence);
      hosts_[i].restored = std::move(output.restore);
      tick(i);
    }
    for (const ordering::Forward& forward : output.forward) send(i, forward.to, forward.message);
    for (const ordering::Sign& sign : output.sign) {
      if (sign.type == message::MessageType::StateChunk) hosts_[i].chunk_bytes_sent += sign.content.size();
      const std::optional<Bytes> said = lie ? lie(i, sign) : sign.content;
      if (!said.has_value()) continue;
      const auto message = keys_.verified(keys_.server(server(i)), *said);
      wire_.push_back({i, message});
      send(i, sign.to, message);
    }
  }
  void send(std::size_t from, ServerSet to, const std::shared_ptr<const message::StoredMessage>& message) {
    to.for_each([&](ServerId id) {
      if (cut_off.contains(id) || cut_off.contains(server(from))) return;
      wire_.push_back({id.index(), message});
    });
  }

  testing::SiteKeys keys_;
  TransferConfig config_;
  std::size_t state_bytes_;
  std::vector<Host> hosts_;
  Instant now_{1'000'000'000};
  Instant order_at_;
  std::deque<Packet> wire_;
  std::map<DropReason, std::size_t> drops_;
};

void expect_restored(Site& site, std::size_t i, SeqNum sequence) {
  const std::optional<Restore>& restored = site.host(i).restored;
  ASSERT_TRUE(restored.has_value());
  EXPECT_EQ(restored->sequence, sequence);
  EXPECT_EQ(restored->snapshot, site.snapshot(sequence));
  EXPECT_EQ(restored->state, Site::checkpoint(sequence).state);
}

TEST(StateTransferTest, when_nothing_is_ordered_the_last_sequence_is_the_boundary) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.run(seconds(3));
  expect_restored(site, 3, SeqNum(1000));
  EXPECT_FALSE(site.host(3).transfer->status().catching_up);
  EXPECT_EQ(site.host(3).transfer->status().restored, SeqNum(1000));
  EXPECT_EQ(site.host(0).transfer->status().checkpoint, SeqNum(1000));
}

TEST(StateTransferTest, while_the_others_order_they_all_take_the_boundary_that_was_named) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.sequence_every = milliseconds(10);
  site.run(seconds(5));
  ASSERT_TRUE(site.host(3).restored.has_value());
  EXPECT_EQ(site.host(3).restored->sequence.value() % 64, 0U);
  expect_restored(site, 3, site.host(3).restored->sequence);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(site.host(i).snapshots, 1U);
}

TEST(StateTransferTest, updates_that_trickle_in_do_not_keep_the_servers_from_one_boundary) {
  for (const std::int64_t every : {50, 150, 190, 210, 700, 1300}) {
    Site site;
    site.set_executed({1000, 1000, 1000, 0});
    site.sequence_every = milliseconds(every);
    site.run(seconds(30));
    EXPECT_TRUE(site.host(3).restored.has_value()) << "a sequence every " << every << " ms";
  }
}

TEST(StateTransferTest, two_servers_that_lag_share_one_snapshot) {
  Site site(7, 2);
  site.set_executed({1000, 1000, 1000, 1000, 1000, 5, 0});
  site.run(seconds(3));
  expect_restored(site, 5, SeqNum(1000));
  expect_restored(site, 6, SeqNum(1000));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(site.host(i).snapshots, 1U);
}

TEST(StateTransferTest, a_server_that_asks_later_gets_the_snapshot_that_is_there_if_nothing_was_ordered_since) {
  Site site(7, 2);
  site.set_executed({1000, 1000, 1000, 1000, 1000, 1000, 0});
  site.run(seconds(3));
  expect_restored(site, 6, SeqNum(1000));
  site.set_executed({1000, 1000, 1000, 1000, 1000, 0, 1000});
  site.run(seconds(2));
  expect_restored(site, 5, SeqNum(1000));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(site.host(i).snapshots, 1U);
}

TEST(StateTransferTest, a_server_that_repair_serves_does_not_ask) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  for (std::uint64_t executed = 1; executed < 50; ++executed) {
    site.host(3).executed = SeqNum(executed);
    site.run(milliseconds(900));
  }
  EXPECT_EQ(site.host(0).snapshots, 0U);
  EXPECT_EQ(site.drops(DropReason::state_not_ahead), 0U);
}

TEST(StateTransferTest, nobody_asks_when_nobody_is_evidently_ahead) {
  Site site;
  site.set_executed({1000, 1000, 1000, 1000});
  site.run(seconds(20));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(site.host(i).transfer->status().catching_up);
}

TEST(StateTransferTest, repair_that_overtakes_the_transfer_ends_it) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.lie = [](std::size_t, const ordering::Sign& sign) {  // chunks never arrive
    return sign.type == message::MessageType::StateChunk ? std::nullopt : std::optional(sign.content);
  };
  site.run(seconds(3));
  EXPECT_EQ(site.host(3).transfer->status().target, SeqNum(1000));
  site.host(3).executed = SeqNum(1000);
  site.run(milliseconds(20));
  EXPECT_FALSE(site.host(3).transfer->status().catching_up);
}

TEST(StateTransferTest, forged_checkpoints_of_f_servers_prove_nothing) {
  Site site(7, 2);
  site.set_executed({1000, 1000, 1000, 1000, 1000, 1000, 0});
  std::size_t forged = 0;
  site.lie = [&](std::size_t from, const ordering::Sign& sign) {
    auto said = message::decode<message::Checkpoint>(sign.content);
    if (from >= 2 || !said.has_value()) return std::optional(sign.content);
    said->root = {};
    ++forged;
    return std::optional(message::encode(
        {SystemId(0x67617272), crypto::Principal::server(SiteId(0), server(from)), KeyEpoch(1)}, *said));
  };
  site.cut_off = servers({2, 3, 4});
  site.run(seconds(4));
  EXPECT_GE(forged, 2U);
  EXPECT_FALSE(site.host(6).restored.has_value()) << "2 forged and 1 correct";
  site.cut_off = {};
  site.run(seconds(8));
  expect_restored(site, 6, SeqNum(1000));
}

TEST(StateTransferTest, a_server_that_changes_its_checkpoint_is_not_believed_the_second_time) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.cut_off = servers({0, 1});
  site.run(milliseconds(1500));
  site.inject(2, 3, message::Checkpoint{SeqNum(1000), 7, {}, {}});
  site.run(milliseconds(20));
  EXPECT_EQ(site.drops(DropReason::state_conflict), 1U);
  EXPECT_FALSE(site.host(3).restored.has_value());
}

TEST(StateTransferTest, wrong_chunks_are_refused_and_come_from_another_server) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  std::size_t wrong = 0;
  site.lie = [&](std::size_t from, const ordering::Sign& sign) {
    Bytes content = sign.content;
    if (from == 1 && sign.type == message::MessageType::StateChunk) {
      content.at(content.size() - 1) ^= 1U;
      ++wrong;
    }
    return std::optional(content);
  };
  site.run(seconds(4));
  expect_restored(site, 3, SeqNum(1000));
  EXPECT_GT(wrong, 0U);
  EXPECT_EQ(site.drops(DropReason::state_bad_chunk), 1U) << "nothing more is asked of it";
}

TEST(StateTransferTest, chunks_that_do_not_come_are_fetched_elsewhere) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.lie = [](std::size_t from, const ordering::Sign& sign) {
    const bool lost = from == 0 && sign.type == message::MessageType::StateChunk;
    return lost ? std::nullopt : std::optional(sign.content);
  };
  site.run(seconds(5));
  expect_restored(site, 3, SeqNum(1000));
}

TEST(StateTransferTest, checkpoints_at_different_sequences_lead_to_another_attempt) {
  Site site;
  site.set_executed({1000, 998, 999, 0});  // all quiet at another sequence
  site.run(seconds(5));
  EXPECT_FALSE(site.host(3).restored.has_value());
  EXPECT_TRUE(site.host(3).transfer->status().catching_up);
  site.set_executed({1000, 1000, 1000, 0});
  site.run(seconds(12));
  expect_restored(site, 3, SeqNum(1000));
}

TEST(StateTransferTest, a_server_in_the_middle_of_a_sequence_answers_when_it_is_through) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.host(0).mid_sequence = site.host(1).mid_sequence = true;
  site.run(seconds(4));
  EXPECT_FALSE(site.host(3).restored.has_value());
  site.host(1).mid_sequence = false;
  site.run(seconds(1));
  expect_restored(site, 3, SeqNum(1000));
}

TEST(StateTransferTest, what_nobody_asked_for_is_dropped) {
  Site site;
  site.set_executed({1000, 1000, 1000, 1000});
  site.inject(1, 0, message::Checkpoint{SeqNum(2000), 7, {}, {}});
  site.inject(1, 0, message::StateChunk{SeqNum(2000), {}, 0, {}, as_bytes(std::string_view("x"))});
  site.inject(1, 0, message::StateFetch{SeqNum(1000), {}, 0, 1});
  site.inject(1, 0, message::StateRequest{1, SeqNum(1000), SeqNum(0)});
  site.run(seconds(2));
  EXPECT_EQ(site.drops(DropReason::state_unasked), 2U);
  EXPECT_EQ(site.drops(DropReason::state_unknown), 1U);
  EXPECT_EQ(site.drops(DropReason::state_not_ahead), 1U);
  EXPECT_EQ(site.host(0).snapshots, 0U);
}

TEST(StateTransferTest, a_server_that_asks_all_the_time_costs_one_snapshot_per_period) {
  Site site;
  site.set_executed({1000, 1000, 1000, 1000});
  site.sequence_every = milliseconds(10);
  const std::size_t seconds_long = 20;
  for (std::uint64_t i = 1; i <= seconds_long * 20; ++i) {
    site.inject(1, 0, message::StateRequest{i, SeqNum(0), SeqNum(1000 + 5 * i)});
    site.run(milliseconds(50));
  }
  EXPECT_GE(site.host(0).snapshots, 3U);
  EXPECT_LE(site.host(0).snapshots, seconds_long / 5 + 1);
  EXPECT_GT(site.drops(DropReason::state_over_quota), 0U);
  EXPECT_EQ(site.host(0).transfer->status().snapshots_kept, 1U);
}

TEST(StateTransferTest, a_server_that_fetches_all_the_time_gets_its_quota_of_one_snapshot) {
  Site site;
  site.set_executed({1000, 1000, 1000, 1000});
  const std::size_t whole = 40 * message::kStateChunkBytes;
  const Digest root = Snapshot(site.snapshot(SeqNum(1000))).root();
  const std::size_t seconds_long = 20;
  for (std::uint64_t i = 1; i <= seconds_long * 20; ++i) {
    site.inject(1, 0, message::StateRequest{i, SeqNum(0), SeqNum(0)});
    for (int k = 0; k < 30; ++k) site.inject(1, 0, message::StateFetch{SeqNum(1000), root, 0, 64});
    site.run(milliseconds(50));
  }
  EXPECT_EQ(site.host(0).snapshots, 1U) << "nothing was ordered since";
  EXPECT_GT(site.host(0).chunk_bytes_sent, whole * 10);
  EXPECT_LE(site.host(0).chunk_bytes_sent, site.config().quota_bytes / 50 * 51 * (seconds_long + 1));
  EXPECT_GT(site.drops(DropReason::state_over_quota), 0U);
  EXPECT_EQ(site.host(0).transfer->status().snapshots_kept, 1U);
}

TEST(StateTransferTest, one_that_floods_does_not_hinder_another_that_lags) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.sequence_every = milliseconds(10);
  // Only one of the others hears the flood, so that their snapshots for it differ.
  for (std::uint64_t i = 1; i <= 100; ++i) {
    site.inject(2, 0, message::StateRequest{i, SeqNum(0), SeqNum(0)});
    site.run(milliseconds(50));
  }
  ASSERT_TRUE(site.host(3).restored.has_value());
  expect_restored(site, 3, site.host(3).restored->sequence);
}

TEST(StateTransferTest, a_snapshot_that_nobody_fetches_any_more_is_dropped) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.run(seconds(3));
  EXPECT_EQ(site.host(0).transfer->status().snapshots_kept, 1U);
  site.run(site.config().silence + seconds(1));
  EXPECT_EQ(site.host(0).transfer->status().snapshots_kept, 0U);
}

TEST(StateTransferTest, a_snapshot_that_is_fetched_for_ever_is_dropped_in_the_end) {
  Site site;
  site.set_executed({1000, 1000, 1000, 1000});
  for (int i = 0; i < 130; ++i) {
    site.inject(1, 0, message::StateRequest{1, SeqNum(0), SeqNum(0)});
    site.run(seconds(1));
    EXPECT_TRUE(i >= 119 || site.host(0).transfer->status().snapshots_kept == 1) << i;
  }
  EXPECT_EQ(site.host(0).transfer->status().snapshots_kept, 0U);
  EXPECT_EQ(site.host(0).snapshots, 1U);
}

TEST(StateTransferTest, a_checkpoint_of_more_than_this_server_takes_is_refused) {
  Site site;
  site.set_executed({1000, 1000, 1000, 0});
  site.cut_off = servers({0, 1, 2});
  site.run(milliseconds(1500));
  for (const std::size_t from : {0U, 1U}) {
    site.inject(from, 3, message::Checkpoint{SeqNum(1000), site.config().max_snapshot_bytes + 1, {}, {}});
  }
  site.run(milliseconds(20));
  EXPECT_EQ(site.drops(DropReason::message_oversized), 2U);
}

}  // namespace
}  // namespace garrison::state_transfer
