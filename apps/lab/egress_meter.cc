#include "apps/lab/egress_meter.h"

#include "control/message/messages.h"
#include "dataplane/forwarder/datagrams.h"
#include "dataplane/wire/chunk.h"
#include "dataplane/wire/frame.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::lab {

namespace {

constexpr std::string_view kEncapsulation = "Ethernet, IP and UDP headers";
constexpr std::string_view kFrameOverhead = "frame headers and tags";
constexpr std::string_view kDatagramOverhead = "forwarders' headers and tags";
constexpr std::string_view kHello = "HELLO";
constexpr std::string_view kAcks = "channel acknowledgements";
constexpr std::string_view kHubHead = "hub links' headers";
constexpr std::string_view kHubRequests = "hub links' requests";

// As message::read_envelope() has it; the frames are our own.
message::MessageType type_of(ByteView message) {
  return static_cast<message::MessageType>((std::uint16_t{message[1]} << 8U) | message[2]);
}

}  // namespace

void EgressMeter::on_frame(ServerId from, ServerId to, ByteView frame) {
  const ByteView payload = frame.subspan(kEncapsulationBytes);
  wire::FrameHeader header;
  CHECK(!wire::parse_frame_header(payload, header));
  bytes_[kEncapsulation] += kEncapsulationBytes;
  if (header.kind == wire::FrameKind::hub_part) {
    const std::size_t overhead = wire::kFrameHeaderBytes + wire::kHubPartHeadBytes;
    const auto part = wire::read_hub_part(wire::hub_content(payload));
    CHECK(part.has_value());
    if (part->offset == 0) ++link_copies_;
    bytes_[kHubHead] += overhead;
    bytes_[message::name(message::MessageType::LinkPart)] += payload.size() - overhead;
    return;
  }
  if (header.kind == wire::FrameKind::hub_request) {
    bytes_[kHubRequests] += payload.size();
    return;
  }
  bytes_[kFrameOverhead] += wire::kFrameOverheadBytes;
  const ByteView content = wire::frame_content(payload);
  if (header.kind == wire::FrameKind::hello) {
    bytes_[kHello] += content.size();
  } else {
    on_chunks(from.index() * servers_ + to.index(), content);
  }
}

void EgressMeter::on_forwarder_frame(ByteView frame) {
  constexpr std::size_t kOverhead = forwarder::kDatagramHeadBytes + forwarder::kDatagramTagBytes;
  CHECK(frame.size() >= kEncapsulationBytes + kOverhead);
  bytes_[kEncapsulation] += kEncapsulationBytes;
  bytes_[kDatagramOverhead] += kOverhead;
  if (forwarder::begins_message(frame.subspan(kEncapsulationBytes))) ++link_copies_;
  bytes_[message::name(message::MessageType::LinkBundle)] += frame.size() - kEncapsulationBytes - kOverhead;
}

void EgressMeter::on_link_message(ByteView content) {
  const auto link = message::decode<message::LinkMessage>(content);
  CHECK(link.has_value());
  std::uint64_t items = 0;
  for (const message::LinkMessage::Item& item : link->items) {
    items += item.bytes.size();
    inside_links_[message::name(type_of(item.bytes))] += item.bytes.size();
  }
  inside_links_[message::name(message::MessageType::LinkMessage)] += content.size() - items;
}

void EgressMeter::on_chunks(std::size_t pair, ByteView content) {
  Reader in(content);
  while (!in.done()) {
    const auto type = wire::read_chunk_type(in);
    CHECK(type.has_value());
    if (*type == wire::ChunkType::ack) {
      bytes_[kAcks] += wire::ack_bytes(wire::read_ack(in).words);
      continue;
    }
    if (*type == wire::ChunkType::base) {
      (void)wire::read_base(in);
      bytes_[kAcks] += wire::kBaseChunkBytes;
      continue;
    }
    const bool timely = *type == wire::ChunkType::timely;
    const wire::DataChunk chunk = wire::read_data(in, timely ? TrafficClass::timely : TrafficClass::bounded);
    Lane& lane = lanes_[2 * pair + (timely ? 1 : 0)];
    message::MessageType& known = lane[chunk.sequence % lane.size()];
    if (chunk.offset == 0 && chunk.bytes.size() > 2) {
      known = type_of(chunk.bytes);
      if (known == message::MessageType::LinkPart || known == message::MessageType::LinkBundle) ++link_copies_;
    }
    bytes_[message::name(known)] += wire::kDataChunkHeaderBytes + chunk.bytes.size();
  }
}

}  // namespace garrison::lab
