// The client side of [PRIME] A.1 as a pure state machine: which server gets which sequence number and when, and when
// f+1 servers agree on a result. The shell around it owns connections, keys and the signed bytes of every sequence
// until it completes; it carries out `sends` and hands in authenticated replies. One thread.
//
// A sequence number is never given up: servers execute a client's sequences within a window above the executed prefix,
// so a gap would stop the client for good. A shell that must give up starts a core with a higher incarnation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "control/message/messages.h"
#include "control/service/limits.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"

namespace garrison::client {

// Communication patterns of [PRIME] A.1.
enum class Pattern : std::uint8_t {
  one_server,  // the fastest so far; after a timeout the next, then f+1 at a time
  f_plus_1,    // f+1 at once: no faulty server delays it, at f+1 times the ordering work
  all,         // everyone at once, as BFT needs it
  co_located,  // shares its fate with `first_server`: asks it alone and believes it alone
};

struct ClientConfig {
  std::size_t servers = 4;  // n of the site
  std::size_t faults = 1;   // f
  ClientId client;
  Incarnation incarnation;
  std::size_t window = service::kClientWindow;  // unanswered sequences at once, at most kClientWindow
  Duration timeout_initial = milliseconds(250);
  Duration timeout_max = seconds(8);  // a sequence's timeout doubles with every attempt up to this
  Pattern pattern = Pattern::one_server;
  ServerId first_server;
};

struct Send {
  SeqNum sequence;
  ServerSet to;
};

struct Completed {
  SeqNum sequence;
  std::uint64_t state_sequence = 0;
  Bytes result;
  Duration latency;  // from submit()
};

// Effects, in any order. Cleared and reused by the caller.
struct Output {
  std::vector<Send> sends;
  std::vector<Completed> completed;

  void clear() {
    sends.clear();
    completed.clear();
  }
};

enum class ReplyOutcome : std::uint8_t {
  counted,    // first answer of this server
  completed,  // ... and f+1 servers agree: see Output::completed
  late,       // the sequence was completed before
  repeated,   // this server has given this very answer before
  changed,    // this server has answered differently before: ignored, and proof that it is faulty
  foreign,    // not for this client and incarnation, never submitted, or `server` is not who sent it
};

struct ClientStats {
  std::uint64_t submitted = 0;
  std::uint64_t completed = 0;
  std::uint64_t timeouts = 0;  // resends
  std::uint64_t late = 0;
  std::uint64_t changed = 0;
  std::uint64_t foreign = 0;
};

class ClientCore {
 public:
  explicit ClientCore(const ClientConfig& config);

  // The next sequence number, and where to send it; none while the window is full.
  [[nodiscard]] std::optional<SeqNum> submit(Instant now, Output& output);
  // A CLIENT-REPLY whose MAC is `sender`'s.
  ReplyOutcome on_reply(Instant now, const message::ClientReply& reply, ServerId sender, Output& output);
  // Resends what is due. To be called at next_wakeup().
  void on_wakeup(Instant now, Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] bool window_full() const;
  [[nodiscard]] std::size_t outstanding() const { return due_.size(); }
  // Where one_server would send the next operation.
  [[nodiscard]] ServerId preferred() const { return preferred_; }
  [[nodiscard]] const ClientStats& stats() const { return stats_; }
  [[nodiscard]] const ClientConfig& config() const { return config_; }

 private:
  // One answer and who gave it. A server votes once per sequence, so there are at most n.
  struct Candidate {
    std::uint64_t state_sequence = 0;
    Bytes result;
    ServerSet voters;
  };
  struct Pending {
    SeqNum sequence;  // 0: free
    Instant submitted;
    Instant due;
    Duration timeout;
    std::uint32_t attempts = 0;
    ServerId first;  // where the first attempt started
    ServerId next;   // where the next one starts
    ServerSet voters;
    std::vector<Candidate> candidates;
  };

  [[nodiscard]] Pending& slot(SeqNum sequence) { return ring_[sequence.value() % ring_.size()]; }
  [[nodiscard]] std::size_t replies_needed() const;
  // The next `count` servers from pending.next on that have not answered yet.
  [[nodiscard]] ServerSet next_servers(Pending& pending, std::size_t count) const;
  void attempt(Instant now, Pending& pending, Output& output);
  // Leaves the result that f+1 servers agree on in front of the candidates.
  ReplyOutcome vote(Pending& pending, const message::ClientReply& reply, ServerId sender);
  void complete(Instant now, Pending& pending, Output& output);
  void note_response(ServerId server, Duration response);
  void choose_preferred();

  ClientConfig config_;
  std::vector<Pending> ring_;  // sequence modulo window
  std::set<std::pair<Instant, SeqNum>> due_;
  SeqNum last_;                                          // highest submitted
  SeqNum oldest_ = SeqNum(1);                            // lowest not completed
  std::array<Duration, kMaxServersPerSite> response_{};  // moving averages; zero: never measured
  ServerId preferred_;
  ClientStats stats_;
};

}  // namespace garrison::client
