// Random valid messages of every type.
#pragma once

#include <algorithm>
#include <deque>
#include <random>

#include "control/message/messages.h"

namespace garrison::message {

// Makes messages whose views point into its own storage; they live as long as it does.
class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : rng_(seed) {}

  // An envelope that fits messages of `type`.
  [[nodiscard]] Envelope envelope(MessageType type) {
    const auto client = ClientId(static_cast<std::uint32_t>(rng_()));
    const auto server = ServerId(static_cast<std::uint16_t>(below(kMaxServersPerSite)));
    const auto site = SiteId(static_cast<std::uint16_t>(below(kMaxSites)));
    const bool by_client = find_row(type)->direction == Direction::client_to_server;
    const bool by_site = type == MessageType::SiteBatch || type == MessageType::LinkMessage ||
                         type == MessageType::LinkInquiry || type == MessageType::LinkInquiryResponse;
    const auto signer = by_client ? crypto::Principal::client(client)
                        : by_site ? crypto::Principal::of_site(SiteId(server.value()))
                                  : crypto::Principal::server(site, server);
    return {SystemId(rng_()), signer, KeyEpoch(static_cast<std::uint32_t>(rng_()))};
  }

  void fill(const Envelope& /*signer*/, ClientChallenge& m) { m.nonce = random_array<16>(); }
  void fill(const Envelope& /*signer*/, ClientHello& m) {
    m.nonce = random_array<16>();
    m.incarnation = Incarnation(rng_());
  }
  void fill(const Envelope& signer, ClientOp& m) {
    m = {ClientId(signer.signer.index), Incarnation(rng_()), sequence(), string(kMaxOperationBytes)};
  }
  void fill(const Envelope& signer, ClientReply& m) {
    m.server = ServerId(static_cast<std::uint16_t>(signer.signer.index));
    m.client = ClientId(static_cast<std::uint32_t>(rng_()));
    m.incarnation = Incarnation(rng_());
    m.sequence = sequence();
    m.state_sequence = rng_();
    m.result = string(kMaxOperationBytes);
  }
  void fill(const Envelope& signer, ClientQuery& m) {
    m.client = ClientId(signer.signer.index);
    m.incarnation = Incarnation(rng_());
    m.number = rng_();
    m.round = static_cast<std::uint32_t>(rng_());
    m.token = rng_() / 2;
    m.target = m.token + rng_() / 2;
    m.operation = string(kMaxOperationBytes);
  }
  void fill(const Envelope& signer, QueryReply& m) {
    m.server = ServerId(static_cast<std::uint16_t>(signer.signer.index));
    m.client = ClientId(static_cast<std::uint32_t>(rng_()));
    m.incarnation = Incarnation(rng_());
    m.number = rng_();
    m.round = static_cast<std::uint32_t>(rng_());
    m.state_sequence = rng_();
    m.result = string(kMaxOperationBytes);
  }
  void fill(const Envelope& signer, PoRequest& m) {
    m.introducer = ServerId(static_cast<std::uint16_t>(signer.signer.index));
    m.sequence = sequence();
    m.updates.resize(between(1, kMaxUpdatesPerPoRequest));
    for (ByteView& update : m.updates) update = string(300);
  }
  void fill(const Envelope& /*signer*/, PoAck& m) {
    m.entries.resize(between(1, kMaxAcksPerPoAck));
    for (PoAck::Entry& entry : m.entries) {
      entry.introducer = ServerId(static_cast<std::uint16_t>(below(kMaxServersPerSite)));
      entry.sequence = sequence();
      entry.digest = random_array<32>();
    }
  }
  void fill(const Envelope& /*signer*/, PoSummary& m) {
    m.vec.resize(between(1, kMaxServersPerSite));
    for (SeqNum& entry : m.vec) entry = sequence();
  }
  void fill(const Envelope& /*signer*/, SummaryMatrix& m) { m.rows = rows(); }
  void fill(const Envelope& /*signer*/, PrePrepare& m) { m = {View(rng_()), sequence(), rows()}; }
  void fill(const Envelope& /*signer*/, Prepare& m) { m = {View(rng_()), sequence(), random_array<32>()}; }
  void fill(const Envelope& /*signer*/, PrePrepareRequest& m) { m = {View(rng_()), sequence(), random_array<32>()}; }
  void fill(const Envelope& /*signer*/, Commit& m) { m = {View(rng_()), sequence(), random_array<32>(), sequence()}; }
  void fill(const Envelope& /*signer*/, Recon& m) {
    m.introducer = ServerId(static_cast<std::uint16_t>(below(kMaxServersPerSite)));
    m.sequence = sequence();
    m.digest = random_array<32>();
    m.content_bytes = static_cast<std::uint32_t>(between(kEnvelopeBytes, kMaxPoRequestContent));
    m.block = string(kMaxBlockBytes);
    m.part = string(4000);
  }
  void fill(const Envelope& /*signer*/, Inquiry& m) {
    m.parts.resize(between(1, kMaxInquiryParts));
    for (ByteView& part : m.parts) part = string(4000);
  }
  void fill(const Envelope& /*signer*/, CorruptionProof& m) { m = {string(4000), string(4000)}; }
  void fill(const Envelope& /*signer*/, StateRequest& m) { m = {rng_(), sequence(), sequence()}; }
  void fill(const Envelope& /*signer*/, Checkpoint& m) {
    m = {sequence(), 1 + rng_() / 2, random_array<32>(), string(kMaxCoreStateBytes)};
  }
  void fill(const Envelope& /*signer*/, StateFetch& m) {
    m = {sequence(), random_array<32>(), static_cast<std::uint32_t>(rng_()), 1};
  }
  void fill(const Envelope& /*signer*/, SigShare& m) {
    m = {rng_(), exactly(between(1, kMaxStatementBytes)), exactly(between(1, kMaxSignatureBytes)),
         exactly(below(kMaxShareProofBytes + 1))};
  }
  void fill(const Envelope& /*signer*/, SigRequest& m) { m = {rng_(), below(2) == 1}; }
  void fill(const Envelope& /*signer*/, SigEvidence& m) {
    m.shares.resize(between(1, kMaxEvidenceShares));
    for (ByteView& share : m.shares) share = string(kMaxSignedShareBytes);
  }
  void fill(const Envelope& /*signer*/, SigComplete& m) { m = {rng_(), exactly(between(1, kMaxSignatureBytes))}; }
  void fill(const Envelope& /*signer*/, StateChunk& m) {
    m = {sequence(), random_array<32>(), static_cast<std::uint32_t>(rng_()), {}, {}};
    m.path = exactly(below(kMaxStatePath + 1) * sizeof(Digest));
    m.data = exactly(between(1, kStateChunkBytes));
  }

  void fill(const Envelope& /*signer*/, LinkBundle& m) { m.bundle = exactly(between(1, kMaxLinkBundleBytes)); }
  void fill(const Envelope& /*signer*/, DutyReport& m) {
    m = {SiteId(static_cast<std::uint16_t>(rng_())),
         ServerSet::from_bits(static_cast<std::uint32_t>(rng_()) & ServerSet::all(kMaxServersPerSite).bits())};
  }
  void fill(const Envelope& /*signer*/, Tick& m) { m = {Instant(static_cast<std::int64_t>(rng_() >> 5U))}; }
  void fill(const Envelope& /*signer*/, SiteBatch& m) { m = {between(1, 1000)}; }
  void fill(const Envelope& /*signer*/, LinkPart& m) {
    const auto k = static_cast<std::uint8_t>(between(1, 6));
    const auto n = static_cast<std::uint8_t>(between(k, 36));
    m = {site(),
         traffic(),
         static_cast<std::uint8_t>(below(n)),
         k,
         n,
         Incarnation(rng_()),
         SeqNum(between(1, 1000)),
         static_cast<std::uint32_t>(between(1, kMaxLinkBundleBytes)),
         exactly(between(1, 4000))};
  }
  void fill(const Envelope& /*signer*/, LinkMessage& m) {
    m = {site(), traffic(), Incarnation(rng_()), SeqNum(between(1, 1000)), sequence(), {}};
    m.items.resize(below(20));
    for (LinkMessage::Item& item : m.items) item = {static_cast<std::uint16_t>(rng_()), string(1000)};
  }

  void fill(const Envelope& signer, LinkInquiry& m) {
    m.id = inquiry_id(another(signer.signer.site), signer.signer.site);
    m.parts.resize(between(1, kMaxLinkInquiryParts));
    for (ByteView& part : m.parts) part = string(4000);
  }
  void fill(const Envelope& signer, LinkInquiryResponse& m) {
    using Answer = LinkInquiryResponse::Answer;
    m.id = inquiry_id(signer.signer.site, another(signer.signer.site));
    m.answer = static_cast<Answer>(below(m.id.traffic == TrafficClass::timely ? 3 : 2));
    m.bundle = m.answer == Answer::message ? exactly(between(1, 4000)) : ByteView();
  }

  void fill(const Envelope& /*signer*/, RttPing& m) { m = {View(rng_()), rng_(), sequence()}; }
  void fill(const Envelope& /*signer*/, RttPong& m) { m = {View(rng_()), rng_()}; }
  void fill(const Envelope& /*signer*/, RttMeasure& m) { m = {View(rng_()), duration()}; }
  void fill(const Envelope& /*signer*/, TatUb& m) { m = {View(rng_()), duration()}; }
  void fill(const Envelope& /*signer*/, TatMeasure& m) { m = {View(rng_()), duration()}; }
  void fill(const Envelope& /*signer*/, NewLeader& m) { m = {View(rng_())}; }
  void fill(const Envelope& /*signer*/, NewLeaderProof& m) { m = {View(rng_()), votes()}; }
  void fill(const Envelope& /*signer*/, Report& m) { m = {View(rng_()), sequence(), number()}; }
  // A certificate of either kind; only a replay certificate has what stands behind the votes.
  void fill(const Envelope& /*signer*/, PcSet& m) {
    m = {View(rng_()), number(), below(2) == 0 ? ByteView() : string(kMaxPrePrepareBytes), votes(), {}, {}, {}, {}};
    if (!m.pre_prepare.empty()) return;
    m.replay_view = View(rng_());
    m.ids = ids();
    m.start_seq = sequence();
    m.window.resize(below(10) == 0 ? kMaxReplayWindow : below(20));
    for (Digest& digest : m.window) digest = random_array<32>();
  }
  void fill(const Envelope& /*signer*/, VcEcho& m) { m = {View(rng_()), broadcasts()}; }
  void fill(const Envelope& /*signer*/, VcReady& m) { m = {View(rng_()), broadcasts()}; }
  void fill(const Envelope& /*signer*/, VcList& m) { m = {View(rng_()), ids()}; }
  void fill(const Envelope& /*signer*/, VcPartialSig& m) { m = {View(rng_()), ids(), sequence()}; }
  void fill(const Envelope& /*signer*/, VcProof& m) { m = {View(rng_()), ids(), sequence(), votes()}; }
  void fill(const Envelope& /*signer*/, Replay& m) { m = {View(rng_()), ids(), sequence(), votes()}; }
  void fill(const Envelope& /*signer*/, ReplayPrepare& m) { m = {View(rng_()), random_array<32>()}; }
  void fill(const Envelope& /*signer*/, ReplayCommit& m) { m = {View(rng_()), random_array<32>(), sequence()}; }
  void fill(const Envelope& /*signer*/, Ordered& m) {
    m.entries.resize(between(1, kMaxOrderedEntries));
    for (Ordered::Entry& entry : m.entries) entry = {sequence(), random_array<32>()};
  }

  void fill(const Envelope& /*signer*/, BftPrePrepare& m) {
    m = {View(rng_()), sequence(), digests(1, kMaxUpdatesPerBatch)};
  }
  void fill(const Envelope& /*signer*/, BftPrepare& m) { m = {View(rng_()), sequence(), random_array<32>()}; }
  void fill(const Envelope& /*signer*/, BftCommit& m) { m = {View(rng_()), sequence(), random_array<32>()}; }
  void fill(const Envelope& /*signer*/, BftCheckpoint& m) { m = {sequence(), random_array<32>()}; }
  void fill(const Envelope& /*signer*/, BftViewChange& m) {
    m = {View(rng_()), sequence(), std::vector<ByteView>(below(kMaxServersPerSite + 1)), claims(), claims()};
    for (ByteView& checkpoint : m.checkpoints) checkpoint = string(kMaxVoteBytes);
  }
  void fill(const Envelope& /*signer*/, BftNewView& m) {
    m = {View(rng_()), sequence(), std::vector<BftNewView::Basis>(below(kMaxServersPerSite + 1)),
         digests(0, kMaxBftWindow)};
    for (BftNewView::Basis& basis : m.basis) {
      basis = {ServerId(static_cast<std::uint16_t>(below(kMaxServersPerSite))), random_array<32>()};
    }
  }
  void fill(const Envelope& /*signer*/, BftStatus& m) {
    m = {View(rng_()), View(rng_()), sequence(), sequence(), static_cast<std::uint32_t>(rng_())};
  }
  void fill(const Envelope& /*signer*/, BftFetch& m) {
    m = {sequence(), random_array<32>(), random_array<kMaxUpdatesPerBatch / 8>()};
  }
  void fill(const Envelope& /*signer*/, BftBatch& m) {
    m = {sequence(), below(2) == 1, digests(0, kMaxUpdatesPerBatch)};
  }
  void fill(const Envelope& /*signer*/, BftUpdates& m) {
    m = {sequence(), std::vector<ByteView>(between(1, kMaxUpdatesPerBatch))};
    for (ByteView& update : m.updates) update = string(300);
  }

 private:
  [[nodiscard]] std::vector<Digest> digests(std::size_t low, std::size_t high) {
    std::vector<Digest> out(below(10) == 0 ? high : between(low, std::min<std::size_t>(high, 5)));
    for (Digest& digest : out) digest = random_array<32>();
    return out;
  }
  [[nodiscard]] std::vector<BftClaim> claims() {
    std::vector<BftClaim> out(below(10) == 0 ? kMaxBftWindow : below(5));
    for (BftClaim& claim : out) claim = {sequence(), View(rng_()), random_array<32>()};
    return out;
  }
  [[nodiscard]] std::size_t below(std::size_t bound) { return rng_() % bound; }
  [[nodiscard]] std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  [[nodiscard]] SiteId site() { return SiteId(static_cast<std::uint16_t>(below(kMaxServersPerSite))); }
  [[nodiscard]] static SiteId another(SiteId site) {
    return SiteId(static_cast<std::uint16_t>((site.value() + 1) % kMaxServersPerSite));
  }
  [[nodiscard]] InquiryId inquiry_id(SiteId asked, SiteId asker) {
    return {asked, asker, traffic(), Incarnation(rng_()), SeqNum(between(1, 1000)), SeqNum(between(1, 1000))};
  }
  [[nodiscard]] TrafficClass traffic() { return below(2) == 0 ? TrafficClass::timely : TrafficClass::bounded; }
  [[nodiscard]] SeqNum sequence() { return SeqNum(rng_()); }
  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> random_array() {
    std::array<std::uint8_t, N> out{};
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(rng_());
    return out;
  }
  [[nodiscard]] ByteView string(std::size_t longest) {
    return exactly(below(10) == 0 ? longest : below(std::min<std::size_t>(longest, 400)));
  }
  [[nodiscard]] ByteView exactly(std::size_t size) {
    Bytes& bytes = storage_.emplace_back(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng_());
    return bytes;
  }
  [[nodiscard]] MatrixRows rows() {
    MatrixRows out(between(1, kMaxServersPerSite));
    for (ByteView& row : out) row = below(5) == 0 ? ByteView() : string(kMaxRowBytes);
    return out;
  }
  [[nodiscard]] std::uint32_t number() { return static_cast<std::uint32_t>(rng_()); }
  [[nodiscard]] Duration duration() {
    const auto longest = static_cast<std::size_t>(kLongestMeasured.ns());
    return Duration(static_cast<std::int64_t>(below(10) == 0 ? longest : below(longest)));
  }
  [[nodiscard]] ServerSet ids() {
    return ServerSet::from_bits(static_cast<std::uint32_t>(below(std::size_t{1} << kMaxServersPerSite)));
  }
  [[nodiscard]] std::vector<ByteView> votes() {
    std::vector<ByteView> out(between(1, kMaxServersPerSite));
    for (ByteView& vote : out) vote = string(kMaxVoteBytes);
    return out;
  }
  [[nodiscard]] std::vector<BroadcastEntry> broadcasts() {
    std::vector<BroadcastEntry> out(between(1, kMaxBroadcastEntries));
    for (BroadcastEntry& entry : out) {
      entry = {ServerId(static_cast<std::uint16_t>(below(kMaxServersPerSite))), number(), random_array<32>()};
    }
    return out;
  }

  std::mt19937_64 rng_;
  std::deque<Bytes> storage_;
};

}  // namespace garrison::message
