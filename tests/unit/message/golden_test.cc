// The bytes of one message of every type, written down: a change of a layout shows here and needs a new version.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/message/golden_samples.h"

namespace garrison::message {
namespace {

Envelope envelope(MessageType type) {
  const bool by_client = find_row(type)->direction == Direction::client_to_server;
  const bool by_site = type == MessageType::SiteBatch || type == MessageType::LinkMessage ||
                       type == MessageType::LinkInquiry || type == MessageType::LinkInquiryResponse;
  const auto signer = by_client ? crypto::Principal::client(kClient)
                      : by_site ? crypto::Principal::of_site(SiteId(0x0a))
                                : crypto::Principal::server(SiteId(0x0a), kServer);
  return {SystemId(0x4142434445464748), signer, KeyEpoch(0xa1b2c3d4)};
}

std::string hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

struct Golden {
  MessageType type;
  std::string_view envelope;
  std::string_view body;
};

constexpr std::array kGolden = {
    Golden{MessageType::ClientChallenge, "010101011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "000102030405060708090a0b0c0d0e0f"},
    Golden{MessageType::ClientHello, "01010202180000004847464544434241c4c3c2c100000000d4c3b2a100000000",
           "000102030405060708090a0b0c0d0e0f0807060504030201"},
    Golden{MessageType::ClientOp, "01010302140000004847464544434241c4c3c2c100000000d4c3b2a100000000",
           "0807060504030201181716151413121174726970"},
    Golden{MessageType::ClientReply, "010104012400000048474645444342410b0000000a000000d4c3b2a100000000",
           "c4c3c2c100000000080706050403020118171615141312113837363534333231646f6e65"},
    Golden{MessageType::ClientQuery, "010105022c0000004847464544434241c4c3c2c100000000d4c3b2a100000000",
           "08070605040302015857565554535251646362610000000038373635343332313937363534333231"
           "72656164"},
    Golden{MessageType::QueryReply, "010106012300000048474645444342410b0000000a000000d4c3b2a100000000",
           "c4c3c2c164636261080706050403020158575655545352513837363534333231776173"},
    Golden{MessageType::PoRequest, "010201012000000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211020000000000000005000000666972737403000000326e64"},
    Golden{MessageType::PoAck, "010202016800000048474645444342410b0000000a000000d4c3b2a100000000",
           "020000000000000001000000000000001817161514131211d00102030405060708090a0b0c0d0e0f1011121314151617"
           "18191a1b1c1d1edf0f000000000000000200000000000000000000000000000000000000000000000000000000000000"
           "0000000000000000"},
    Golden{MessageType::PoSummary, "010203012800000048474645444342410b0000000a000000d4c3b2a100000000",
           "04000000000000001817161514131211000000000000000003000000000000000400000000000000"},
    Golden{MessageType::SummaryMatrix, "010204012400000048474645444342410b0000000a000000d4c3b2a100000000",
           "040000000000000005000000726f7720300000000002000000723205000000726f772033"},
    Golden{MessageType::PrePrepare, "010205012f00000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322211817161514131211040000000000000005000000726f7720300000000002000000723200000000"},
    Golden{MessageType::Prepare, "010206013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322211817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::Commit, "010207013800000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322211817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"
           "0500000000000000"},
    Golden{MessageType::RttPing, "010208011800000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222158575655545352511817161514131211"},
    Golden{MessageType::RttPong, "010209011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322215857565554535251"},
    Golden{MessageType::RttMeasure, "01020a011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322210807060504030000"},
    Golden{MessageType::TatUb, "01020b011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322210807060504030000"},
    Golden{MessageType::TatMeasure, "01020c011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322210807060504030000"},
    Golden{MessageType::NewLeader, "01020d010800000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221"},
    Golden{MessageType::NewLeaderProof, "01020e012000000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221020000000000000006000000766f74652030020000007631"},
    Golden{MessageType::Report, "01020f011800000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222118171615141312116463626100000000"},
    Golden{MessageType::PcSet, "010210019800000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221646362610580000078777675747372011817161514131211020003000000000006000000766f7465"
           "2030020000007631d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf0000000000000000"
           "000000000000000000000000000000000000000000000000d00102030405060708090a0b0c0d0e0f1011121314151617"
           "18191a1b1c1d1edf"},
    Golden{MessageType::VcEcho, "010211016000000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222102000000000000000100000064636261d00102030405060708090a0b0c0d0e0f1011121314151617"
           "18191a1b1c1d1edf0f000000020000000000000000000000000000000000000000000000000000000000000000000000"},
    Golden{MessageType::VcReady, "010212013800000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222101000000000000000f00000064636261d00102030405060708090a0b0c0d0e0f1011121314151617"
           "18191a1b1c1d1edf"},
    Golden{MessageType::VcList, "010213011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322210580000000000000"},
    Golden{MessageType::VcPartialSig, "010214011800000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222105800000000000001817161514131211"},
    Golden{MessageType::VcProof, "010215013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222105800000020000001817161514131211000000000000000006000000766f74652030020000007631"},
    Golden{MessageType::Replay, "010216013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222105800000020000001817161514131211000000000000000006000000766f74652030020000007631"},
    Golden{MessageType::ReplayPrepare, "010217012800000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::ReplayCommit, "010218013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf1817161514131211"},
    Golden{MessageType::Ordered, "010219015800000048474645444342410b0000000a000000d4c3b2a100000000",
           "02000000000000001817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"
           "02000000000000000000000000000000000000000000000000000000000000000000000000000000"},
    Golden{MessageType::PrePrepareRequest, "01021a013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322211817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::Recon, "010220013b00000048474645444342410b0000000a000000d4c3b2a100000000",
           "03000500e80300001817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"
           "626c6f636b612070617274"},
    Golden{MessageType::Inquiry, "010221011800000048474645444342410b0000000a000000d4c3b2a100000000",
           "020000000000000006000000706172742030020000007031"},
    Golden{MessageType::CorruptionProof, "010222011700000048474645444342410b0000000a000000d4c3b2a100000000",
           "0400000000000000706172747468652072657175657374"},
    Golden{MessageType::Tick, "010401010800000048474645444342410b0000000a000000d4c3b2a100000000", "0807060504030201"},
    Golden{MessageType::SiteBatch, "01040203080000004847464544434241000000000a000000d4c3b2a100000000",
           "5857565554535251"},
    Golden{MessageType::LinkPart, "010403012600000048474645444342410b0000000a000000d4c3b2a100000000",
           "030001020307000008070605040302011817161514131211e803000000000000612070617274"},
    Golden{MessageType::LinkMessage, "01040403390000004847464544434241000000000a000000d4c3b2a100000000",
           "030000000200000008070605040302011817161514131211020000000000000005000000ffff000077686f6c65040000"
           "00050000006c656166"},
    Golden{MessageType::LinkBundle, "010407011200000048474645444342410b0000000a000000d4c3b2a100000000",
           "7369676e6564206279206974732073697465"},
    Golden{MessageType::DutyReport, "010408010800000048474645444342410b0000000a000000d4c3b2a100000000",
           "0300000012000000"},
    Golden{MessageType::LinkInquiry, "01040503300000004847464544434241000000000a000000d4c3b2a100000000",
           "030001020000000008070605040302010200000000000000181716151413121106000000706172742030020000007031"},
    Golden{MessageType::LinkInquiryResponse, "010406032a0000004847464544434241000000000a000000d4c3b2a100000000",
           "03000000000000000807060504030201020000000000000018171615141312117468652062756e646c65"},
    Golden{MessageType::SigShare, "010410011d00000048474645444342410b0000000a000000d4c3b2a100000000",
           "58575655545352510400070002000000726f6f74612073686172656f6b"},
    Golden{MessageType::SigRequest, "010411011000000048474645444342410b0000000a000000d4c3b2a100000000",
           "58575655545352510100000000000000"},
    Golden{MessageType::SigEvidence, "010412011900000048474645444342410b0000000a000000d4c3b2a100000000",
           "02000000000000000700000073686172652030020000007331"},
    Golden{MessageType::SigComplete, "010413010e00000048474645444342410b0000000a000000d4c3b2a100000000",
           "58575655545352517369676e6564"},
    Golden{MessageType::StateRequest, "010801011800000048474645444342410b0000000a000000d4c3b2a100000000",
           "070000000000000018171615141312114000000000000000"},
    Golden{MessageType::Checkpoint, "010802013400000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211204e000000000000d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"
           "636f7265"},
    Golden{MessageType::StateFetch, "010803013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf0300000010000000"},
    Golden{MessageType::StateChunk, "010804015400000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf0300000001000000"
           "d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf64617461"},
    Golden{MessageType::BftPrePrepare, "010301015800000048474645444342410b0000000a000000d4c3b2a100000000",
           "282726252423222118171615141312110200000000000000d00102030405060708090a0b0c0d0e0f1011121314151617"
           "18191a1b1c1d1edf0000000000000000000000000000000000000000000000000000000000000000"},
    Golden{MessageType::BftPrepare, "010302013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322211817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::BftCommit, "010303013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322211817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::BftCheckpoint, "010304012800000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::BftViewChange, "010305018100000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221020000000000000001000100010000000500000070726f6f66181716151413121101000000000000"
           "00d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf030000000000000004000000000000"
           "000000000000000000000000000000000000000000000000000000000000000000"},
    Golden{MessageType::BftNewView, "010306018000000048474645444342410b0000000a000000d4c3b2a100000000",
           "2827262524232221181716151413121101000200000000000f00000000000000d00102030405060708090a0b0c0d0e0f"
           "101112131415161718191a1b1c1d1edf0000000000000000000000000000000000000000000000000000000000000000"
           "d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::BftStatus, "010307012800000048474645444342410b0000000a000000d4c3b2a100000000",
           "28272625242322210100000000000000020000000000000018171615141312110000000054535251"},
    Golden{MessageType::BftFetch, "010308014800000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf6162000000000000"
           "000000000000000000000000000000000000000000000000"},
    Golden{MessageType::BftBatch, "010309013000000048474645444342410b0000000a000000d4c3b2a100000000",
           "18171615141312110100010000000000d00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1edf"},
    Golden{MessageType::BftUpdates, "01030a012000000048474645444342410b0000000a000000d4c3b2a100000000",
           "1817161514131211020000000000000005000000666972737403000000326e64"},
};

// A row without golden bytes, or golden bytes without a row, does not compile.
constexpr bool covers_the_catalogue() {
  for (std::size_t i = 0; i < kCatalogue.size(); ++i) {
    if (i >= kGolden.size() || kGolden[i].type != kCatalogue[i].type) return false;
  }
  return kGolden.size() == kCatalogue.size();
}
static_assert(covers_the_catalogue());

template <typename Message>
void expect_golden() {
  const Bytes encoded = encode(envelope(Message::kType), sample(Message{}));
  const auto* golden =
      std::find_if(kGolden.begin(), kGolden.end(), [](const Golden& g) { return g.type == Message::kType; });
  EXPECT_EQ(hex(ByteView(encoded).first(kEnvelopeBytes)), golden->envelope) << name(Message::kType);
  EXPECT_EQ(hex(ByteView(encoded).subspan(kEnvelopeBytes)), golden->body) << name(Message::kType);
}

TEST(GoldenTest, every_message_encodes_to_its_golden_bytes) {
#define GARRISON_EXPECT_GOLDEN(Name, ...) expect_golden<Name>();
  GARRISON_MESSAGES(GARRISON_EXPECT_GOLDEN)
#undef GARRISON_EXPECT_GOLDEN
}

TEST(GoldenTest, a_prepare_certificate_encodes_to_its_golden_bytes) {
  const PcSet certificate{kView, kNumber, text("pre"), {text("vote 0"), text("v1")}, {}, {}, {}, {}};
  const Bytes encoded = encode(envelope(MessageType::PcSet), certificate);
  EXPECT_EQ(hex(ByteView(encoded).subspan(kEnvelopeBytes)),
            "282726252423222164636261000000000000000000000000000000000000000002000000030000007072650600000076"
            "6f74652030020000007631");
}

TEST(GoldenTest, golden_bytes_decode_to_the_fields_they_were_made_of) {
  const auto decoded = []<typename Message>(const Message& type) {
    return *decode<Message>(encode(envelope(Message::kType), sample(type)));
  };
  EXPECT_EQ(decoded(ClientChallenge{}).nonce, kNonce);
  EXPECT_EQ(decoded(ClientHello{}).nonce, kNonce);
  EXPECT_EQ(decoded(ClientHello{}).incarnation, kIncarnation);
  EXPECT_EQ(decoded(ClientOp{}).client, kClient);
  EXPECT_EQ(decoded(ClientOp{}).incarnation, kIncarnation);
  EXPECT_EQ(decoded(ClientOp{}).sequence, kSequence);
  EXPECT_EQ(decoded(ClientReply{}).server, kServer);
  EXPECT_EQ(decoded(ClientReply{}).client, kClient);
  EXPECT_EQ(decoded(ClientReply{}).incarnation, kIncarnation);
  EXPECT_EQ(decoded(ClientReply{}).sequence, kSequence);
  EXPECT_EQ(decoded(ClientReply{}).state_sequence, 0x3132333435363738U);
  EXPECT_EQ(decoded(ClientQuery{}).client, kClient);
  EXPECT_EQ(decoded(ClientQuery{}).incarnation, kIncarnation);
  EXPECT_EQ(decoded(ClientQuery{}).number, kPing);
  EXPECT_EQ(decoded(ClientQuery{}).round, kNumber);
  EXPECT_EQ(decoded(ClientQuery{}).token, 0x3132333435363738U);
  EXPECT_EQ(decoded(ClientQuery{}).target, 0x3132333435363739U);
  EXPECT_EQ(decoded(QueryReply{}).server, kServer);
  EXPECT_EQ(decoded(QueryReply{}).client, kClient);
  EXPECT_EQ(decoded(QueryReply{}).incarnation, kIncarnation);
  EXPECT_EQ(decoded(QueryReply{}).number, kPing);
  EXPECT_EQ(decoded(QueryReply{}).round, kNumber);
  EXPECT_EQ(decoded(QueryReply{}).state_sequence, 0x3132333435363738U);
  EXPECT_EQ(decoded(PoRequest{}).introducer, kServer);
  EXPECT_EQ(decoded(PoRequest{}).sequence, kSequence);
  EXPECT_EQ(decoded(PoAck{}).entries[0].sequence, kSequence);
  EXPECT_EQ(decoded(PoAck{}).entries[0].digest, kDigest);
  EXPECT_EQ(decoded(PoAck{}).entries[1].introducer, ServerId(15));
  EXPECT_EQ(decoded(PoSummary{}).vec, sample(PoSummary{}).vec);
  EXPECT_EQ(decoded(PrePrepare{}).view, kView);
  EXPECT_EQ(decoded(PrePrepare{}).sequence, kSequence);
  EXPECT_EQ(decoded(Prepare{}).view, kView);
  EXPECT_EQ(decoded(Commit{}).sequence, kSequence);
  EXPECT_EQ(decoded(Commit{}).matrix_digest, kDigest);
  EXPECT_EQ(decoded(Commit{}).executed, SeqNum(5));
  EXPECT_EQ(decoded(PrePrepareRequest{}).view, kView);
  EXPECT_EQ(decoded(PrePrepareRequest{}).sequence, kSequence);
  EXPECT_EQ(decoded(PrePrepareRequest{}).matrix_digest, kDigest);
  EXPECT_EQ(decoded(Recon{}).introducer, ServerId(3));
  EXPECT_EQ(decoded(Recon{}).sequence, kSequence);
  EXPECT_EQ(decoded(Recon{}).digest, kDigest);
  EXPECT_EQ(decoded(Recon{}).content_bytes, 1000U);
  EXPECT_EQ(decoded(BftPrePrepare{}).updates, (std::vector<Digest>{kDigest, {}}));
  EXPECT_EQ(decoded(BftCommit{}).batch, kDigest);
  EXPECT_EQ(decoded(BftCheckpoint{}).state, kDigest);
  EXPECT_EQ(decoded(BftViewChange{}).stable, SeqNum(2));
  EXPECT_EQ(decoded(BftViewChange{}).prepared, sample(BftViewChange{}).prepared);
  EXPECT_EQ(decoded(BftViewChange{}).pre_prepared, sample(BftViewChange{}).pre_prepared);
  EXPECT_EQ(decoded(BftNewView{}).start, kSequence);
  EXPECT_EQ(decoded(BftNewView{}).basis[0].server, ServerId(15));
  EXPECT_EQ(decoded(BftNewView{}).basis[0].view_change, kDigest);
  EXPECT_EQ(decoded(BftNewView{}).batches, (std::vector<Digest>{{}, kDigest}));
  EXPECT_EQ(decoded(BftStatus{}).installed, View(1));
  EXPECT_EQ(decoded(BftStatus{}).executed, kSequence);
  EXPECT_EQ(decoded(BftStatus{}).view_changes, 0x51525354U);
  EXPECT_EQ(decoded(BftFetch{}).missing[1], 0x62);
  EXPECT_TRUE(decoded(BftBatch{}).committed);
  EXPECT_EQ(decoded(BftUpdates{}).sequence, kSequence);
}

TEST(GoldenTest, golden_bytes_of_a_view_change_decode_to_the_fields_they_were_made_of) {
  const auto decoded = []<typename Message>(const Message& type) {
    return *decode<Message>(encode(envelope(Message::kType), sample(type)));
  };
  EXPECT_EQ(decoded(RttPing{}).view, kView);
  EXPECT_EQ(decoded(RttPing{}).ping_seq, kPing);
  EXPECT_EQ(decoded(RttPing{}).executed, kSequence);
  EXPECT_EQ(decoded(RttPong{}).ping_seq, kPing);
  EXPECT_EQ(decoded(RttMeasure{}).rtt, kMeasured);
  EXPECT_EQ(decoded(TatUb{}).tat_ub, kMeasured);
  EXPECT_EQ(decoded(TatMeasure{}).max_tat, kMeasured);
  EXPECT_EQ(decoded(NewLeader{}).view, kView);
  EXPECT_EQ(decoded(NewLeaderProof{}).view, kView);
  EXPECT_EQ(decoded(Report{}).stable_aru, kSequence);
  EXPECT_EQ(decoded(Report{}).num_seq, kNumber);
  EXPECT_EQ(decoded(PcSet{}).view, kView);
  EXPECT_EQ(decoded(PcSet{}).seq, kNumber);
  EXPECT_EQ(decoded(PcSet{}).replay_view, kEarlierView);
  EXPECT_EQ(decoded(PcSet{}).ids, kIds);
  EXPECT_EQ(decoded(PcSet{}).start_seq, kSequence);
  EXPECT_EQ(decoded(PcSet{}).window, sample(PcSet{}).window);
  EXPECT_EQ(decoded(VcEcho{}).entries[0].origin, ServerId(1));
  EXPECT_EQ(decoded(VcEcho{}).entries[0].seq, kNumber);
  EXPECT_EQ(decoded(VcEcho{}).entries[0].digest, kDigest);
  EXPECT_EQ(decoded(VcEcho{}).entries[1].seq, 2U);
  EXPECT_EQ(decoded(VcReady{}).entries[0].origin, ServerId(15));
  EXPECT_EQ(decoded(VcList{}).ids, kIds);
  EXPECT_EQ(decoded(VcPartialSig{}).ids, kIds);
  EXPECT_EQ(decoded(VcPartialSig{}).start_seq, kSequence);
  EXPECT_EQ(decoded(VcProof{}).ids, kIds);
  EXPECT_EQ(decoded(Replay{}).start_seq, kSequence);
  EXPECT_EQ(decoded(ReplayPrepare{}).digest, kDigest);
  EXPECT_EQ(decoded(ReplayCommit{}).view, kView);
  EXPECT_EQ(decoded(ReplayCommit{}).start_seq, kSequence);
  EXPECT_EQ(decoded(Ordered{}).entries[0].sequence, kSequence);
  EXPECT_EQ(decoded(Ordered{}).entries[0].matrix_digest, kDigest);
  EXPECT_EQ(decoded(Ordered{}).entries[1].sequence, SeqNum(2));
}

TEST(GoldenTest, golden_bytes_of_the_state_transfer_decode_to_the_fields_they_were_made_of) {
  const auto request = *decode<StateRequest>(encode(envelope(StateRequest::kType), sample(StateRequest{})));
  EXPECT_EQ(request.number, 7U);
  EXPECT_EQ(request.executed, kSequence);
  EXPECT_EQ(request.at, SeqNum(64));
  const Bytes said = encode(envelope(Checkpoint::kType), sample(Checkpoint{}));
  EXPECT_EQ(decode<Checkpoint>(said)->sequence, kSequence);
  EXPECT_EQ(decode<Checkpoint>(said)->snapshot_bytes, 20000U);
  EXPECT_EQ(decode<Checkpoint>(said)->root, kDigest);
  EXPECT_TRUE(equal(decode<Checkpoint>(said)->state, text("core")));
  const auto fetch = *decode<StateFetch>(encode(envelope(StateFetch::kType), sample(StateFetch{})));
  EXPECT_EQ(fetch.first, 3U);
  EXPECT_EQ(fetch.count, 16U);
  const Bytes chunk = encode(envelope(StateChunk::kType), sample(StateChunk{}));
  EXPECT_EQ(decode<StateChunk>(chunk)->index, 3U);
  EXPECT_TRUE(equal(decode<StateChunk>(chunk)->path, kDigest));
  EXPECT_TRUE(equal(decode<StateChunk>(chunk)->data, text("data")));
}

TEST(GoldenTest, golden_bytes_of_shares_decode_to_the_fields_they_were_made_of) {
  const Bytes said = encode(envelope(SigShare::kType), sample(SigShare{}));
  EXPECT_EQ(decode<SigShare>(said)->batch, 0x5152535455565758U);
  EXPECT_TRUE(equal(decode<SigShare>(said)->statement, text("root")));
  EXPECT_TRUE(equal(decode<SigShare>(said)->share, text("a share")));
  EXPECT_TRUE(equal(decode<SigShare>(said)->proof, text("ok")));
  const Bytes request = encode(envelope(SigRequest::kType), sample(SigRequest{}));
  EXPECT_EQ(decode<SigRequest>(request)->batch, 0x5152535455565758U);
  EXPECT_TRUE(decode<SigRequest>(request)->proof);
  const Bytes evidence = encode(envelope(SigEvidence::kType), sample(SigEvidence{}));
  ASSERT_EQ(decode<SigEvidence>(evidence)->shares.size(), 2U);
  EXPECT_TRUE(equal(decode<SigEvidence>(evidence)->shares[1], text("s1")));
  const Bytes complete = encode(envelope(SigComplete::kType), sample(SigComplete{}));
  EXPECT_EQ(decode<SigComplete>(complete)->batch, 0x5152535455565758U);
  EXPECT_TRUE(equal(decode<SigComplete>(complete)->signature, text("signed")));
}

TEST(GoldenTest, the_variable_part_of_a_message_decodes_to_what_was_put_in) {
  const Bytes op = encode(envelope(MessageType::ClientOp), sample(ClientOp{}));
  EXPECT_TRUE(equal(decode<ClientOp>(op)->operation, text("trip")));
  const Bytes reply = encode(envelope(MessageType::ClientReply), sample(ClientReply{}));
  EXPECT_TRUE(equal(decode<ClientReply>(reply)->result, text("done")));
  const Bytes query = encode(envelope(MessageType::ClientQuery), sample(ClientQuery{}));
  EXPECT_TRUE(equal(decode<ClientQuery>(query)->operation, text("read")));
  const Bytes answer = encode(envelope(MessageType::QueryReply), sample(QueryReply{}));
  EXPECT_TRUE(equal(decode<QueryReply>(answer)->result, text("was")));
  const Bytes request = encode(envelope(MessageType::PoRequest), sample(PoRequest{}));
  ASSERT_EQ(decode<PoRequest>(request)->updates.size(), 2U);
  EXPECT_TRUE(equal(decode<PoRequest>(request)->updates[1], text("2nd")));
  const Bytes matrix = encode(envelope(MessageType::SummaryMatrix), sample(SummaryMatrix{}));
  ASSERT_EQ(decode<SummaryMatrix>(matrix)->rows.size(), 4U);
  EXPECT_TRUE(decode<SummaryMatrix>(matrix)->rows[1].empty());
  EXPECT_TRUE(equal(decode<SummaryMatrix>(matrix)->rows[3], text("row 3")));
  const Bytes leader_proof = encode(envelope(MessageType::NewLeaderProof), sample(NewLeaderProof{}));
  ASSERT_EQ(decode<NewLeaderProof>(leader_proof)->votes.size(), 2U);
  EXPECT_TRUE(equal(decode<NewLeaderProof>(leader_proof)->votes[0], text("vote 0")));
  const Bytes replay = encode(envelope(MessageType::Replay), sample(Replay{}));
  ASSERT_EQ(decode<Replay>(replay)->proof.size(), 2U);
  EXPECT_TRUE(equal(decode<Replay>(replay)->proof[1], text("v1")));
  const PcSet certificate{kView, kNumber, text("pre"), {text("vote 0"), text("v1")}, {}, {}, {}, {}};
  const Bytes pc_set = encode(envelope(MessageType::PcSet), certificate);
  EXPECT_TRUE(equal(decode<PcSet>(pc_set)->pre_prepare, text("pre")));
  ASSERT_EQ(decode<PcSet>(pc_set)->votes.size(), 2U);
  EXPECT_TRUE(equal(decode<PcSet>(pc_set)->votes[1], text("v1")));
  const Bytes recon = encode(envelope(MessageType::Recon), sample(Recon{}));
  EXPECT_TRUE(equal(decode<Recon>(recon)->block, text("block")));
  EXPECT_TRUE(equal(decode<Recon>(recon)->part, text("a part")));
  const Bytes inquiry = encode(envelope(MessageType::Inquiry), sample(Inquiry{}));
  ASSERT_EQ(decode<Inquiry>(inquiry)->parts.size(), 2U);
  EXPECT_TRUE(equal(decode<Inquiry>(inquiry)->parts[1], text("p1")));
  const Bytes proof = encode(envelope(MessageType::CorruptionProof), sample(CorruptionProof{}));
  EXPECT_TRUE(equal(decode<CorruptionProof>(proof)->part, text("part")));
  EXPECT_TRUE(equal(decode<CorruptionProof>(proof)->request, text("the request")));
}

TEST(GoldenTest, the_digest_of_a_matrix_is_pinned) {
  EXPECT_EQ(hex(matrix_digest(sample(SummaryMatrix{}).rows)),
            "1cce6095a725bcfdc2be783ad1aa2a76a8d10bc52325913441b0aa04fe68147c");
}

TEST(GoldenTest, the_digest_of_what_a_replay_binds_is_pinned) {
  EXPECT_EQ(hex(replay_digest(kEarlierView, kIds, kSequence, sample(PcSet{}).window)),
            "7e8c8a5dcccc22986f9c780c2c26769003a03e2cd4ed276b978912625de5c98f");
}

TEST(GoldenTest, the_digest_of_a_batch_is_pinned_and_that_of_no_updates_is_the_null_request) {
  EXPECT_EQ(hex(batch_digest(sample(BftPrePrepare{}).updates)),
            "df0bf63aa57b4d43f71c11c3d6fe8591478a30ed112c5cdfae0ec20cfcad2a15");
  EXPECT_EQ(batch_digest({}), kNullBatch);
}

}  // namespace
}  // namespace garrison::message
