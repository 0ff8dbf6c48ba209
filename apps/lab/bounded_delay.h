// BOUNDED-DELAY of [PRIME] 3 and 6, held against a run: once the system is stable, an update that a correct server
// introduces is executed by all correct servers within beta.
//
// Stable (Definition 3.6, Stability-S2) is what the network must be: from some time on, Bounded-Variance for TIMELY and
// Eventual-Synchrony for BOUNDED messages between correct servers. Here the run says when that begins (healed()) and
// the network model says what the longest delays then are. Definition 3.8 grants the system a finite time beyond it,
// for what section 6 names: view changes, and what unstable times left behind. Every time a correct server enters
// another view the clock starts anew, as when the network heals; an update counts if, when it was introduced,
//   * everything was executed that correct servers had introduced before the clock last started, and
//   * something was executed that one of them introduced since: they all are in one view, and it orders;
// and if the clock did not start anew within `suspicion` of the time at which it was late: a leader that is too slow is
// suspected when its turnaround times have been reported, which is after it was slow.
//
// One thread; fed by the watched cores of correct servers.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/lab/core_watch.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"

namespace garrison::lab {

// What beta follows from. Delays are the longest that a message takes from one correct core, which wants it signed and
// sent, to another, which hears it.
struct DelayParameters {
  Duration bounded;          // L*_bounded
  Duration timely;           // L*_timely
  Duration aggregation;      // Delta_agg of what is awaited of correct servers: PO-SUMMARY, SUMMARY-MATRIX
  Duration preprepare;       // Delta_pp, which a leader is allowed between two PRE-PREPAREs
  Duration acknowledgement;  // the period of PO-ACK, which collects several
  Duration reconciliation;   // how long a RECON waits for its receiver to count the request after all
  std::int64_t k_lat = 1;    // K_Lat
  bool flood_on_request = false;
};

struct Addend {
  std::string_view what;
  Duration time;
};
// The addends of beta = 6 L*_bounded + 2 K_Lat L*_timely + 3 Delta_agg, one of which is Delta_pp in the first place,
// and what this implementation adds to it.
[[nodiscard]] std::vector<Addend> delay_addends(const DelayParameters& parameters);
[[nodiscard]] Duration delay_bound(const DelayParameters& parameters);

// From the healing of a network on whose ways a message takes `one_way` until servers that had no session yet have one:
// before that the way between them is not what DelayParameters says.
[[nodiscard]] Duration session_time(Duration one_way);

class BoundedDelay final : public CoreWatcher {
 public:
  BoundedDelay(ServerSet correct, Duration bound, Duration suspicion)
      : correct_(correct), bound_(bound), suspicion_(suspicion) {}

  void on_introduced(Instant now, const prime::PreorderId& id) override;
  void on_executed(Instant now, ServerId server, const prime::PreorderId& id) override;
  // What the state covers is executed; catching up takes its time, and the clock starts anew.
  void on_restored(ServerId server, const prime::SummaryVector& executed) override;
  void on_view(Instant now, ServerId server, View view) override;
  // The network is as DelayParameters says, from now on.
  void healed();
  // A correct server is no longer expected to execute anything.
  void crashed(ServerId server);

  // The first update that was late without an excuse, as one line; none while all is well.
  [[nodiscard]] std::optional<std::string> violation(Instant now) const;

  // PO-REQUESTs that were held to beta, and the longest that one of them took.
  [[nodiscard]] std::uint64_t counted() const { return counted_; }
  [[nodiscard]] Duration worst() const { return worst_; }
  [[nodiscard]] Duration bound() const { return bound_; }
  // Since the network healed.
  [[nodiscard]] std::uint64_t view_changes() const { return view_changes_; }

 private:
  // Introduced before the clock last started; since then, but too early to count; late if it takes longer than beta.
  enum class Standing : std::uint8_t { leftover, early, counts };
  struct Open {
    Instant since;
    Standing standing{};
    ServerSet lacking;  // correct servers that have not executed it
  };
  struct Late {
    prime::PreorderId id;
    Instant noticed;
    Duration took;
  };
  using Key = std::pair<ServerId, SeqNum>;

  [[nodiscard]] bool stable() const { return healed_ && orders_ && leftovers_ == 0; }
  void start_clock();
  void close(Instant now, const Key& key, const Open& open);

  ServerSet correct_;
  Duration bound_;
  Duration suspicion_;
  bool healed_ = false;
  bool orders_ = false;        // something introduced since the clock started was executed
  std::size_t leftovers_ = 0;  // of open_
  std::map<Key, Open> open_;
  std::deque<Late> late_;  // not yet beyond excuse, in order of notice
  View view_;
  std::uint64_t counted_ = 0;
  std::uint64_t view_changes_ = 0;
  Duration worst_;
};

}  // namespace garrison::lab
