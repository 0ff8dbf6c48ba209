// What BFT's tests drive cores with: one core by hand, or a whole site over a network that the test decides about.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "control/bft/bft.h"
#include "dataplane/base/rng.h"
#include "tests/support/outputs.h"
#include "tests/support/site_keys.h"

namespace garrison::bft {

using message::Authentication;

inline ServerId server(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

inline std::unique_ptr<testing::SiteKeys> make_keys(std::size_t n, Authentication authentication) {
  return std::make_unique<testing::SiteKeys>(n, 8, crypto::Scheme::modelled, SiteId(0), SystemId(0x67617272),
                                             authentication);
}

inline BftConfig config_of(const testing::SiteKeys& keys, std::size_t self, std::size_t n, std::size_t f) {
  BftConfig config;
  config.self = server(self);
  config.envelope = keys.envelope(config.self);
  config.n = n;
  config.f = f;
  return config;
}

using testing::count;
using testing::dropped;
using testing::last_signed;

// One core, its peers played by the test. Digests of its state are those of its sequence numbers.
class Core {
 public:
  Core(testing::SiteKeys& keys, const BftConfig& config) : keys_(keys), bft_(config) { settle_after(Duration()); }

  // The effects of one input and of everything that this core then says to itself.
  ordering::Output take(const ordering::Input& input) {
    ordering::Output all;
    step_into(input, all);
    for (std::size_t i = 0; i < all.sign.size(); ++i) {
      step_into(keys_.verified(keys_.server(bft_.config().self), all.sign[i].content)->get(), all);
    }
    return all;
  }
  ordering::Output settle_after(Duration later) {
    now_ = now_ + later;
    return take(ordering::Wakeup{});
  }
  ordering::Output take(const Stored& message) { return take(ordering::Input(message->get())); }
  template <typename Message>
  ordering::Output take(std::size_t from, const Message& message) {
    return take(keys_.verified(server(from), message));
  }

  Bft& bft() { return bft_; }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  void step_into(const ordering::Input& input, ordering::Output& all) {
    ordering::Output output;
    bft_.step(now_, input, output);
    for (const ordering::Checkpoint& checkpoint : output.checkpoints) {
      bft_.step(now_, ordering::CheckpointDigest{checkpoint.sequence, state_after(checkpoint.sequence)}, output);
    }
    const auto move = [](auto& a, auto& b) { std::move(b.begin(), b.end(), std::back_inserter(a)); };
    move(all.persist, output.persist);
    move(all.deliver, output.deliver);
    move(all.checkpoints, output.checkpoints);
    move(all.sign, output.sign);
    move(all.forward, output.forward);
    move(all.blame, output.blame);
    move(all.drops, output.drops);
  }

 public:
  static Digest state_after(SeqNum sequence) {
    Digest digest{};
    store_le<std::uint64_t>(digest.data(), sequence.value());
    return digest;
  }

 private:
  testing::SiteKeys& keys_;
  Bft bft_;
  Instant now_{1'000'000'000};
};

// A site of cores. Checks at every step that no server says two things in one slot, that each promise has its record,
// that a receiver's Validator accepts whatever is sent, first hand or not, and that what servers deliver agrees.
class Network {
 public:
  using Update = std::pair<std::uint32_t, std::uint64_t>;  // client, sequence

  struct Options {
    std::size_t n = 4;
    std::size_t f = 1;
    std::uint64_t seed = 0;  // 0: in order
    Authentication authentication = Authentication::channel;
    std::function<void(BftConfig&)> tweak = {};
  };
  explicit Network(const Options& options)
      : keys_(make_keys(options.n, options.authentication)),
        rng_(options.seed),
        shuffled_(options.seed != 0),
        logs_(options.n),
        promised_(options.n),
        own_(options.n) {
    for (std::size_t i = 0; i < options.n; ++i) {
      BftConfig config = config_of(*keys_, i, options.n, options.f);
      if (options.tweak) options.tweak(config);
      cores_.push_back(std::make_unique<Bft>(config));
    }
    for (std::size_t i = 0; i < options.n; ++i) step(i, ordering::Wakeup{});
  }

  // Loses a message between two servers when true.
  std::function<bool(std::size_t from, std::size_t to, const message::VerifiedMessage&)> lose;
  // Rewrites what a server signs: a faulty one. Empty: says nothing.
  std::function<std::vector<std::pair<ServerSet, Bytes>>(std::size_t from, const ordering::Sign&)> lie;
  ServerSet crashed;
  ServerSet faulty;  // `lie` applies to them; they are not checked

  // A client sends its next update to these servers.
  void submit(std::uint32_t client, ServerSet to) {
    const std::uint64_t sequence = ++client_sequences_[client];
    const Bytes op = keys_->client_op(ClientId(client), SeqNum(sequence), as_bytes(std::string_view("close breaker")));
    to.for_each([&](ServerId id) { step(id.index(), keys_->verified(op)->get()); });
  }
  void submit(std::uint32_t client) { submit(client, ServerSet::all(cores_.size())); }

  // State transfer: server `to` has the executed state of server `from`.
  void restore(std::size_t to, std::size_t from) {
    logs_[to] = logs_[from];
    step(to, ordering::Restored{cores_[from]->progress().executed, {}});
  }

  // Everything that happens in this much virtual time.
  void run(Duration limit) {
    const Instant end = now_ + limit;
    for (;;) {
      while (deliver_one()) {
      }
      Instant next = Instant::never();
      for (std::size_t i = 0; i < cores_.size(); ++i) {
        if (!crashed.contains(server(i))) next = earlier(next, cores_[i]->next_wakeup());
      }
      if (next > end) break;
      ASSERT_LE(now_ - next, Duration()) << "a core asks to be woken in the past";
      now_ = std::max(now_, next);
      for (std::size_t i = 0; i < cores_.size(); ++i) {
        if (cores_[i]->next_wakeup() <= now_) step(i, ordering::Wakeup{});
      }
    }
    now_ = end;
  }
  bool deliver_one() {
    // A server's own messages come back in order; all others as the network likes.
    std::vector<std::size_t> talkers;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (!own_[i].empty()) talkers.push_back(i);
    }
    const std::size_t choices = wire_.size() + talkers.size();
    if (choices == 0) return false;
    const std::size_t choice = shuffled_ ? rng_.below(choices) : (talkers.empty() ? 0 : wire_.size());
    if (choice >= wire_.size()) {
      const std::size_t i = talkers[choice - wire_.size()];
      const Stored message = own_[i].front();
      own_[i].pop_front();
      step(i, message->get());
      return true;
    }
    if (shuffled_) std::swap(wire_[choice], wire_.back());
    const Packet packet = shuffled_ ? wire_.back() : wire_.front();
    shuffled_ ? wire_.pop_back() : wire_.pop_front();
    step(packet.to, packet.message->get());
    return true;
  }

  [[nodiscard]] const std::vector<Update>& log(std::size_t i) const { return logs_[i]; }
  // Every server but these has executed `updates` updates.
  void expect_executed(std::size_t updates, ServerSet without = {}) const {
    for (std::size_t i = 0; i < cores_.size(); ++i) {
      if (without.contains(server(i))) continue;
      EXPECT_EQ(logs_[i].size(), updates) << "server " << i;
    }
  }
  [[nodiscard]] Bft& core(std::size_t i) { return *cores_[i]; }
  [[nodiscard]] testing::SiteKeys& keys() { return *keys_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] const std::map<DropReason, std::size_t>& drops() const { return drops_; }
  [[nodiscard]] const std::vector<ordering::Blame>& blame() const { return blame_; }
  [[nodiscard]] const std::map<message::MessageType, std::size_t>& sent() const { return sent_; }

 private:
  struct Packet {
    std::size_t to;
    Stored message;
  };

  void step(std::size_t i, const ordering::Input& input) {
    if (crashed.contains(server(i))) return;
    ordering::Output output;
    cores_[i]->step(now_, input, output);
    auto checkpoint = output.checkpoints.begin();
    std::vector<ordering::CheckpointDigest> digests;
    for (std::size_t k = 0; k <= output.deliver.size(); ++k) {
      for (; checkpoint != output.checkpoints.end() && checkpoint->delivered == k; ++checkpoint) {
        digests.push_back({checkpoint->sequence, digest_of(logs_[i])});
      }
      if (k < output.deliver.size()) deliver(i, output.deliver[k]);
    }
    for (const ordering::Sign& sign : output.sign) carry_out(i, sign, output);
    for (const ordering::Forward& forward : output.forward) send(i, forward.to, forward.message);
    for (const DropReason reason : output.drops) ++drops_[reason];
    for (const ordering::Blame& blame : output.blame) {
      if (!faulty.contains(server(i))) blame_.push_back(blame);
    }
    for (const ordering::CheckpointDigest& digest : digests) step(i, digest);
  }
  static Digest digest_of(const std::vector<Update>& log) {
    Bytes bytes;
    for (const Update& update : log) {
      Bytes one(12);
      Writer(one).u32(update.first).u64(update.second);
      bytes.insert(bytes.end(), one.begin(), one.end());
    }
    return crypto::leaf_digest(bytes);
  }
  // As an executor does: an update that comes again changes nothing.
  void deliver(std::size_t i, const ordering::Deliver& delivery) {
    for (const ByteView update : delivery.updates) {
      const auto op = message::decode<message::ClientOp>(update);
      ASSERT_TRUE(op.has_value());
      const Update one{op->client.value(), op->sequence.value()};
      if (std::find(logs_[i].begin(), logs_[i].end(), one) != logs_[i].end()) continue;
      logs_[i].push_back(one);
      if (faulty.contains(server(i))) continue;
      if (total_.size() < logs_[i].size()) total_.push_back(one);
      ASSERT_EQ(total_[logs_[i].size() - 1], one) << "server " << i << " disagrees";
    }
  }
  void carry_out(std::size_t i, const ordering::Sign& sign, const ordering::Output& output) {
    if (lie && faulty.contains(server(i))) {
      for (const auto& [to, content] : lie(i, sign)) {
        const Stored message = keys_->verified(keys_->server(server(i)), content);
        send(i, to.without(server(i)), message);
        if (to.contains(server(i))) own_[i].push_back(message);
      }
      return;
    }
    ASSERT_FALSE(sign.to.contains(server(i)));
    check_promise(i, sign, output);
    const Stored message = keys_->verified(keys_->server(server(i)), sign.content);
    own_[i].push_back(message);
    send(i, sign.to, message);
  }
  void check_promise(std::size_t i, const ordering::Sign& sign, const ordering::Output& output) {
    using message::MessageType;
    const auto slot = [&](std::uint64_t a, std::uint64_t b) {
      const Digest whole = crypto::leaf_digest(sign.content);
      const auto [at, fresh] = promised_[i].try_emplace({sign.type, a, b}, whole);
      ASSERT_TRUE(fresh || at->second == whole) << "server " << i << " says two things about one slot";
      ASSERT_TRUE(std::any_of(output.persist.begin(), output.persist.end(),
                              [&](const ordering::Persist& record) { return record.token == sign.after; }));
    };
    if (const auto m = message::decode<message::BftPrePrepare>(sign.content))
      slot(m->view.value(), m->sequence.value());
    if (const auto m = message::decode<message::BftPrepare>(sign.content)) slot(m->view.value(), m->sequence.value());
    if (const auto m = message::decode<message::BftCommit>(sign.content)) slot(m->view.value(), m->sequence.value());
    if (const auto m = message::decode<message::BftCheckpoint>(sign.content)) slot(0, m->sequence.value());
    if (const auto m = message::decode<message::BftViewChange>(sign.content)) slot(m->view.value(), 0);
    if (const auto m = message::decode<message::BftNewView>(sign.content)) slot(m->view.value(), 0);
  }
  void send(std::size_t from, ServerSet to, const Stored& message) {
    const message::Validation accepted = keys_->validator().server_message(server(from), message->get().bytes());
    ASSERT_TRUE(std::holds_alternative<message::VerifiedMessage>(accepted))
        << "server " << from << " hands on a " << message::name(message->get().type()) << " that convinces nobody";
    ++sent_[message->get().type()];
    to.for_each([&](ServerId id) {
      if (crashed.contains(id) || (lose && lose(from, id.index(), message->get()))) return;
      wire_.push_back({id.index(), message});
    });
  }

  std::unique_ptr<testing::SiteKeys> keys_;
  Rng rng_;
  bool shuffled_;
  Instant now_{1'000'000'000};
  std::vector<std::unique_ptr<Bft>> cores_;
  std::vector<std::vector<Update>> logs_;
  std::vector<Update> total_;
  std::vector<std::map<std::tuple<message::MessageType, std::uint64_t, std::uint64_t>, Digest>> promised_;
  std::vector<std::deque<Stored>> own_;
  std::deque<Packet> wire_;
  std::map<std::uint32_t, std::uint64_t> client_sequences_;
  std::map<DropReason, std::size_t> drops_;
  std::map<message::MessageType, std::size_t> sent_;
  std::vector<ordering::Blame> blame_;
};

}  // namespace garrison::bft
