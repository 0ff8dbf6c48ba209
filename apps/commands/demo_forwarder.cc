#include "apps/commands/demo_forwarder.h"

#include <asio/post.hpp>
#include <utility>

#include "apps/forwarder/wide_port.h"

namespace garrison::apps {

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
    : id_(setup.self),
      process_(std::move(setup), forwarder::WidePort::over(
                                     [&node, id = id_](runtime::Doorbell& receiver) -> io::Port& {
                                       return node.forwarder_port(id, receiver);
                                     },
                                     node.forwarder_pool(id_))) {}

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
