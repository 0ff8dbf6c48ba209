// The client side of queries that its site answers without ordering (docs/adr/0014) as a pure state machine: what is
// asked of the servers and when, and which answer is one. The shell around it owns connections, keys and the bytes of
// every query until it ends; it carries out what Output lists and hands in authenticated answers. One thread.
//
// A server's answer is a pair: a state sequence, and the result of the query in the state behind that update. f+1
// servers that give equal pairs include a correct one, so the pair is true. It is accepted if the state is not older
// than the query's token, the newest state that this client had seen when it asked. So what a client reads never goes
// back behind what it has read and written, its session, though it may lag behind what others have written.
//
// Correct servers stand at different state sequences while updates are executed. So a first round asks for the states
// they are at. Where these do not agree, further rounds ask all for one state that is about to be reached everywhere:
// the (f+1)-th highest sequence that was answered, which no f servers can put beyond what is executed, and `lead`
// updates more, which the core learns. After the last round the query is ordered like an update. A core's answers from
// different rounds may be mixed: each says what was true at its state sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "control/message/messages.h"
#include "control/service/limits.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"

namespace garrison::client {

// How a client's queries are answered: linearizable, or consistent with its session.
enum class Reads : std::uint8_t { ordered, site };

inline constexpr std::uint32_t kQueryRounds = 3;
inline constexpr std::uint64_t kMaxQueryLead = 256;

struct QueryConfig {
  std::size_t servers = 4;  // n of the site
  std::size_t faults = 1;   // f
  ClientId client;
  Incarnation incarnation;  // higher than that of any core before it with the same client
  std::size_t window = service::kQueryWindow;
  std::uint32_t rounds = kQueryRounds;
  // Of a round in which fewer than n-f servers answer. Servers wait for up to kQueryWait before they do.
  Duration round_timeout = service::kQueryWait * 4;
};

// To every server of the site.
struct Ask {
  std::uint64_t number = 0;
  std::uint32_t round = 0;
  std::uint64_t token = 0;
  std::uint64_t target = 0;
};

struct Answered {
  std::uint64_t number = 0;
  std::uint64_t state_sequence = 0;
  Bytes result;
  Duration latency;  // from submit()
};

// Effects, in any order. Cleared and reused by the caller.
struct QueryOutput {
  std::vector<Ask> asks;
  std::vector<Answered> answered;
  std::vector<std::uint64_t> to_order;  // queries that the shell has to have ordered; they are over here

  void clear() {
    asks.clear();
    answered.clear();
    to_order.clear();
  }
};

enum class AnswerOutcome : std::uint8_t {
  counted,   // first answer of this server in the round
  accepted,  // ... and f+1 servers agree: see QueryOutput::answered
  late,      // the query is over
  repeated,  // this server has answered this round, or a later one
  foreign,   // not for this client and incarnation, never asked, or `server` is not who sent it
};

struct QueryStats {
  std::uint64_t submitted = 0;
  std::uint64_t answered = 0;
  std::uint64_t at_once = 0;  // of those, in the first round
  std::uint64_t ordered = 0;
  std::uint64_t timeouts = 0;  // of rounds
  std::uint64_t stale = 0;     // answers from before a query's token
  std::uint64_t late = 0;
  std::uint64_t foreign = 0;

  QueryStats& operator+=(const QueryStats& other);
};

class QueryCore {
 public:
  explicit QueryCore(const QueryConfig& config);

  // Asks every server. The query's number; none while the window is full.
  [[nodiscard]] std::optional<std::uint64_t> submit(Instant now, QueryOutput& output);
  // A QUERY-REPLY whose MAC is `sender`'s.
  AnswerOutcome on_answer(Instant now, const message::QueryReply& reply, ServerId sender, QueryOutput& output);
  // The client has accepted the result of an ordered operation: what it asks from now on sees that operation.
  void on_ordered(std::uint64_t state_sequence);
  // To be called at next_wakeup().
  void on_wakeup(Instant now, QueryOutput& output);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] bool window_full() const { return pending_.size() == config_.window; }
  [[nodiscard]] std::size_t outstanding() const { return pending_.size(); }
  // The newest state that this client has seen.
  [[nodiscard]] std::uint64_t token() const { return token_; }
  [[nodiscard]] const QueryStats& stats() const { return stats_; }
  [[nodiscard]] const QueryConfig& config() const { return config_; }

 private:
  struct Answer {
    std::uint32_t round = 0;
    std::uint64_t state_sequence = 0;
    Bytes result;  // not kept of one from before the token
  };
  struct Pending {
    Instant submitted;
    Instant due;
    std::uint32_t round = 0;
    std::uint64_t token = 0;
    std::uint64_t reached = 0;                   // by f+1 servers, when the round began
    std::vector<std::optional<Answer>> answers;  // by ServerId: the newest of each
  };
  using Queries = std::map<std::uint64_t, Pending>;

  void ask(Instant now, std::uint64_t number, Pending& pending, std::uint64_t target, QueryOutput& output);
  void next_round(Instant now, Queries::iterator query, QueryOutput& output);
  [[nodiscard]] std::size_t agreeing(const Pending& pending, const Answer& with) const;
  [[nodiscard]] std::size_t answers_of_round(const Pending& pending) const;
  [[nodiscard]] std::uint64_t reached_by_correct(const Pending& pending) const;
  void accept(Instant now, Queries::iterator query, Answer& agreed, QueryOutput& output);

  QueryConfig config_;
  Queries pending_;
  std::set<std::pair<Instant, std::uint64_t>> due_;
  std::uint64_t last_ = 0;  // highest number
  std::uint64_t token_ = 0;
  std::uint64_t lead_ = 0;  // updates that are executed while a round is on its way, about
  QueryStats stats_;
};

}  // namespace garrison::client
