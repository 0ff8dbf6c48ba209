#include "crypto/threshold/share_collection.h"

#include <algorithm>

namespace garrison::crypto {

void ShareCollection::add(ServerId signer, ByteView share, ByteView proof) {
  if (signature_ || signer.index() >= combiner_->n() || blamed_.contains(signer)) return;
  const bool proof_possible = proof.empty() || proof.size() == combiner_->proof_bytes();
  if (!combiner_->well_formed(share) || !proof_possible) return blame(signer);
  Held* held = find(signer);
  if (held == nullptr) {
    held_.push_back({.signer = signer, .share = to_bytes(share), .proof = to_bytes(proof)});
  } else {
    if (!equal(held->share, share)) return blame(signer);
    if (proof.empty() || held->proven) return;
    if (!suspended_.contains(signer)) {
      if (held->proof.empty()) held->proof = to_bytes(proof);
      return;
    }
    held->proof = to_bytes(proof);
    check(*held);
  }
  combine();
}

void ShareCollection::add_proven(ServerId signer, ByteView share) {
  CHECK(signer.index() < combiner_->n());
  if (signature_ || blamed_.contains(signer)) return;
  Held* const held = find(signer);
  CHECK(held == nullptr || equal(held->share, share));
  if (held == nullptr) {
    held_.push_back({.signer = signer, .share = to_bytes(share), .proof = {}, .proven = true});
  } else {
    held->proven = true;
  }
  suspended_.erase(signer);
  combine();
}

void ShareCollection::withhold(ServerSet servers) {
  const bool freed = (withheld_.bits() & ~servers.bits()) != 0;
  withheld_ = servers;
  if (freed && !signature_) combine();
}

bool ShareCollection::usable(const Held& held) const {
  return held.proven || (!suspended_.contains(held.signer) && !withheld_.contains(held.signer));
}

ShareCollection::Held* ShareCollection::find(ServerId signer) {
  const auto at = std::ranges::find(held_, signer, &Held::signer);
  return at == held_.end() ? nullptr : &*at;
}

void ShareCollection::blame(ServerId signer) {
  blamed_.insert(signer);
  suspended_.erase(signer);
  std::erase_if(held_, [&](const Held& held) { return held.signer == signer; });
}

// Afterwards `held` is proven, or gone.
void ShareCollection::check(Held& held) {
  if (!combiner_->proven(message_, held.signer, held.share, held.proof)) return blame(held.signer);
  held.proven = true;
  held.proof = {};
  suspended_.erase(held.signer);
}

// Each round ends it, or makes somebody proven, suspended or blamed: at most 2n rounds in all.
void ShareCollection::combine() {
  for (;;) {
    const std::vector<ServerId> chosen = choose();
    if (chosen.empty()) return;
    std::vector<SignatureShare> shares;
    for (const ServerId signer : chosen) shares.push_back({signer, find(signer)->share});
    signature_ = combiner_->combine(message_, shares);
    if (signature_) return held_.clear();
    if (!demand_proofs(chosen)) return;
  }
}

// k servers, proven ones first; none while there are fewer.
std::vector<ServerId> ShareCollection::choose() const {
  std::vector<ServerId> chosen;
  for (const bool proven : {true, false}) {
    for (const Held& held : held_) {
      if (chosen.size() == combiner_->k()) break;
      if (held.proven == proven && usable(held)) chosen.push_back(held.signer);
    }
  }
  if (chosen.size() < combiner_->k()) chosen.clear();
  return chosen;
}

// False when all of them are proven already: their keys were not dealt together, and no other share would help.
bool ShareCollection::demand_proofs(const std::vector<ServerId>& chosen) {
  bool learned = false;
  for (const ServerId signer : chosen) {
    Held& held = *find(signer);
    if (held.proven) continue;
    learned = true;
    if (held.proof.empty()) {
      suspended_.insert(signer);
    } else {
      check(held);
    }
  }
  return learned;
}

}  // namespace garrison::crypto
