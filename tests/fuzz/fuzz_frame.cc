// Anything at all as an Ethernet frame: parsing reads nothing outside it, and what it accepts is what it says.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/check.h"
#include "dataplane/wire/frame.h"
#include "dataplane/wire/hub_frame.h"

namespace {

using namespace garrison;

// What is accepted as a frame of a hub link is written back as the same bytes.
void judge_hub(const wire::FrameHeader& header, ByteView payload) {
  const ByteView content = wire::hub_content(payload);
  Bytes again(content.size());
  Writer writer(again);
  if (header.kind == wire::FrameKind::hub_part) {
    const std::optional<wire::HubPart> part = wire::read_hub_part(content);
    if (!part.has_value()) return;
    CHECK(part->offset + part->bytes.size() <= part->total);
    wire::write(writer, *part);
    CHECK(equal(again, content));
  } else if (header.kind == wire::FrameKind::hub_request) {
    const std::optional<wire::HubRequest> request = wire::read_hub_request(content);
    if (!request.has_value()) return;
    wire::write(writer, *request);
    const ByteView covered = wire::hub_request_authenticated(payload, *request);
    CHECK(equal(ByteView(again).first(writer.used()), covered.subspan(wire::kFrameHeaderBytes)));
    for (std::size_t i = 0; i < request->tags; ++i) {
      CHECK(wire::hub_request_tag(payload, *request, i).size() == wire::kFrameTagBytes);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView frame(data, size);
  const auto judge = [](ByteView payload) {
    wire::FrameHeader header;
    if (wire::parse_frame_header(payload, header)) return;
    CHECK(header.length == payload.size());
    Bytes again(payload.size());
    wire::write_frame_header(again, header);
    CHECK(equal(ByteView(again).first(wire::kFrameHeaderBytes), payload.first(wire::kFrameHeaderBytes)));
    CHECK(wire::frame_content(payload).size() + wire::kFrameOverheadBytes == payload.size());
    judge_hub(header, payload);
  };
  judge(frame);

  wire::Datagram datagram;
  if (wire::parse_datagram(frame, datagram)) return 0;
  CHECK(datagram.payload.size() + kEncapsulationBytes <= size);
  CHECK(datagram.payload.empty() ||
        (datagram.payload.data() >= data && datagram.payload.data() + datagram.payload.size() <= data + size));
  judge(datagram.payload);
  wire::Datagram same;
  CHECK(!wire::parse_datagram_to(datagram.to, frame, same));
  return 0;
}
