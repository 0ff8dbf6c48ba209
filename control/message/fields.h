// Fields that bodies of several protocols are made of. Internal to this folder.
#pragma once

#include <cstdint>
#include <vector>

#include "control/message/messages.h"

namespace garrison::message {

inline constexpr std::size_t kLengthBytes = 4;  // in front of a byte string

// A count of 1..largest and the six reserved bytes behind it; 0 and a failed reader otherwise.
inline std::size_t read_count(Reader& reader, std::size_t largest) {
  const std::size_t count = reader.u16();
  reader.zeros(6);
  if (count == 0 || count > largest) reader.fail();
  return reader.ok() ? count : 0;
}

inline void write_count(Writer& writer, std::size_t count, std::size_t largest) {
  CHECK(count >= 1 && count <= largest);
  writer.u16(static_cast<std::uint16_t>(count)).zeros(6);
}

inline ServerId read_server(Reader& reader) {
  const std::uint16_t server = reader.u16();
  if (server >= kMaxServersPerSite) reader.fail();
  return ServerId(server);
}

// Byte strings, each behind its u32 length.
inline std::size_t strings_bytes(const std::vector<ByteView>& strings) {
  std::size_t size = 0;
  for (const ByteView string : strings) size += kLengthBytes + string.size();
  return size;
}

inline void write_strings(Writer& writer, const std::vector<ByteView>& strings) {
  for (const ByteView string : strings) writer.u32(static_cast<std::uint32_t>(string.size())).bytes(string);
}

}  // namespace garrison::message
