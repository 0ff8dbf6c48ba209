// The messages as values, and their codec.
//
// Content = envelope (32 bytes) + body; a signed message is content + signature block (crypto/batch.h), one with a
// MAC is content + 16 bytes. Everything is little-endian, without padding; reserved bytes are zero and checked.
// Decoded values hold views into the bytes they were decoded from.
//
// Envelope: u8 version | u8 protocol | u8 number | u8 signer_kind (0 none, 1 server, 2 client, 3 site) | u32
// body_length
//           u64 system | u32 signer_index | u16 signer_site | u16 reserved | u32 key_epoch | u32 reserved
// The signer is of the kind that the row's direction says; 0 only where nobody vouches for the content. A body never
// repeats what the envelope says: `client`, `server` and `introducer` of a message that its signer must be are the
// envelope's signer. The bodies are laid out in client_messages.cc, prime_messages.cc, reconciliation_messages.cc,
// view_messages.cc, bft_messages.cc, site_messages.cc, inquiry_messages.cc, share_messages.cc and state_messages.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "control/message/bft_messages.h"
#include "control/message/catalogue.h"
#include "control/message/inquiry_messages.h"
#include "control/message/share_messages.h"
#include "control/message/view_messages.h"
#include "crypto/principal.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/state_fields.h"

namespace garrison::message {

inline constexpr std::uint8_t kMessageVersion = 1;

// What every message of one sender has in common.
struct Envelope {
  using NotState = void;  // configuration
  SystemId system;
  crypto::Principal signer;
  KeyEpoch epoch;
};

// Server to client, first on a connection: what CLIENT-HELLO must answer, so that it cannot be replayed.
struct ClientChallenge {
  static constexpr MessageType kType = MessageType::ClientChallenge;
  std::array<std::uint8_t, 16> nonce{};
};

// Client to server: binds the connection to the client. MAC under the pairwise key.
struct ClientHello {
  static constexpr MessageType kType = MessageType::ClientHello;
  std::array<std::uint8_t, 16> nonce{};  // the server's challenge
  Incarnation incarnation;
};

// [PRIME] A.1. The client is the signer. Sequences of one incarnation start at 1.
struct ClientOp {
  static constexpr MessageType kType = MessageType::ClientOp;
  ClientId client;
  Incarnation incarnation;
  SeqNum sequence;
  ByteView operation;
};

// [PRIME] A.1. Carries what f+1 servers must agree on: everything below `server`.
struct ClientReply {
  static constexpr MessageType kType = MessageType::ClientReply;
  ServerId server;  // the signer
  ClientId client;
  Incarnation incarnation;
  SeqNum sequence;
  std::uint64_t state_sequence = 0;  // updates executed, this one included, when the result was made
  ByteView result;
};

// A query that the servers of the client's site answer from their states, without ordering (docs/adr/0014). The client
// is the signer. State sequences count the updates executed, as CLIENT-REPLYs have them.
struct ClientQuery {
  static constexpr MessageType kType = MessageType::ClientQuery;
  ClientId client;
  Incarnation incarnation;
  std::uint64_t number = 0;  // of the query, in this incarnation; from 1
  std::uint32_t round = 0;   // how often it was asked before; an answer repeats it
  std::uint64_t token = 0;   // an answer from before this state sequence is of no use
  std::uint64_t target = 0;  // the state sequence at which it is to be answered; at least the token
  ByteView operation;
};

// Everything below `round` is what f+1 servers must agree on.
struct QueryReply {
  static constexpr MessageType kType = MessageType::QueryReply;
  ServerId server;  // the signer
  ClientId client;
  Incarnation incarnation;
  std::uint64_t number = 0;
  std::uint32_t round = 0;
  std::uint64_t state_sequence = 0;  // of the state that the result was made from
  ByteView result;
};

// [PRIME] 5.1. `updates` are whole CLIENT-OP messages, signature block included.
struct PoRequest {
  static constexpr MessageType kType = MessageType::PoRequest;
  ServerId introducer;  // the signer
  SeqNum sequence;
  std::vector<ByteView> updates;  // 1..kMaxUpdatesPerPoRequest
};

// [PRIME] 5.1, several acknowledgements in one message. `digest` is the leaf digest of the PO-REQUEST.
struct PoAck {
  static constexpr MessageType kType = MessageType::PoAck;
  struct Entry {
    ServerId introducer;
    SeqNum sequence;
    Digest digest{};
    STATE_FIELDS(introducer, sequence, digest)
  };
  std::vector<Entry> entries;  // 1..kMaxAcksPerPoAck
};

// [PRIME] 5.1. vec[i] = highest sequence up to which the signer has preordered everything of server i.
struct PoSummary {
  static constexpr MessageType kType = MessageType::PoSummary;
  std::vector<SeqNum> vec;  // n entries
};

// Row i is a whole signed PO-SUMMARY of server i, or empty when none is known [PRIME] 5.2.
using MatrixRows = std::vector<ByteView>;  // n rows

// [PRIME] 5.4.1.
struct SummaryMatrix {
  static constexpr MessageType kType = MessageType::SummaryMatrix;
  MatrixRows rows;
};

// [PRIME] 5.2. The leader of `view` is the signer.
struct PrePrepare {
  static constexpr MessageType kType = MessageType::PrePrepare;
  View view;
  SeqNum sequence;
  MatrixRows rows;
};

// [PRIME] 5.2. `matrix_digest` is D(sm) = matrix_digest(rows).
struct Prepare {
  static constexpr MessageType kType = MessageType::Prepare;
  View view;
  SeqNum sequence;
  Digest matrix_digest{};
};

// Beside what the paper has it says how far its sender has executed.
struct Commit {
  static constexpr MessageType kType = MessageType::Commit;
  View view;
  SeqNum sequence;
  Digest matrix_digest{};
  SeqNum executed;
};

// Asks a server that has voted for a PRE-PREPARE for it (docs/adr/0019).
struct PrePrepareRequest {
  static constexpr MessageType kType = MessageType::PrePrepareRequest;
  View view;
  SeqNum sequence;
  Digest matrix_digest{};
};

// [PRIME] 5.3. The signer's part of a PO-REQUEST: part number `signer` of the code (n, f+1) over the content of the
// request whose leaf digest is `digest`. `block` is a signature block of that content, which several may have.
struct Recon {
  static constexpr MessageType kType = MessageType::Recon;
  ServerId introducer;
  SeqNum sequence;
  Digest digest{};
  std::uint32_t content_bytes = 0;
  ByteView block;
  ByteView part;
};

// [PRIME] 5.3. Whole signed RECONs of one request whose parts do not decode to it: one of their signers is faulty.
struct Inquiry {
  static constexpr MessageType kType = MessageType::Inquiry;
  std::vector<ByteView> parts;  // 1..kMaxInquiryParts
};

// [PRIME] 5.3. A whole signed RECON, and the content of the request that its digest names: the part is not of it.
struct CorruptionProof {
  static constexpr MessageType kType = MessageType::CorruptionProof;
  ByteView part;
  ByteView request;
};

// Clocks that servers tell each other run up to here: sums of them stay far from the end of Instant.
inline constexpr Instant kLatestTick{std::int64_t{1} << 60U};

// The logical machine (docs/adr/0012). The introducer's clock, in its own time.
struct Tick {
  static constexpr MessageType kType = MessageType::Tick;
  Instant clock;  // not before zero
};

// The first leaf of each batch that a site signs: whoever has it signed can make every other block of the batch.
struct SiteBatch {
  static constexpr MessageType kType = MessageType::SiteBatch;
  std::uint64_t number = 0;  // from 1
};

// Who of its site has repeatedly missed its turn in the first set of the hub link to another one, as far as the
// introducer can tell (docs/adr/0021). Replaces what it said before.
struct DutyReport {
  static constexpr MessageType kType = MessageType::DutyReport;
  SiteId destination;
  ServerSet missed;
};

// A part of a link message, from one server of the source to one of the destination. The signer's site is the source.
struct LinkPart {
  static constexpr MessageType kType = MessageType::LinkPart;
  SiteId destination;
  TrafficClass traffic{};
  std::uint8_t index = 0;  // of the part
  std::uint8_t k = 0;      // any k of n parts decode; 1: each is the whole
  std::uint8_t n = 0;
  Incarnation incarnation;  // of the link
  SeqNum sequence;
  std::uint32_t bundle_bytes = 0;  // of what is decoded: 1..kMaxLinkBundleBytes
  ByteView part;
};

// What one site says to another at one time; it travels in a bundle (control/site/outgoing.h).
struct LinkMessage {
  static constexpr MessageType kType = MessageType::LinkMessage;
  struct Item {
    // The leaf of its batch that vouches for it; kWhole: `bytes` are a message as it is, block included where it has
    // one.
    static constexpr std::uint16_t kWhole = 0xffff;
    std::uint16_t leaf = kWhole;
    ByteView bytes;
  };
  SiteId destination;
  TrafficClass traffic{};
  Incarnation incarnation;
  SeqNum sequence;          // per destination and class, from 1
  SeqNum delivered;         // BOUNDED link messages of the destination that the source has executed, without a gap
  std::vector<Item> items;  // 0..kMaxLinkItems
};

// A whole link message of another site, introduced by the server that had it from its forwarder. Validation looks at
// the introducer alone: whoever needs the site's signature verifies it (site::signed_link).
struct LinkBundle {
  static constexpr MessageType kType = MessageType::LinkBundle;
  ByteView bundle;  // 1..kMaxLinkBundleBytes, see control/site/outgoing.h
};

// State transfer (control/state_transfer). A server that cannot go on by itself asks for the state at a checkpoint.
struct StateRequest {
  static constexpr MessageType kType = MessageType::StateRequest;
  std::uint64_t number = 0;  // rises with every new attempt of the sender
  SeqNum executed;           // by the sender
  SeqNum at;                 // the boundary at which it wants the checkpoint, so that all take it at the same one
};

// What the signer's state is behind everything up to `sequence`: a snapshot of the executed state, cut into chunks of
// kStateChunkBytes (the last one shorter) whose digests are the leaves of a Merkle tree, and the core's state.
struct Checkpoint {
  static constexpr MessageType kType = MessageType::Checkpoint;
  SeqNum sequence;
  std::uint64_t snapshot_bytes = 0;  // at least 1
  Digest root{};
  ByteView state;
};

// Asks one server that has said CHECKPOINT for chunks.
struct StateFetch {
  static constexpr MessageType kType = MessageType::StateFetch;
  SeqNum sequence;
  Digest root{};
  std::uint32_t first = 0;
  std::uint32_t count = 0;  // at least 1
};

struct StateChunk {
  static constexpr MessageType kType = MessageType::StateChunk;
  SeqNum sequence;
  Digest root{};
  std::uint32_t index = 0;
  ByteView path;  // 0..kMaxStatePath digests, lowest sibling first
  ByteView data;  // 1..kStateChunkBytes
};

// Envelope and body. The caller keeps within the catalogue's bounds (CHECKed).
template <typename Message>
[[nodiscard]] Bytes encode(const Envelope& envelope, const Message& message);

// Envelope of any message in the catalogue.
struct DecodedEnvelope {
  Envelope envelope;
  MessageType type{};
  std::size_t content_bytes = 0;  // envelope + body, all there; what follows is the signature block or the MAC
};
// Refuses, in this order: bytes missing, another version, no row, reserved bits set or a signer of the wrong kind, a
// body beyond the row's bound, a body that is not all there.
[[nodiscard]] std::variant<DecodedEnvelope, DropReason> read_envelope(ByteView message);
// The same for callers that do not count: none when refused.
[[nodiscard]] std::optional<DecodedEnvelope> decode_envelope(ByteView message);

// Decodes content (envelope + body, or a longer message that starts with it). Checks structure only: lengths, counts,
// reserved bytes, nothing left over. None when malformed or of another type. Never allocates more than the
// catalogue's bounds allow.
template <typename Message>
[[nodiscard]] std::optional<Message> decode(ByteView message);

// Whether a message of this content carries a signature block, where `configured` is what the topology chose. Content
// is well-formed: the caller encoded it.
[[nodiscard]] bool is_signed(ByteView content, Authentication configured);

// SHA-256 over "garrison-matrix-1" and the rows as a SUMMARY-MATRIX carries them, their signature blocks included.
[[nodiscard]] Digest matrix_digest(const MatrixRows& rows);

}  // namespace garrison::message
