#include "control/ordering/state_reader.h"
#include "control/ordering/state_writer.h"
#include "control/prime/prime.h"

namespace garrison::prime {

void Prime::save(ordering::StateWriter& state) const { state.put_fields(*this); }

std::unique_ptr<ordering::OrderingCore> Prime::load(ordering::StateReader& state) const {
  auto core = std::make_unique<Prime>(config_);
  state.participants(config_.n);
  state.get_fields(*core);
  return state.ok() ? std::move(core) : nullptr;
}

}  // namespace garrison::prime
