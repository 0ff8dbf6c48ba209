// What a server shows its operator: GET /status on its admin endpoint, one JSON object; /status?digest
// adds the digest of the executed state, for which the whole state is walked. GET /evidence: what convicts servers and
// sites that it has found faulty, as evidence_file.h writes it. GET /metrics: the same numbers for Prometheus. GET
// /livez and /readyz: 200, or 503 and why not (health.h).
//
// Served by ordinary threads of an HTTP library; what they read are counters and the status that the control thread
// publishes. Loopback unless the topology says otherwise; nothing can be changed through it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "apps/node/node.h"
#include "control/config/topology.h"
#include "dataplane/base/result.h"

namespace httplib {
class Server;
}

namespace garrison::node {

// Everything known of one hosted server. Any thread.
[[nodiscard]] nlohmann::json status_of(const Node& node, SiteServer id);

class Admin {
 public:
  // `node` outlives it.
  explicit Admin(const Node& node);
  ~Admin();
  // Listens for one server.
  [[nodiscard]] Result<void> serve(SiteId site, const config::ServerSettings& server);
  // Joins. Idempotent.
  void stop();

 private:
  const Node& node_;
  std::vector<std::unique_ptr<httplib::Server>> servers_;
  std::vector<std::thread> threads_;
};

// The status of a server of `topology`, from its admin endpoint; an error when nobody answers there.
[[nodiscard]] Result<nlohmann::json> fetch_status(const config::ServerSettings& server, bool with_digest = false);

// Whom it has convicted, and by what: an array.
[[nodiscard]] Result<nlohmann::json> fetch_evidence(const config::ServerSettings& server);

}  // namespace garrison::node
