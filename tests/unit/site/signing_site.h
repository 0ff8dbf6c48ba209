// A site whose servers sign together, for tests: real ThresholdSign objects, modelled keys, messages and shares that
// arrive in an order drawn from a seed. Faulty servers are the test's: it says what they send, and hears what they get.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/site/threshold_sign.h"
#include "crypto/threshold/modelled.h"
#include "dataplane/base/rng.h"
#include "tests/support/site_keys.h"

namespace garrison::site {

// Counts what costs something.
class CountingCombiner final : public crypto::ShareCombiner {
 public:
  explicit CountingCombiner(std::unique_ptr<crypto::ShareCombiner> of) : of_(std::move(of)) {}
  [[nodiscard]] std::size_t k() const override { return of_->k(); }
  [[nodiscard]] std::size_t n() const override { return of_->n(); }
  [[nodiscard]] std::size_t proof_bytes() const override { return of_->proof_bytes(); }
  [[nodiscard]] bool well_formed(ByteView share) const override { return of_->well_formed(share); }
  [[nodiscard]] bool proven(ByteView message, ServerId signer, ByteView share, ByteView proof) override {
    ++proofs_checked;
    return of_->proven(message, signer, share, proof);
  }
  [[nodiscard]] std::optional<Bytes> combine(ByteView message,
                                             std::span<const crypto::SignatureShare> shares) override {
    ++combined;
    std::optional<Bytes> signature = of_->combine(message, shares);
    if (!signature) ++failed;
    return signature;
  }
  [[nodiscard]] bool verify(ByteView message, ByteView signature) override {
    ++verified;
    return of_->verify(message, signature);
  }

  std::size_t proofs_checked = 0;
  std::size_t combined = 0;
  std::size_t failed = 0;  // of them
  std::size_t verified = 0;

 private:
  std::unique_ptr<crypto::ShareCombiner> of_;
};

inline ServerId server(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }

class SigningSite {
 public:
  using Config = ThresholdSignConfig;
  struct Server {
    std::unique_ptr<CountingCombiner> combiner;
    std::unique_ptr<ThresholdSign> core;
    std::deque<std::uint64_t> to_begin{};
    std::map<std::uint64_t, Bytes> signatures;
    std::multiset<DropReason> drops;
    std::size_t shares_made = 0;
    std::size_t proofs_made = 0;
    std::size_t said = 0;  // messages to sign or forward, each receiver counted
  };

  explicit SigningSite(std::size_t n, std::uint64_t seed = 1, const std::function<void(Config&)>& change = {})
      : f_((n - 1) / 3),
        keys_(n),
        dealt_(crypto::deal_modelled_key(crypto::ThresholdScheme::modelled_rsa1024, f_ + 1, n, keys_.system(),
                                         keys_.site(), crypto::SiteKeyKind::one_correct)
                   .value()),
        rng_(seed) {
    for (std::size_t i = 0; i < n; ++i) {
      Config config;
      config.envelope = keys_.envelope(server(i));
      config.self = server(i);
      config.n = n;
      config.f = f_;
      if (change) change(config);
      signers_.push_back(crypto::make_signer(dealt_.key, server(i), dealt_.secrets[i]).value());
      Server made;
      made.combiner = std::make_unique<CountingCombiner>(crypto::make_combiner(dealt_.key).value());
      made.core = std::make_unique<ThresholdSign>(config, *made.combiner);
      servers_.push_back(std::move(made));
    }
  }

  [[nodiscard]] std::size_t n() const { return servers_.size(); }
  [[nodiscard]] std::size_t f() const { return f_; }
  [[nodiscard]] Server& at(ServerId id) { return servers_[id.index()]; }
  [[nodiscard]] ThresholdSign& core(std::size_t i) { return *servers_[i].core; }
  [[nodiscard]] crypto::ThresholdSigner& signer(ServerId id) { return *signers_[id.index()]; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] testing::SiteKeys& keys() { return keys_; }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] ServerSet all() const { return ServerSet::all(n()); }
  [[nodiscard]] ServerSet correct() const { return ServerSet::from_bits(all().bits() & ~liars.bits()); }

  [[nodiscard]] static Bytes statement(std::uint64_t batch) {
    return to_bytes(as_bytes("batch " + std::to_string(batch)));
  }
  [[nodiscard]] Bytes share(ServerId of, std::uint64_t batch) { return signer(of).share(statement(batch)); }
  [[nodiscard]] Bytes proof(ServerId of, std::uint64_t batch, ByteView share) {
    return signer(of).prove(statement(batch), share);
  }
  // The site's signature.
  [[nodiscard]] Bytes signature(std::uint64_t batch) {
    std::vector<Bytes> made;
    std::vector<crypto::SignatureShare> shares;
    for (std::size_t i = 0; i <= f_; ++i) made.push_back(share(server(i), batch));
    for (std::size_t i = 0; i <= f_; ++i) shares.push_back({server(i), made[i]});
    return crypto::make_combiner(dealt_.key).value()->combine(statement(batch), shares).value();
  }

  // At every correct server, at each in its own time after the batches of before.
  void begin(std::uint64_t batch) {
    correct().for_each([&](ServerId id) {
      at(id).to_begin.push_back(batch);
      later([this, id] {
        const std::uint64_t next = at(id).to_begin.front();
        at(id).to_begin.pop_front();
        begin_at(id, next);
      });
    });
  }
  void begin_at(ServerId id, std::uint64_t batch) {
    act(id, [&](ThresholdSign& core, auto& output) { core.begin(now_, batch, statement(batch), output); });
  }
  void forget_below(std::uint64_t batch) {
    correct().for_each([&](ServerId id) { at(id).core->forget_below(batch); });
  }

  // What `from` signs, on its way.
  template <typename Message>
  void send(ServerId from, const Message& message, ServerSet to) {
    send(keys_.verified(from, message), to);
  }
  void send(const std::shared_ptr<const message::StoredMessage>& message, ServerSet to) {
    to.for_each([&](ServerId id) {
      if (rng_.chance(loss_millionths)) return;
      later([this, id, message] { deliver(id, message); });
    });
  }
  // At once; the drops of this delivery alone.
  template <typename Message>
  std::multiset<DropReason> hand(ServerId from, ServerId to, const Message& message) {
    const std::multiset<DropReason> before = std::exchange(at(to).drops, {});
    deliver(to, keys_.verified(from, message));
    return std::exchange(at(to).drops, before);
  }

  // Everything that is under way, and what follows from it, in an order of the seed.
  void run() {
    while (!under_way_.empty()) {
      std::swap(under_way_[rng_.below(under_way_.size())], under_way_.back());
      const std::function<void()> next = std::move(under_way_.back());
      under_way_.pop_back();
      next();
    }
  }
  void pass(Duration time) {
    now_ = now_ + time;
    correct().for_each([&](ServerId id) {
      if (at(id).core->next_wakeup() > now_) return;
      act(id, [&](ThresholdSign& core, auto& output) { core.tick(now_, output); });
    });
    run();
  }
  [[nodiscard]] std::size_t signed_everywhere(std::uint64_t first, std::uint64_t last) {
    std::size_t complete = 0;
    for (std::uint64_t batch = first; batch <= last; ++batch) {
      bool everywhere = true;
      correct().for_each([&](ServerId id) { everywhere = everywhere && at(id).signatures.contains(batch); });
      complete += everywhere ? 1 : 0;
    }
    return complete;
  }

  ServerSet liars;  // their cores do nothing
  std::function<void(ServerId liar, const message::VerifiedMessage& message)> on_liar =
      [](ServerId, const message::VerifiedMessage&) {};
  std::uint64_t loss_millionths = 0;
  bool make_shares = true;  // else whoever needs a share waits

 private:
  void later(std::function<void()> what) { under_way_.push_back(std::move(what)); }

  template <typename Call>
  void act(ServerId id, Call&& call) {
    ThresholdSign::Output output;
    call(*at(id).core, output);
    carry_out(id, output);
  }

  void deliver(ServerId to, const std::shared_ptr<const message::StoredMessage>& message) {
    if (liars.contains(to)) return on_liar(to, message->get());
    act(to, [&](ThresholdSign& core, auto& output) { core.on_message(now_, message->get(), output); });
  }

  void carry_out(ServerId id, ThresholdSign::Output& output) {
    Server& own = at(id);
    own.drops.insert(output.drops.begin(), output.drops.end());
    for (const auto& [batch, signature] : output.signatures) {
      CHECK(own.signatures.emplace(batch, signature).second);
    }
    for (const ThresholdSign::Share& share : output.shares) {
      if (make_shares) later([this, id, share] { make(id, share); });
    }
    for (const ordering::Sign& sign : output.sign) {
      CHECK(!sign.to.contains(id));
      own.said += sign.to.size();
      const auto signed_message = keys_.verified(keys_.server(id), sign.content);
      act(id, [&](ThresholdSign& core, auto& looped) { core.on_message(now_, signed_message->get(), looped); });
      send(signed_message, sign.to);
    }
    for (const ordering::Forward& forward : output.forward) {
      own.said += forward.to.size();
      send(forward.message, forward.to);
    }
  }

  void make(ServerId id, const ThresholdSign::Share& wanted) {
    const bool proof = !wanted.share.empty();
    ++(proof ? at(id).proofs_made : at(id).shares_made);
    ThresholdSign::ShareMade made{wanted.batch, proof ? wanted.share : signer(id).share(wanted.statement), {}};
    if (proof) made.proof = signer(id).prove(wanted.statement, wanted.share);
    act(id, [&](ThresholdSign& core, auto& output) { core.on_share(now_, made, output); });
  }

  std::size_t f_;
  testing::SiteKeys keys_;
  crypto::DealtThresholdKey dealt_;
  Rng rng_;
  Instant now_{seconds(1000).ns()};
  std::vector<std::unique_ptr<crypto::ThresholdSigner>> signers_;
  std::vector<Server> servers_;
  std::vector<std::function<void()>> under_way_;
};

}  // namespace garrison::site
