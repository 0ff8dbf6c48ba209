#include "dataplane/link/part_code.h"

namespace garrison::link {

coding::Code& PartCodes::of(PartCode code) {
  for (const auto& known : codes_) {
    if (known->n() == code.n && known->k() == code.k) return *known;
  }
  return *codes_.emplace_back(std::make_unique<coding::Code>(code.n, code.k));
}

}  // namespace garrison::link
