// One message of every type with recognizable fields: what golden bytes are written down of.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "control/message/messages.h"

namespace garrison::message {

inline constexpr std::array<std::uint8_t, 16> kNonce = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
inline constexpr Digest kDigest = {0xd0, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   16,   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 0xdf};
inline constexpr ServerId kServer{0x0b};
inline constexpr ClientId kClient{0xc1c2c3c4};
inline constexpr Incarnation kIncarnation{0x0102030405060708};
inline constexpr SeqNum kSequence{0x1112131415161718};
inline constexpr View kView{0x2122232425262728};
inline constexpr std::uint64_t kPing = 0x5152535455565758;
inline constexpr Duration kMeasured{0x030405060708};
inline constexpr std::uint32_t kNumber = 0x61626364;
inline constexpr View kEarlierView{0x0172737475767778};
inline constexpr ServerSet kIds = ServerSet::from_bits(0x8005);

inline ByteView text(std::string_view characters) { return as_bytes(characters); }

// One message of every type, by argument type.
inline ClientChallenge sample(const ClientChallenge& /*type*/) { return {kNonce}; }
inline ClientHello sample(const ClientHello& /*type*/) { return {kNonce, kIncarnation}; }
inline ClientOp sample(const ClientOp& /*type*/) { return {kClient, kIncarnation, kSequence, text("trip")}; }
inline ClientReply sample(const ClientReply& /*type*/) {
  return {kServer, kClient, kIncarnation, kSequence, 0x3132333435363738, text("done")};
}
inline ClientQuery sample(const ClientQuery& /*type*/) {
  return {kClient, kIncarnation, kPing, kNumber, 0x3132333435363738, 0x3132333435363739, text("read")};
}
inline QueryReply sample(const QueryReply& /*type*/) {
  return {kServer, kClient, kIncarnation, kPing, kNumber, 0x3132333435363738, text("was")};
}
inline PoRequest sample(const PoRequest& /*type*/) { return {kServer, kSequence, {text("first"), text("2nd")}}; }
inline PoAck sample(const PoAck& /*type*/) {
  return {{{ServerId(1), kSequence, kDigest}, {ServerId(15), SeqNum(2), {}}}};
}
inline PoSummary sample(const PoSummary& /*type*/) { return {{kSequence, SeqNum(0), SeqNum(3), SeqNum(4)}}; }
inline SummaryMatrix sample(const SummaryMatrix& /*type*/) { return {{text("row 0"), {}, text("r2"), text("row 3")}}; }
inline PrePrepare sample(const PrePrepare& /*type*/) { return {kView, kSequence, {text("row 0"), {}, text("r2"), {}}}; }
inline Prepare sample(const Prepare& /*type*/) { return {kView, kSequence, kDigest}; }
inline Commit sample(const Commit& /*type*/) { return {kView, kSequence, kDigest, SeqNum(5)}; }
inline RttPing sample(const RttPing& /*type*/) { return {kView, kPing, kSequence}; }
inline RttPong sample(const RttPong& /*type*/) { return {kView, kPing}; }
inline RttMeasure sample(const RttMeasure& /*type*/) { return {kView, kMeasured}; }
inline TatUb sample(const TatUb& /*type*/) { return {kView, kMeasured}; }
inline TatMeasure sample(const TatMeasure& /*type*/) { return {kView, kMeasured}; }
inline NewLeader sample(const NewLeader& /*type*/) { return {kView}; }
inline NewLeaderProof sample(const NewLeaderProof& /*type*/) { return {kView, {text("vote 0"), text("v1")}}; }
inline Report sample(const Report& /*type*/) { return {kView, kSequence, kNumber}; }
// A replay certificate; the other kind has golden bytes of its own below.
inline PcSet sample(const PcSet& /*type*/) {
  return {kView, kNumber, {}, {text("vote 0"), text("v1")}, kEarlierView, kIds, kSequence, {kDigest, {}, kDigest}};
}
inline VcEcho sample(const VcEcho& /*type*/) {
  return {kView, {{ServerId(1), kNumber, kDigest}, {ServerId(15), 2, {}}}};
}
inline VcReady sample(const VcReady& /*type*/) { return {kView, {{ServerId(15), kNumber, kDigest}}}; }
inline VcList sample(const VcList& /*type*/) { return {kView, kIds}; }
inline VcPartialSig sample(const VcPartialSig& /*type*/) { return {kView, kIds, kSequence}; }
inline VcProof sample(const VcProof& /*type*/) { return {kView, kIds, kSequence, {text("vote 0"), text("v1")}}; }
inline Replay sample(const Replay& /*type*/) { return {kView, kIds, kSequence, {text("vote 0"), text("v1")}}; }
inline ReplayPrepare sample(const ReplayPrepare& /*type*/) { return {kView, kDigest}; }
inline ReplayCommit sample(const ReplayCommit& /*type*/) { return {kView, kDigest, kSequence}; }
inline PrePrepareRequest sample(const PrePrepareRequest& /*type*/) { return {kView, kSequence, kDigest}; }
inline Ordered sample(const Ordered& /*type*/) { return {{{kSequence, kDigest}, {SeqNum(2), {}}}}; }
inline Recon sample(const Recon& /*type*/) {
  return {ServerId(3), kSequence, kDigest, 1000, text("block"), text("a part")};
}
inline Inquiry sample(const Inquiry& /*type*/) { return {{text("part 0"), text("p1")}}; }
inline CorruptionProof sample(const CorruptionProof& /*type*/) { return {text("part"), text("the request")}; }
inline StateRequest sample(const StateRequest& /*type*/) { return {7, kSequence, SeqNum(64)}; }
inline Checkpoint sample(const Checkpoint& /*type*/) { return {kSequence, 20000, kDigest, text("core")}; }
inline StateFetch sample(const StateFetch& /*type*/) { return {kSequence, kDigest, 3, 16}; }
inline StateChunk sample(const StateChunk& /*type*/) { return {kSequence, kDigest, 3, kDigest, text("data")}; }

inline DutyReport sample(const DutyReport& /*type*/) { return {SiteId(3), ServerSet::from_bits(0x12)}; }
inline Tick sample(const Tick& /*type*/) { return {Instant(0x0102030405060708)}; }
inline SiteBatch sample(const SiteBatch& /*type*/) { return {0x5152535455565758}; }
inline LinkPart sample(const LinkPart& /*type*/) {
  return {SiteId(3), TrafficClass::bounded, 2, 3, 7, kIncarnation, kSequence, 1000, text("a part")};
}
inline LinkMessage sample(const LinkMessage& /*type*/) {
  return {SiteId(3),    TrafficClass::timely,
          kIncarnation, kSequence,
          SeqNum(2),    {{LinkMessage::Item::kWhole, text("whole")}, {5, text("leaf")}}};
}
inline LinkBundle sample(const LinkBundle& /*type*/) { return {text("signed by its site")}; }
inline LinkInquiry sample(const LinkInquiry& /*type*/) {
  return {{SiteId(3), SiteId(0x0a), TrafficClass::bounded, kIncarnation, SeqNum(2), kSequence},
          {text("part 0"), text("p1")}};
}
inline LinkInquiryResponse sample(const LinkInquiryResponse& /*type*/) {
  return {{SiteId(0x0a), SiteId(3), TrafficClass::timely, kIncarnation, SeqNum(2), kSequence},
          LinkInquiryResponse::Answer::message,
          text("the bundle")};
}
inline SigShare sample(const SigShare& /*type*/) {
  return {0x5152535455565758, text("root"), text("a share"), text("ok")};
}
inline SigRequest sample(const SigRequest& /*type*/) { return {0x5152535455565758, true}; }
inline SigEvidence sample(const SigEvidence& /*type*/) { return {{text("share 0"), text("s1")}}; }
inline SigComplete sample(const SigComplete& /*type*/) { return {0x5152535455565758, text("signed")}; }

inline BftPrePrepare sample(const BftPrePrepare& /*type*/) { return {kView, kSequence, {kDigest, {}}}; }
inline BftPrepare sample(const BftPrepare& /*type*/) { return {kView, kSequence, kDigest}; }
inline BftCommit sample(const BftCommit& /*type*/) { return {kView, kSequence, kDigest}; }
inline BftCheckpoint sample(const BftCheckpoint& /*type*/) { return {kSequence, kDigest}; }
inline BftViewChange sample(const BftViewChange& /*type*/) {
  return {kView, SeqNum(2), {text("proof")}, {{kSequence, View(1), kDigest}}, {{SeqNum(3), View(4), {}}}};
}
inline BftNewView sample(const BftNewView& /*type*/) {
  return {kView, kSequence, {{ServerId(15), kDigest}}, {{}, kDigest}};
}
inline BftStatus sample(const BftStatus& /*type*/) { return {kView, View(1), SeqNum(2), kSequence, 0x51525354}; }
inline BftFetch sample(const BftFetch& /*type*/) { return {kSequence, kDigest, {0x61, 0x62}}; }
inline BftBatch sample(const BftBatch& /*type*/) { return {kSequence, true, {kDigest}}; }
inline BftUpdates sample(const BftUpdates& /*type*/) { return {kSequence, {text("first"), text("2nd")}}; }

}  // namespace garrison::message
