// Asynchronous Byzantine reliable broadcast (Bracha) of view change state [PRIME] A.3.2, with tags (origin, view, seq).
//
// What one correct server delivers for a tag all correct servers deliver, and nothing else. The origin sends its signed
// message; whoever has it echoes its digest; a quorum of echoes, or f + 1 readies, makes a server ready; 2f + 1 readies
// and the message deliver it. Whoever becomes ready passes the message on to those that have not echoed it, so that a
// faulty origin that told only some, or others something else, cannot hold up the others. Only messages between correct
// servers are waited for.
//
// Memory: n origins times max_seq + 1 tags of one view; of each tag one message and two votes of each server.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class ReliableBroadcast {
 public:
  explicit ReliableBroadcast(const PrimeConfig& config);

  // Forgets what belongs to another view.
  void start_view(View view);

  // A REPORT (seq 0) or PC-SET of the current view, signed by its origin, whoever sent it.
  void on_content(const message::VerifiedMessage& message, std::uint32_t seq, ordering::Output& output);
  void on_echo(const message::VerifiedMessage& message, ordering::Output& output);
  void on_ready(const message::VerifiedMessage& message, const Promises& promises, ordering::Output& output);

  // What has been delivered since the last call, and the echoes and readies that are due.
  [[nodiscard]] std::vector<Stored> take_delivered();
  void speak(Promises& promises, ordering::Output& output);

  // What this server has said in the view, once more: own messages, less the PC-SETs that a receiver has echoed;
  // echoes, readies.
  void repeat(ServerSet to, Promises& promises, ordering::Output& output) const;

  STATE_FIELDS(config_, view_, instances_, echoes_due_, readies_due_, to_pass_on_, delivered_)

 private:
  struct Votes {
    ServerSet from;
    std::array<Digest, kMaxServersPerSite> digest{};
    [[nodiscard]] ServerSet voters(const Digest& what) const;
    [[nodiscard]] std::size_t matching(const Digest& what) const { return voters(what).size(); }
    STATE_FIELDS(from, digest)
  };
  struct Instance {
    Stored content;  // the first seen, or the one that is decided
    Votes echoes;
    Votes readies;
    Digest echoed{};
    Digest ready{};
    Digest decided{};
    bool has_echoed = false;
    bool is_ready = false;
    bool is_decided = false;
    bool delivered = false;
    STATE_FIELDS(content, echoes, readies, echoed, ready, decided, has_echoed, is_ready, is_decided, delivered)
  };

  [[nodiscard]] Instance* find(ServerId origin, std::uint32_t seq);
  void become_ready(ServerId origin, std::uint32_t seq, Instance& at, const Digest& digest);
  void deliver(Instance& at);
  // False when the voter has voted before.
  static bool vote(Votes& votes, ServerId voter, const Digest& digest, ordering::Output& output);

  const PrimeConfig& config_;
  View view_;
  std::vector<std::vector<Instance>> instances_;  // by origin and seq; grown as tags are seen
  std::vector<message::BroadcastEntry> echoes_due_;
  std::vector<message::BroadcastEntry> readies_due_;
  struct Pass {
    Stored content;
    ServerSet to;
    STATE_FIELDS(content, to)
  };
  std::vector<Pass> to_pass_on_;
  std::vector<Stored> delivered_;
};

}  // namespace garrison::prime
