// Into how many parts a logical link cuts a link message, and how many of them give it back ([ARCH] 4.1). What they
// must be for two sites follows from the pairs of their servers, control/config/link_pairs.h. To make a part is
// coding::Code::encode(): the result depends on the message, the code and the index alone.
//
// Pure. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/coding/code.h"

namespace garrison::link {

static_assert(kMaxServersPerSite <= coding::kMaxParts);

// Any k of n parts decode.
struct PartCode {
  using NotState = void;  // configuration
  std::uint8_t n = 0;
  std::uint8_t k = 0;
  friend bool operator==(PartCode, PartCode) = default;
};

// The coding::Code of every PartCode that was asked for, each built once: building one costs more than coding a few
// kilobytes. As many as the caller's configuration has; never ask for one that a peer chose.
class PartCodes {
 public:
  using NotState = void;
  // CHECKs coding::Code::valid(code.n, code.k). Valid as long as this table.
  [[nodiscard]] coding::Code& of(PartCode code);

 private:
  std::vector<std::unique_ptr<coding::Code>> codes_;
};

}  // namespace garrison::link
