// SHA-256 with the algorithm fetched once per process.
#pragma once

#include <memory>

#include "dataplane/base/bytes.h"

namespace garrison::crypto {

// A reusable context: reset() is implied by finish(). One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  Sha256& update(ByteView bytes);
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The calling thread's own context, between uses: whoever updates it finishes it before returning.
Sha256& thread_sha256();
// One-shot, over that context.
Digest sha256(ByteView bytes);

}  // namespace garrison::crypto
