// A faulty server: a decorator that owns a correct ordering core and alters what goes in and comes out of it.
//
// It stands where the core would, in the lab, in the node and in tests alike, and owns what the core's server owns: its
// key, through Output::sign. So it can ignore what it hears, keep things to itself, send late, send to others, send
// again, sign any content, and tell different servers different things; it cannot forge another's signature. Several
// are chained by wrapping one in the other. Threads and times are those of OrderingCore.
//
// The core inside stays consistent: every message it asks for is signed and comes back to it, whoever else receives
// it, and what the adversary has signed beside it never reaches it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "apps/adversary/conspiracy.h"
#include "control/config/topology.h"
#include "control/ordering/ordering.h"
#include "dataplane/base/rng.h"

namespace garrison::adversary {

// What a faulty server is told. `conspiracy` is shared by all faulty servers of a run.
struct Context {
  message::Envelope envelope;  // of every message of this server
  ServerId self;
  std::shared_ptr<Conspiracy> conspiracy;
  std::uint64_t seed = 0;  // its choices follow from it, its server and its place in the chain
  config::LocalProtocol protocol = config::LocalProtocol::prime;  // of the core
};

class Adversary : public ordering::OrderingCore {
 public:
  // `record` belongs to context.conspiracy.
  Adversary(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record);

  void step(Instant now, const ordering::Input& input, ordering::Output& output) final;
  [[nodiscard]] Instant next_wakeup() const final;
  [[nodiscard]] bool accepts_updates() const final { return core_->accepts_updates(); }
  [[nodiscard]] ordering::Progress progress() const final { return core_->progress(); }
  [[nodiscard]] std::optional<ordering::Checkpoint> checkpoint() const final { return core_->checkpoint(); }
  [[nodiscard]] ordering::Status status() const final { return core_->status(); }
  void save(ordering::StateWriter& state) const final { core_->save(state); }
  // Goes on as a correct one.
  [[nodiscard]] std::unique_ptr<ordering::OrderingCore> load(ordering::StateReader& state) const final {
    return core_->load(state);
  }

 protected:
  using Stored = std::shared_ptr<const message::StoredMessage>;

  // Of a server, or of a site where those are the participants; else it is a client's.
  [[nodiscard]] static bool is_of_participant(const message::VerifiedMessage& message) {
    return message.signer().kind != crypto::Principal::Kind::client;
  }

  // The hooks; each does nothing by default, as a correct server does.
  // A message of a peer or a client arrives. False: the core never hears of it.
  virtual bool hears(const message::VerifiedMessage& message);
  // The core wants `sign` signed. Receivers may be left out, and the content replaced: the core then hears that back.
  virtual void says(ordering::Sign& sign);
  // A message of this server has come back signed.
  virtual void has_said(const message::VerifiedMessage& message);
  // The core passes on what was signed before.
  virtual void forwards(ordering::Forward& forward);
  virtual void delivers(ordering::Deliver& batch);
  // When it wants to do something by itself, and what it does then.
  [[nodiscard]] virtual Instant acts_at() const;
  virtual void acts();

  // For the hooks.
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] const Context& context() const { return context_; }
  [[nodiscard]] const Conspiracy& conspiracy() const { return *context_.conspiracy; }
  [[nodiscard]] ServerSet everyone() const { return ServerSet::all(conspiracy().n()); }
  [[nodiscard]] ServerSet others() const { return everyone().without(context_.self); }
  [[nodiscard]] bool leads() const { return core_->status().leader == context_.self; }
  [[nodiscard]] Rng& rng() { return rng_; }
  void act() { record_.acted.add(); }

  // Signs `content` and sends it to `to`, as `like` would have gone. The core does not hear of it.
  void lie(const ordering::Sign& like, Bytes content, ServerSet to);
  // Of the message that says() is asked about: signed now, sent at `at`.
  void send_later(ordering::Sign& sign, Instant at);
  void send(const Stored& message, ServerSet to, Instant at);
  void send(const Stored& message, ServerSet to) { send(message, to, now_); }
  // The core hears now what hears() has kept from it.
  void let_hear(const message::VerifiedMessage& message) { run_core(message); }

 private:
  // A message handed out to be signed, in the order in which they come back.
  struct Expected {
    Digest digest{};
    bool a_lie = false;
    std::optional<Instant> later;  // sent to `to` then
    ServerSet to;
    TrafficClass traffic{};
    ordering::PersistToken after = 0;
  };

  void run_core(const ordering::Input& input);
  void take_back(const message::VerifiedMessage& message);
  void hand_out(ordering::Sign sign, Expected expected);
  void send_due();

  std::unique_ptr<ordering::OrderingCore> core_;
  Adversary* inner_;                // core_, if that is one
  std::optional<bool> comes_back_;  // said by the adversary around this one: of the next own message
  Context context_;
  Conspiracy::Record& record_;
  Rng rng_;
  Instant now_;
  ordering::Output* output_ = nullptr;  // of the step under way
  std::vector<ordering::Sign> signs_;   // of the step under way: what the core says, and lies
  Expected saying_;                     // of the message that says() is asked about
  std::deque<Expected> expected_;       // bounded by what the core has in flight, and the lies about it
  std::multimap<Instant, ordering::Forward> late_;
  // What came back last, and whether it was a lie: copies that peers flood must not make the core doubt itself.
  std::map<Digest, bool> own_;
  std::deque<Digest> own_in_order_;
};

}  // namespace garrison::adversary
