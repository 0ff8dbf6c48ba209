#include "control/site/share_evidence.h"

namespace garrison::site {

using message::SigShare;

bool could_be_a_share(const crypto::ShareCombiner& combiner, const SigShare& share) {
  return combiner.well_formed(share.share) && (share.proof.empty() || share.proof.size() == combiner.proof_bytes());
}

bool has_bad_proof(crypto::ShareCombiner& combiner, ServerId signer, const SigShare& share) {
  return !share.proof.empty() && !combiner.proven(share.statement, signer, share.share, share.proof);
}

bool contradict(const SigShare& a, const SigShare& b) {
  return equal(a.statement, b.statement) && !equal(a.share, b.share);
}

std::optional<Accusation> accusation_of(const message::VerifiedMessage& evidence) {
  const auto decoded = evidence.as<message::SigEvidence>();
  Accusation accusation;
  for (std::size_t i = 0; i < decoded.shares.size(); ++i) {
    const message::VerifiedMessage share = inner_message(evidence, decoded.shares[i]);
    if (i > 0 && share.server() != accusation.accused) return std::nullopt;
    accusation.accused = share.server();
    accusation.shares.push_back(share.as<SigShare>());
  }
  return accusation;
}

bool convicts(crypto::ShareCombiner& combiner, const Accusation& accusation) {
  const SigShare& first = accusation.shares.front();
  if (accusation.shares.size() == 2) return contradict(first, accusation.shares.back());
  return !could_be_a_share(combiner, first) || has_bad_proof(combiner, accusation.accused, first);
}

}  // namespace garrison::site
