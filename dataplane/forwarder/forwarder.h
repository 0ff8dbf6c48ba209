// A dependable forwarder [ARCH] 4.3: sends what LOCAL-THRESHOLD servers of its site present, each message once, and
// hands them what other sites send. Its crash or compromise costs time, never consistency: what it passes on carries
// the signature of a site, which it neither makes nor checks.
//
// Primary and backup (docs/adr/0017): the servers present everything to both. The backup does all that the primary
// does, but keeps what it would send until the primary says that it is gone. When it has heard nothing of the primary
// for `takeover`, it sends, from there on, until it hears of it again. Around a change a message may leave twice;
// receivers know what they have.
//
// What may leave waits in two queues, TIMELY first, until the environment takes it, as the rate of the site allows; no
// more than WINDOW messages in all, then the servers wait. Pure; one thread.
#pragma once

#include <deque>
#include <optional>

#include "dataplane/base/instant.h"
#include "dataplane/forwarder/local_messages.h"
#include "dataplane/forwarder/remote_messages.h"

namespace garrison::forwarder {

enum class Role : std::uint8_t { primary = 0, backup = 1 };

class Forwarder {
 public:
  struct Config {
    Role role = Role::primary;
    LocalMessages::Config local;
    RemoteMessages::Config remote;
    Duration notice_period = milliseconds(50);  // between two notices to the backup, while nothing is sent
    Duration takeover = milliseconds(500);
  };

  Forwarder(const Config& config, Instant now);

  // As LocalMessages has them.
  [[nodiscard]] LocalMessages::Offer offer(ServerId from, const Header& header, ByteView message);
  [[nodiscard]] bool may_take(SeqNum sequence) const { return local_.may_take(sequence); }

  // Whether it sends: the primary always, the backup while the primary is silent.
  [[nodiscard]] bool active(Instant now) const {
    return config_.role == Role::primary || now - heard_ >= config_.takeover;
  }
  // What is to be sent now, once; none while there is nothing, or while not active().
  [[nodiscard]] std::optional<Departure> next_departure(Instant now);

  // Of the primary: what its backup is to be told now, that everything up to there is gone; none while it need not.
  [[nodiscard]] std::optional<SeqNum> next_notice(Instant now);
  // Of the backup: it was told so.
  void on_notice(Instant now, SeqNum gone);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] RemoteMessages& remote() { return remote_; }
  [[nodiscard]] const RemoteMessages& remote() const { return remote_; }
  [[nodiscard]] const LocalMessages& local() const { return local_; }
  [[nodiscard]] DropCounters& drops() { return drops_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }  // messages, to one site or several

 private:
  void fill();
  [[nodiscard]] SeqNum gone() const;

  Config config_;
  DropCounters drops_;
  LocalMessages local_;
  RemoteMessages remote_;
  std::deque<Departure> leaving_[2];  // by class
  std::uint64_t sent_ = 0;
  // Of the primary.
  SeqNum told_;
  Instant tell_at_;
  // Of the backup.
  Instant heard_;
  SeqNum gone_;  // as the primary has told it
};

}  // namespace garrison::forwarder
