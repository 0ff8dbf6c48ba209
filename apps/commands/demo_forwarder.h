// A dependable forwarder of a site that runs in this process, on a thread of its own.
#pragma once

#include <memory>
#include <thread>

#include "apps/forwarder/forwarder_process.h"
#include "apps/node/node.h"

namespace garrison::apps {

class DemoForwarder {
 public:
  // Of the bundle's principal, whose port `node` has; the node outlives it. Binds everything: local() says where.
  [[nodiscard]] static Result<std::unique_ptr<DemoForwarder>> make(const config::Topology& topology,
                                                                   const crypto::KeyDirectory& directory,
                                                                   const crypto::PrivateBundle& bundle,
                                                                   const node::Node& node);
  ~DemoForwarder();
  DemoForwarder(const DemoForwarder&) = delete;
  DemoForwarder& operator=(const DemoForwarder&) = delete;

  void start();
  // Idempotent.
  void stop();
  [[nodiscard]] SiteId site() const { return id_.site; }
  [[nodiscard]] config::Endpoint local() const { return process_.local(); }

 private:
  DemoForwarder(forwarder::Setup setup, const node::Node& node);

  forwarder::ForwarderId id_;
  forwarder::ForwarderProcess process_;
  std::thread thread_;
};

}  // namespace garrison::apps
