// A site of four whose server 1, or another, is the core under test; the test plays everyone else.
#pragma once

#include "tests/unit/prime/harness.h"

namespace garrison::prime {

class RulesTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kN = 4;

  PrimeConfig config(std::size_t self = 1) { return config_of(keys_, self, kN, 1); }

  Stored op(std::uint32_t client, std::uint64_t sequence, std::size_t bytes = 16) {
    return keys_.verified(keys_.client_op(ClientId(client), SeqNum(sequence), Bytes(bytes, 0x11)));
  }
  // A PO-REQUEST with one update, which `what` makes different from others.
  Stored request(std::size_t from, std::uint64_t sequence, std::uint64_t what = 1, std::size_t bytes = 16) {
    const Bytes update = keys_.client_op(ClientId(static_cast<std::uint32_t>(from)), SeqNum(what), Bytes(bytes, 0x11));
    return keys_.verified(server(from), message::PoRequest{server(from), SeqNum(sequence), {update}});
  }
  Stored ack(std::size_t from, const Stored& request) {
    const auto decoded = request->get().as<message::PoRequest>();
    return keys_.verified(server(from),
                          message::PoAck{{{decoded.introducer, decoded.sequence, request->get().digest()}}});
  }
  Stored summary(std::size_t from, std::array<std::uint64_t, kN> vec) {
    return keys_.verified(server(from), message::PoSummary{vector(vec)});
  }
  static SummaryVector vector(std::array<std::uint64_t, kN> vec) {
    SummaryVector out;
    for (const std::uint64_t v : vec) out.emplace_back(v);
    return out;
  }
  static message::MatrixRows rows(const std::array<Stored, kN>& summaries) {
    message::MatrixRows out(kN);
    for (std::size_t i = 0; i < kN; ++i) {
      if (summaries[i] != nullptr) out[i] = summaries[i]->get().bytes();
    }
    return out;
  }
  // Every row says `vec`, by servers 0, 2 and 3.
  std::array<Stored, kN> three_rows(std::array<std::uint64_t, kN> vec) {
    return {summary(0, vec), nullptr, summary(2, vec), summary(3, vec)};
  }
  Stored pre_prepare(std::uint64_t sequence, const std::array<Stored, kN>& summaries, std::uint64_t view = 0,
                     std::size_t leader = 0) {
    return keys_.verified(server(leader), message::PrePrepare{View(view), SeqNum(sequence), rows(summaries)});
  }
  static Digest matrix(const Stored& pre_prepare) {
    return message::matrix_digest(pre_prepare->get().as<message::PrePrepare>().rows);
  }
  Stored prepare(std::size_t from, std::uint64_t sequence, const Digest& matrix) {
    return keys_.verified(server(from), message::Prepare{View(0), SeqNum(sequence), matrix});
  }
  Stored commit(std::size_t from, std::uint64_t sequence, const Digest& matrix) {
    return keys_.verified(server(from), message::Commit{View(0), SeqNum(sequence), matrix, {}});
  }
  // Certifies a request at a core that is server 1, which has acknowledged it itself.
  void preorder(Core& core, const Stored& request) {
    core.settle(request);
    for (const std::size_t from : {0U, 2U, 3U}) {
      if (server(from) != request->get().server()) core.settle(ack(from, request));
    }
  }
  // Globally orders a matrix; the effects of the last COMMIT.
  ordering::Output order(Core& core, const Stored& pre_prepare) {
    const std::uint64_t sequence = pre_prepare->get().as<message::PrePrepare>().sequence.value();
    core.settle(pre_prepare);
    for (const std::size_t from : {0U, 2U}) core.settle(commit(from, sequence, matrix(pre_prepare)));
    return core.settle(commit(3, sequence, matrix(pre_prepare)));
  }
  // Everyone has executed up to here, by its RTT-PING.
  void executed_by_all(Core& core, std::uint64_t sequence) {
    for (std::size_t i = 0; i < kN; ++i) {
      core.settle(keys_.verified(server(i), message::RttPing{View(0), sequence, SeqNum(sequence)}));
    }
  }
  static std::vector<std::pair<std::uint16_t, std::uint64_t>> delivered(const ordering::Output& output) {
    std::vector<std::pair<std::uint16_t, std::uint64_t>> out;
    for (const ordering::Deliver& delivery : output.deliver) {
      const auto request = delivery.holder->get().as<message::PoRequest>();
      out.emplace_back(request.introducer.value(), request.sequence.value());
    }
    return out;
  }

  testing::SiteKeys keys_{kN, 8};
};

}  // namespace garrison::prime
