// What NativeClient does on its io thread; what concerns queries alone is in native_client_queries.cc. Included by
// native_client*.cc alone.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/client/native_client.h"
#include "apps/client/server_session.h"
#include "crypto/batch.h"

namespace garrison::client {

class NativeClient::Impl final : public ServerSession::Owner, public std::enable_shared_from_this<NativeClient::Impl> {
 public:
  // `reply_keys` are the session secrets with every server.
  Impl(asio::io_context& io, const Config& config, KeyEpoch epoch, crypto::BatchSigner signer,
       std::vector<crypto::HmacKey> reply_keys);

  // All of these on the io thread.
  void start();
  void submit(Bytes operation, Callback done);
  void query(Bytes operation, Callback done);
  // Ends every operation and connection. Idempotent; later submissions end at once.
  void close();

  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] Stats stats() const;  // any thread

  void on_ready(ServerId server) override;
  void on_lost(ServerId server) override;
  void on_reply(ServerId server, const message::ClientReply& reply) override;
  void on_answer(ServerId server, const message::QueryReply& reply) override;

 private:
  struct Waiting {
    Bytes operation;
    Callback done;
    Instant expires;
  };
  struct Outstanding {
    Bytes message;  // CLIENT-OP with its signature block
    Callback done;
    Instant expires;
  };
  struct Ended {
    Callback done;
    Result<Bytes> result;
  };

  // Why an operation cannot be taken; none if it can. `waiting`: its kind's.
  [[nodiscard]] std::optional<Error> refusal(const Bytes& operation, const std::deque<Waiting>& waiting) const;
  void begin_incarnation();
  // Looks after everything once whatever happens now has happened: signs, sends, hands out results, sets the timer.
  void schedule_round();
  void round();
  void expire(Instant now);
  void give_up();
  void sign_waiting(Instant now);
  void carry_out();
  void send(const Send& send);
  void ask_waiting(Instant now);
  void carry_out_queries();
  void ask(const Ask& ask);
  void have_ordered(std::uint64_t query);
  void expire_waiting(std::deque<Waiting>& waiting, Instant now);
  [[nodiscard]] Instant outstanding_expire() const;
  void set_timer();
  void hand_out();
  [[nodiscard]] std::size_t sessions_needed() const;
  [[nodiscard]] std::string why_no_answer() const;
  void publish_stats();

  asio::io_context& io_;
  Config config_;
  KeyEpoch epoch_;
  crypto::BatchSigner signer_;
  std::vector<std::shared_ptr<ServerSession>> sessions_;  // by ServerId
  asio::steady_timer timer_;
  Incarnation incarnation_;
  std::unique_ptr<ClientCore> core_;  // of this incarnation
  Output output_;
  std::deque<Waiting> waiting_;
  std::map<SeqNum, Outstanding> outstanding_;
  std::unique_ptr<QueryCore> queries_;  // null where all reads are ordered
  QueryOutput query_output_;
  std::deque<Waiting> waiting_queries_;
  std::map<std::uint64_t, Waiting> asked_;  // by number of the query
  std::vector<Ended> ended_;
  std::size_t ready_ = 0;
  bool round_scheduled_ = false;
  bool closed_ = false;

  // Written on the io thread, read by any: figures only, so relaxed.
  struct Published {
    std::atomic<std::size_t> ready{0};
    std::atomic<std::size_t> waiting{0};
    std::atomic<std::size_t> outstanding{0};
    std::atomic<std::uint64_t> completed{0};
    std::atomic<std::uint64_t> resent{0};
    std::atomic<std::uint64_t> signatures{0};
    std::atomic<std::uint64_t> incarnations{0};
    std::atomic<std::uint64_t> answered{0};
    std::atomic<std::uint64_t> fell_back{0};
  };
  Published published_;
  std::uint64_t resent_before_ = 0;  // in earlier incarnations
};

}  // namespace garrison::client
