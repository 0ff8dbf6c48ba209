#include "dataplane/forwarder/session_stream.h"

#include <algorithm>
#include <string_view>

#include "crypto/agreement.h"

namespace garrison::forwarder {

namespace {

constexpr std::uint64_t kMagic = 0x3130'5744'4652'4147;  // "GARFDW01"

crypto::SecretBytes key_of(const crypto::SecretBytes& shared, const Hello& server, const Nonce& of_forwarder,
                           SessionStream::End sender) {
  constexpr std::string_view kPurpose = "garrison forwarder session";
  std::array<std::uint8_t, kPurpose.size() + kHelloBytes + sizeof(Nonce) + 1> info;
  Writer(info)
      .bytes(as_bytes(kPurpose))
      .bytes(write_hello(server))
      .bytes(of_forwarder)
      .u8(static_cast<std::uint8_t>(sender));
  return crypto::derive(shared, info, 32);
}

}  // namespace

std::array<std::uint8_t, kHelloBytes> write_hello(const Hello& hello) {
  std::array<std::uint8_t, kHelloBytes> bytes;
  Writer out(bytes);
  out.u64(kMagic).u64(hello.system.value()).u16(hello.site.value()).u16(hello.server.value());
  out.u8(static_cast<std::uint8_t>(hello.forwarder)).zeros(3).bytes(hello.nonce);
  return bytes;
}

std::optional<Hello> read_hello(ByteView bytes) {
  Reader reader(bytes);
  Hello hello;
  if (reader.u64() != kMagic) reader.fail();
  hello.system = SystemId(reader.u64());
  hello.site = SiteId(reader.u16());
  hello.server = ServerId(reader.u16());
  const std::uint8_t forwarder = reader.u8();
  if (forwarder > 1) reader.fail();
  hello.forwarder = forwarder == 0 ? Role::primary : Role::backup;
  reader.zeros(3);
  hello.nonce = reader.array<sizeof(Nonce)>();
  return reader.done() ? std::optional(hello) : std::nullopt;
}

Bytes write_departure(const Header& header, ByteView message) {
  Bytes body(kHeaderBytes + message.size());
  Writer out(body);
  out.u64(header.sequence.value()).u64(header.destinations).u8(static_cast<std::uint8_t>(header.traffic)).zeros(7);
  out.bytes(message);
  return body;
}

std::optional<DepartureView> read_departure(ByteView body) {
  Reader reader(body);
  DepartureView departure;
  departure.header.sequence = SeqNum(reader.u64());
  departure.header.destinations = reader.u64();
  const std::uint8_t traffic = reader.u8();
  if (traffic > 1 || departure.header.sequence == SeqNum(0)) reader.fail();
  departure.header.traffic = traffic == 0 ? TrafficClass::timely : TrafficClass::bounded;
  reader.zeros(7);
  departure.message = reader.view(reader.remaining());
  return reader.ok() ? std::optional(departure) : std::nullopt;
}

Bytes write_arrival(SiteId source, ByteView message) {
  Bytes body(kArrivalBytes + message.size());
  Writer(body).u16(source.value()).zeros(6).bytes(message);
  return body;
}

std::optional<ArrivalView> read_arrival(ByteView body) {
  Reader reader(body);
  ArrivalView arrival;
  arrival.source = SiteId(reader.u16());
  reader.zeros(6);
  arrival.message = reader.view(reader.remaining());
  return reader.ok() ? std::optional(arrival) : std::nullopt;
}

SessionStream::SessionStream(End mine, const crypto::SecretBytes& shared, const Hello& server,
                             const Nonce& of_forwarder)
    : send_key_(key_of(shared, server, of_forwarder, mine).view()),
      receive_key_(key_of(shared, server, of_forwarder, mine == End::server ? End::forwarder : End::server).view()) {}

void SessionStream::seal(ByteView body, Bytes& out) {
  CHECK(body.size() <= kMaxBodyBytes);
  scratch_.resize(sizeof sent_ + kSizeBytes + body.size());
  Writer(scratch_).u64(++sent_).u32(static_cast<std::uint32_t>(body.size())).bytes(body);
  const crypto::Tag tag = send_key_.tag(scratch_);
  out.insert(out.end(), scratch_.begin() + sizeof sent_, scratch_.end());
  out.insert(out.end(), tag.begin(), tag.end());
}

MutableBytes SessionStream::room() {
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.empty()) buffer_.resize(kSizeBytes + kMaxBodyBytes + kTagBytes);
  return MutableBytes(buffer_).subspan(end_);
}

void SessionStream::filled(std::size_t bytes) {
  CHECK(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

std::optional<ByteView> SessionStream::front() {
  const ByteView waiting = ByteView(buffer_).subspan(begin_, end_ - begin_);
  if (failed_.has_value() || waiting.size() < kSizeBytes) return std::nullopt;
  const std::size_t size = load_le<std::uint32_t>(waiting.data());
  if (size > kMaxBodyBytes) return failed_ = DropReason::forwarder_malformed, std::nullopt;
  if (waiting.size() < kSizeBytes + size + kTagBytes) return std::nullopt;
  const ByteView frame = waiting.first(kSizeBytes + size);
  if (!verified_) {
    scratch_.resize(sizeof received_ + frame.size());
    Writer(scratch_).u64(received_ + 1).bytes(frame);
    if (!receive_key_.verify(scratch_, waiting.subspan(frame.size(), kTagBytes))) {
      return failed_ = DropReason::forwarder_bad_tag, std::nullopt;
    }
    verified_ = true;
    ++received_;
  }
  return frame.subspan(kSizeBytes);
}

void SessionStream::pop() {
  CHECK(verified_);
  verified_ = false;
  begin_ += kSizeBytes + load_le<std::uint32_t>(buffer_.data() + begin_) + kTagBytes;
}

}  // namespace garrison::forwarder
