// Messages with which two sites find out which servers of one sent invalid parts to the other [ARCH] 4.1.1. Part of
// messages.h. Their signer is a site.
#pragma once

#include <cstdint>
#include <vector>

#include "control/message/catalogue.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/state_fields.h"

namespace garrison::message {

// Which link message of `asked` the signer asks about, and as which of its inquiries to that site.
struct InquiryId {
  SiteId asked;
  SiteId asker;
  TrafficClass traffic{};
  Incarnation incarnation;  // of the link
  SeqNum number;            // inquirySeq: from 1, per asker and asked site
  SeqNum sequence;          // erasureSeq
  friend bool operator==(const InquiryId&, const InquiryId&) = default;
  STATE_FIELDS(asked, asker, traffic, incarnation, number, sequence)
};

// These parts, signed by servers of the asked site for the asker, decode to nothing that the asked site has signed as
// this link message. The asker is the signer.
struct LinkInquiry {
  static constexpr MessageType kType = MessageType::LinkInquiry;
  InquiryId id;
  std::vector<ByteView> parts;  // decodedSet: whole signed LINK-PARTs, 1..kMaxLinkInquiryParts
};

// What the asked site says of that link message. The asked site is the signer.
struct LinkInquiryResponse {
  static constexpr MessageType kType = MessageType::LinkInquiryResponse;
  enum class Answer : std::uint8_t {
    message,     // this is it
    never_sent,  // there is none of that sequence yet, so that whoever sent a part of it made it up
    forgotten,   // a TIMELY one of so long ago that it is not kept
  };
  InquiryId id;
  Answer answer = Answer::message;
  ByteView bundle;  // fullMessage; empty but with `message`
};

}  // namespace garrison::message
