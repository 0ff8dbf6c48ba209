// Prints what documents and tools say about the message catalogue, so that they cannot say anything else.
//
//   catalogue --markdown   docs/messages.md
//   catalogue --lua        the generated part of tools/wireshark/garrison.lua
#include <cstdio>
#include <string_view>

#include "control/message/messages.h"
#include "dataplane/wire/chunk.h"
#include "dataplane/wire/frame.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::message {
namespace {

constexpr std::string_view name(Protocol protocol) {
  switch (protocol) {
    case Protocol::client:
      return "client";
    case Protocol::prime:
      return "prime";
    case Protocol::site:
      return "site";
    case Protocol::state:
      return "state";
    case Protocol::bft:
      return "bft";
  }
  return "?";
}

constexpr std::string_view name(Authentication authentication) {
  switch (authentication) {
    case Authentication::none:
      return "none";
    case Authentication::mac:
      return "MAC";
    case Authentication::channel:
      return "channel";
    case Authentication::signature:
      return "signature";
    case Authentication::configured:
      return "channel or signature";
  }
  return "?";
}

constexpr std::string_view name(Direction direction) {
  switch (direction) {
    case Direction::client_to_server:
      return "client to server";
    case Direction::server_to_client:
      return "server to client";
    case Direction::server_to_server:
      return "server to server";
    case Direction::event:
      return "event of a site";
    case Direction::site_to_site:
      return "site to site";
  }
  return "?";
}

int length(std::string_view text) { return static_cast<int>(text.size()); }

void print_markdown() {
  std::puts(
      "# Messages\n"
      "\n"
      "Printed by `catalogue --markdown` from `control/message/catalogue.h`; a test fails when the two differ.\n"
      "\n"
      "A message is an envelope, a body and what authenticates both: a signature block (`crypto/batch.h`), a MAC of\n"
      "16 bytes, or nothing. Everything is little-endian, without padding; reserved bytes are zero. The layout of the\n"
      "envelope stands in `control/message/messages.h`, that of each body in `client_messages.cc`,\n"
      "`prime_messages.cc`, `reconciliation_messages.cc`, `view_messages.cc`, `bft_messages.cc`, "
      "`site_messages.cc`,\n"
      "`inquiry_messages.cc`, `share_messages.cc` or `state_messages.cc` beside it. Where the table says \"channel or "
      "signature\", the "
      "topology\n"
      "says which for the whole deployment.\n");
  std::printf("Version %u, envelope %zu bytes, whole message at most %zu bytes.\n\n", unsigned{kMessageVersion},
              kEnvelopeBytes, kMaxMessageBytes);
  std::puts(
      "| protocol | number | message | authentication | class | direction | largest body, bytes |\n"
      "|---|---|---|---|---|---|---|");
  for (const CatalogueRow& row : kCatalogue) {
    const std::string_view traffic = garrison::name(row.traffic);
    std::printf("| %.*s (%u) | %u | %.*s | %.*s | %.*s | %.*s | %zu |\n", length(name(row.protocol)),
                name(row.protocol).data(), static_cast<unsigned>(row.protocol), unsigned{row.number}, length(row.name),
                row.name.data(), length(name(row.authentication)), name(row.authentication).data(), length(traffic),
                traffic.data(), length(name(row.direction)), name(row.direction).data(), row.max_body_bytes);
  }
}

void print_lua() {
  std::printf("local FRAME = { magic = 0x%04x, version = %u, header = %zu, tag = %zu, hello = %zu }\n",
              unsigned{wire::kFrameMagic}, unsigned{wire::kFrameVersion}, wire::kFrameHeaderBytes, wire::kFrameTagBytes,
              wire::kHelloBytes);
  std::printf("local KIND = { hello = %u, channel = %u, hub_part = %u, hub_request = %u }\n",
              static_cast<unsigned>(wire::FrameKind::hello), static_cast<unsigned>(wire::FrameKind::channel),
              static_cast<unsigned>(wire::FrameKind::hub_part), static_cast<unsigned>(wire::FrameKind::hub_request));
  std::printf("local HUB = { part = %zu, request = %zu, entry = %zu }\n", wire::kHubPartHeadBytes,
              wire::kHubRequestHeadBytes, wire::kHubRequestEntryBytes);
  std::printf("local CHUNK = { ack = %u, bounded = %u, timely = %u, base = %u }\n",
              static_cast<unsigned>(wire::ChunkType::ack), static_cast<unsigned>(wire::ChunkType::bounded),
              static_cast<unsigned>(wire::ChunkType::timely), static_cast<unsigned>(wire::ChunkType::base));
  std::printf("local CHUNK_BYTES = { ack = %zu, word = %zu, words = %zu, data = %zu, base = %zu }\n",
              wire::ack_bytes(0), wire::ack_bytes(1) - wire::ack_bytes(0), wire::kAckWords, wire::kDataChunkHeaderBytes,
              wire::kBaseChunkBytes);
  std::printf("local MESSAGE = { version = %u, envelope = %zu, largest = %zu }\n", unsigned{kMessageVersion},
              kEnvelopeBytes, kMaxMessageBytes);
  std::puts("local CATALOGUE = {");
  for (const CatalogueRow& row : kCatalogue) {
    std::printf("  [0x%04x] = { name = \"%.*s\", authentication = \"%.*s\", bound = %zu },\n",
                static_cast<unsigned>(row.type), length(row.name), row.name.data(), length(name(row.authentication)),
                name(row.authentication).data(), row.max_body_bytes);
  }
  std::puts("}");
  std::printf("local PROTOCOL = {");
  const char* separator = " ";
  for (const Protocol protocol : {Protocol::client, Protocol::prime, Protocol::bft, Protocol::state}) {
    std::printf("%s[%u] = \"%.*s\"", separator, static_cast<unsigned>(protocol), length(name(protocol)),
                name(protocol).data());
    separator = ", ";
  }
  std::puts(" }");
}

}  // namespace
}  // namespace garrison::message

int main(int argc, char** argv) {
  const std::string_view format = argc == 2 ? argv[1] : "";
  if (format == "--markdown") return garrison::message::print_markdown(), 0;
  if (format == "--lua") return garrison::message::print_lua(), 0;
  std::fputs("usage: catalogue --markdown | --lua\n", stderr);
  return 2;
}
