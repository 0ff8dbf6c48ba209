// A site of ordering cores over a network that a script decides about: which messages are lost, held back or cut off,
// and when time passes. Correct servers are held to their promises at every step.
//
// Above the real codec, validation and executor; below no channels, no crypto threads: a server's own messages come
// back signed at once, records are durable at once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "apps/adversary/spec.h"
#include "control/bft/bft.h"
#include "control/prime/prime.h"
#include "control/service/executor.h"
#include "tests/support/site_keys.h"

namespace garrison::scenario {

// Which messages something happens to.
struct Rule {
  std::vector<message::MessageType> types;
  ServerSet from;
  ServerSet to;
  std::optional<std::uint64_t> times;  // so many, then no more; none: all
};

// What orders updates, and what is changed of its configuration at every server.
struct Cores {
  config::LocalProtocol protocol = config::LocalProtocol::prime;
  std::function<void(prime::PrimeConfig&)> prime{};
  std::function<void(bft::BftConfig&)> bft{};
};

class Site {
 public:
  using Update = std::pair<ClientId, SeqNum>;
  using Stored = std::shared_ptr<const message::StoredMessage>;

  // Those in `faulty` are not held to anything, and what they are handed need not be executed.
  Site(std::size_t n, std::size_t f, ServerSet faulty, const Cores& cores = {});

  // From now on. It is held to account all the same unless it is in `faulty`.
  void corrupt(ServerId server, const std::vector<adversary::Spec>& specs);
  void crash(ServerId server);
  void set_delay(Duration delay) { delay_ = delay; }
  void lose(Rule rule) { losses_.push_back(std::move(rule)); }
  void hold(Rule rule) { holds_.push_back(std::move(rule)); }
  // Servers of different groups do not hear each other; a server in no group hears nobody.
  void partition(std::vector<ServerSet> groups) { groups_ = std::move(groups); }
  // Ends losses and partitions.
  void heal();
  // What was held back is under way, and nothing further is held.
  void release();

  // Sees every message that a server sends to another.
  std::function<void(ServerId from, ServerId to, const message::VerifiedMessage&)> tap;

  // One update more of the server's own client, which sends it to all servers where BFT orders.
  void submit(ServerId to);
  void advance(Duration time);
  // Everything under way and whatever follows from it, without time passing.
  void deliver_all();

  [[nodiscard]] std::size_t n() const { return servers_.size(); }
  [[nodiscard]] ServerSet faulty() const { return conspiracy_->faulty(); }
  [[nodiscard]] ServerSet correct() const;  // neither faulty nor crashed
  [[nodiscard]] const std::vector<Update>& executed(ServerId server) const { return of(server).executed; }
  [[nodiscard]] ordering::Status status(ServerId server) const { return of(server).core->status(); }
  [[nodiscard]] ServerSet blamed(ServerId by) const { return of(by).blamed; }
  [[nodiscard]] std::uint64_t dropped(ServerId by, DropReason reason) const;
  // Messages sent so far that fit a rule, lost ones included.
  [[nodiscard]] std::uint64_t sent(const Rule& rule) const;
  [[nodiscard]] const adversary::Conspiracy& conspiracy() const { return *conspiracy_; }

  // The first violation: of agreement, exactly-once, a promise, or the good name of a correct server.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  // What correct servers were handed and some correct server has not executed; none when there is nothing.
  [[nodiscard]] std::optional<std::string> unexecuted() const;

 private:
  struct Server {
    std::unique_ptr<ordering::OrderingCore> core;
    std::unique_ptr<service::Executor> executor;
    std::vector<Update> executed;
    std::set<Update> once;
    std::map<std::tuple<message::MessageType, std::uint64_t, std::uint64_t>, Digest> promised;
    prime::SummaryVector summarized;  // its newest PO-SUMMARY
    std::map<DropReason, std::uint64_t> drops;
    ServerSet blamed;
    std::deque<Stored> own;  // signed, not yet heard
    bool crashed = false;
    SeqNum submitted;  // by its client
  };
  struct Packet {
    ServerId from;
    ServerId to;
    Stored message;
  };

  [[nodiscard]] std::unique_ptr<ordering::OrderingCore> make_core(ServerId self, std::size_t f,
                                                                  const Cores& cores) const;
  [[nodiscard]] Server& of(ServerId id) { return servers_[id.index()]; }
  [[nodiscard]] const Server& of(ServerId id) const { return servers_[id.index()]; }
  [[nodiscard]] static bool fits(const Rule& rule, const Packet& packet);
  [[nodiscard]] static bool use(std::vector<Rule>& rules, const Packet& packet);
  [[nodiscard]] bool cut_off(ServerId from, ServerId to) const;
  void step(ServerId id, const ordering::Input& input);
  void step_once(ServerId id, const ordering::Input& input);
  void deliver(ServerId id, const ordering::Deliver& batch);
  void check_promises(ServerId id, const ordering::Sign& sign);
  void send(ServerId from, ServerSet to, const Stored& message);
  void land(const Packet& packet);
  void report(std::string what);

  testing::SiteKeys keys_;
  config::LocalProtocol protocol_;
  std::shared_ptr<adversary::Conspiracy> conspiracy_;
  std::vector<Server> servers_;
  Instant now_{1'000'000'000};
  Duration delay_ = milliseconds(1);
  std::vector<Rule> losses_;
  std::vector<Rule> holds_;
  std::vector<ServerSet> groups_;
  std::multimap<Instant, Packet> wire_;
  std::vector<Packet> held_;
  std::map<std::tuple<message::MessageType, ServerId, ServerId>, std::uint64_t> sent_;
  std::vector<Update> order_;  // the longest that a correct server has executed
  std::vector<std::pair<ServerId, Update>> handed_in_;
  std::optional<std::string> violation_;
};

}  // namespace garrison::scenario
