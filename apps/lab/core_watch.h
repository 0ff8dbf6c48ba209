// A correct core that is watched: what it introduces, what it executes, which view it is in.
#pragma once

#include <memory>

#include "control/ordering/ordering.h"
#include "control/prime/eligibility.h"

namespace garrison::lab {

class CoreWatcher {
 public:
  CoreWatcher() = default;
  CoreWatcher(const CoreWatcher&) = delete;
  CoreWatcher& operator=(const CoreWatcher&) = delete;
  virtual ~CoreWatcher() = default;
  // `server` hands out a PO-REQUEST of its own to be signed.
  virtual void on_introduced(Instant now, const prime::PreorderId& id) = 0;
  virtual void on_executed(Instant now, ServerId server, const prime::PreorderId& id) = 0;
  // `server` goes on from a state in which so much of each introducer is executed.
  virtual void on_restored(ServerId server, const prime::SummaryVector& executed) = 0;
  virtual void on_view(Instant now, ServerId server, View view) = 0;
};

// `watcher` outlives what is returned.
[[nodiscard]] std::unique_ptr<ordering::OrderingCore> watch(std::unique_ptr<ordering::OrderingCore> core,
                                                            ServerId server, CoreWatcher& watcher);

}  // namespace garrison::lab
