#include "apps/commands/demo_forwarder.h"

#include <asio/post.hpp>
#include <utility>

#include "apps/forwarder/wide_port.h"

namespace garrison::apps {

namespace {

forwarder::ForwarderProcess::MakeTransport over_port_of(const node::Node& node) {
  return [&node](asio::io_context& io, const forwarder::Setup& setup, forwarder::WideEnd& end,
                 std::function<Instant()> now, std::function<void()> received) {
    const auto bind = [&](runtime::Doorbell& receiver) -> io::Port& {
      return node.forwarder_port(setup.self, receiver);
    };
    return std::make_unique<forwarder::WidePort>(io, *setup.frames, end, bind, node.forwarder_pool(setup.self),
                                                 std::move(now), std::move(received));
  };
}

}  // namespace

Result<std::unique_ptr<DemoForwarder>> DemoForwarder::make(const config::Topology& topology,
                                                           const crypto::KeyDirectory& directory,
                                                           const crypto::PrivateBundle& bundle,
                                                           const node::Node& node) {
  Result<forwarder::Setup> setup = forwarder::make_setup(topology, directory, bundle, Incarnation(1), {});
  if (!setup) return setup.error();
  std::unique_ptr<DemoForwarder> made(new DemoForwarder(std::move(setup).value(), node));
  if (Result<void> opened = made->process_.open(); !opened) return opened.error();
  return made;
}

DemoForwarder::DemoForwarder(forwarder::Setup setup, const node::Node& node)
    : site_(setup.self.site), process_(std::move(setup), over_port_of(node)) {}

DemoForwarder::~DemoForwarder() { stop(); }

void DemoForwarder::start() {
  thread_ = std::thread([this] { process_.run(); });
}

void DemoForwarder::stop() {
  if (!thread_.joinable()) return;
  asio::post(process_.io(), [this] { process_.stop(); });
  thread_.join();
}

}  // namespace garrison::apps
