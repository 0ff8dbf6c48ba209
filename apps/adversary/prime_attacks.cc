#include "apps/adversary/prime_attacks.h"

#include <algorithm>

namespace garrison::adversary {

using message::MessageType;

void AckOnlyFaulty::says(ordering::Sign& sign) {
  if (sign.type == MessageType::PoAck) thin_out_ack(sign);
  if (sign.type == MessageType::PoSummary) thin_out_summary(sign);
}

// The core hears its own acknowledgements as it made them; the others hear less.
void AckOnlyFaulty::thin_out_ack(ordering::Sign& sign) {
  auto ack = message::decode<message::PoAck>(sign.content);
  CHECK(ack.has_value());
  const ServerSet faulty = conspiracy().faulty();
  if (std::erase_if(ack->entries, [&](const message::PoAck::Entry& e) { return !faulty.contains(e.introducer); }) ==
      0) {
    return;
  }
  act();
  if (!ack->entries.empty()) lie(sign, message::encode(context().envelope, *ack), sign.to);
  sign.to = {};
}

// The core believes this one too: rows that it knows better would give it away in matrices.
void AckOnlyFaulty::thin_out_summary(ordering::Sign& sign) {
  auto summary = message::decode<message::PoSummary>(sign.content);
  CHECK(summary.has_value());
  bool changed = false;
  for (std::size_t i = 0; i < summary->vec.size(); ++i) {
    if (conspiracy().faulty().contains(ServerId(static_cast<std::uint16_t>(i)))) continue;
    changed = changed || summary->vec[i] != SeqNum(0);
    summary->vec[i] = SeqNum(0);
  }
  if (!changed) return;
  act();
  sign.content = message::encode(context().envelope, *summary);
}

void CorruptRecon::says(ordering::Sign& sign) {
  auto recon = message::decode<message::Recon>(sign.content);
  if (!recon.has_value() || recon->part.empty()) return;
  Bytes part = to_bytes(recon->part);
  part[rng().below(part.size())] ^= 0x01;
  recon->part = part;
  act();
  sign.content = message::encode(context().envelope, *recon);
}

void ExecuteWrongly::delivers(ordering::Deliver& batch) {
  if (batch.updates.size() > 1) {
    act();
    std::reverse(batch.updates.begin(), batch.updates.end());
  } else if (rng().chance(250'000)) {
    act();
    batch.updates.clear();
  }
}

}  // namespace garrison::adversary
