// Threshold keys that no dealer made. Parsing refuses them or makes objects that work on them: nothing crashes, no
// CHECK is reached, a secret counts as the server's part only if it is, and a combiner returns nothing but signatures.
//
// Input: scheme u8, k u8, n u8, size u16, seven bytes, then records of (place u16, value u8) that overwrite bytes of a
// good key for any 2 of 4, which was cut or repeated to `size`. The seven bytes spoil server 0's secret where they are
// not zero.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto/threshold/known_primes.h"
#include "crypto/threshold/shoup_dealer.h"
#include "dataplane/base/check.h"

namespace {
using namespace garrison;
using namespace garrison::crypto;

constexpr ThresholdScheme kScheme = ThresholdScheme::shoup_rsa1024;
constexpr std::size_t kSpoiledBytes = 7;
const Bytes kMessage(40, 0x61);

struct Site {
  DealtThresholdKey dealt = deal_shoup_key(kScheme, 2, 4, known_primes(kScheme)).value();
  std::vector<Bytes> shares;
  Bytes proof;
  Site() {
    for (std::uint16_t i = 0; i < 2; ++i) {
      const auto signer = make_signer(dealt.key, ServerId(i), dealt.secrets[i]).value();
      shares.push_back(signer->share(kMessage));
      if (i == 0) proof = signer->prove(kMessage, shares[0]);
    }
  }
};

ThresholdPublicKey read_key(Reader& in, const Bytes& good) {
  ThresholdPublicKey key{.scheme = kThresholdSchemes[in.u8() % std::size(kThresholdSchemes)],
                         .k = in.u8(),
                         .n = in.u8(),
                         .encoded = Bytes(in.u16())};
  for (std::size_t i = 0; i < key.encoded.size(); ++i) key.encoded[i] = good[i % good.size()];
  return key;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Site site;
  constexpr std::size_t kHeadBytes = 5 + kSpoiledBytes;
  if (size < kHeadBytes) return 0;
  Reader in(ByteView(data, size));
  ThresholdPublicKey key = read_key(in, site.dealt.key.encoded);
  SecretBytes secret = site.dealt.secrets[0];
  for (std::size_t i = 0; i < kSpoiledBytes; ++i) secret.writable()[i] ^= in.u8();
  while (in.remaining() >= 3) {
    const std::size_t place = in.u16();
    const std::uint8_t value = in.u8();
    if (place < key.encoded.size()) key.encoded[place] = value;
  }

  const auto combiner = make_combiner(key);
  const auto verifier = make_verifier(key);
  const auto signer = make_signer(key, ServerId(0), secret);
  CHECK(combiner.ok() == verifier.ok());
  const bool good_secret = equal(secret.view(), site.dealt.secrets[0].view());
  if (key == site.dealt.key) CHECK(combiner.ok() && signer.ok() == good_secret);
  if (!combiner) {
    CHECK(!signer.ok());
    return 0;
  }
  if (signer) {
    const Bytes share = signer.value()->share(kMessage);
    CHECK(combiner.value()->well_formed(share) == (BN_num_bits(read_number(share).get()) > 1));
    CHECK(combiner.value()->proven(kMessage, ServerId(0), share, signer.value()->prove(kMessage, share)));
  }
  (void)combiner.value()->proven(kMessage, ServerId(0), site.shares[0], site.proof);
  if (key.scheme != kScheme || key.k != 2) return 0;
  const SignatureShare shares[] = {{ServerId(0), site.shares[0]}, {ServerId(1), site.shares[1]}};
  const auto signature = combiner.value()->combine(kMessage, shares);
  if (signature) CHECK(verifier.value()->verify(kMessage, *signature));
  return 0;
}
