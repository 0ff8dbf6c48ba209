#include "control/bft/bft_config.h"

#include <string>

#include "control/ordering/membership.h"
#include "crypto/batch.h"
#include "dataplane/base/bounds.h"

namespace garrison::bft {
namespace {

constexpr std::size_t kLargestUpdateBytes =
    message::kEnvelopeBytes + message::kMaxClientOpBody + crypto::kMaxSignatureBlockBytes;

}  // namespace

Result<void> check(const BftConfig& config) {
  const auto refuse = [](const char* what) { return Error{std::string("bft: ") + what}; };
  if (const char* misfit = ordering::membership_misfit(config); misfit != nullptr) return refuse(misfit);
  for (const Duration period : {config.timeout, config.retransmit_period, config.fetch_period}) {
    if (period <= Duration()) return refuse("periods must be above zero");
  }
  if (config.max_updates_per_batch == 0 || config.max_updates_per_batch > message::kMaxUpdatesPerBatch) {
    return refuse("max_updates_per_batch must be 1 to 256");
  }
  if (config.max_batch_bytes == 0) return refuse("a batch has no bytes");
  // A server whose state was restored has missed the checkpoints before it. The high water mark is one.
  if (config.checkpoint_interval == 0 || config.window < 2 * config.checkpoint_interval ||
      config.window % config.checkpoint_interval != 0 || config.window > message::kMaxBftWindow) {
    return refuse("window must be a multiple of the checkpoint interval, two of them to 512");
  }
  if (config.pipeline == 0 || config.pipeline > config.window) return refuse("pipeline must be 1 to window");
  if (config.max_waiting_updates == 0 || config.max_waiting_per_client == 0) return refuse("the queue holds nothing");
  if (config.max_waiting_bytes < kLargestUpdateBytes) return refuse("the queue cannot hold the largest update");
  if (config.kept_sequences == 0 || config.catch_up_window == 0 || config.fetch_window == 0) {
    return refuse("a server that lags could not catch up");
  }
  return {};
}

}  // namespace garrison::bft
