#include "apps/node/forwarder_sessions.h"

#include <utility>

namespace garrison::node {

ForwarderSessions::ForwarderSessions(asio::io_context& io, server::ForwarderPart& part,
                                     std::vector<forwarder::ServerEnd::Config> ends)
    : part_(part) {
  CHECK(ends.size() == part.forwarders());
  for (std::size_t i = 0; i < ends.size(); ++i) {
    // What finds no room in the part is lost there by name, and repeated.
    ends_.push_back(std::make_shared<forwarder::ServerEnd>(io, std::move(ends[i]), part.presented(i),
                                                           [&part](SiteId source, ByteView message) {
                                                             part.arrived(source, message);
                                                             return true;
                                                           }));
  }
}

void ForwarderSessions::start() {
  for (const auto& end : ends_) end->start();
}

void ForwarderSessions::stop() {
  if (std::exchange(stopped_, true)) return;
  for (const auto& end : ends_) end->stop();
}

std::size_t ForwarderSessions::poll() {
  if (stopped_) return 0;
  const std::size_t handled = part_.poll();
  if (handled == 0) return 0;
  for (const auto& end : ends_) end->flush();
  return handled;
}

}  // namespace garrison::node
