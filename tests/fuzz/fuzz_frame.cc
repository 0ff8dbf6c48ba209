// Anything at all as an Ethernet frame: parsing reads nothing outside it, and what it accepts is what it says.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/check.h"
#include "dataplane/wire/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace garrison;
  const ByteView frame(data, size);
  const auto judge = [](ByteView payload) {
    wire::FrameHeader header;
    if (wire::parse_frame_header(payload, header)) return;
    CHECK(header.length == payload.size());
    Bytes again(payload.size());
    wire::write_frame_header(again, header);
    CHECK(equal(ByteView(again).first(wire::kFrameHeaderBytes), payload.first(wire::kFrameHeaderBytes)));
    CHECK(wire::frame_content(payload).size() + wire::kFrameOverheadBytes == payload.size());
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
