// What the service answers to queries at every place of the common order: the truth that accepted answers are held to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"

namespace garrison::lab {

class QueryHistory {
 public:
  // `service` as make_service() knows it.
  explicit QueryHistory(std::string service);

  // The next update of the common order.
  void add(ByteView operation);
  // The result of `query` behind the first `state_sequence` updates, which have been added.
  [[nodiscard]] Bytes answer(std::uint64_t state_sequence, ByteView query) const;
  [[nodiscard]] std::uint64_t updates() const { return operations_.size(); }

 private:
  std::string service_;
  std::vector<Bytes> operations_;
  std::vector<Bytes> snapshots_;  // behind every kSpacing updates
};

}  // namespace garrison::lab
