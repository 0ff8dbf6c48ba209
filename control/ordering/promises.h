// What this server says and may not take back.
//
// A server never signs two different messages for one slot. The promise is taken when the message is handed out to be
// signed, with a record that must be durable before the message leaves (design: durability). A record is the message
// type and the least that a restarted server must know: the sequence number it has used, or the binding it has made.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "control/ordering/ordering.h"
#include "dataplane/base/state_fields.h"

namespace garrison::ordering {

using Stored = std::shared_ptr<const message::StoredMessage>;

[[nodiscard]] inline Stored store(const message::VerifiedMessage& message) {
  return std::make_shared<const message::StoredMessage>(message);
}

class Promises {
 public:
  explicit Promises(const message::Envelope& envelope) : envelope_(envelope) {}

  // Signs `message` and promises to say nothing else in its slot. `recorded` leading bytes of the body are what the
  // promise is about; the whole body if it is shorter.
  template <typename Message>
  void promise(const Message& message, std::size_t recorded, ServerSet to, Output& output) {
    Sign sign = prepare(message, to);
    const ByteView body = ByteView(sign.content).subspan(message::kEnvelopeBytes);
    record(Message::kType, body.first(std::min(recorded, body.size())), output);
    sign.after = last_;
    output.sign.push_back(std::move(sign));
  }

  // Signs a message that says nothing new that binds.
  template <typename Message>
  void say(const Message& message, ServerSet to, std::uint16_t supersede_key, Output& output) {
    Sign sign = prepare(message, to);
    sign.supersede_key = supersede_key;
    sign.after = last_;
    output.sign.push_back(std::move(sign));
  }

  // Sends a message of this server once more.
  void repeat(const Stored& own, ServerSet to, Output& output) const {
    output.forward.push_back({own, to, TrafficClass::bounded, last_});
  }

  STATE_FIELDS(envelope_, last_)

 private:
  template <typename Message>
  Sign prepare(const Message& message, ServerSet to) const {
    Sign sign;
    sign.type = Message::kType;
    sign.content = message::encode(envelope_, message);
    sign.to = to;
    sign.traffic = message::find_row(Message::kType)->traffic;
    return sign;
  }

  // u16 message type | promise
  void record(message::MessageType type, ByteView promise, Output& output) {
    Bytes bytes(2 + promise.size());
    Writer(bytes).u16(static_cast<std::uint16_t>(type)).bytes(promise);
    output.persist.push_back({++last_, std::move(bytes)});
  }

  message::Envelope envelope_;
  PersistToken last_ = 0;
};

// `recorded` for Promises::promise().
inline constexpr std::size_t kWholeBody = kMaxMessageBytes;

}  // namespace garrison::ordering
