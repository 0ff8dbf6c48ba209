// Into how many parts a logical link cuts a link message, how many of them give it back, and who hands which to whom.
//
// Part i of a message is what server i of the sending site encodes and sends, over virtual link i, to the server that
// receiver_of() names; a pair with a faulty end may lose or spoil its part ([ARCH] 4.1). So k is what is left of the
// pairs without those: the parts of correct pairs alone always suffice.
//
// Pure. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/ids.h"
#include "dataplane/coding/code.h"

namespace garrison::link {

static_assert(kMaxServersPerSite <= coding::kMaxParts);

// Any k of n parts decode.
struct PartCode {
  std::uint8_t n = 0;
  std::uint8_t k = 0;
  friend bool operator==(PartCode, PartCode) = default;
};

struct SiteSize {
  std::size_t n = 0;  // servers
  std::size_t f = 0;  // of them faulty at most
};

// Of the erasure link from one site to another. None where too few pairs are sure to be correct: every faulty sender
// spoils one of sender.n pairs, every faulty receiver its share of them, rounded up.
[[nodiscard]] std::optional<PartCode> erasure_code(SiteSize sender, SiteSize receiver);

// Virtual link `index` ends at this server of a site of `receivers` servers: taken in turn.
[[nodiscard]] constexpr ServerId receiver_of(std::size_t index, std::size_t receivers) {
  return ServerId(static_cast<std::uint16_t>(index % receivers));
}

// The coding::Code of every PartCode that was asked for, each built once: building one costs more than coding a few
// kilobytes. As many as the caller's configuration has; never ask for one that a peer chose.
class PartCodes {
 public:
  // CHECKs coding::Code::valid(code.n, code.k). Valid as long as this table.
  [[nodiscard]] coding::Code& of(PartCode code);

 private:
  std::vector<std::unique_ptr<coding::Code>> codes_;
};

}  // namespace garrison::link
