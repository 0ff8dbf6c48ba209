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
    return {SystemId(rng_()), by_client ? crypto::Principal::client(client) : crypto::Principal::server(site, server),
            KeyEpoch(static_cast<std::uint32_t>(rng_()))};
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
  void fill(const Envelope& /*signer*/, Commit& m) { m = {View(rng_()), sequence(), random_array<32>()}; }

 private:
  [[nodiscard]] std::size_t below(std::size_t bound) { return rng_() % bound; }
  [[nodiscard]] std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  [[nodiscard]] SeqNum sequence() { return SeqNum(rng_()); }
  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> random_array() {
    std::array<std::uint8_t, N> out{};
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(rng_());
    return out;
  }
  [[nodiscard]] ByteView string(std::size_t longest) {
    Bytes& bytes = storage_.emplace_back(below(10) == 0 ? longest : below(std::min<std::size_t>(longest, 400)));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng_());
    return bytes;
  }
  [[nodiscard]] MatrixRows rows() {
    MatrixRows out(between(1, kMaxServersPerSite));
    for (ByteView& row : out) row = below(5) == 0 ? ByteView() : string(kMaxRowBytes);
    return out;
  }

  std::mt19937_64 rng_;
  std::deque<Bytes> storage_;
};

}  // namespace garrison::message
