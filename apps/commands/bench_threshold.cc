#include "apps/commands/bench_threshold.h"

#include <array>
#include <memory>
#include <utility>

#include "apps/commands/bench_batch.h"
#include "crypto/site_key.h"
#include "crypto/threshold/known_primes.h"
#include "crypto/threshold/shoup_dealer.h"

namespace garrison::apps {
namespace {

constexpr std::size_t kMessageBytes = 64;
constexpr std::size_t kBatchedMessageBytes = 200;
constexpr SystemId kSystem{1};
constexpr KeyEpoch kEpoch{1};
const crypto::Principal kSite = crypto::Principal::of_site(SiteId(0));
struct Size {
  std::size_t k;
  std::size_t n;
};
constexpr Size kSizes[] = {{2, 4}, {3, 7}, {6, 16}, {11, 16}};

// One key, and what the first k servers say about one message.
class KeyBench {
 public:
  KeyBench(Duration budget, const crypto::DealtThresholdKey& dealt, std::vector<ThresholdRow>& rows)
      : budget_(budget), key_(dealt.key), rows_(rows) {
    for (std::uint16_t i = 0; i < key_.k; ++i) {
      signers_.push_back(crypto::make_signer(key_, ServerId(i), dealt.secrets[i]).value());
    }
    combiner_ = crypto::make_combiner(key_).value();
    verifier_ = crypto::make_verifier(key_).value();
  }

  // Before all others, which are counted in it.
  void measure_exponentiation() {
    const std::size_t bytes = crypto::signature_bytes(key_.scheme);
    const crypto::Number n = crypto::read_number(ByteView(key_.encoded).first(bytes));
    const crypto::Number base = crypto::read_number(Bytes(bytes - 1, 0x55));
    const crypto::Number exponent = crypto::secret(crypto::read_number(Bytes(bytes, 0xb3)));
    const crypto::Number result = crypto::make_number();
    const crypto::NumberScratch scratch = crypto::make_scratch();
    const std::unique_ptr<BN_MONT_CTX, crypto::FreeWith<BN_MONT_CTX_free>> montgomery(BN_MONT_CTX_new());
    CHECK(montgomery != nullptr && BN_MONT_CTX_set(montgomery.get(), n.get(), scratch.get()) == 1);
    const auto exponentiate = [&](std::size_t) {
      CHECK(BN_mod_exp_mont_consttime(result.get(), base.get(), exponent.get(), n.get(), scratch.get(),
                                      montgomery.get()) == 1);
    };
    exponentiation_us_ = measure_us(budget_, exponentiate);
    add("modexp", kMessageBytes, exponentiation_us_);
  }

  void measure_operations() {
    const Bytes message(kMessageBytes, 0x44);
    const std::vector<Bytes> shares = shares_of(message);
    const std::vector<crypto::SignatureShare> chosen = choose(shares);
    const Bytes proof = signers_[0]->prove(message, shares[0]);
    const auto signature = combiner_->combine(message, chosen);
    CHECK(signature.has_value());
    measure("threshold-share", [&](std::size_t) { CHECK(signers_[0]->share(message) == shares[0]); });
    measure("threshold-prove", [&](std::size_t) { CHECK(!signers_[0]->prove(message, shares[0]).empty()); });
    measure("threshold-check-proof",
            [&](std::size_t) { CHECK(combiner_->proven(message, ServerId(0), shares[0], proof)); });
    measure("threshold-combine", [&](std::size_t) { CHECK(combiner_->combine(message, chosen).has_value()); });
    measure("threshold-verify", [&](std::size_t) { CHECK(verifier_->verify(message, *signature)); });
  }

  // What one server does for messages that its site signs together: the tree, its own share, the combination with the
  // others' and the verification of what comes out, and every block. Then what a receiver of all of them does.
  void measure_batch(std::size_t size) {
    std::array<SignedBatch, 2> batches;
    std::vector<Bytes> shares;
    for (std::size_t which = 0; which < batches.size(); ++which) {
      for (std::size_t i = 0; i < size; ++i) {
        Bytes& content = batches[which].contents.emplace_back(kBatchedMessageBytes, static_cast<std::uint8_t>(i));
        content.back() = static_cast<std::uint8_t>(which);
      }
      shares = shares_of(batch_of(batches[which].contents).statement());
      sign(batches[which], shares);
    }
    const double sign_us = measure_us(budget_, [&](std::size_t) { sign(batches.back(), shares); });
    add("threshold-batch", kBatchedMessageBytes, sign_us / static_cast<double>(size), size);
    crypto::KeyDirectory directory(kSystem, kEpoch);
    CHECK(directory.add_site_key({kSite.site, crypto::SiteKeyKind::one_correct}, key_).ok());
    add("threshold-batch-verify", kBatchedMessageBytes,
        measure_batch_verify_us(budget_, kSystem, kSite, directory, batches), size);
  }

 private:
  [[nodiscard]] static crypto::MerkleBatch batch_of(const std::vector<Bytes>& contents) {
    std::vector<Digest> leaves;
    for (const Bytes& content : contents) leaves.push_back(crypto::leaf_digest(content));
    return {kSystem, kSite, kEpoch, leaves};
  }
  // `shares`: the others' are there already.
  void sign(SignedBatch& batch, std::vector<Bytes>& shares) {
    const crypto::MerkleBatch made = batch_of(batch.contents);
    shares[0] = signers_[0]->share(made.statement());
    const std::optional<Bytes> signature = combiner_->combine(made.statement(), choose(shares));
    CHECK(signature.has_value());
    batch.blocks.resize(batch.contents.size());
    for (std::uint16_t i = 0; i < made.leaf_count(); ++i) {
      batch.blocks[i].resize(made.block_bytes(i, signature->size()));
      made.write_block(i, crypto::block_scheme(key_.scheme), *signature, batch.blocks[i]);
    }
  }
  [[nodiscard]] std::vector<Bytes> shares_of(ByteView message) const {
    std::vector<Bytes> shares;
    for (const auto& signer : signers_) shares.push_back(signer->share(message));
    return shares;
  }
  [[nodiscard]] static std::vector<crypto::SignatureShare> choose(const std::vector<Bytes>& shares) {
    std::vector<crypto::SignatureShare> chosen;
    for (std::uint16_t i = 0; i < shares.size(); ++i) chosen.push_back({ServerId(i), shares[i]});
    return chosen;
  }
  template <typename Operation>
  void measure(const char* op, Operation&& operation) {
    add(op, kMessageBytes, measure_us(budget_, std::forward<Operation>(operation)));
  }
  void add(const char* op, std::size_t message_bytes, double us, std::optional<std::size_t> batch = {}) {
    rows_.push_back({.op = op,
                     .bits = crypto::signature_bytes(key_.scheme) * 8,
                     .message_bytes = message_bytes,
                     .k = key_.k,
                     .n = key_.n,
                     .batch = batch,
                     .us = us,
                     .modexps = us / exponentiation_us_});
  }

  Duration budget_;
  const crypto::ThresholdPublicKey& key_;
  std::vector<ThresholdRow>& rows_;
  std::vector<std::unique_ptr<crypto::ThresholdSigner>> signers_;
  std::unique_ptr<crypto::ShareCombiner> combiner_;
  std::unique_ptr<crypto::ThresholdVerifier> verifier_;
  double exponentiation_us_ = 0;
};

}  // namespace

Result<std::vector<ThresholdRow>> measure_threshold(Duration budget) {
  std::vector<ThresholdRow> rows;
  for (const crypto::ThresholdScheme scheme : crypto::kThresholdSchemes) {
    for (const Size& size : kSizes) {
      const auto dealt = crypto::deal_shoup_key(scheme, size.k, size.n, crypto::known_primes(scheme));
      if (!dealt) return dealt.error();
      KeyBench bench(budget, dealt.value(), rows);
      bench.measure_exponentiation();
      bench.measure_operations();
      if (size.n != kSizes[0].n) continue;
      for (std::size_t batch = 1; batch <= kMaxMerkleLeaves; batch *= 2) bench.measure_batch(batch);
    }
  }
  return rows;
}

}  // namespace garrison::apps
