// Blocks of pcapng files, as tools expect them: nanoseconds, direction and a comment for each packet, and at the end of
// an interface what was received and what was not kept. Each call appends one whole block. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/instant.h"

namespace garrison::tap {

enum class Direction : std::uint8_t { in = 1, out = 2 };  // as epb_flags has it

// Bytes that a packet's block takes beside its frame and its comment, at most.
inline constexpr std::size_t kPacketBlockBytes = 64;

void append_section(Bytes& out);
// Of Ethernet; the first one of a section has number 0.
void append_interface(Bytes& out, std::string_view name);
// `when` since 1970; an empty comment is none.
void append_packet(Bytes& out, Instant when, std::size_t interface, Direction direction, ByteView frame,
                   std::string_view comment);
void append_statistics(Bytes& out, Instant when, std::size_t interface, std::uint64_t received, std::uint64_t dropped);

}  // namespace garrison::tap
