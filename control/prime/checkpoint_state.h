// What a Prime core adds to the executed state in a checkpoint: how far each introducer's requests are executed.
// u64 each, by introducer.
#pragma once

#include "control/prime/eligibility.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/check.h"

namespace garrison::prime {

[[nodiscard]] inline Bytes encode_checkpoint(const SummaryVector& executed) {
  Bytes state(8 * executed.size());
  Writer writer(state);
  for (const SeqNum sequence : executed) writer.u64(sequence.value());
  return state;
}

// f + 1 servers vouch for `state`, so a correct one has encoded it.
[[nodiscard]] inline SummaryVector decode_checkpoint(ByteView state) {
  CHECK(state.size() % 8 == 0);
  Reader reader(state);
  SummaryVector executed;
  while (reader.remaining() > 0) executed.emplace_back(reader.u64());
  return executed;
}

}  // namespace garrison::prime
