// Pipeline: what becomes of a frame that a tap hears, wherever it hears it: it is counted, and captured with what the
// account says of it. One thread.
#pragma once

#include <string_view>
#include <utility>

#include "apps/tap/account.h"
#include "apps/tap/capture_filter.h"
#include "apps/tap/capture_writer.h"

namespace garrison::tap {

class Pipeline {
 public:
  // Both outlive it; without `capture` nothing is captured.
  Pipeline(Account& account, CaptureFilter filter, CaptureWriter* capture)
      : account_(account), filter_(std::move(filter)), capture_(capture) {}

  void heard(Instant when, std::size_t tap, ByteView frame) {
    const Account::Verdict verdict = account_.take(when, tap, frame);
    if (capture_ == nullptr || !filter_.takes(verdict)) return;
    const std::string_view comment = verdict.refused.has_value() ? name(*verdict.refused) : std::string_view();
    capture_->write(when, tap, Direction::in, frame, comment);
  }
  // What this program has put on the hub itself: captured, and not counted.
  void sent(Instant when, std::size_t tap, ByteView frame) {
    if (capture_ != nullptr) capture_->write(when, tap, Direction::out, frame, "injected");
  }

 private:
  Account& account_;
  CaptureFilter filter_;
  CaptureWriter* capture_;
};

}  // namespace garrison::tap
