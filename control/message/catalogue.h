// The message catalogue: one row per message. Enum, names, dispatch, size bounds, counters, fuzz targets, the
// table in docs/messages.md and the Wireshark dissector derive from it.
//
// A message is known by (protocol, name): PREPARE and COMMIT exist in several protocols.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bounds.h"
#include "dataplane/base/traffic.h"

namespace garrison::message {

enum class Protocol : std::uint8_t { client = 1, prime = 2, bft = 3, site = 4, state = 8 };

// Who vouches for the content: nobody, a MAC behind it, the channel that its author itself sent it over (it convinces
// the receiver and proves nothing to others), or a signature block behind it. `configured` is channel or signature: the
// topology says which, for all such messages of the deployment; authentication_of() resolves it.
enum class Authentication : std::uint8_t { none, mac, channel, signature, configured };

// `event`: inside a PO-REQUEST, which orders it locally. `site_to_site`: between servers of two sites.
enum class Direction : std::uint8_t { client_to_server, server_to_client, server_to_server, event, site_to_site };

// Body bounds. A signed PO-SUMMARY is a row of a matrix, so the matrix bound follows from it.
inline constexpr std::size_t kEnvelopeBytes = 32;
inline constexpr std::size_t kPoSummaryBodyBytes = 8 + 8 * kMaxServersPerSite;
inline constexpr std::size_t kMaxRowBytes = 1024;
inline constexpr std::size_t kMaxMatrixBytes = 8 + kMaxServersPerSite * (4 + kMaxRowBytes);
inline constexpr std::size_t kMaxClientOpBody = 32 + kMaxOperationBytes;
// A PO-REQUEST, and a RECON with one of two parts of it, fit one CORRUPTION-PROOF.
inline constexpr std::size_t kMaxPoRequestBody = 80 * 1024;
inline constexpr std::size_t kMaxPoRequestContent = kEnvelopeBytes + kMaxPoRequestBody;
inline constexpr std::size_t kMaxBlockBytes = 8 + 32 * kMaxMerklePath + kMaxSignatureBytes;
inline constexpr std::size_t kReconFixedBytes = 48;
// Of k parts each is a k-th of the content, rounded up; beside it stands the request's signature block.
constexpr std::size_t recon_body_bytes(std::size_t k) {
  return kReconFixedBytes + kMaxBlockBytes + (kMaxPoRequestContent + k - 1) / k;
}
constexpr std::size_t signed_recon_bytes(std::size_t k) {
  return kEnvelopeBytes + recon_body_bytes(k) + kMaxBlockBytes;
}
inline constexpr std::size_t kMaxInquiryParts = kMaxFaults + 1;
inline constexpr std::size_t kMaxInquiryBody = 8 + kMaxInquiryParts * (4 + signed_recon_bytes(kMaxInquiryParts));
inline constexpr std::size_t kMaxCorruptionProofBody = 8 + signed_recon_bytes(2) + kMaxPoRequestContent;
// State transfer: what a core adds to the executed state, one piece of a snapshot, and the digests that prove a piece.
inline constexpr std::size_t kMaxCoreStateBytes = 1024;
inline constexpr std::size_t kStateChunkBytes = 12 * 1024;
inline constexpr std::size_t kMaxStatePath = 24;
inline constexpr std::size_t kMaxCheckpointBody = 48 + kMaxCoreStateBytes;
inline constexpr std::size_t kMaxStateChunkBody = 48 + kMaxStatePath * 32 + kStateChunkBytes;

// View change. A short signed message (NEW-LEADER, PREPARE, VC-PARTIAL-SIG, ...) inside another one is a vote of it.
inline constexpr std::size_t kMaxVoteBytes = 1024;
inline constexpr std::size_t kMaxVotesBytes = kMaxServersPerSite * (4 + kMaxVoteBytes);
inline constexpr std::size_t kMaxReplayWindow = 1024;                       // sequence numbers that one REPLAY may bind
inline constexpr std::size_t kMaxPrePrepareBytes = 2048 + kMaxMatrixBytes;  // a signed one
inline constexpr std::size_t kMaxPcSetBody = 40 + kMaxPrePrepareBytes + kMaxVotesBytes + kMaxReplayWindow * 32;
inline constexpr std::size_t kMaxBroadcastEntries = 256;
inline constexpr std::size_t kMaxOrderedEntries = 256;

// Suspect-Leader [PRIME] 5.4, leader election A.2, view change A.3.
#define GARRISON_VIEW_MESSAGES(X)                                                                           \
  X(RttPing, "RTT-PING", prime, 8, channel, timely, server_to_server, 24)                                   \
  X(RttPong, "RTT-PONG", prime, 9, channel, timely, server_to_server, 16)                                   \
  X(RttMeasure, "RTT-MEASURE", prime, 10, channel, bounded, server_to_server, 16)                           \
  X(TatUb, "TAT-UB", prime, 11, channel, bounded, server_to_server, 16)                                     \
  X(TatMeasure, "TAT-MEASURE", prime, 12, channel, bounded, server_to_server, 16)                           \
  X(NewLeader, "NEW-LEADER", prime, 13, signature, bounded, server_to_server, 8)                            \
  X(NewLeaderProof, "NEW-LEADER-PROOF", prime, 14, channel, bounded, server_to_server, 16 + kMaxVotesBytes) \
  X(Report, "REPORT", prime, 15, signature, bounded, server_to_server, 24)                                  \
  X(PcSet, "PC-SET", prime, 16, signature, bounded, server_to_server, kMaxPcSetBody)                        \
  X(VcEcho, "VC-ECHO", prime, 17, channel, bounded, server_to_server, 16 + kMaxBroadcastEntries * 40)       \
  X(VcReady, "VC-READY", prime, 18, channel, bounded, server_to_server, 16 + kMaxBroadcastEntries * 40)     \
  X(VcList, "VC-LIST", prime, 19, channel, bounded, server_to_server, 16)                                   \
  X(VcPartialSig, "VC-PARTIAL-SIG", prime, 20, signature, bounded, server_to_server, 24)                    \
  X(VcProof, "VC-PROOF", prime, 21, channel, timely, server_to_server, 32 + kMaxVotesBytes)                 \
  X(Replay, "REPLAY", prime, 22, signature, timely, server_to_server, 32 + kMaxVotesBytes)                  \
  X(ReplayPrepare, "REPLAY-PREPARE", prime, 23, signature, bounded, server_to_server, 40)                   \
  X(ReplayCommit, "REPLAY-COMMIT", prime, 24, channel, bounded, server_to_server, 48)                       \
  X(Ordered, "ORDERED", prime, 25, channel, bounded, server_to_server, 8 + kMaxOrderedEntries * 40)         \
  X(PrePrepareRequest, "PRE-PREPARE-REQUEST", prime, 26, channel, bounded, server_to_server, 48)

// Reconciliation [PRIME] 5.3.
#define GARRISON_RECONCILIATION_MESSAGES(X)                                               \
  X(Recon, "RECON", prime, 32, signature, bounded, server_to_server, recon_body_bytes(1)) \
  X(Inquiry, "INQUIRY", prime, 33, signature, bounded, server_to_server, kMaxInquiryBody) \
  X(CorruptionProof, "CORRUPTION-PROOF", prime, 34, signature, bounded, server_to_server, kMaxCorruptionProofBody)

// The logical machine (docs/adr/0012). A part of a link message, and a whole one on the naive link, travels inside a
// PO-REQUEST; so does what a link message carries, once it has arrived. LINK-BUNDLE is a whole link message as its site
// signed it, which a forwarder handed to its introducer: what vouches for it is inside.
inline constexpr std::size_t kMaxLinkBundleBytes = 60 * 1024;   // a link message as it is coded
inline constexpr std::size_t kMaxLinkMessageBody = 54 * 1024;   // the rest is its block and the paths of its items
inline constexpr std::size_t kMaxSiteMessageBytes = 48 * 1024;  // of the global protocol, block included
inline constexpr std::size_t kMaxLinkItems = 512;
#define GARRISON_SITE_MESSAGES(X)                                                                \
  X(Tick, "TICK", site, 1, channel, timely, event, 8)                                            \
  X(SiteBatch, "SITE-BATCH", site, 2, signature, timely, event, 8)                               \
  X(LinkPart, "LINK-PART", site, 3, signature, bounded, site_to_site, 40 + kMaxLinkBundleBytes)  \
  X(LinkMessage, "LINK-MESSAGE", site, 4, signature, bounded, site_to_site, kMaxLinkMessageBody) \
  X(LinkBundle, "LINK-BUNDLE", site, 7, channel, bounded, event, kMaxLinkBundleBytes)            \
  X(DutyReport, "DUTY-REPORT", site, 8, channel, bounded, event, 8)

// Who sent invalid parts [ARCH] 4.1.1. Both travel whole from one site to another, and there inside a PO-REQUEST. The
// parts of an INQUIRY are so many that they make a bundle, each with its envelope and block.
inline constexpr std::size_t kMaxLinkInquiryParts = 16;
inline constexpr std::size_t kLinkPartFixedBytes = 40;
inline constexpr std::size_t kMaxLinkInquiryBody =
    32 + kMaxLinkBundleBytes + kMaxLinkInquiryParts * (4 + kEnvelopeBytes + kLinkPartFixedBytes + 1 + kMaxBlockBytes);
#define GARRISON_LINK_INQUIRY_MESSAGES(X)                                                   \
  X(LinkInquiry, "INQUIRY", site, 5, signature, bounded, site_to_site, kMaxLinkInquiryBody) \
  X(LinkInquiryResponse, "INQUIRY-RESPONSE", site, 6, signature, bounded, site_to_site, 32 + kMaxLinkBundleBytes)

// THRESHOLD-SIGN [CUST] 5.2, from number 16 on.
inline constexpr std::size_t kMaxStatementBytes = 128;  // what a site signs: the statement on a batch's root
inline constexpr std::size_t kMaxShareProofBytes = 432;
inline constexpr std::size_t kMaxSigShareBody = 16 + kMaxStatementBytes + kMaxSignatureBytes + kMaxShareProofBytes;
inline constexpr std::size_t kMaxSignedShareBytes = kEnvelopeBytes + kMaxSigShareBody + kMaxBlockBytes;
inline constexpr std::size_t kMaxEvidenceShares = 2;
inline constexpr std::size_t kMaxSigEvidenceBody = 8 + kMaxEvidenceShares * (4 + kMaxSignedShareBytes);
#define GARRISON_SHARE_MESSAGES(X)                                                                  \
  X(SigShare, "SIG-SHARE", site, 16, signature, bounded, server_to_server, kMaxSigShareBody)        \
  X(SigRequest, "SIG-REQUEST", site, 17, channel, bounded, server_to_server, 16)                    \
  X(SigEvidence, "SIG-EVIDENCE", site, 18, channel, bounded, server_to_server, kMaxSigEvidenceBody) \
  X(SigComplete, "SIG-COMPLETE", site, 19, channel, bounded, server_to_server, 8 + kMaxSignatureBytes)

// BFT. A VIEW-CHANGE consists of votes, too: the CHECKPOINTs that prove its stable one.
inline constexpr std::size_t kMaxUpdatesPerBatch = 256;
inline constexpr std::size_t kMaxBftWindow = 512;  // sequence numbers between the water marks
inline constexpr std::size_t kMaxBftUpdatesBody = 96 * 1024;
inline constexpr std::size_t kMaxViewChangeBody = 24 + kMaxVotesBytes + 2 * kMaxBftWindow * 48;
inline constexpr std::size_t kMaxNewViewBody = 24 + kMaxServersPerSite * 40 + kMaxBftWindow * 32;
#define GARRISON_BFT_MESSAGES(X)                                                                                \
  X(BftPrePrepare, "PRE-PREPARE", bft, 1, configured, bounded, server_to_server, 24 + kMaxUpdatesPerBatch * 32) \
  X(BftPrepare, "PREPARE", bft, 2, configured, bounded, server_to_server, 48)                                   \
  X(BftCommit, "COMMIT", bft, 3, configured, bounded, server_to_server, 48)                                     \
  X(BftCheckpoint, "CHECKPOINT", bft, 4, signature, bounded, server_to_server, 40)                              \
  X(BftViewChange, "VIEW-CHANGE", bft, 5, signature, bounded, server_to_server, kMaxViewChangeBody)             \
  X(BftNewView, "NEW-VIEW", bft, 6, signature, bounded, server_to_server, kMaxNewViewBody)                      \
  X(BftStatus, "STATUS", bft, 7, channel, bounded, server_to_server, 40)                                        \
  X(BftFetch, "FETCH", bft, 8, channel, bounded, server_to_server, 40 + kMaxUpdatesPerBatch / 8)                \
  X(BftBatch, "BATCH", bft, 9, channel, bounded, server_to_server, 16 + kMaxUpdatesPerBatch * 32)               \
  X(BftUpdates, "UPDATES", bft, 10, channel, bounded, server_to_server, kMaxBftUpdatesBody)

// X(Name, "PAPER-NAME", protocol, number, authentication, traffic class, direction, largest body in bytes)
#define GARRISON_MESSAGES(X)                                                                         \
  X(ClientChallenge, "CLIENT-CHALLENGE", client, 1, none, bounded, server_to_client, 32)             \
  X(ClientHello, "CLIENT-HELLO", client, 2, mac, bounded, client_to_server, 32)                      \
  X(ClientOp, "CLIENT-OP", client, 3, signature, bounded, client_to_server, kMaxClientOpBody)        \
  X(ClientReply, "CLIENT-REPLY", client, 4, mac, bounded, server_to_client, 64 + kMaxOperationBytes) \
  X(ClientQuery, "CLIENT-QUERY", client, 5, mac, bounded, client_to_server, 64 + kMaxOperationBytes) \
  X(QueryReply, "QUERY-REPLY", client, 6, mac, bounded, server_to_client, 64 + kMaxOperationBytes)   \
  X(PoRequest, "PO-REQUEST", prime, 1, signature, bounded, server_to_server, kMaxPoRequestBody)      \
  X(PoAck, "PO-ACK", prime, 2, signature, bounded, server_to_server, 8 + kMaxAcksPerPoAck * 48)      \
  X(PoSummary, "PO-SUMMARY", prime, 3, signature, bounded, server_to_server, kPoSummaryBodyBytes)    \
  X(SummaryMatrix, "SUMMARY-MATRIX", prime, 4, signature, timely, server_to_server, kMaxMatrixBytes) \
  X(PrePrepare, "PRE-PREPARE", prime, 5, signature, timely, server_to_server, 16 + kMaxMatrixBytes)  \
  X(Prepare, "PREPARE", prime, 6, signature, bounded, server_to_server, 48)                          \
  X(Commit, "COMMIT", prime, 7, channel, bounded, server_to_server, 56)                              \
  GARRISON_VIEW_MESSAGES(X)                                                                          \
  GARRISON_RECONCILIATION_MESSAGES(X)                                                                \
  GARRISON_SITE_MESSAGES(X)                                                                          \
  GARRISON_LINK_INQUIRY_MESSAGES(X)                                                                  \
  GARRISON_SHARE_MESSAGES(X)                                                                         \
  X(StateRequest, "STATE-REQUEST", state, 1, channel, bounded, server_to_server, 24)                 \
  X(Checkpoint, "CHECKPOINT", state, 2, signature, bounded, server_to_server, kMaxCheckpointBody)    \
  X(StateFetch, "STATE-FETCH", state, 3, channel, bounded, server_to_server, 48)                     \
  X(StateChunk, "STATE-CHUNK", state, 4, channel, bounded, server_to_server, kMaxStateChunkBody)     \
  GARRISON_BFT_MESSAGES(X)

enum class MessageType : std::uint16_t {
#define GARRISON_ENUMERATOR(Name, paper, protocol, number, auth, traffic, direction, bound) \
  Name = (static_cast<std::uint16_t>(Protocol::protocol) << 8U) | (number),
  GARRISON_MESSAGES(GARRISON_ENUMERATOR)
#undef GARRISON_ENUMERATOR
};

struct CatalogueRow {
  MessageType type;
  std::string_view name;  // as the papers print it
  Protocol protocol;
  std::uint8_t number;
  Authentication authentication;
  TrafficClass traffic;
  Direction direction;
  std::size_t max_body_bytes;
};

inline constexpr std::array kCatalogue = {
#define GARRISON_ROW(Name, paper, protocol, number, auth, traffic, direction, bound)                                 \
  CatalogueRow{MessageType::Name,    paper, Protocol::protocol, number, Authentication::auth, TrafficClass::traffic, \
               Direction::direction, bound},
    GARRISON_MESSAGES(GARRISON_ROW)
#undef GARRISON_ROW
};

// None for a number that no row has.
constexpr const CatalogueRow* find_row(MessageType type) {
  for (const CatalogueRow& row : kCatalogue) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

// What vouches for messages of this row where `configured` stands for what the topology chose.
constexpr Authentication authentication_of(const CatalogueRow& row, Authentication configured) {
  return row.authentication == Authentication::configured ? configured : row.authentication;
}

constexpr std::string_view name(MessageType type) {
  const CatalogueRow* row = find_row(type);
  return row == nullptr ? std::string_view("?") : row->name;
}

}  // namespace garrison::message
