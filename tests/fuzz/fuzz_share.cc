// Servers that say anything about their shares. Nothing crashes, no CHECK is reached, whoever only ever said what is
// correct is not blamed, and what comes out is a signature.
//
// Input: records of (signer u8, kind u8, size u16, bytes). The site is any 2 of 4, RSA-1024 over known primes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/threshold/known_primes.h"
#include "crypto/threshold/share_collection.h"
#include "crypto/threshold/shoup_dealer.h"
#include "dataplane/base/check.h"

namespace {
using namespace garrison;
using namespace garrison::crypto;

constexpr ThresholdScheme kScheme = ThresholdScheme::shoup_rsa1024;
constexpr std::size_t kServers = 4;
const Bytes kMessage(40, 0x61);

struct Site {
  Site() {
    const DealtThresholdKey dealt = deal_shoup_key(kScheme, 2, kServers, known_primes(kScheme)).value();
    for (std::size_t i = 0; i < kServers; ++i) {
      const ServerId id(static_cast<std::uint16_t>(i));
      const auto signer = make_signer(dealt.key, id, dealt.secrets[i]).value();
      shares.push_back(signer->share(kMessage));
      proofs.push_back(signer->prove(kMessage, shares.back()));
    }
    combiner = make_combiner(dealt.key).value();
    verifier = make_verifier(dealt.key).value();
  }
  std::vector<Bytes> shares;
  std::vector<Bytes> proofs;
  std::unique_ptr<ShareCombiner> combiner;
  std::unique_ptr<ThresholdVerifier> verifier;
};

Bytes changed(Bytes good, ByteView by) {
  for (std::size_t i = 0; i < std::min(good.size(), by.size()); ++i) good[i] ^= by[i];
  return good;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Site site;
  ShareCollection collection(*site.combiner, kMessage);
  ServerSet liars;
  Reader in(ByteView(data, size));
  while (in.remaining() >= 4) {
    const ServerId signer(in.u8());
    const std::uint8_t kind = in.u8();
    const ByteView bytes = in.view(std::min<std::size_t>(in.u16(), in.remaining()));
    const std::size_t own = signer.index() % kServers;
    Bytes share = site.shares[own];
    Bytes proof;
    switch (kind % 5) {
      case 0:
        share = to_bytes(bytes);
        break;
      case 1:
        share = changed(std::move(share), bytes);
        break;
      case 2:
        proof = changed(site.proofs[own], bytes);
        break;
      case 3:
        share = site.shares[bytes.empty() ? own : bytes.front() % kServers];
        proof = site.proofs[own];
        break;
      default:
        share = to_bytes(bytes.first(std::min(bytes.size(), share.size())));
        proof = to_bytes(bytes.subspan(share.size()));
    }
    const bool honest = share == site.shares[own] && (proof.empty() || proof == site.proofs[own]);
    if (signer.index() < kServers && !honest) liars.insert(signer);
    collection.add(signer, share, proof);
  }
  collection.blamed().for_each([&](ServerId id) { CHECK(liars.contains(id)); });
  if (collection.signature()) CHECK(site.verifier->verify(kMessage, *collection.signature()));
  return 0;
}
