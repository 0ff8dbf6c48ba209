#include "apps/tap/live_tap.h"

#include <chrono>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::tap {

// One port's frames, with the time of day at which each is taken from it.
class LiveTap::End final : public stages::FrameEndpoint {
 public:
  End(std::size_t tap, Pipeline& pipeline, std::mutex& mutex, Injector* injector)
      : tap_(tap), pipeline_(pipeline), mutex_(mutex), injector_(injector) {}

  void on_frame(Instant /*now*/, ByteView frame) override {
    const std::lock_guard lock(mutex_);
    pipeline_.heard(time_of_day(), tap_, frame);
    if (injector_ != nullptr) injector_->on_heard(frame);
  }
  std::size_t next_frame(Instant /*now*/, MutableBytes out) override {
    if (injector_ == nullptr) return 0;
    const std::lock_guard lock(mutex_);
    const std::size_t size = injector_->next_frame(out);
    if (size > 0) pipeline_.sent(time_of_day(), tap_, out.first(size));
    return size;
  }
  void poll(Instant /*now*/) override {}

 private:
  static Instant time_of_day() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return Instant(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
  }
  std::size_t tap_;
  Pipeline& pipeline_;
  std::mutex& mutex_;
  Injector* injector_;
};

LiveTap::LiveTap() = default;

Result<std::unique_ptr<LiveTap>> LiveTap::start(const std::vector<config::PortSettings>& ports,
                                                const config::CoreSettings& cores, Pipeline& pipeline,
                                                std::mutex& mutex, Injector* injector) {
  CHECK(!ports.empty() && ports.size() <= kMaxTaps);
  std::vector<node::OwnPorts::Wish> wishes;
  for (const config::PortSettings& port : ports) {
    wishes.push_back({.settings = port, .listens_only = injector == nullptr || !wishes.empty()});
  }
  Result<node::OwnPorts> opened = node::OwnPorts::open("tap", wishes, cores);
  if (!opened) return opened.error();
  std::unique_ptr<LiveTap> live(new LiveTap());
  live->ports_ = std::move(opened).value();
  live->worker_ = std::make_unique<runtime::Worker>(
      runtime::WorkerOptions{.name = "tap", .ladder = runtime::IdleLadder::shared_cores()});
  for (std::size_t i = 0; i < ports.size(); ++i) {
    Tap& tap = live->taps_.emplace_back();
    tap.end = std::make_unique<End>(i, pipeline, mutex, i == 0 ? injector : nullptr);
    tap.stage = std::make_unique<stages::LanStage>("tap " + std::to_string(i), live->ports_.port(i), *tap.end,
                                                   live->ports_.pool());
    live->worker_->add(*tap.stage);
  }
  if (Result<void> started = live->worker_->start(); !started) return started.error();
  return live;
}

LiveTap::~LiveTap() { stop(); }

void LiveTap::stop() {
  if (worker_ == nullptr) return;
  worker_->stop();
  worker_.reset();
  constexpr std::size_t kPasses = 1024;  // more than a ring holds
  for (const Tap& tap : taps_) {
    for (std::size_t i = 0; i < kPasses && tap.stage->poll(Instant()) > 0; ++i) {
    }
  }
}

std::uint64_t LiveTap::missed() const {
  std::uint64_t missed = 0;
  for (std::size_t i = 0; i < taps_.size(); ++i) {
    const io::PortStats stats = ports_.port(i).stats();
    missed += stats.rx_missed + stats.rx_errors + stats.rx_no_mbuf;
  }
  return missed;
}

}  // namespace garrison::tap
