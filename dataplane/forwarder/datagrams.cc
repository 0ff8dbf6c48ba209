#include "dataplane/forwarder/datagrams.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "crypto/agreement.h"
#include "dataplane/base/check.h"

namespace garrison::forwarder {

namespace {

constexpr std::uint32_t kMagic = 0x3144'4647;  // "GFD1"

constexpr std::size_t kSizeOffset = 4 + 2 + 1 + 1 + 8 + 8;

std::size_t pieces_of(std::size_t size, std::size_t piece_bytes) {
  return std::max<std::size_t>(1, (size + piece_bytes - 1) / piece_bytes);
}

void write_id(Writer& out, ForwarderId id) { out.u16(id.site.value()).u8(static_cast<std::uint8_t>(id.role)); }

}  // namespace

std::optional<ForwarderId> claimed_source(ByteView datagram) {
  Reader reader(datagram);
  if (reader.u32() != kMagic) return std::nullopt;
  const SiteId site(reader.u16());
  const std::uint8_t role = reader.u8();
  if (!reader.ok() || role > 1) return std::nullopt;
  return ForwarderId{site, role == 0 ? Role::primary : Role::backup};
}

bool begins_message(ByteView datagram) {
  Reader reader(datagram.subspan(std::min(datagram.size(), kSizeOffset)));
  const std::size_t size = reader.u32();
  const std::size_t index = reader.u16();
  return reader.ok() && size > 0 && index == 0;
}

crypto::SecretBytes datagram_key(const crypto::SecretBytes& shared, SystemId system, ForwarderId from, ForwarderId to) {
  constexpr std::string_view kPurpose = "garrison forwarder datagram";
  std::array<std::uint8_t, kPurpose.size() + 8 + 3 + 3> info;
  Writer out(info);
  out.bytes(as_bytes(kPurpose)).u64(system.value());
  write_id(out, from);
  write_id(out, to);
  return crypto::derive(shared, info, 32);
}

DatagramSender::DatagramSender(ForwarderId self, Incarnation incarnation, const crypto::SecretBytes& key,
                               std::size_t piece_bytes)
    : self_(self), incarnation_(incarnation), key_(key.view()), piece_bytes_(piece_bytes) {
  CHECK(incarnation.value() != 0 && piece_bytes > 0 && kMaxMessageBytes / piece_bytes < 0xffff);
}

std::vector<Bytes> DatagramSender::cut(TrafficClass traffic, ByteView message) {
  CHECK(message.size() <= kMaxMessageBytes);
  const auto lane = static_cast<std::uint8_t>(traffic);
  const std::uint64_t number = ++number_[lane];
  std::vector<Bytes> datagrams(pieces_of(message.size(), piece_bytes_));
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    const std::size_t begin = i * piece_bytes_;
    const ByteView piece = message.subspan(begin, std::min(piece_bytes_, message.size() - begin));
    Bytes& datagram = datagrams[i];
    datagram.resize(kDatagramHeadBytes + piece.size() + kDatagramTagBytes);
    Writer out(datagram);
    out.u32(kMagic);
    write_id(out, self_);
    out.u8(lane).u64(incarnation_.value()).u64(number);
    out.u32(static_cast<std::uint32_t>(message.size())).u16(static_cast<std::uint16_t>(i)).zeros(2).bytes(piece);
    out.bytes(key_.tag(ByteView(datagram).first(out.used())));
  }
  return datagrams;
}

DatagramReceiver::DatagramReceiver(const crypto::SecretBytes& key, std::size_t piece_bytes, DropCounters& drops)
    : key_(key.view()), piece_bytes_(piece_bytes), drops_(drops) {}

DatagramReceiver::Outcome DatagramReceiver::on_datagram(ByteView datagram) {
  if (datagram.size() < kDatagramHeadBytes + kDatagramTagBytes) {
    return drops_.add(DropReason::forwarder_malformed), Outcome{};
  }
  const ByteView authenticated = datagram.first(datagram.size() - kDatagramTagBytes);
  if (!key_.verify(authenticated, datagram.subspan(authenticated.size()))) {
    return drops_.add(DropReason::forwarder_bad_tag), Outcome{};
  }
  Reader reader(authenticated.subspan(7));
  const std::uint8_t traffic = reader.u8();
  const Incarnation incarnation(reader.u64());
  const std::uint64_t number = reader.u64();
  const std::size_t size = reader.u32();
  const std::size_t index = reader.u16();
  reader.zeros(2);
  const ByteView piece = reader.view(reader.remaining());
  const std::size_t begin = index * piece_bytes_;
  const bool fits = traffic <= 1 && size <= kMaxMessageBytes && begin <= size &&
                    index < pieces_of(size, piece_bytes_) && piece.size() == std::min(piece_bytes_, size - begin);
  if (!reader.ok() || !fits) return drops_.add(DropReason::forwarder_malformed), Outcome{};
  if (incarnation > incarnation_) {
    incarnation_ = incarnation;
    for (Lane& each : lanes_) each = {};
  }
  Lane& lane = lanes_[traffic];
  if (incarnation < incarnation_ || !lane.done.fresh(number)) {
    return drops_.add(DropReason::forwarder_replayed), Outcome{};
  }

  Assembly& into = assembly(lane, number, size);
  if (into.number != number || into.message.size() != size || into.has[index]) {
    return drops_.add(DropReason::forwarder_replayed), Outcome{};
  }
  into.has[index] = true;
  std::copy(piece.begin(), piece.end(), into.message.begin() + static_cast<std::ptrdiff_t>(begin));
  if (--into.missing > 0) return {true, std::nullopt};
  lane.done.insert(number);
  whole_ = std::move(into.message);
  into = {};
  return {true, whole_};
}

// The place of this message; one that is older than it, and still incomplete, makes room.
DatagramReceiver::Assembly& DatagramReceiver::assembly(Lane& lane, std::uint64_t number, std::size_t size) {
  Assembly& place = lane.assemblies[number % kAssembling];
  if (place.number >= number) return place;
  if (place.number != 0) drops_.add(DropReason::forwarder_incomplete);
  const std::size_t pieces = pieces_of(size, piece_bytes_);
  place = {number, Bytes(size), std::vector<bool>(pieces), pieces};
  return place;
}

}  // namespace garrison::forwarder
