// The control part of a server: runs the ordering core and what its order is fed to, one thread. In a site alone that
// is the service; in a site among others the logical machine, which orders among sites and feeds the service.
//
// It carries out what the core's Output lists, in the order the contract states: a record goes to the store, and the
// sends that name it wait until the store says that it is durable; delivered updates are executed and answered; what
// must be signed goes to crypto and comes back as an input of the core before it is sent; so does what it put together
// from parts and must be verified.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>

#include "apps/server/evidence.h"
#include "apps/server/query_desk.h"
#include "apps/server/queues.h"
#include "apps/server/site_setup.h"
#include "apps/server/store.h"
#include "control/replica/replica.h"
#include "control/replica/service_application.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"

namespace garrison::server {

// What a control part shows of itself, taken at one moment.
struct ControlStatus {
  ordering::Status ordering;
  ordering::Progress progress;
  state_transfer::Status transfer;
  std::optional<ordering::Status> global;  // of the protocol among sites; `ordering` is then the local one's
  site::MachineStatus machine{};
  std::uint64_t site_signatures = 0;  // of batches, known here
  std::uint64_t state_sequence = 0;   // updates executed
  Digest state_digest{};              // filled when asked for
  std::uint64_t digest_requests = 0;  // how many requests for a digest were answered up to now
};

class ControlPart final : private replica::Environment, private replica::Replies {
 public:
  struct Config {
    SystemId system;
    SiteId site;
    ServerId self;
    KeyEpoch epoch;
    std::size_t sites = 1;
  };
  // `queues` must outlive it.
  ControlPart(const Config& config, std::unique_ptr<ordering::OrderingCore> core,
              std::unique_ptr<service::Executor> executor, std::unique_ptr<Store> store, Queues& queues,
              const state_transfer::TransferConfig& transfer);
  // Of a site among others. `directory` outlives it; `site.signer` is the crypto part's and not looked at.
  ControlPart(const Config& config, std::unique_ptr<ordering::OrderingCore> core, SiteSetup site,
              const crypto::KeyDirectory& directory, std::unique_ptr<service::Executor> executor,
              std::unique_ptr<Store> store, Queues& queues, const state_transfer::TransferConfig& transfer);

  // Handles what waits, at most a burst of each kind. Returns inputs handled.
  std::size_t poll(Instant now);
  [[nodiscard]] Instant next_wakeup() const {
    const Instant own = earlier(replica_.next_wakeup(), queries_.next_wakeup());
    return site_ == nullptr ? own : earlier(own, site_->member.next_wakeup());
  }

  // Any thread. A digest walks the whole state, so it is made only on request.
  [[nodiscard]] ControlStatus status() const;
  void request_digest() { digest_requested_.fetch_add(1, std::memory_order_relaxed); }  // only a hint to the owner
  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] Slab& send_slab() { return send_slab_; }
  [[nodiscard]] const Slab& reply_slab() const { return reply_slab_; }
  [[nodiscard]] Slab& reply_slab() { return reply_slab_; }
  [[nodiscard]] QueryDesk& queries() { return queries_; }
  [[nodiscard]] const QueryDesk& queries() const { return queries_; }

  // Owning thread only.
  [[nodiscard]] const ordering::OrderingCore& core() const { return replica_.core(); }
  [[nodiscard]] const service::Executor& executor() const { return service_.executor(); }
  // Inputs that the cores were given.
  [[nodiscard]] std::uint64_t steps() const {
    return replica_.steps() + (site_ == nullptr ? 0 : site_->machine.replica().steps());
  }
  // Null in a site alone.
  [[nodiscard]] site::LogicalMachine* machine() const { return site_ == nullptr ? nullptr : &site_->machine; }
  [[nodiscard]] const site::Member* member() const { return site_ == nullptr ? nullptr : &site_->member; }
  // Before the first poll. May be null; outlives this part.
  void set_observer(replica::ExecutionObserver* observer) { service_.set_observer(observer); }
  // Of a site among others: what keeps who is convicted, in memory unless another one is set, which outlives this part.
  // Before the first poll.
  void set_evidence(EvidenceStore& evidence) { evidence_ = &evidence; }
  [[nodiscard]] const EvidenceStore& evidence() const { return *evidence_; }
  // Alters what the member of a site among others wants done: a faulty server. Before the first poll.
  void set_tamper(std::function<void(Instant, site::Member::Outputs&)> tamper) { tamper_ = std::move(tamper); }

 private:
  // The member is told by the machine, and outlives it.
  struct Site {
    Site(SiteSetup& setup, replica::Application& service, const crypto::KeyDirectory& directory)
        : member(setup.member, std::move(setup.combiner)),
          machine(setup.machine, std::move(setup.core), service, setup.transfer, directory, member) {}
    site::Member member;
    site::LogicalMachine machine;
  };
  [[nodiscard]] replica::Application& application() {
    return site_ == nullptr ? static_cast<replica::Application&>(service_) : site_->machine;
  }
  void take_back();
  std::size_t take_signed(Instant now);
  std::size_t take_verified(Instant now);
  std::size_t take_checked(Instant now);
  std::size_t take_clients(Instant now);
  void persist(const ordering::Persist& record) override { store_->append(record); }
  void sign(const ordering::Sign& request) override;
  void forward(const ordering::Forward& request) override;
  void verify(const ordering::Verify& request) override;
  void drop(DropReason reason) override { drops_.add(reason); }
  void reply(const service::Executed& executed) override;
  void send_reply(const service::Executed& executed);
  void take(Instant now, const message::VerifiedMessage& message);
  void take_client(Instant now, const message::VerifiedMessage& message);
  // Of a site among others.
  std::size_t take_parts(Instant now);
  std::size_t take_bundles(Instant now);
  std::size_t take_shares(Instant now);
  std::size_t attend(Instant now);
  void ask_for_share(const site::ThresholdSign::Share& share);
  // Why what came from another site is not introduced, if it is not.
  [[nodiscard]] std::optional<DropReason> why_not_part(const message::VerifiedMessage& message);
  [[nodiscard]] std::optional<DropReason> why_not_blink(Instant now, const message::VerifiedMessage& message);
  [[nodiscard]] std::optional<DropReason> why_not_inquiry(Instant now, const message::VerifiedMessage& message);
  void put_on_hub(const site::Member::SendPart& send);
  [[nodiscard]] std::optional<DropReason> why_not_bundle(Instant now, const message::VerifiedMessage& message);
  void present(const site::Member::Present& link);
  void send_wan(ByteView bytes, SiteId site, ServerSet to, TrafficClass traffic);
  [[nodiscard]] bool try_sign(const ordering::Sign& request);
  void send_when_durable(const Outbound& outbound);
  void announce_durable(Instant now);
  void flush();
  void publish(Instant now);

  Config config_;
  replica::ServiceApplication service_;
  std::unique_ptr<Site> site_;  // null in a site alone
  std::function<void(Instant, site::Member::Outputs&)> tamper_;
  EvidenceMemory evidence_memory_;
  EvidenceStore* evidence_ = &evidence_memory_;
  replica::Replica replica_;  // of the local protocol
  std::unique_ptr<Store> store_;
  Queues& queues_;
  Slab send_slab_;
  Slab reply_slab_;
  DropCounters drops_;
  QueryDesk queries_;
  std::size_t checks_under_way_ = 0;      // at most kCheckSlots
  ordering::PersistToken announced_ = 0;  // the core knows that records up to here are durable
  // Sends whose record is not durable yet, in order of their tokens' appearance; bounded by the core's windows.
  std::deque<Outbound> waiting_for_store_;
  // Requests that found the send slab or a ring full. Bounded by what the core has in flight: it emits nothing more
  // of a kind before the last of that kind came back signed.
  std::deque<ordering::Sign> unsigned_backlog_;
  std::deque<Outbound> send_backlog_;

  std::atomic<std::uint64_t> digest_requested_{0};
  std::uint64_t digest_answered_ = 0;
  Instant next_publish_;
  mutable std::mutex status_mutex_;  // guards status_; the owner only ever tries it
  ControlStatus status_;
};

}  // namespace garrison::server
