// What Prime's tests drive cores with: one core by hand, or a whole site over a network that the test decides about.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "control/prime/prime.h"
#include "dataplane/base/rng.h"
#include "tests/support/outputs.h"
#include "tests/support/site_keys.h"
#include "tests/unit/prime/twins.h"

namespace garrison::prime {

inline ServerId server(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

inline PrimeConfig config_of(const testing::SiteKeys& keys, std::size_t self, std::size_t n, std::size_t f) {
  PrimeConfig config;
  config.self = server(self);
  config.envelope = keys.envelope(config.self);
  config.n = n;
  config.f = f;
  return config;
}

// One core, its peers played by the test.
class Core {
 public:
  Core(testing::SiteKeys& keys, const PrimeConfig& config) : keys_(keys), prime_(keys, config) { wake(); }

  // The effects of one input, own signed messages not looped back.
  ordering::Output step(const ordering::Input& input) {
    ordering::Output output;
    prime_.step(now_, input, output);
    return output;
  }
  ordering::Output take(const Stored& message) { return step(message->get()); }
  ordering::Output wake(Duration later = Duration()) {
    now_ = now_ + later;
    return step(ordering::Wakeup{});
  }

  // The effects of one input and of everything that this core then says to itself.
  ordering::Output settle(const Stored& message) { return settle_output(take(message)); }
  ordering::Output settle_after(Duration later) { return settle_output(wake(later)); }
  ordering::Output settle_output(ordering::Output output) {
    for (std::size_t i = 0; i < output.sign.size(); ++i) {
      append(output, take(keys_.verified(keys_.server(prime_config().self), output.sign[i].content)));
    }
    for (std::size_t i = 0; i < output.verify.size(); ++i) {
      if (const Stored message = keys_.checked(output.verify[i].message)) append(output, take(message));
    }
    return output;
  }

  template <typename Message>
  ordering::Output settle(std::size_t from, const Message& message) {
    return settle(keys_.verified(server(from), message));
  }

  Prime& prime() { return *prime_; }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  static void append(ordering::Output& to, ordering::Output from) {
    const auto move = [](auto& a, auto& b) { std::move(b.begin(), b.end(), std::back_inserter(a)); };
    move(to.persist, from.persist);
    move(to.deliver, from.deliver);
    move(to.checkpoints, from.checkpoints);
    move(to.sign, from.sign);
    move(to.forward, from.forward);
    move(to.verify, from.verify);
    move(to.blame, from.blame);
    move(to.drops, from.drops);
  }
  const PrimeConfig& prime_config() { return prime_->config(); }

  testing::SiteKeys& keys_;
  Twins prime_;
  Instant now_{1'000'000'000};
};

using testing::count;
using testing::dropped;
using testing::last_signed;

// A site of cores. Checks at every step that no server signs two messages for one slot, that each promise has its
// record, and that what servers deliver agrees.
class Network {
 public:
  using Update = std::pair<std::uint32_t, std::uint64_t>;  // client, sequence

  Network(std::size_t n, std::size_t f, std::uint64_t seed = 0, std::function<void(PrimeConfig&)> tweak = {})
      : keys_(n, 8), rng_(seed), shuffled_(seed != 0), logs_(n), promised_(n), own_(n) {
    for (std::size_t i = 0; i < n; ++i) {
      PrimeConfig config = config_of(keys_, i, n, f);
      if (tweak) tweak(config);
      cores_.push_back(std::make_unique<Twins>(keys_, config));
    }
    for (std::size_t i = 0; i < n; ++i) step(i, ordering::Wakeup{});
  }

  // Loses a message between two servers when true.
  std::function<bool(std::size_t from, std::size_t to, const message::VerifiedMessage&)> lose;
  // How long a message between two servers is under way; no time at all when unset.
  std::function<Duration(std::size_t from, std::size_t to, const message::VerifiedMessage&)> delay;
  // Rewrites what a server signs: a faulty one. None: says nothing.
  std::function<std::vector<std::pair<ServerSet, Bytes>>(std::size_t from, const ordering::Sign&)> lie;
  ServerSet crashed;
  ServerSet faulty;  // `lie` applies to them; they are not checked
  bool duplicates = false;
  bool hurry = false;  // behind each input

  void submit(std::size_t to, std::uint32_t client) {
    const std::uint64_t sequence = ++client_sequences_[client];
    const Bytes op = keys_.client_op(ClientId(client), SeqNum(sequence), as_bytes(std::string_view("close breaker")));
    step(to, keys_.verified(op)->get());
  }

  // Until nothing is under way, or `limit` of virtual time has passed.
  void run(Duration limit) {
    const Instant end = now_ + limit;
    for (;;) {
      while (deliver_one()) {
      }
      Instant next = delayed_.empty() ? Instant::never() : delayed_.begin()->first;
      for (std::size_t i = 0; i < cores_.size(); ++i) {
        if (!crashed.contains(server(i))) next = earlier(next, core(i).next_wakeup());
      }
      if (next > end) break;
      ASSERT_LE(now_ - next, Duration()) << "a core asks to be woken in the past";
      now_ = std::max(now_, next);
      for (; !delayed_.empty() && delayed_.begin()->first <= now_; delayed_.erase(delayed_.begin())) {
        wire_.push_back(delayed_.begin()->second);
      }
      for (std::size_t i = 0; i < cores_.size(); ++i) {
        if (core(i).next_wakeup() <= now_) step(i, ordering::Wakeup{});
      }
    }
    now_ = end;
  }
  bool deliver_one() {
    if (wire_.empty() && std::all_of(own_.begin(), own_.end(), [](const auto& q) { return q.empty(); })) return false;
    // A server's own messages come back in order; all others as the network likes.
    std::vector<std::size_t> talkers;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (!own_[i].empty()) talkers.push_back(i);
    }
    const std::size_t choices = wire_.size() + talkers.size();
    const std::size_t choice = shuffled_ ? rng_.below(choices) : (talkers.empty() ? 0 : wire_.size());
    if (choice >= wire_.size()) {
      const std::size_t i = talkers[choice - wire_.size()];
      const Stored message = own_[i].front();
      own_[i].pop_front();
      step(i, message->get());
      return true;
    }
    std::swap(wire_[choice], shuffled_ ? wire_.back() : wire_.front());
    const Packet packet = shuffled_ ? wire_.back() : wire_.front();
    if (duplicates && shuffled_ && rng_.chance(100'000)) {
      step(packet.to, packet.message->get());
      return true;
    }
    shuffled_ ? wire_.pop_back() : wire_.pop_front();
    step(packet.to, packet.message->get());
    return true;
  }

  [[nodiscard]] const std::vector<Update>& log(std::size_t i) const { return logs_[i]; }
  [[nodiscard]] Prime& core(std::size_t i) { return **cores_[i]; }
  [[nodiscard]] testing::SiteKeys& keys() { return keys_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] const std::map<DropReason, std::size_t>& drops() const { return drops_; }
  [[nodiscard]] const std::vector<ordering::Blame>& blame() const { return blame_; }
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  struct Packet {
    std::size_t to;
    Stored message;
  };

  void step(std::size_t i, const ordering::Input& input) {
    give(i, input);
    if (hurry) give(i, ordering::Hurry{});
  }
  void give(std::size_t i, const ordering::Input& input) {
    if (crashed.contains(server(i))) return;
    ++steps_;
    ordering::Output output;
    cores_[i]->step(now_, input, output);
    for (const ordering::Deliver& delivery : output.deliver) deliver(i, delivery);
    for (const ordering::Sign& sign : output.sign) carry_out(i, sign, output);
    for (const ordering::Forward& forward : output.forward) send(i, forward.to, forward.message);
    for (const ordering::Verify& verify : output.verify) {
      if (const Stored message = keys_.checked(verify.message)) own_[i].push_back(message);
    }
    for (const DropReason reason : output.drops) ++drops_[reason];
    for (const ordering::Blame& blame : output.blame) {
      if (!faulty.contains(server(i))) blame_.push_back(blame);
    }
  }
  void deliver(std::size_t i, const ordering::Deliver& delivery) {
    for (const ByteView update : delivery.updates) {
      const auto op = message::decode<message::ClientOp>(update);
      ASSERT_TRUE(op.has_value());
      logs_[i].emplace_back(op->client.value(), op->sequence.value());
      if (faulty.contains(server(i))) continue;
      if (total_.size() < logs_[i].size()) total_.push_back(logs_[i].back());
      ASSERT_EQ(total_[logs_[i].size() - 1], logs_[i].back()) << "server " << i << " disagrees";
    }
  }
  void carry_out(std::size_t i, const ordering::Sign& sign, const ordering::Output& output) {
    if (lie && faulty.contains(server(i))) {
      for (const auto& [to, content] : lie(i, sign)) {
        const Stored message = keys_.verified(keys_.server(server(i)), content);
        send(i, to.without(server(i)), message);
        if (to.contains(server(i))) own_[i].push_back(message);
      }
      return;
    }
    ASSERT_FALSE(sign.to.contains(server(i)));
    check_promise(i, sign, output);
    const Stored message = keys_.verified(keys_.server(server(i)), sign.content);
    own_[i].push_back(message);
    send(i, sign.to, message);
  }
  void check_promise(std::size_t i, const ordering::Sign& sign, const ordering::Output& output) {
    using message::MessageType;
    const auto slot = [&](std::uint64_t a, std::uint64_t b, const Digest& what) {
      const auto [at, fresh] = promised_[i].try_emplace({sign.type, a, b}, what);
      ASSERT_TRUE(fresh || at->second == what) << "server " << i << " says two things about one slot";
    };
    const Digest whole = crypto::leaf_digest(sign.content);
    // Binds nothing, or repeats what is bound already.
    constexpr std::array kFree = {
        MessageType::SummaryMatrix, MessageType::RttPing,         MessageType::RttPong,
        MessageType::RttMeasure,    MessageType::TatUb,           MessageType::TatMeasure,
        MessageType::NewLeader,     MessageType::NewLeaderProof,  MessageType::VcList,
        MessageType::VcProof,       MessageType::Ordered,         MessageType::Recon,
        MessageType::Inquiry,       MessageType::CorruptionProof, MessageType::PrePrepareRequest};
    if (std::find(kFree.begin(), kFree.end(), sign.type) != kFree.end()) return;
    if (sign.type != MessageType::PoAck) {  // acknowledgements are repeated under the old promise
      ASSERT_TRUE(std::any_of(output.persist.begin(), output.persist.end(),
                              [&](const ordering::Persist& record) { return record.token == sign.after; }));
    }
    ASSERT_NE(sign.after, 0U);
    if (const auto request = message::decode<message::PoRequest>(sign.content))
      slot(request->sequence.value(), 0, whole);
    if (const auto vote = message::decode<message::Prepare>(sign.content)) {
      slot(vote->view.value(), vote->sequence.value(), vote->matrix_digest);
    }
    if (const auto vote = message::decode<message::Commit>(sign.content)) {
      slot(vote->view.value(), vote->sequence.value(), vote->matrix_digest);
    }
    if (const auto pp = message::decode<message::PrePrepare>(sign.content)) {
      slot(pp->view.value(), pp->sequence.value(), whole);
    }
    if (const auto ack = message::decode<message::PoAck>(sign.content)) {
      for (const auto& entry : ack->entries) slot(entry.introducer.value(), entry.sequence.value(), entry.digest);
    }
    const auto broadcast = [&](const auto& votes) {
      for (const auto& entry : votes->entries) {
        slot(votes->view.value(), (std::uint64_t{entry.origin.value()} << 32U) | entry.seq, entry.digest);
      }
    };
    if (const auto echo = message::decode<message::VcEcho>(sign.content)) broadcast(echo);
    if (const auto ready = message::decode<message::VcReady>(sign.content)) broadcast(ready);
    if (const auto report = message::decode<message::Report>(sign.content)) slot(report->view.value(), 0, whole);
    if (const auto set = message::decode<message::PcSet>(sign.content)) slot(set->view.value(), set->seq, whole);
    if (const auto vote = message::decode<message::VcPartialSig>(sign.content)) {
      slot(vote->view.value(), vote->ids.bits(), whole);
    }
    if (const auto replay = message::decode<message::Replay>(sign.content)) slot(replay->view.value(), 0, whole);
    if (const auto vote = message::decode<message::ReplayPrepare>(sign.content)) slot(vote->view.value(), 0, whole);
    if (const auto vote = message::decode<message::ReplayCommit>(sign.content)) slot(vote->view.value(), 0, whole);
  }
  void send(std::size_t from, ServerSet to, const Stored& message) {
    to.for_each([&](ServerId id) {
      if (crashed.contains(id) || (lose && lose(from, id.index(), message->get()))) return;
      if (delay) {
        delayed_.emplace(now_ + delay(from, id.index(), message->get()), Packet{id.index(), message});
      } else {
        wire_.push_back({id.index(), message});
      }
    });
  }

  testing::SiteKeys keys_;
  Rng rng_;
  bool shuffled_;
  Instant now_{1'000'000'000};
  std::vector<std::unique_ptr<Twins>> cores_;
  std::vector<std::vector<Update>> logs_;
  std::vector<Update> total_;
  std::vector<std::map<std::tuple<message::MessageType, std::uint64_t, std::uint64_t>, Digest>> promised_;
  std::vector<std::deque<Stored>> own_;
  std::deque<Packet> wire_;
  std::multimap<Instant, Packet> delayed_;  // by arrival
  std::map<std::uint32_t, std::uint64_t> client_sequences_;
  std::map<DropReason, std::size_t> drops_;
  std::vector<ordering::Blame> blame_;
  std::size_t steps_ = 0;
};

}  // namespace garrison::prime
