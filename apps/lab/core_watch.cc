#include "apps/lab/core_watch.h"

#include <utility>

#include "control/prime/checkpoint_state.h"

namespace garrison::lab {
namespace {

prime::PreorderId id_of(const message::PoRequest& request) { return {request.introducer, request.sequence}; }

class WatchedCore final : public ordering::OrderingCore {
 public:
  WatchedCore(std::unique_ptr<ordering::OrderingCore> core, ServerId server, CoreWatcher& watcher)
      : core_(std::move(core)), server_(server), watcher_(watcher) {}

  void step(Instant now, const ordering::Input& input, ordering::Output& output) override {
    core_->step(now, input, output);
    if (const auto* restored = std::get_if<ordering::Restored>(&input)) {
      watcher_.on_restored(server_, prime::decode_checkpoint(restored->state));
    }
    for (const ordering::Sign& sign : output.sign) {
      if (sign.type != message::MessageType::PoRequest) continue;
      const auto request = message::decode<message::PoRequest>(sign.content);
      CHECK(request.has_value());
      watcher_.on_introduced(now, id_of(*request));
    }
    for (const ordering::Deliver& batch : output.deliver) {
      if (batch.holder->get().type() != message::MessageType::PoRequest) continue;
      watcher_.on_executed(now, server_, id_of(batch.holder->get().as<message::PoRequest>()));
    }
    if (const View view = core_->status().view; view != std::exchange(view_, view)) {
      watcher_.on_view(now, server_, view);
    }
  }
  [[nodiscard]] Instant next_wakeup() const override { return core_->next_wakeup(); }
  [[nodiscard]] bool accepts_updates() const override { return core_->accepts_updates(); }
  [[nodiscard]] ordering::Progress progress() const override { return core_->progress(); }
  [[nodiscard]] std::optional<ordering::Checkpoint> checkpoint() const override { return core_->checkpoint(); }
  [[nodiscard]] ordering::Status status() const override { return core_->status(); }
  void save(ordering::StateWriter& state) const override { core_->save(state); }
  // No more watched: the lab leaves no server behind whose core it watches.
  [[nodiscard]] std::unique_ptr<ordering::OrderingCore> load(ordering::StateReader& state) const override {
    return core_->load(state);
  }

 private:
  std::unique_ptr<ordering::OrderingCore> core_;
  ServerId server_;
  CoreWatcher& watcher_;
  View view_;
};

}  // namespace

std::unique_ptr<ordering::OrderingCore> watch(std::unique_ptr<ordering::OrderingCore> core, ServerId server,
                                              CoreWatcher& watcher) {
  return std::make_unique<WatchedCore>(std::move(core), server, watcher);
}

}  // namespace garrison::lab
