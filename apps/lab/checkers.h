// What must hold after every single execution, whatever the network and f servers do.
//
//   agreement (Safety-S1 of [PRIME] 3)  the outputs of two correct servers are prefixes of one another
//   validity                            only what a client really submitted, byte for byte, is executed
//   exactly-once                        no update is executed twice by a server
//   restore                             a state taken over lies on the common order, ahead of the server that takes it
//   replies                             a result that a client accepted is the one of the common order
//   queries                             an answer that a client accepted is the one of the common order at the state
//                                       sequence that it states
//   session                             that state is not older than any that the client had seen when it asked, by
//                                       queries or by results of what it had ordered
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/lab/query_history.h"
#include "apps/server/control_part.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"

namespace garrison::lab {

// What all correct servers of a system have in common.
struct CommonOrder {
  struct Entry {
    ClientId client;
    SeqNum sequence;
    Digest operation{};
    Digest result{};
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::map<std::pair<ClientId, SeqNum>, std::set<Digest>> submitted;
  std::vector<Entry> order;               // the longest output of any server
  std::unique_ptr<QueryHistory> history;  // of the same; null while nobody asks queries
  std::optional<std::string> violation;
};

// Of the servers of one site.
class Checkers {
 public:
  // Sites of one system share `common`.
  explicit Checkers(std::size_t servers, SiteId site = SiteId(0),
                    std::shared_ptr<CommonOrder> common = std::make_shared<CommonOrder>());

  // What these servers execute counts for nothing. Before anything happens.
  void exclude(ServerSet faulty) { faulty_ = faulty; }
  [[nodiscard]] ServerSet faulty() const { return faulty_; }

  // A client hands in an update for the first time; a faulty one may sign several for one sequence.
  void on_submit(ClientId client, SeqNum sequence, ByteView operation);
  // Server `server` executed its next update.
  void on_execute(ServerId server, const message::ClientOp& op, const service::Executed& executed);
  // Server `server` goes on from a state behind the first `updates` of the common order, which it did not execute all.
  void on_restore(ServerId server, std::size_t updates);
  // A client accepted a result.
  void on_accept(ClientId client, SeqNum sequence, std::uint64_t state_sequence, ByteView result);

  // Before anything is executed: clients will ask queries. `service` is what the servers replicate.
  void expect_queries(const std::string& service);
  // A client asks its query `number` for the first time, or has accepted an answer to it.
  void on_query(ClientId client, std::uint64_t number);
  void on_answer(ClientId client, std::uint64_t number, ByteView query, std::uint64_t state_sequence, ByteView result);

  // The first violation, as one line; none while all is well.
  [[nodiscard]] const std::optional<std::string>& violation() const { return common_->violation; }
  void report(std::string what);
  [[nodiscard]] std::size_t executed(ServerId server) const { return position_[server.index()]; }
  [[nodiscard]] std::size_t restored(ServerId server) const { return restored_[server.index()]; }
  [[nodiscard]] std::size_t agreed() const { return common_->order.size(); }
  // Of the common order so far.
  [[nodiscard]] Digest order_digest() const;

  // Attaches server `server`'s executions.
  [[nodiscard]] replica::ExecutionObserver& observer(ServerId server) { return *observers_[server.index()]; }

 private:
  using Entry = CommonOrder::Entry;
  class Observer;
  [[nodiscard]] std::string describe(ServerId server) const;

  SiteId site_;
  std::shared_ptr<CommonOrder> common_;
  ServerSet faulty_;
  std::vector<std::unique_ptr<replica::ExecutionObserver>> observers_;
  std::vector<std::size_t> position_;                        // executed or restored so far, by server
  std::vector<std::size_t> restored_;                        // how often, by server
  std::vector<std::set<std::pair<ClientId, SeqNum>>> seen_;  // by server
  std::map<ClientId, std::uint64_t> session_;                // newest state that the client has seen
  // The same when it asked the query.
  std::map<std::pair<ClientId, std::uint64_t>, std::uint64_t> asked_;
};

}  // namespace garrison::lab
