#include "apps/lab/processor.h"

#include <numeric>

namespace garrison::lab {

namespace {

constexpr std::uint64_t kKib = 1024;

bool per_kib(Operation operation) { return operation == Operation::hash_kib || operation == Operation::frame_kib; }

// Picoseconds, so that a single byte counts. 64 bits hold 200 days of a busy processor, and 2^40 bytes at 16 us a KiB.
std::uint64_t picoseconds(Operation operation, Duration cost, std::uint64_t units) {
  const std::uint64_t whole = units * static_cast<std::uint64_t>(cost.ns());
  return per_kib(operation) ? whole * 1000 / kKib : whole * 1000;
}

}  // namespace

WorkCounts work_done(server::Server& server) {
  WorkCounts done{};
  const auto set = [&](Operation operation, std::uint64_t units) { done[static_cast<std::size_t>(operation)] = units; };
  const crypto::BatchVerifier& verifier = server.crypto().verifier();
  std::uint64_t client_signatures = verifier.client_signatures_checked();
  std::uint64_t site_signatures = verifier.site_signatures_checked();
  set(Operation::sign, server.crypto().signatures_made());
  set(Operation::verify, verifier.signatures_checked() - client_signatures - site_signatures);
  if (const site::LogicalMachine* machine = server.control().machine(); machine != nullptr) {
    // Where a signature is learnt from others it is checked and not combined: counted as if it were, which is dearer.
    const crypto::BatchVerifier& of_sites = machine->validator().verifier();
    client_signatures += of_sites.client_signatures_checked();
    site_signatures += of_sites.site_signatures_checked();
    set(Operation::share, server.crypto().shares_made());
    set(Operation::combine, server.control().member()->signatures());
  }
  set(Operation::verify_site, site_signatures);
  set(Operation::verify_client, client_signatures);
  set(Operation::hash_kib, server.crypto().bytes_hashed());
  set(Operation::mac, server.client().replies_sent());
  std::uint64_t frames = server.lan().frames_received() + server.lan().frames_sent();
  std::uint64_t bytes = server.lan().bytes_received() + server.lan().bytes_sent();
  if (server::WanPart* wan = server.wan(); wan != nullptr) {
    frames += wan->frames_received() + wan->frames_sent();
    bytes += wan->bytes_received() + wan->bytes_sent();
  }
  set(Operation::frame, frames);
  set(Operation::frame_kib, bytes);
  set(Operation::step, server.control().steps());
  set(Operation::update, server.control().executor().state_sequence());
  return done;
}

Duration Processor::charge(const WorkCounts& done) {
  if (is_free()) return {};
  for (std::size_t i = 0; i < kOperations; ++i) {
    const auto operation = static_cast<Operation>(i);
    picoseconds_[i] = picoseconds(operation, costs_->of(operation), done[i]);
  }
  const std::uint64_t total = std::accumulate(picoseconds_.begin(), picoseconds_.end(), std::uint64_t{0});
  const Duration now_busy(static_cast<std::int64_t>(total / 1000));
  const Duration cost = now_busy - busy_;
  busy_ = now_busy;
  return cost;
}

std::array<Duration, kOperations> Processor::busy_by_operation() const {
  std::array<Duration, kOperations> busy{};
  for (std::size_t i = 0; i < kOperations; ++i) busy[i] = Duration(static_cast<std::int64_t>(picoseconds_[i] / 1000));
  return busy;
}

}  // namespace garrison::lab
