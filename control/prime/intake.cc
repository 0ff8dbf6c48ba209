#include "control/prime/intake.h"

#include <utility>

namespace garrison::prime {
namespace {

constexpr std::size_t kLengthBytes = 4;           // in front of each update of a PO-REQUEST
constexpr std::size_t kPoRequestFixedBytes = 16;  // before its updates
constexpr std::size_t kMaxWaitingEvents = 4096;

}  // namespace

Intake::Intake(const PrimeConfig& config) : config_(config), entries_(config.max_waiting_updates) {}

std::optional<DropReason> Intake::take(const message::VerifiedMessage& update) {
  if (update.type() != message::MessageType::ClientOp) return take_event(update);
  const std::uint32_t client_index = update.signer().index;
  const auto known = clients_.find(client_index);
  if (!accepts()) return DropReason::client_intake_full;
  if (known != clients_.end() && known->second.waiting >= config_.max_waiting_per_client)
    return DropReason::client_intake_full;

  const std::uint32_t place = free_place();
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

std::uint32_t Intake::free_place() {
  if (free_.empty()) return used_++;
  const std::uint32_t place = free_.back();
  free_.pop_back();
  return place;
}

std::optional<DropReason> Intake::take_event(const message::VerifiedMessage& event) {
  if (event.type() == message::MessageType::Tick) {
    tick_ = store(event);
    return std::nullopt;
  }
  const std::size_t size = event.bytes().size();
  if (events_.size() == kMaxWaitingEvents || event_bytes_ + size > config_.max_waiting_bytes)
    return DropReason::event_intake_full;
  events_.push_back(store(event));
  event_bytes_ += size;
  return std::nullopt;
}

struct Intake::Request {
  std::vector<Stored> items;
  std::size_t bytes = 0;

  // False when it does not fit; the first always does.
  bool add(const Stored& item, std::size_t most_items, std::size_t most_bytes) {
    const std::size_t size = kLengthBytes + item->get().bytes().size();
    if (!items.empty() && (items.size() == most_items || bytes + size > most_bytes)) return false;
    items.push_back(item);
    bytes += size;
    return true;
  }
};

std::vector<Stored> Intake::next_request() {
  Request request;
  add_events(request);
  add_updates(request);
  return std::move(request.items);
}

void Intake::add_events(Request& request) {
  const bool clients_wait = !turns_.empty();
  const std::size_t most_items =
      clients_wait ? config_.max_updates_per_request * 3 / 4 : config_.max_updates_per_request;
  const std::size_t most_bytes = clients_wait ? config_.max_request_bytes * 3 / 4 : config_.max_request_bytes;
  if (tick_ != nullptr) CHECK(request.add(std::exchange(tick_, nullptr), most_items, most_bytes));
  // The first may fill a PO-REQUEST, tick beside it, or clients and clocks could keep a large one waiting for ever.
  for (std::size_t bytes = message::kMaxPoRequestBody - kPoRequestFixedBytes;
       !events_.empty() && request.add(events_.front(), most_items, bytes); bytes = most_bytes) {
    event_bytes_ -= events_.front()->get().bytes().size();
    events_.pop_front();
  }
}

void Intake::add_updates(Request& request) {
  while (!turns_.empty()) {
    const auto at = clients_.find(turns_.front());
    Client& client = at->second;
    const std::uint32_t place = client.first;
    if (!request.add(entries_[place].update, config_.max_updates_per_request, config_.max_request_bytes)) return;

    waiting_bytes_ -= entries_[place].update->get().bytes().size();
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
}

}  // namespace garrison::prime
