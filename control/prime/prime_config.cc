#include "control/prime/prime_config.h"

#include <string>

#include "control/ordering/membership.h"
#include "crypto/batch.h"
#include "dataplane/base/bounds.h"

namespace garrison::prime {
namespace {

// PO-REQUEST's fixed fields, and the length in front of each update.
constexpr std::size_t kPoRequestFixedBytes = 16;
constexpr std::int64_t kMaxKLat = 100;  // times kLongestMeasured is no overflow
constexpr std::size_t kLargestUpdateBytes =
    4 + message::kEnvelopeBytes + message::kMaxClientOpBody + crypto::kMaxSignatureBlockBytes;

}  // namespace

Result<void> check(const PrimeConfig& config) {
  const auto refuse = [](const char* what) { return Error{std::string("prime: ") + what}; };
  if (const char* misfit = ordering::membership_misfit(config); misfit != nullptr) return refuse(misfit);
  for (const Duration period : {config.po_period, config.summary_period, config.matrix_period, config.preprepare_period,
                                config.retransmit_period, config.tat_measure_period, config.rtt_ping_period}) {
    if (period <= Duration()) return refuse("periods must be above zero");
  }
  if (config.recon_delay < Duration()) return refuse("recon_delay must not be negative");
  if (config.recon_bytes < 2 * kMaxMessageBytes)
    return refuse("recon_bytes cannot hold two parts of the largest request");
  if (config.max_waiting_updates == 0 || config.max_waiting_per_client == 0) return refuse("the intake holds nothing");
  if (config.max_waiting_bytes < kLargestUpdateBytes) return refuse("the intake cannot hold the largest update");
  if (config.max_updates_per_request == 0 || config.max_updates_per_request > kMaxUpdatesPerPoRequest) {
    return refuse("max_updates_per_request must be 1 to 256");
  }
  if (config.max_request_bytes < kLargestUpdateBytes ||
      config.max_request_bytes > message::kMaxPoRequestBody - kPoRequestFixedBytes) {
    return refuse("max_request_bytes must hold the largest update and fit a PO-REQUEST");
  }
  if (config.max_outstanding_requests == 0 || config.max_outstanding_requests > config.ack_window_requests) {
    return refuse("max_outstanding_requests must be 1 to ack_window_requests, or nobody acknowledges the rest");
  }
  if (config.ack_window_bytes < message::kMaxPoRequestBody) return refuse("ack_window_bytes cannot hold one request");
  if (config.kept_requests == 0) return refuse("kept_requests must be at least 1");
  if (config.k_lat < 1 || config.k_lat > kMaxKLat) return refuse("k_lat must be 1 to 100");
  if (config.delta_pp < config.preprepare_period) return refuse("delta_pp must not be below the PRE-PREPARE period");
  if (config.delta_pp > message::kLongestMeasured) return refuse("delta_pp is too long to measure");
  if (config.global_window > message::kMaxReplayWindow) return refuse("global_window exceeds what a REPLAY can bind");
  if (config.global_window == 0 || config.kept_sequences == 0) return refuse("the global order has no window");
  if (config.checkpoint_interval == 0) return refuse("checkpoint_interval must be at least 1");
  if (config.preprepare_pipeline == 0 || config.preprepare_pipeline > config.global_window) {
    return refuse("preprepare_pipeline must be 1 to global_window");
  }
  return {};
}

}  // namespace garrison::prime
