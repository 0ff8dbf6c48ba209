// How encode() and decode() are made from the layout of one body. Internal to this folder.
//
// A message's translation unit specialises Body<Message> and instantiates with GARRISON_INSTANTIATE_CODEC. A Body has
//   size(message)                    bytes the body takes
//   write(writer, envelope, message) exactly that many
//   read(reader, envelope)           the message; reader.fail() where a field is out of range
#pragma once

#include "control/message/messages.h"

namespace garrison::message {

template <typename Message>
struct Body;

void write_envelope(Writer& writer, const Envelope& envelope, MessageType type, std::size_t body_bytes);

template <typename Message>
Bytes encode(const Envelope& envelope, const Message& message) {
  const std::size_t body_bytes = Body<Message>::size(message);
  CHECK(body_bytes <= find_row(Message::kType)->max_body_bytes);
  Bytes out(kEnvelopeBytes + body_bytes);
  Writer writer(out);
  write_envelope(writer, envelope, Message::kType, body_bytes);
  Body<Message>::write(writer, envelope, message);
  CHECK(writer.room() == 0);
  return out;
}

template <typename Message>
std::optional<Message> decode(ByteView message) {
  const std::optional<DecodedEnvelope> head = decode_envelope(message);
  if (!head.has_value() || head->type != Message::kType) return std::nullopt;
  Reader reader(message.first(head->content_bytes).subspan(kEnvelopeBytes));
  std::optional<Message> decoded = Body<Message>::read(reader, head->envelope);
  if (!reader.done()) return std::nullopt;
  return decoded;
}

}  // namespace garrison::message

#define GARRISON_INSTANTIATE_CODEC(Message)                        \
  template Bytes encode<Message>(const Envelope&, const Message&); \
  template std::optional<Message> decode<Message>(ByteView)
