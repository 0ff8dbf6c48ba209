#include "crypto/threshold/shoup_proof.h"

#include <array>
#include <string_view>

#include "crypto/digest.h"

namespace garrison::crypto {

ShoupStatement::ShoupStatement(const ShoupKey& of, const Modulus& modulus, ByteView bytes, ServerId signer,
                               ByteView share)
    : key(of), v_i(of.v_of.at(signer.index())), message(sha256(bytes)), server(signer) {
  const Number four_delta = make_number(4 * shoup_delta(of.n));
  x_tilde = modulus.power(encode_message(bytes, of.bytes), four_delta);
  share_square = modulus.square(read_number(share));
}

Number ShoupStatement::challenge(const Number& v_commitment, const Number& x_commitment) const {
  static constexpr std::string_view kPurpose = "garrison-shoup-proof-1";
  std::array<std::uint8_t, 2> index;
  Writer(index).u16(static_cast<std::uint16_t>(shoup_index(server)));
  Sha256& hash = thread_sha256();
  hash.update(as_bytes(kPurpose)).update(key.digest).update(index).update(message);
  for (const Number* number : {&x_tilde, &share_square, &v_commitment, &x_commitment}) {
    hash.update(number_bytes(*number, key.bytes));
  }
  const Digest digest = hash.finish();
  return read_number(ByteView(digest).first(kChallengeBytes));
}

Bytes prove_share(const ShoupStatement& statement, const Modulus& modulus, const Number& s_i) {
  const std::size_t z_bytes = statement.key.bytes + kBlindingBytes;
  const NumberScratch scratch = make_scratch();
  const Number r = secret(make_number());
  const Number z = secret(make_number());
  Number c;
  do {
    CHECK(BN_priv_rand(r.get(), static_cast<int>(8 * z_bytes), BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1);
    c = statement.challenge(modulus.power_secret(statement.key.v, r), modulus.power_secret(statement.x_tilde, r));
    CHECK(BN_mul(z.get(), c.get(), s_i.get(), scratch.get()) == 1 && BN_sub(z.get(), r.get(), z.get()) == 1);
  } while (BN_is_negative(z.get()));  // once in 2^128 proofs
  Bytes proof(kChallengeBytes + z_bytes);
  write_number(c, MutableBytes(proof).first(kChallengeBytes));
  write_number(z, MutableBytes(proof).last(z_bytes));
  return proof;
}

bool check_proof(const ShoupStatement& statement, const Modulus& modulus, ByteView proof) {
  if (proof.size() != statement.key.bytes + kProofOverheadBytes) return false;
  const Number c = read_number(proof.first(kChallengeBytes));
  const Number z = read_number(proof.subspan(kChallengeBytes));
  const Number v_commitment = modulus.power_product(statement.key.v, z, statement.v_i, c);
  const Number x_commitment = modulus.power_product(statement.x_tilde, z, statement.share_square, c);
  return BN_cmp(statement.challenge(v_commitment, x_commitment).get(), c.get()) == 0;
}

}  // namespace garrison::crypto
