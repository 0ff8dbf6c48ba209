// Writes a capture with frames and client segments of every shape, for check-dissector.
// usage: dissector_capture FILE
#include <cstdio>
#include <fstream>
#include <string>

#include "dataplane/wire/chunk.h"
#include "dataplane/wire/frame.h"
#include "tests/support/signed_messages.h"

namespace garrison {
namespace {

const wire::NetAddress kA1{{2, 0, 0, 0, 0, 1}, 0x0a000001, 7700};
const wire::NetAddress kA2{{2, 0, 0, 0, 0, 2}, 0x0a000002, 7700};

class Capture {
 public:
  explicit Capture(const std::string& path) : file_(path, std::ios::binary | std::ios::trunc) {
    Bytes header(24);
    Writer(header).u32(0xa1b2c3d4).u16(2).u16(4).zeros(8).u32(65535).u32(1);  // Ethernet
    put(header);
  }
  [[nodiscard]] bool good() const { return file_.good(); }

  // A frame of A1 to A2. `length` overrides the header's.
  void frame(wire::FrameKind kind, ByteView content, std::uint16_t length = 0) {
    Bytes bytes(kEncapsulationBytes + wire::kFrameOverheadBytes + content.size());
    const MutableBytes payload = MutableBytes(bytes).subspan(kEncapsulationBytes);
    wire::FrameHeader header;
    header.kind = kind;
    header.length = length != 0 ? length : static_cast<std::uint16_t>(payload.size());
    header.dst_server = ServerId(1);
    header.port_sequence = header.counter = ++frames_;
    wire::write_frame_header(payload, header);
    Writer(payload.subspan(wire::kFrameHeaderBytes)).bytes(content);
    wire::encapsulate(bytes, kA1, kA2, TrafficClass::bounded, wire::UdpChecksum::none);
    packet(bytes);
  }

  // A TCP segment from port 50000 to `port`, the next one of that connection.
  void segment(ByteView data, std::uint16_t port = 7001) {
    Bytes bytes(kEthernetHeaderBytes + kIpv4HeaderBytes + 20 + data.size());
    Writer out(bytes);
    out.bytes(kA2.mac).bytes(kA1.mac).u16(big(0x0800));
    out.u8(0x45)
        .u8(0)
        .u16(big(static_cast<std::uint16_t>(bytes.size() - kEthernetHeaderBytes)))
        .u16(0)
        .u16(big(0x4000));
    out.u8(64).u8(6).u16(0).u32(0x0100000a).u32(0x0200000a);
    out.u16(big(50000)).u16(big(port)).u32(__builtin_bswap32(tcp_sequence_)).u32(0).u8(0x50).u8(0x18).u16(0xffff);
    out.zeros(4).bytes(data);
    tcp_sequence_ += static_cast<std::uint32_t>(data.size());
    packet(bytes);
  }

 private:
  static std::uint16_t big(std::uint16_t value) { return __builtin_bswap16(value); }
  void put(ByteView bytes) {
    file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void packet(ByteView bytes) {
    Bytes header(16);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    Writer(header).u32(++packets_).u32(0).u32(size).u32(size);
    put(header);
    put(bytes);
  }

  std::ofstream file_;
  std::uint64_t frames_ = 0;
  std::uint32_t packets_ = 0;
  std::uint32_t tcp_sequence_ = 1;
};

// The chunk of `message` that starts at `offset`, `size` bytes long or to its end.
wire::DataChunk chunk(TrafficClass traffic, ByteView message, std::size_t offset = 0, std::size_t size = SIZE_MAX) {
  const ByteView rest = message.subspan(offset);
  return {traffic, 7, static_cast<std::uint32_t>(message.size()), static_cast<std::uint32_t>(offset),
          rest.first(std::min(size, rest.size()))};
}

template <typename... Chunks>
Bytes content(const Chunks&... chunks) {
  Bytes out(kMaxFrameBytes);
  Writer writer(out);
  (write(writer, chunks), ...);
  out.resize(writer.used());
  return out;
}

Bytes prefixed(ByteView message) {
  Bytes out(4 + message.size());
  Writer(out).u32(static_cast<std::uint32_t>(message.size())).bytes(message);
  return out;
}

Bytes signed_message(testing::SiteKeys& keys, message::MessageType type) {
  for (testing::SignedMessage& message : testing::signed_messages(keys)) {
    if (message.type == type) return std::move(message.bytes);
  }
  check_failed("type", __FILE__, __LINE__);
}

void write_frames(Capture& capture, testing::SiteKeys& keys) {
  using message::MessageType;
  const Bytes prepare = signed_message(keys, MessageType::Prepare);
  const Bytes request = signed_message(keys, MessageType::PoRequest);
  const Bytes matrix = signed_message(keys, MessageType::SummaryMatrix);
  const auto bounded = TrafficClass::bounded;

  capture.frame(wire::FrameKind::hello, content(wire::Hello{Incarnation(5), Incarnation(0), true}));
  capture.frame(wire::FrameKind::channel, content(wire::Ack{40, 2, {1, 2}}, chunk(TrafficClass::timely, matrix, 0, 300),
                                                  chunk(bounded, prepare)));
  capture.frame(wire::FrameKind::channel, content(chunk(bounded, request, 0, 100), chunk(bounded, request, 100, 50)));
  Bytes base(wire::kBaseChunkBytes);
  Writer base_writer(base);
  wire::write_base(base_writer, 9);
  capture.frame(wire::FrameKind::channel, base);
  const Bytes replay = signed_message(keys, MessageType::Replay);
  const Bytes share = signed_message(keys, MessageType::VcPartialSig);
  const Bytes list = signed_message(keys, MessageType::VcList);
  capture.frame(wire::FrameKind::channel,
                content(chunk(TrafficClass::timely, replay, 0, 300), chunk(bounded, share), chunk(bounded, list)));
  // What a dissector must survive: a chunk longer than its frame, another type, a frame of another length, a message
  // that no row has.
  Bytes cut = content(chunk(bounded, prepare));
  cut.pop_back();
  capture.frame(wire::FrameKind::channel, cut);
  capture.frame(wire::FrameKind::channel, Bytes{77, 0, 0});
  capture.frame(wire::FrameKind::channel, {}, 999);
  Bytes unknown = prepare;
  unknown[2] = 99;
  capture.frame(wire::FrameKind::channel, content(chunk(bounded, unknown)));
}

void write_segments(Capture& capture, testing::SiteKeys& keys) {
  const Bytes op = prefixed(keys.client_op(ClientId(1), SeqNum(1), {}));
  const Bytes hello = prefixed(message::encode(keys.envelope(ClientId(1)), message::ClientHello{}));
  Bytes both = hello;
  both.insert(both.end(), op.begin(), op.end());
  capture.segment(both);
  capture.segment(ByteView(op).first(20));
  capture.segment(ByteView(op).subspan(20));
  capture.segment(Bytes{0xff, 0xff, 0xff, 0xff, 1, 2, 3});
}

}  // namespace
}  // namespace garrison

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: dissector_capture FILE\n", stderr), 2;
  garrison::Capture capture(argv[1]);
  garrison::testing::SiteKeys keys(4);
  garrison::write_frames(capture, keys);
  garrison::write_segments(capture, keys);
  return capture.good() ? 0 : 1;
}
