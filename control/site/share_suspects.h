// Whose shares a server uses: the *local* blacklist of THRESHOLD-SIGN and what leads to it.
//
// A combination that fails has a wrong share in it. Each of its servers is then in doubt, everywhere: nothing of it is
// used before it proves the very share that was in that combination. Who lied cannot, so it stays in doubt or, when its
// proof fails, is expelled. Each failure thus takes one more faulty server out, and there are at most f, whatever is
// under way beside.
//
// A correct server may have forgotten a share of long ago before it hears that somebody wants a proof. So doubt ends by
// itself: after `kept` batches the first time, twice as many each time after. A liar that never proves anything causes
// a number of failures that grows as the logarithm of the batches.
//
// Pure, bounded by n; part of ThresholdSign.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "control/message/verified.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"

namespace garrison::site {

// The share that a server must prove.
struct Doubt {
  std::uint64_t batch = 0;
  std::shared_ptr<const message::StoredMessage> share;  // SIG-SHARE without a proof
  std::uint64_t until = 0;                              // begin() of this batch ends it
  Instant ask_at;                                       // again
  Duration pause;                                       // until then
};

class ShareSuspects {
 public:
  // `kept` batches, as above. `asks` proofs at most, anew in each `ask_period`, are made because one server asks.
  ShareSuspects(std::uint64_t kept, std::size_t asks, Duration ask_period)
      : kept_(kept), asks_(asks), ask_period_(ask_period) {}

  [[nodiscard]] ServerSet expelled() const { return expelled_; }
  [[nodiscard]] ServerSet doubted() const;
  // Nothing unproven of theirs is used.
  [[nodiscard]] ServerSet withheld() const { return ServerSet::from_bits(expelled_.bits() | doubted().bits()); }

  void expel(ServerId server);
  // Not in doubt yet, not expelled. Its proof is asked for at once.
  void doubt(Instant now, ServerId server, std::uint64_t batch, std::shared_ptr<const message::StoredMessage> share,
             Duration pause);
  [[nodiscard]] const Doubt* doubt_of(ServerId server) const;
  void clear(ServerId server) { at(server).doubt.reset(); }
  // That batch begins: doubts that are too old end.
  void excuse(std::uint64_t batch);
  // Who must be asked again now, for its doubt's batch.
  [[nodiscard]] ServerSet due(Instant now, Duration longest_pause);
  [[nodiscard]] Instant next_due() const;

  // Whether one more proof may be made because `server` asks; counts it.
  [[nodiscard]] bool may_ask(Instant now, ServerId server);

 private:
  struct Suspect {
    std::optional<Doubt> doubt;
    unsigned doubts = 0;  // so far
    Instant quota_from;
    std::size_t quota_used = 0;
  };
  [[nodiscard]] Suspect& at(ServerId server) { return suspects_[server.index()]; }

  std::uint64_t kept_;
  std::size_t asks_;
  Duration ask_period_;
  std::array<Suspect, kMaxServersPerSite> suspects_;
  ServerSet expelled_;
};

}  // namespace garrison::site
