// Makes one signature out of what servers send, whatever some of them send: optimistically, without looking at proofs,
// until a combination fails. Then each of the chosen servers must prove its share before it is used again, and the one
// whose proof fails is named. No scheme's details here.
//
// Pure but for the cost of its arithmetic: it belongs on the thread that signs. Bounded by n shares and proofs.
#pragma once

#include <optional>
#include <vector>

#include "crypto/threshold/threshold.h"
#include "dataplane/base/server_set.h"

namespace garrison::crypto {

class ShareCollection {
 public:
  // `combiner` outlives it.
  ShareCollection(ShareCombiner& combiner, ByteView message) : combiner_(&combiner), message_(to_bytes(message)) {}

  // What `signer` says that its share is, with an empty `proof` if it did not send one. The caller knows that it was
  // `signer` who said so, and keeps the message as evidence against it. Ignored once there is a signature or the
  // signer is blamed. A share may come again, with a proof.
  void add(ServerId signer, ByteView share, ByteView proof);
  // A share that is known to be correct: this server's own, or one whose proof the caller has checked.
  void add_proven(ServerId signer, ByteView share);
  // Whose shares are not used unless they are proven, for a reason that lies outside this message. Replaces the set of
  // before; combines when a smaller one makes that possible.
  void withhold(ServerSet servers);

  [[nodiscard]] const std::optional<Bytes>& signature() const { return signature_; }
  // Whose share is certainly wrong: it or its proof cannot be one, the proof fails, or there were two different ones.
  // Nobody correct is ever here.
  [[nodiscard]] ServerSet blamed() const { return blamed_; }
  // Who must send a proof before its share is used again: it was in a combination that failed. Among them is somebody
  // faulty, but correct servers too.
  [[nodiscard]] ServerSet suspended() const { return suspended_; }

 private:
  struct Held {
    ServerId signer;
    Bytes share;
    Bytes proof;  // unchecked, or empty
    bool proven = false;
  };
  [[nodiscard]] Held* find(ServerId signer);
  [[nodiscard]] bool usable(const Held& held) const;
  void blame(ServerId signer);
  void check(Held& held);
  void combine();
  [[nodiscard]] std::vector<ServerId> choose() const;
  [[nodiscard]] bool demand_proofs(const std::vector<ServerId>& chosen);

  ShareCombiner* combiner_;
  Bytes message_;
  std::vector<Held> held_;  // in the order they came; nobody who is blamed
  ServerSet blamed_;
  ServerSet suspended_;
  ServerSet withheld_;
  std::optional<Bytes> signature_;
};

}  // namespace garrison::crypto
