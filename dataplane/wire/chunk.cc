#include "dataplane/wire/chunk.h"

namespace garrison::wire {

bool Ack::contains(std::uint64_t counter) const {
  if (counter >= largest) return counter == largest;
  const std::uint64_t back = largest - counter - 1;  // 0 for the counter just below
  const std::uint64_t word = back / 64;
  return word < words && ((below[word] >> (63 - back % 64)) & 1U) != 0;
}

void write(Writer& out, const Hello& hello) {
  out.u64(hello.src.value()).u64(hello.dst.value()).u32(hello.answer_wanted ? 1 : 0).u32(0);
}

void write(Writer& out, const Ack& ack) {
  out.u8(static_cast<std::uint8_t>(ChunkType::ack)).u8(ack.words).u16(0).u64(ack.largest);
  for (std::size_t word = 0; word < ack.words; ++word) out.u64(ack.below[word]);
}

void write(Writer& out, const DataChunk& chunk) {
  const ChunkType type = chunk.traffic == TrafficClass::timely ? ChunkType::timely : ChunkType::bounded;
  out.u8(static_cast<std::uint8_t>(type)).u8(0).u16(static_cast<std::uint16_t>(chunk.bytes.size()));
  out.u32(chunk.total).u32(chunk.offset).u64(chunk.sequence).bytes(chunk.bytes);
}

void write_base(Writer& out, std::uint64_t sequence) {
  out.u8(static_cast<std::uint8_t>(ChunkType::base)).u8(0).u16(0).u64(sequence);
}

std::optional<Hello> read_hello(ByteView content) {
  Reader in(content);
  Hello hello;
  hello.src = Incarnation(in.u64());
  hello.dst = Incarnation(in.u64());
  const std::uint32_t flags = in.u32();
  in.zeros(4);
  hello.answer_wanted = flags == 1;
  if (!in.done() || flags > 1 || hello.src.value() == 0) return std::nullopt;
  return hello;
}

std::optional<ChunkType> read_chunk_type(Reader& in) {
  const std::uint8_t type = in.u8();
  if (!in.ok() || type < static_cast<std::uint8_t>(ChunkType::ack) ||
      type > static_cast<std::uint8_t>(ChunkType::base)) {
    return std::nullopt;
  }
  return static_cast<ChunkType>(type);
}

Ack read_ack(Reader& in) {
  Ack ack;
  ack.words = in.u8();
  in.zeros(2);
  ack.largest = in.u64();
  if (ack.words > kAckWords || ack.largest == 0) {
    in.fail();
    ack.words = 0;
  }
  for (std::size_t word = 0; word < ack.words; ++word) ack.below[word] = in.u64();
  return ack;
}

DataChunk read_data(Reader& in, TrafficClass traffic) {
  DataChunk chunk;
  chunk.traffic = traffic;
  in.zeros(1);
  const std::size_t size = in.u16();
  chunk.total = in.u32();
  chunk.offset = in.u32();
  chunk.sequence = in.u64();
  chunk.bytes = in.view(size);
  if (size == 0 || chunk.sequence == 0 || chunk.offset > chunk.total || size > chunk.total - chunk.offset) in.fail();
  return chunk;
}

std::uint64_t read_base(Reader& in) {
  in.zeros(3);
  const std::uint64_t sequence = in.u64();
  if (sequence == 0) in.fail();
  return sequence;
}

}  // namespace garrison::wire
