// One valid signed message of every type that a server accepts from a server or a client, for tests and as seeds of
// the fuzzers.
#pragma once

#include <string_view>
#include <vector>

#include "tests/support/site_keys.h"

namespace garrison::testing {

struct SignedMessage {
  message::MessageType type;
  Bytes bytes;
};

// Rows of a matrix: the PO-SUMMARY of every server but the last, whose row is empty.
[[nodiscard]] inline std::vector<Bytes> signed_rows(SiteKeys& keys) {
  std::vector<Bytes> rows;
  for (std::size_t i = 0; i + 1 < keys.servers(); ++i) {
    const ServerId id(static_cast<std::uint16_t>(i));
    rows.push_back(keys.sign(id, message::PoSummary{std::vector<SeqNum>(keys.servers(), SeqNum(10 + i))}));
  }
  rows.emplace_back();
  return rows;
}

[[nodiscard]] inline std::vector<ByteView> views(const std::vector<Bytes>& strings) {
  return {strings.begin(), strings.end()};
}

// Signed by servers 0 to 2 and client 0; `keys` has at least that many.
[[nodiscard]] inline std::vector<SignedMessage> signed_messages(SiteKeys& keys) {
  using message::MessageType;
  const std::string_view operation = "open breaker 7";
  const std::vector<Bytes> rows = signed_rows(keys);
  const std::vector<Bytes> updates = {keys.client_op(ClientId(0), SeqNum(1), as_bytes(operation)),
                                      keys.client_op(ClientId(0), SeqNum(2), {})};
  const Digest digest = crypto::leaf_digest(as_bytes(operation));
  const message::PoAck ack{{{ServerId(0), SeqNum(1), digest}, {ServerId(1), SeqNum(4), digest}}};
  return {
      {MessageType::ClientOp, updates[0]},
      {MessageType::PoRequest, keys.sign(ServerId(0), message::PoRequest{ServerId(0), SeqNum(1), views(updates)})},
      {MessageType::PoAck, keys.sign(ServerId(1), ack)},
      {MessageType::PoSummary, rows[0]},
      {MessageType::SummaryMatrix, keys.sign(ServerId(2), message::SummaryMatrix{views(rows)})},
      {MessageType::PrePrepare, keys.sign(ServerId(0), message::PrePrepare{View(1), SeqNum(3), views(rows)})},
      {MessageType::Prepare, keys.sign(ServerId(1), message::Prepare{View(1), SeqNum(3), digest})},
      {MessageType::Commit, keys.sign(ServerId(2), message::Commit{View(1), SeqNum(3), digest})},
  };
}

}  // namespace garrison::testing
