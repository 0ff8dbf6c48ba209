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
#include "control/prime/prime_config.h"

namespace garrison::prime {

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
  void promise(const Message& message, std::size_t recorded, ServerSet to, ordering::Output& output) {
    ordering::Sign sign = prepare(message, to);
    const ByteView body = ByteView(sign.content).subspan(message::kEnvelopeBytes);
    record(Message::kType, body.first(std::min(recorded, body.size())), output);
    sign.after = last_;
    output.sign.push_back(std::move(sign));
  }

  // Signs a message that says nothing new that binds.
  template <typename Message>
  void say(const Message& message, ServerSet to, std::uint16_t supersede_key, ordering::Output& output) {
    ordering::Sign sign = prepare(message, to);
    sign.supersede_key = supersede_key;
    sign.after = last_;
    output.sign.push_back(std::move(sign));
  }

  // Sends a message of this server once more.
  void repeat(const Stored& own, ServerSet to, ordering::Output& output) const {
    output.forward.push_back({own, to, TrafficClass::bounded, last_});
  }

 private:
  template <typename Message>
  ordering::Sign prepare(const Message& message, ServerSet to) const {
    ordering::Sign sign;
    sign.type = Message::kType;
    sign.content = message::encode(envelope_, message);
    sign.to = to;
    sign.traffic = message::find_row(Message::kType)->traffic;
    return sign;
  }

  // u16 message type | promise
  void record(message::MessageType type, ByteView promise, ordering::Output& output) {
    Bytes bytes(2 + promise.size());
    Writer(bytes).u16(static_cast<std::uint16_t>(type)).bytes(promise);
    output.persist.push_back({++last_, std::move(bytes)});
  }

  message::Envelope envelope_;
  ordering::PersistToken last_ = 0;
};

// `supersede_key` of what is never replaced while unsent.
inline constexpr std::uint16_t kNoSupersedeKey = 0;

// `recorded` for Promises::promise().
inline constexpr std::size_t kWholeBody = kMaxMessageBytes;
inline constexpr std::size_t kPoRequestSequenceBytes = 8;       // the sequence number is used up
inline constexpr std::size_t kPrePrepareSlotBytes = 8 + 8;      // view and sequence number are used up
inline constexpr std::size_t kCommitVoteBytes = 8 + 8 + 32;     // all but how far its sender had executed
inline constexpr std::size_t kPcSetTagBytes = 8 + 4;            // view and seq are used up
inline constexpr std::size_t kReplaySlotBytes = 8 + 4 + 4 + 8;  // view, ids and start_seq

}  // namespace garrison::prime
