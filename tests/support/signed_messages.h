// Valid signed messages of every type that a server accepts from a server or a client, for tests and as seeds of
// the fuzzers.
#pragma once

#include <string_view>
#include <utility>
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

// `content` as servers 0 to 2 sign it: a quorum of a site of four.
template <typename Message>
[[nodiscard]] std::vector<Bytes> signed_votes(SiteKeys& keys, const Message& content) {
  return {keys.sign(ServerId(0), content), keys.sign(ServerId(1), content), keys.sign(ServerId(2), content)};
}

// The messages of Suspect-Leader, leader election and view change, with a PC-SET of either kind. Those that count from
// their author only are of server 1.
[[nodiscard]] inline std::vector<SignedMessage> signed_view_messages(SiteKeys& keys) {
  using message::MessageType;
  const ServerId author(1);
  const View view(2);
  const ServerSet ids = ServerSet::all(3);
  const SeqNum start(9);
  const Digest digest = crypto::leaf_digest(as_bytes(std::string_view("no breaker")));
  const std::vector<Digest> window = {digest, Digest{}};
  const std::vector<message::BroadcastEntry> broadcasts = {{ServerId(0), 0, digest}, {ServerId(2), 1, digest}};

  const std::vector<Bytes> suspicions = signed_votes(keys, message::NewLeader{view});
  const std::vector<Bytes> shares = signed_votes(keys, message::VcPartialSig{view, ids, start});
  const std::vector<Bytes> rows = signed_rows(keys);
  const Bytes pre_prepare = keys.sign(ServerId(0), message::PrePrepare{View(1), SeqNum(3), views(rows)});
  const message::Prepare prepare{View(1), SeqNum(3), message::matrix_digest(views(rows))};
  const std::vector<Bytes> prepares = signed_votes(keys, prepare);
  const message::ReplayPrepare replay_prepare{View(1), message::replay_digest(View(1), ids, start, window)};
  const std::vector<Bytes> replay_prepares = signed_votes(keys, replay_prepare);
  const message::PcSet prepare_certificate{view, 1, pre_prepare, views(prepares), {}, {}, {}, {}};
  const message::PcSet replay_certificate{view, 2, {}, views(replay_prepares), View(1), ids, start, window};
  return {
      {MessageType::RttPing, keys.sign(author, message::RttPing{view, 5, SeqNum(8)})},
      {MessageType::RttPong, keys.sign(author, message::RttPong{view, 5})},
      {MessageType::RttMeasure, keys.sign(author, message::RttMeasure{view, milliseconds(3)})},
      {MessageType::TatUb, keys.sign(author, message::TatUb{view, milliseconds(40)})},
      {MessageType::TatMeasure, keys.sign(author, message::TatMeasure{view, milliseconds(30)})},
      {MessageType::NewLeader, suspicions[1]},
      {MessageType::NewLeaderProof, keys.sign(author, message::NewLeaderProof{view, views(suspicions)})},
      {MessageType::Report, keys.sign(author, message::Report{view, SeqNum(8), 2})},
      {MessageType::PcSet, keys.sign(author, prepare_certificate)},
      {MessageType::PcSet, keys.sign(author, replay_certificate)},
      {MessageType::VcEcho, keys.sign(author, message::VcEcho{view, broadcasts})},
      {MessageType::VcReady, keys.sign(author, message::VcReady{view, broadcasts})},
      {MessageType::VcList, keys.sign(author, message::VcList{view, ids})},
      {MessageType::VcPartialSig, shares[1]},
      {MessageType::VcProof, keys.sign(author, message::VcProof{view, ids, start, views(shares)})},
      {MessageType::Replay, keys.sign(author, message::Replay{view, ids, start, views(shares)})},
      {MessageType::ReplayPrepare, replay_prepares[1]},
      {MessageType::ReplayCommit, keys.sign(author, message::ReplayCommit{view, replay_prepare.digest, SeqNum(5)})},
      {MessageType::Ordered, keys.sign(author, message::Ordered{{{SeqNum(7), digest}, {SeqNum(8), {}}}})},
  };
}

// Signed by servers 0 to 2 and client 0; `keys` has at least that many.
[[nodiscard]] inline std::vector<SignedMessage> signed_messages(SiteKeys& keys) {
  using message::MessageType;
  const std::string_view operation = "open breaker 7";
  const std::vector<Bytes> rows = signed_rows(keys);
  const std::vector<Bytes> updates = {keys.client_op(ClientId(0), SeqNum(1), as_bytes(operation)),
                                      keys.client_op(ClientId(0), SeqNum(2), {})};
  const Digest digest = crypto::leaf_digest(as_bytes(operation));
  const std::vector<Bytes> checkpoints = signed_votes(keys, message::BftCheckpoint{SeqNum(128), digest});
  const message::BftClaim claim{SeqNum(129), View(1), digest};
  const message::PoAck ack{{{ServerId(0), SeqNum(1), digest}, {ServerId(1), SeqNum(4), digest}}};
  std::vector<SignedMessage> messages = {
      {MessageType::ClientOp, updates[0]},
      {MessageType::PoRequest, keys.sign(ServerId(0), message::PoRequest{ServerId(0), SeqNum(1), views(updates)})},
      {MessageType::PoAck, keys.sign(ServerId(1), ack)},
      {MessageType::PoSummary, rows[0]},
      {MessageType::SummaryMatrix, keys.sign(ServerId(2), message::SummaryMatrix{views(rows)})},
      {MessageType::PrePrepare, keys.sign(ServerId(0), message::PrePrepare{View(1), SeqNum(3), views(rows)})},
      {MessageType::Prepare, keys.sign(ServerId(1), message::Prepare{View(1), SeqNum(3), digest})},
      {MessageType::Commit, keys.sign(ServerId(2), message::Commit{View(1), SeqNum(3), digest, {}})},
      {MessageType::StateRequest, keys.sign(ServerId(2), message::StateRequest{1, SeqNum(3), SeqNum(64)})},
      {MessageType::Checkpoint,
       keys.sign(ServerId(2), message::Checkpoint{SeqNum(64), 20000, digest, as_bytes(operation)})},
      {MessageType::StateFetch, keys.sign(ServerId(2), message::StateFetch{SeqNum(64), digest, 0, 2})},
      {MessageType::StateChunk,
       keys.sign(ServerId(2), message::StateChunk{SeqNum(64), digest, 1, digest, as_bytes(operation)})},
      {MessageType::BftPrePrepare, keys.sign(ServerId(1), message::BftPrePrepare{View(1), SeqNum(3), {digest, {}}})},
      {MessageType::BftPrepare, keys.sign(ServerId(2), message::BftPrepare{View(1), SeqNum(3), digest})},
      {MessageType::BftCommit, keys.sign(ServerId(2), message::BftCommit{View(1), SeqNum(3), digest})},
      {MessageType::BftCheckpoint, checkpoints[0]},
      {MessageType::BftViewChange,
       keys.sign(ServerId(1), message::BftViewChange{View(2), SeqNum(128), views(checkpoints), {claim}, {claim}})},
      {MessageType::BftNewView,
       keys.sign(ServerId(2), message::BftNewView{View(2), SeqNum(128), {{ServerId(0), digest}}, {digest, {}}})},
      {MessageType::BftStatus,
       keys.sign(ServerId(2), message::BftStatus{View(2), View(1), SeqNum(128), SeqNum(140), 5})},
      {MessageType::BftFetch, keys.sign(ServerId(2), message::BftFetch{SeqNum(3), digest, {1}})},
      {MessageType::BftBatch, keys.sign(ServerId(2), message::BftBatch{SeqNum(3), true, {digest}})},
      {MessageType::BftUpdates, keys.sign(ServerId(2), message::BftUpdates{SeqNum(3), views(updates)})},
  };
  for (SignedMessage& message : signed_view_messages(keys)) messages.push_back(std::move(message));
  const message::Recon recon{ServerId(0), SeqNum(1), digest, 100, as_bytes(operation), rows[0]};
  const std::vector<Bytes> parts = {keys.sign(ServerId(1), recon), keys.sign(ServerId(2), recon)};
  messages.push_back({MessageType::Recon, parts[0]});
  messages.push_back({MessageType::Inquiry, keys.sign(ServerId(2), message::Inquiry{views(parts)})});
  messages.push_back(
      {MessageType::CorruptionProof, keys.sign(ServerId(0), message::CorruptionProof{parts[0], updates[0]})});
  const message::SigShare share{5, as_bytes(operation), digest, rows[0]};
  const std::vector<Bytes> shares = {keys.sign(ServerId(1), share),
                                     keys.sign(ServerId(1), message::SigShare{5, as_bytes(operation), digest, {}})};
  messages.push_back({MessageType::SigShare, shares[0]});
  messages.push_back({MessageType::SigRequest, keys.sign(ServerId(2), message::SigRequest{5, true})});
  messages.push_back({MessageType::SigEvidence, keys.sign(ServerId(2), message::SigEvidence{views(shares)})});
  messages.push_back({MessageType::SigComplete, keys.sign(ServerId(2), message::SigComplete{5, digest})});
  return messages;
}

}  // namespace garrison::testing
