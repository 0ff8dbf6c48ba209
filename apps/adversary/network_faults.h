// Faulty servers that look like a faulty network: what they say is right, if it comes, when it comes.
#pragma once

#include "apps/adversary/adversary.h"
#include "apps/adversary/options.h"

namespace garrison::adversary {

// Messages of some types, of its own or passed on, never reach some servers.
class Silent final : public Adversary {
 public:
  Silent(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
         MessageTypes types, ServerSet to);

 protected:
  void says(ordering::Sign& sign) override { withhold(sign.type, sign.to); }
  void forwards(ordering::Forward& forward) override { withhold(forward.message->get().type(), forward.to); }

 private:
  void withhold(message::MessageType type, ServerSet& to);

  MessageTypes types_;
  ServerSet to_;
};

// Ignores messages of some types that some servers signed.
class Deaf final : public Adversary {
 public:
  Deaf(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
       MessageTypes types, ServerSet from);

 protected:
  bool hears(const message::VerifiedMessage& message) override;

 private:
  MessageTypes types_;
  ServerSet from_;
};

// Says some things late.
class Late final : public Adversary {
 public:
  Late(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
       MessageTypes types, Duration by);

 protected:
  void says(ordering::Sign& sign) override;
  void forwards(ordering::Forward& forward) override;

 private:
  MessageTypes types_;
  Duration by_;
};

// Says everything several times, to everyone.
class Repeater final : public Adversary {
 public:
  Repeater(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
           std::uint64_t times);

 protected:
  void has_said(const message::VerifiedMessage& message) override;

 private:
  std::uint64_t times_;
};

// Sends old messages of anyone to anyone, by chance whenever it hears something.
class Replayer final : public Adversary {
 public:
  Replayer(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
           std::uint64_t chance_millionths);

 protected:
  bool hears(const message::VerifiedMessage& message) override;
  void has_said(const message::VerifiedMessage& message) override { keep(message); }

 private:
  void keep(const message::VerifiedMessage& message);

  std::uint64_t chance_;
  std::vector<Stored> kept_;
  std::uint64_t seen_ = 0;
};

}  // namespace garrison::adversary
