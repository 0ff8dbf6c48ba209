#include "control/prime/intake.h"

namespace garrison::prime {
namespace {

constexpr std::size_t kLengthBytes = 4;  // in front of each update of a PO-REQUEST

}  // namespace

Intake::Intake(const PrimeConfig& config)
    : max_per_client_(config.max_waiting_per_client),
      max_bytes_(config.max_waiting_bytes),
      max_updates_per_request_(config.max_updates_per_request),
      max_request_bytes_(config.max_request_bytes),
      entries_(config.max_waiting_updates) {
  free_.reserve(entries_.size());
  for (std::size_t i = entries_.size(); i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
}

std::optional<DropReason> Intake::take(const message::VerifiedMessage& update) {
  const std::uint32_t client_index = update.signer().index;
  const auto known = clients_.find(client_index);
  if (!accepts()) return DropReason::client_intake_full;
  if (known != clients_.end() && known->second.waiting >= max_per_client_) return DropReason::client_intake_full;

  const std::uint32_t place = free_.back();
  free_.pop_back();
  entries_[place] = {store(update), kNone};
  waiting_bytes_ += update.bytes().size();

  Client& client = known != clients_.end() ? known->second : clients_[client_index];
  if (client.waiting == 0) {
    client.first = place;
    turns_.push_back(client_index);
  } else {
    entries_[client.last].next = place;
  }
  client.last = place;
  ++client.waiting;
  return std::nullopt;
}

std::vector<Stored> Intake::next_request() {
  std::vector<Stored> updates;
  std::size_t bytes = 0;
  while (!turns_.empty() && updates.size() < max_updates_per_request_) {
    const auto at = clients_.find(turns_.front());
    Client& client = at->second;
    const std::uint32_t place = client.first;
    const std::size_t size = entries_[place].update->get().bytes().size();
    if (!updates.empty() && bytes + kLengthBytes + size > max_request_bytes_) break;

    bytes += kLengthBytes + size;
    waiting_bytes_ -= size;
    updates.push_back(std::move(entries_[place].update));
    client.first = entries_[place].next;
    entries_[place] = {};
    free_.push_back(place);
    turns_.pop_front();
    if (--client.waiting == 0) {
      clients_.erase(at);
    } else {
      turns_.push_back(at->first);
    }
  }
  return updates;
}

}  // namespace garrison::prime
