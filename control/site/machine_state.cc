// The logical machine as a snapshot, and back.
#include <utility>

#include "control/ordering/state_reader.h"
#include "control/ordering/state_writer.h"
#include "control/site/machine.h"
#include "crypto/digest.h"

namespace garrison::site {

LogicalMachine::State::State(const MachineConfig& config, message::Validator& validator)
    : clock(config.servers, config.faulty, config.clock_bound),
      sender(config.sender),
      receiver(config.receiver, validator),
      sent(config.sites, config.timely_kept),
      inquiries(config.inquiries, validator),
      duties({.servers = config.servers, .faulty = config.faulty, .sites = config.sites}),
      pairs(config.pairs),
      haste(config.hurry_bytes_per_s) {}

bool LogicalMachine::State::fits() const {
  if (settled >= next_number) return false;
  std::uint64_t number = next_number - closed.size();
  for (const Closed& each : closed) {
    if (each.batch->number != number++) return false;
  }
  return closed.size() >= next_number - 1 - settled;  // what has not come back signed is there
}

// The tree follows from the messages.
void LogicalMachine::Closed::save(ordering::StateWriter& state) const {
  state.put(batch->own).put(batch->links).put(batch->uncoded).put(signature);
}

void LogicalMachine::Closed::load(ordering::StateReader& state) {
  std::vector<Emission> own;
  std::vector<LinkOut> links;
  std::vector<UncodedOut> uncoded;
  state.get(own).get(links).get(uncoded).get(signature);
  if (!state.ok()) return;
  if (!could_be_batch(own, links, uncoded)) return state.fail();
  batch = make_batch(std::move(own), std::move(links), std::move(uncoded));
}

Bytes LogicalMachine::snapshot() const {
  ordering::StateWriter state;
  state.put(*state_);
  replica_.save(state);
  state.blob(service_.snapshot());
  return state.take();
}

Digest LogicalMachine::state_digest() const { return crypto::Sha256().update(snapshot()).finish(); }

Result<void> LogicalMachine::restore(ByteView snapshot) {
  const Error malformed{"that is no snapshot of a logical machine of this site"};
  ordering::StateReader reader(snapshot, validator_, config_.sites);
  auto next = std::make_unique<State>(config_, validator_);
  reader.get(*next);
  if (!reader.ok() || !next->fits()) return malformed;
  std::optional<replica::Replica::Loaded> replica = replica_.load(reader);
  const ByteView service = reader.blob();
  if (!replica.has_value() || !reader.done()) return malformed;
  if (Result<void> restored = service_.restore(service); !restored) return restored;
  state_ = std::move(next);
  replica_.go_on_from(std::move(*replica));
  next_wakeup_ = find_next_wakeup();
  tell_restored();
  if (on_restored) on_restored();
  return {};
}

void LogicalMachine::tell_restored() {
  std::vector<std::shared_ptr<const OutgoingBatch>> closed;
  for (const Closed& each : state_->closed) {
    if (each.batch->number > state_->settled) closed.push_back(each.batch);
  }
  for (std::size_t i = 0; i < config_.sites; ++i) {
    const SiteId site(static_cast<std::uint16_t>(i));
    if (state_->pairs.over_blink(site)) effects_.elected(site, state_->pairs.in_office(site), {});
  }
  effects_.restored(state_->settled, closed, state_->sent.unacknowledged());
}

}  // namespace garrison::site
