// THRESHOLD-SIGN [CUST] 5.2: the servers of a site make its signature of one batch after the other, several under way
// at once.
//
// Each server sends its share of a batch's signature to all others, and combines the first k that it has. Nobody proves
// anything unless a combination fails. Then those who were in it must prove their shares before anything of theirs is
// used again, in whatever batch (share_suspects.h), and who cannot have been honest is expelled: signed evidence goes
// to all, and whoever can verify it expels, too. The blacklist is local: it says whose work this server uses, and
// nothing of the site's state.
//
// Retransmission: a server that misses a signature asks all others for it. Who has the signature answers with it, who
// has not with its own share; answers are never answered, so correct servers cannot keep each other busy. What one
// server can ask for is bounded in time.
//
// What a faulty server costs a correct one: at most one failed combination and k - 1 checks of proofs for each time
// that it is in doubt, one check for each false accusation, which is its last, and as many proofs as ShareSuspects lets
// it ask for.
//
// A pure state machine: no clock, no key, no thread. Shares are made outside, where the private key is, and handed back
// with on_share(). Own SIG-SHAREs come back signed through on_message(), as with an ordering core. One thread: best the
// crypto thread, because a batch costs 0.15 to 0.3 of a private-key operation here (combination and verification) and a
// failure 2 (k - 1) of them (checks of proofs), which on the control thread would hold up the ordering. Its messages
// are validated on the crypto thread anyway, and nobody but it looks at them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "control/message/verified.h"
#include "control/ordering/ordering.h"
#include "control/site/share_suspects.h"
#include "crypto/threshold/share_collection.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"

namespace garrison::site {

struct ThresholdSignConfig {
  message::Envelope envelope;  // of every message this server signs
  ServerId self;
  std::size_t n = 4;
  std::size_t f = 1;
  std::size_t window = 32;  // batches begun and not forgotten; also how far ahead shares of others are kept
  std::size_t kept = 256;   // own shares of past batches that can still be proven
  Duration repeat_period = milliseconds(200);
  Duration longest_pause = seconds(10);  // between two requests to a server that does not prove its share
  Duration ask_period = seconds(10);     // see ShareSuspects; 2f proofs per asker in it
};

class ThresholdSign {
 public:
  // To be made by whoever holds the private key: the share of a statement, or, where there is a share, its proof.
  struct Share {
    std::uint64_t batch = 0;
    Bytes statement;
    Bytes share;  // whose proof is wanted; empty: the share itself is
  };
  // The answer.
  struct ShareMade {
    std::uint64_t batch = 0;
    Bytes share;
    Bytes proof;  // where it was wanted
  };
  struct Signed {
    std::uint64_t batch = 0;
    Bytes signature;
  };
  // Effects of one call; none depends on another. Cleared by the caller.
  struct Output {
    std::vector<Share> shares;
    std::vector<ordering::Sign> sign;
    std::vector<ordering::Forward> forward;
    std::vector<Signed> signatures;  // each batch once
    ServerSet expelled;              // by this call
    std::vector<DropReason> drops;
  };

  // `combiner`, of the key that is signed with, outlives it. CHECKs the config.
  ThresholdSign(const ThresholdSignConfig& config, crypto::ShareCombiner& combiner);
  ThresholdSign(const ThresholdSign&) = delete;  // batches refer to the combiner
  ThresholdSign& operator=(const ThresholdSign&) = delete;

  // Whether another batch may begin: fewer than `window` have begun and are not forgotten.
  [[nodiscard]] bool has_room() const { return newest_ + 1 < floor_ + config_.window; }
  // Batches begin in ascending order at every server, each with the same statement at all correct ones, which names its
  // purpose, system and key epoch (crypto::MerkleBatch).
  void begin(Instant now, std::uint64_t batch, ByteView statement, Output& output);
  // Batches below are over: their signatures are known wherever they are needed.
  void forget_below(std::uint64_t batch);

  // A SIG-SHARE, SIG-REQUEST, SIG-EVIDENCE or SIG-COMPLETE, a peer's or this server's own.
  void on_message(Instant now, const message::VerifiedMessage& message, Output& output);
  void on_share(Instant now, const ShareMade& made, Output& output);
  void tick(Instant now, Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] ServerSet expelled() const { return suspects_.expelled(); }
  [[nodiscard]] ServerSet doubted() const { return suspects_.doubted(); }
  // SIG-SHAREs in memory; a few for doubts aside, that is all there is of what others sent.
  [[nodiscard]] std::size_t shares_held() const;

 private:
  using Stored = std::shared_ptr<const message::StoredMessage>;
  using Refusal = std::optional<DropReason>;

  struct Answered {
    std::optional<Instant> request;
    std::optional<Instant> proof;
  };
  // Begun. Once it is over, only the own share is left, to be proven on demand.
  struct Batch {
    Bytes statement;
    std::optional<crypto::ShareCollection> collection;    // until there is a signature
    std::array<Stored, kMaxServersPerSite> shares;        // while there is a collection; the own one stays
    ServerSet suspended;                                  // of the collection, as far as that is known
    std::optional<Bytes> signature;                       // until it is over
    bool proving = false;                                 // the proof of the own share is wanted or made
    Instant request_at = Instant::never();                // the signature, from others
    std::array<Answered, kMaxServersPerSite> answered{};  // requests of others, and when last
  };

  [[nodiscard]] Refusal on_sig_share(Instant now, const message::VerifiedMessage& message, Output& output);
  [[nodiscard]] Refusal on_request(Instant now, const message::VerifiedMessage& message, Output& output);
  [[nodiscard]] Refusal on_evidence(const message::VerifiedMessage& message, Output& output);
  [[nodiscard]] Refusal on_complete(const message::VerifiedMessage& message, Output& output);

  void keep_own(const message::VerifiedMessage& message);
  [[nodiscard]] Refusal keep_early(std::uint64_t number, const Stored& message, Output& output);
  [[nodiscard]] Refusal take(Instant now, std::uint64_t number, const Stored& message, Output& output);
  [[nodiscard]] Refusal replace(Stored& held, const Stored& message, Output& output);
  [[nodiscard]] Refusal settle_doubt(const Doubt& doubt, const Stored& message, Output& output);
  [[nodiscard]] Refusal answer_with_proof(Instant now, std::uint64_t number, Batch& batch, ServerId to, Output& output);

  void update(Instant now, Output& output);
  void absorb(Instant now, std::uint64_t number, Batch& batch, Output& output);
  void complete(std::uint64_t number, Batch& batch, Bytes signature, Output& output);
  void convict(ServerId server, const std::vector<Stored>& shares, Output& output);
  void expel(ServerId server, Output& output);
  void drop_old();
  [[nodiscard]] Batch* find(std::uint64_t number);
  [[nodiscard]] ServerSet others() const;
  template <typename Message>
  void say(const Message& message, ServerSet to, Output& output) const;

  ThresholdSignConfig config_;
  crypto::ShareCombiner* combiner_;
  ShareSuspects suspects_;
  std::map<std::uint64_t, Batch> batches_;
  std::uint64_t newest_ = 0;                                               // begun
  std::uint64_t floor_ = 1;                                                // below, all is over
  std::array<std::map<std::uint64_t, Stored>, kMaxServersPerSite> early_;  // SIG-SHAREs of batches to come, by signer
};

}  // namespace garrison::site
