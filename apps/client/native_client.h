// The native client: one client identity, connected to every server of its site (config::Topology::home_of), as a
// library for programs that use the replicated service. The gateway and `garrison client` are made with it.
//
// An operation is signed, sent and repeated as [PRIME] A.1 says (ClientCore), and its result is what f+1 servers under
// their MACs agree on: up to f servers may be down, silent or lying. Operations that wait together are signed as one
// Merkle batch. Servers may come later and go: connections are made again in the background.
//
// Every operation ends within Config::deadline, with a result or an error; the error says whether the operation
// cannot have been executed ("not executed: ...") or may have been or still be ("outcome unknown: ..."). After one of
// the latter the client goes on under a new incarnation, because a sequence number cannot be skipped.
//
// Queries are ordered like updates and so linearizable, or with Reads::site answered within the client's site: quicker,
// and consistent with what this object has read and written (QueryCore). What ends with an error is no part of that.
//
// An identity serves one client object at a time: a second one, here or elsewhere, takes it over from the first.
//
// Threads: submit() and call() from any; call-backs on the io thread, which is this object's own or that of the
// io_context it was made on. A call-back may submit; it must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "control/client/client_core.h"
#include "control/client/query_core.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace asio {
class io_context;
}

namespace garrison::client {

class NativeClient {
 public:
  struct Config {
    SystemId system;
    SiteId site;             // the client's
    std::size_t faults = 1;  // f of that site
    ClientId client;
    std::vector<config::Endpoint> servers;  // by ServerId
    std::size_t window = service::kClientWindow;
    Duration timeout = milliseconds(500);  // before an operation is sent to other servers; doubles up to 8 s
    Pattern pattern = Pattern::one_server;
    Duration deadline = seconds(10);
    std::size_t max_waiting = 4096;  // operations beyond the window; more are refused at once, and so are queries
    Reads reads = Reads::ordered;
    Duration query_timeout = QueryConfig{}.round_timeout;
  };
  using Callback = std::function<void(Result<Bytes>)>;

  struct Stats {
    std::size_t servers_ready = 0;
    std::size_t waiting = 0;      // not sent yet
    std::size_t outstanding = 0;  // sent, not answered
    std::uint64_t completed = 0;
    std::uint64_t resent = 0;
    std::uint64_t signatures = 0;
    std::uint64_t incarnations = 0;  // 1, and one more for every outcome that stayed unknown
    std::uint64_t answered = 0;      // queries, within the site
    std::uint64_t fell_back = 0;     // queries that had to be ordered
  };

  // What a topology says about one of its clients.
  [[nodiscard]] static Config config_from(const config::Topology& topology, ClientId client);

  // With an io thread of its own. `bundle` is the client's; the directory is read during the call only.
  [[nodiscard]] static Result<std::unique_ptr<NativeClient>> make(const Config& config,
                                                                  const crypto::PrivateBundle& bundle,
                                                                  const crypto::KeyDirectory& directory);
  // On the caller's io_context, which one thread runs, and which outlives the client or is run until it has no more
  // work. Made and destroyed on that thread, or while it does not run.
  [[nodiscard]] static Result<std::unique_ptr<NativeClient>> make(asio::io_context& io, const Config& config,
                                                                  const crypto::PrivateBundle& bundle,
                                                                  const crypto::KeyDirectory& directory);

  // Operations without a result yet end with an error.
  ~NativeClient();
  NativeClient(const NativeClient&) = delete;
  NativeClient& operator=(const NativeClient&) = delete;

  // At most kMaxOperationBytes. Calls `done` exactly once, never before returning.
  void submit(Bytes operation, Callback done);
  // The same of an operation that only reads, as Config::reads says. One that the service knows to write is ordered.
  void query(Bytes operation, Callback done);
  // Wait for the result. Not from the io thread.
  [[nodiscard]] Result<Bytes> call(ByteView operation);
  [[nodiscard]] Result<Bytes> call_query(ByteView operation);

  // Any thread.
  [[nodiscard]] Stats stats() const;

 private:
  class Impl;
  struct OwnThread;
  NativeClient();

  std::unique_ptr<OwnThread> thread_;  // null on a caller's io_context
  std::shared_ptr<Impl> impl_;
};

}  // namespace garrison::client
