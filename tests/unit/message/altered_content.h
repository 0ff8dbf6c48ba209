// Encoded messages with a field or the whole body replaced, for tests of what decoders refuse.
#pragma once

#include "control/message/messages.h"

namespace garrison::message {

inline const Envelope kByServer{SystemId(7), crypto::Principal::server(SiteId(1), ServerId(2)), KeyEpoch(3)};
inline const Envelope kByClient{SystemId(7), crypto::Principal::client(ClientId(9)), KeyEpoch(3)};
inline constexpr std::size_t kBody = kEnvelopeBytes;  // offset of the body

// Overwrites a little-endian field of an encoded message.
template <typename T>
[[nodiscard]] Bytes with(Bytes content, std::size_t offset, T value) {
  store_le<T>(content.data() + offset, value);
  return content;
}

// Content with another body behind the same envelope.
[[nodiscard]] inline Bytes with_body(const Bytes& content, const Bytes& body) {
  Bytes out(kEnvelopeBytes + body.size());
  Writer(out).bytes(ByteView(content).first(kEnvelopeBytes)).bytes(body);
  store_le<std::uint32_t>(out.data() + 4, static_cast<std::uint32_t>(body.size()));
  return out;
}

[[nodiscard]] inline Bytes body_of(const Bytes& content) { return {content.begin() + kEnvelopeBytes, content.end()}; }

}  // namespace garrison::message
