#include "apps/adversary/equivocation.h"

#include <algorithm>
#include <utility>

namespace garrison::adversary {

using message::MessageType;

void Equivocator::says(ordering::Sign& sign) {
  Bytes second = second_version(sign);
  if (second.empty() || equal(second, sign.content)) return;
  ServerSet to;
  sign.to.for_each([&](ServerId one) {
    if (rng().chance(500'000)) to.insert(one);
  });
  if (to.empty()) {
    if (sign.to.empty()) return;
    std::uint64_t before = rng().below(sign.to.size());
    sign.to.for_each([&](ServerId one) {
      if (before-- == 0) to.insert(one);
    });
  }
  to.for_each([&](ServerId one) { sign.to.erase(one); });
  act();
  lie(sign, std::move(second), to);
}

Bytes EquivocatePrePrepare::second_version(const ordering::Sign& sign) {
  if (sign.type != MessageType::PrePrepare) return {};
  auto proposal = message::decode<message::PrePrepare>(sign.content);
  CHECK(proposal.has_value());
  std::vector<Bytes> rows;
  for (const ByteView row : proposal->rows) rows.push_back(to_bytes(row));
  const std::vector<Bytes> previous = std::exchange(previous_rows_, std::move(rows));
  const std::size_t at = rng().below(proposal->rows.size());
  const bool regress = at < previous.size() && rng().chance(500'000);
  proposal->rows[at] = regress ? ByteView(previous[at]) : ByteView();
  return message::encode(context().envelope, *proposal);
}

Bytes EquivocatePoSummary::second_version(const ordering::Sign& sign) {
  if (sign.type != MessageType::PoSummary) return {};
  auto summary = message::decode<message::PoSummary>(sign.content);
  CHECK(summary.has_value());
  // One entry lower and another higher.
  const auto known = std::find_if(summary->vec.begin(), summary->vec.end(), [](SeqNum s) { return s > SeqNum(0); });
  if (known == summary->vec.end() || summary->vec.size() < 2) return {};
  *known = SeqNum(known->value() - 1);
  const auto other = known + 1 == summary->vec.end() ? summary->vec.begin() : known + 1;
  *other = other->next();
  return message::encode(context().envelope, *summary);
}

bool EquivocatePoRequest::hears(const message::VerifiedMessage& message) {
  if (message.type() != MessageType::PoRequest) return true;
  for (const ByteView update : message.as<message::PoRequest>().updates) {
    // Another server's clock would only make the lie void.
    if (message::decode_envelope(update)->type != MessageType::Tick) other_update_ = to_bytes(update);
  }
  return true;
}

Bytes EquivocatePoRequest::second_version(const ordering::Sign& sign) {
  if (sign.type != MessageType::PoRequest) return {};
  auto request = message::decode<message::PoRequest>(sign.content);
  CHECK(request.has_value());
  if (request->updates.size() > 1) {
    request->updates.pop_back();
  } else if (!other_update_.empty()) {
    request->updates = {other_update_};
  } else {
    return {};
  }
  return message::encode(context().envelope, *request);
}

Bytes EquivocateVotes::second_version(const ordering::Sign& sign) {
  const auto falsify = [](Digest& digest) { digest[0] ^= 0xff; };
  if (auto prepare = message::decode<message::Prepare>(sign.content)) {
    falsify(prepare->matrix_digest);
    return message::encode(context().envelope, *prepare);
  }
  if (auto commit = message::decode<message::Commit>(sign.content)) {
    falsify(commit->matrix_digest);
    return message::encode(context().envelope, *commit);
  }
  if (auto ack = message::decode<message::PoAck>(sign.content)) {
    for (message::PoAck::Entry& entry : ack->entries) falsify(entry.digest);
    return message::encode(context().envelope, *ack);
  }
  return {};
}

}  // namespace garrison::adversary
