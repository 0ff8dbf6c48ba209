// What convicts a server of having sent a wrong share. A correct server signs SIG-SHAREs with well-formed shares only,
// one share per statement, since shares are deterministic, and proofs that hold. So each of these is a conviction that
// needs nothing but the site's public key:
//   a SIG-SHARE whose share or proof cannot be one, or whose proof does not hold;
//   two with different shares of one statement.
#pragma once

#include <optional>
#include <vector>

#include "control/message/verified.h"
#include "crypto/threshold/threshold.h"

namespace garrison::site {

// Whether its share, and its proof if it has one, are such as this key's are. Cheap.
[[nodiscard]] bool could_be_a_share(const crypto::ShareCombiner& combiner, const message::SigShare& share);

// Whether the share comes with a proof that does not hold. Costs a check of a proof where there is one.
[[nodiscard]] bool has_bad_proof(crypto::ShareCombiner& combiner, ServerId signer, const message::SigShare& share);

[[nodiscard]] bool contradict(const message::SigShare& a, const message::SigShare& b);

// What a verified SIG-EVIDENCE says.
struct Accusation {
  ServerId accused;
  std::vector<message::SigShare> shares;  // views into the evidence
};
// None when its shares are of two servers.
[[nodiscard]] std::optional<Accusation> accusation_of(const message::VerifiedMessage& evidence);
// Costs at most one check of a proof.
[[nodiscard]] bool convicts(crypto::ShareCombiner& combiner, const Accusation& accusation);

}  // namespace garrison::site
