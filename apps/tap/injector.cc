#include "apps/tap/injector.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/message/messages.h"
#include "dataplane/base/check.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::tap {

namespace {

// What it has sent itself it tells by this.
constexpr std::uint64_t kMark = 0x7463656a6e69;

constexpr std::array<std::pair<std::string_view, Injection>, 3> kNames{
    {{"forged", Injection::forged}, {"wrong", Injection::wrong}, {"spurious", Injection::spurious}}};

}  // namespace

std::optional<Injection> injection(std::string_view name) {
  const auto* const known = std::ranges::find(kNames, name, [](const auto& each) { return each.first; });
  return known == kNames.end() ? std::nullopt : std::optional(known->second);
}

Injector::Injector(Injection kind, const config::Topology& topology, Sender as,
                   std::optional<crypto::BatchSigner> signer)
    : kind_(kind),
      topology_(topology),
      as_(as),
      signer_(std::move(signer)),
      forger_(adversary::HubLie::forged, topology.site(as.site).n()),
      assembler_({}) {
  CHECK(signs(kind) == signer_.has_value());
}

void Injector::on_heard(ByteView frame) {
  wire::Datagram datagram;
  wire::FrameHeader header;
  if (wire::parse_datagram(frame, datagram) || wire::parse_frame_header(datagram.payload, header)) return;
  if (header.kind != wire::FrameKind::hub_part || Sender{header.src_site, header.src_server} != as_) return;
  if (kind_ == Injection::forged) return forge(frame, datagram);
  const std::optional<wire::HubPart> part = wire::read_hub_part(wire::hub_content(datagram.payload));
  if (!part.has_value() || part->mark == kMark) return;
  const link::HubPartName name{header.src_site, header.dst_site, part->traffic, SeqNum(header.counter), part->index};
  const link::HubAssembler::Outcome outcome = assembler_.take(name, *part);
  if (outcome.whole.has_value()) lie(datagram, header, *outcome.whole);
}

void Injector::forge(ByteView frame, const wire::Datagram& datagram) {
  for (Bytes& each : forger_.on_frame(frame).before) send(datagram, std::move(each));
}

void Injector::lie(const wire::Datagram& datagram, const wire::FrameHeader& header, ByteView whole) {
  std::optional<message::LinkPart> part = message::decode<message::LinkPart>(whole);
  if (!part.has_value() || part->part.empty()) return;
  Bytes bytes = to_bytes(part->part);
  bytes[bytes.size() / 2] ^= 0x5aU;
  part->part = bytes;
  wire::FrameHeader renamed = header;
  if (kind_ == Injection::spurious) renamed.counter += kAhead;
  part->sequence = SeqNum(renamed.counter);
  const message::Envelope envelope{topology_.system, crypto::Principal::server(as_.site, as_.server),
                                   topology_.crypto.epoch};
  Bytes content = message::encode(envelope, *part);
  const Digest leaf = crypto::leaf_digest(content);
  Bytes block(signer_->block_bytes(1));
  std::size_t size = 0;
  const MutableBytes room(block);
  signer_->sign({&leaf, 1}, {&room, 1}, {&size, 1});
  content.insert(content.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
  send_part(datagram, renamed, part->traffic, content);
}

void Injector::send_part(const wire::Datagram& like, wire::FrameHeader header, TrafficClass traffic, ByteView part) {
  const std::size_t head = wire::kFrameHeaderBytes + wire::kHubPartHeadBytes;
  const std::size_t room = wire::udp_payload_budget(topology_.wan.link.ip_mtu) - head;
  for (std::size_t at = 0; at < part.size(); at += room) {
    const ByteView bytes = part.subspan(at, std::min(room, part.size() - at));
    Bytes frame(kEncapsulationBytes + head + bytes.size());
    header.length = static_cast<std::uint16_t>(head + bytes.size());
    wire::write_frame_header(MutableBytes(frame).subspan(kEncapsulationBytes), header);
    Writer writer(MutableBytes(frame).subspan(kEncapsulationBytes + wire::kFrameHeaderBytes));
    wire::write(writer, wire::HubPart{.traffic = traffic,
                                      .index = static_cast<std::uint8_t>(as_.server.value()),
                                      .total = static_cast<std::uint32_t>(part.size()),
                                      .offset = static_cast<std::uint32_t>(at),
                                      .mark = kMark,
                                      .bytes = bytes});
    send(like, std::move(frame));
  }
}

void Injector::send(const wire::Datagram& like, Bytes frame) {
  if (waiting_.size() >= kMostWaiting) return;
  wire::encapsulate(frame, like.from, like.to, TrafficClass::bounded, wire::UdpChecksum::software);
  waiting_.push_back(std::move(frame));
}

std::size_t Injector::next_frame(MutableBytes out) {
  if (waiting_.empty()) return 0;
  const Bytes frame = std::move(waiting_.front());
  waiting_.pop_front();
  CHECK(frame.size() <= out.size());
  std::ranges::copy(frame, out.begin());
  ++injected_;
  return frame.size();
}

}  // namespace garrison::tap
