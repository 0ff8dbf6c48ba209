#include "crypto/digest.h"

#include "crypto/evp.h"

namespace garrison::crypto {

// Invariant: the context is initialised and ready for update().
struct Sha256::State {
  DigestContext context{EVP_MD_CTX_new()};

  State() {
    CHECK(context != nullptr);
    restart();
  }
  void restart() { CHECK(EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(ByteView bytes) {
  CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  unsigned int size = 0;
  CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1 && size == digest.size());
  state_->restart();
  return digest;
}

Sha256& thread_sha256() {
  thread_local Sha256 hash;
  return hash;
}

Digest sha256(ByteView bytes) { return thread_sha256().update(bytes).finish(); }

}  // namespace garrison::crypto
