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

enum class Protocol : std::uint8_t { client = 1, prime = 2 };

// Who vouches for the content: nobody, a MAC behind it, the channel that its author itself sent it over (it convinces
// the receiver and proves nothing to others), or a signature block behind it.
enum class Authentication : std::uint8_t { none, mac, channel, signature };

enum class Direction : std::uint8_t { client_to_server, server_to_client, server_to_server };

// Body bounds. A signed PO-SUMMARY is a row of a matrix, so the matrix bound follows from it.
inline constexpr std::size_t kEnvelopeBytes = 32;
inline constexpr std::size_t kPoSummaryBodyBytes = 8 + 8 * kMaxServersPerSite;
inline constexpr std::size_t kMaxRowBytes = 1024;
inline constexpr std::size_t kMaxMatrixBytes = 8 + kMaxServersPerSite * (4 + kMaxRowBytes);
inline constexpr std::size_t kMaxClientOpBody = 32 + kMaxOperationBytes;
inline constexpr std::size_t kMaxPoRequestBody = 96 * 1024;

// X(Name, "PAPER-NAME", protocol, number, authentication, traffic class, direction, largest body in bytes)
#define GARRISON_MESSAGES(X)                                                                         \
  X(ClientChallenge, "CLIENT-CHALLENGE", client, 1, none, bounded, server_to_client, 32)             \
  X(ClientHello, "CLIENT-HELLO", client, 2, mac, bounded, client_to_server, 32)                      \
  X(ClientOp, "CLIENT-OP", client, 3, signature, bounded, client_to_server, kMaxClientOpBody)        \
  X(ClientReply, "CLIENT-REPLY", client, 4, mac, bounded, server_to_client, 64 + kMaxOperationBytes) \
  X(PoRequest, "PO-REQUEST", prime, 1, signature, bounded, server_to_server, kMaxPoRequestBody)      \
  X(PoAck, "PO-ACK", prime, 2, signature, bounded, server_to_server, 8 + kMaxAcksPerPoAck * 48)      \
  X(PoSummary, "PO-SUMMARY", prime, 3, signature, bounded, server_to_server, kPoSummaryBodyBytes)    \
  X(SummaryMatrix, "SUMMARY-MATRIX", prime, 4, signature, timely, server_to_server, kMaxMatrixBytes) \
  X(PrePrepare, "PRE-PREPARE", prime, 5, signature, timely, server_to_server, 16 + kMaxMatrixBytes)  \
  X(Prepare, "PREPARE", prime, 6, signature, bounded, server_to_server, 48)                          \
  X(Commit, "COMMIT", prime, 7, channel, bounded, server_to_server, 48)

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

constexpr std::string_view name(MessageType type) {
  const CatalogueRow* row = find_row(type);
  return row == nullptr ? std::string_view("?") : row->name;
}

}  // namespace garrison::message
