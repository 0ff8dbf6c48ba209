#include "apps/client/native_client_impl.h"

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <chrono>
#include <utility>

#include "apps/client/steady_now.h"
#include "control/config/names.h"

namespace garrison::client {
namespace {

constexpr Duration kTimeoutMax = seconds(8);

std::uint64_t wall_clock_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

asio::ip::tcp::endpoint tcp_endpoint(const config::Endpoint& endpoint) {
  return {asio::ip::address_v4(endpoint.ip), endpoint.port};
}

}  // namespace

NativeClient::Impl::Impl(asio::io_context& io, const Config& config, KeyEpoch epoch, crypto::BatchSigner signer,
                         std::vector<crypto::HmacKey> reply_keys)
    : io_(io), config_(config), epoch_(epoch), signer_(std::move(signer)), timer_(io) {
  for (std::size_t i = 0; i < config_.servers.size(); ++i) {
    const ServerSession::Config session{.system = config_.system,
                                        .site = config_.site,
                                        .server = ServerId(static_cast<std::uint16_t>(i)),
                                        .client = config_.client,
                                        .epoch = epoch,
                                        .endpoint = tcp_endpoint(config_.servers[i])};
    sessions_.push_back(std::make_shared<ServerSession>(io, session, std::move(reply_keys[i]), *this));
  }
}

void NativeClient::Impl::start() {
  begin_incarnation();
  if (config_.reads == Reads::site) {
    // Its incarnation stays: a query has no outcome that could stay unknown.
    queries_ = std::make_unique<QueryCore>(QueryConfig{.servers = config_.servers.size(),
                                                       .faults = config_.faults,
                                                       .client = config_.client,
                                                       .incarnation = incarnation_,
                                                       .round_timeout = config_.query_timeout});
  }
  schedule_round();
}

// Servers void what comes under an incarnation lower than one they have seen, so the wall clock makes them; within
// one process it need not even move.
void NativeClient::Impl::begin_incarnation() {
  incarnation_ = Incarnation(std::max(wall_clock_ns(), incarnation_.value() + 1));
  if (core_ != nullptr) resent_before_ += core_->stats().timeouts;
  // Clients spread over the servers, so that not all of them ask the first one first.
  const auto first = static_cast<std::uint16_t>(config_.client.value() % config_.servers.size());
  core_ = std::make_unique<ClientCore>(ClientConfig{.servers = config_.servers.size(),
                                                    .faults = config_.faults,
                                                    .client = config_.client,
                                                    .incarnation = incarnation_,
                                                    .window = std::min(config_.window, service::kClientWindow),
                                                    .timeout_initial = config_.timeout,
                                                    .timeout_max = std::max(config_.timeout, kTimeoutMax),
                                                    .pattern = config_.pattern,
                                                    .first_server = ServerId(first)});
  output_.clear();
  published_.incarnations.fetch_add(1, std::memory_order_relaxed);  // relaxed: a figure
  for (const auto& session : sessions_) session->start(incarnation_);
}

std::size_t NativeClient::Impl::sessions_needed() const {
  return config_.pattern == Pattern::co_located ? 1 : config_.faults + 1;
}

void NativeClient::Impl::submit(Bytes operation, Callback done) {
  if (std::optional<Error> why = refusal(operation, waiting_); why.has_value()) {
    ended_.push_back({std::move(done), std::move(*why)});
  } else {
    waiting_.push_back({std::move(operation), std::move(done), steady_now() + config_.deadline});
  }
  schedule_round();
}

std::optional<Error> NativeClient::Impl::refusal(const Bytes& operation, const std::deque<Waiting>& waiting) const {
  if (closed_) return Error{"not executed: the client is closed"};
  if (operation.size() > kMaxOperationBytes) {
    return Error{"not executed: longer than " + std::to_string(kMaxOperationBytes) + " bytes"};
  }
  if (waiting.size() >= config_.max_waiting) {
    return Error{"not executed: " + std::to_string(waiting.size()) + " operations wait already"};
  }
  return std::nullopt;
}

void NativeClient::Impl::schedule_round() {
  if (round_scheduled_) return;
  round_scheduled_ = true;
  asio::post(io_, [self = shared_from_this()] { self->round(); });
}

void NativeClient::Impl::round() {
  round_scheduled_ = false;
  if (!closed_) {
    const Instant now = steady_now();
    core_->on_wakeup(now, output_);
    // Replies of f+1 servers are needed: what is sent while fewer know our connection would be answered for nothing.
    if (queries_ != nullptr) ask_waiting(now);
    while (ready_ >= sessions_needed() && !waiting_.empty() && !core_->window_full()) sign_waiting(now);
    carry_out();
    expire(now);
    set_timer();
  }
  publish_stats();
  hand_out();
}

// As many as the window takes, under one signature.
void NativeClient::Impl::sign_waiting(Instant now) {
  const message::Envelope envelope{config_.system, crypto::Principal::client(config_.client), epoch_};
  std::array<Digest, kMaxOwnBatch> leaves;
  std::array<std::size_t, kMaxOwnBatch> content_bytes{};
  std::vector<Outstanding*> batch;
  while (batch.size() < kMaxOwnBatch && !waiting_.empty()) {
    const std::optional<SeqNum> sequence = core_->submit(now, output_);
    if (!sequence.has_value()) break;
    Waiting& next = waiting_.front();
    Bytes content = message::encode(
        envelope,
        message::ClientOp{
            .client = config_.client, .incarnation = incarnation_, .sequence = *sequence, .operation = next.operation});
    leaves[batch.size()] = crypto::leaf_digest(content);
    content_bytes[batch.size()] = content.size();
    const auto made =
        outstanding_.emplace(*sequence, Outstanding{std::move(content), std::move(next.done), next.expires});
    batch.push_back(&made.first->second);
    waiting_.pop_front();
  }
  std::array<MutableBytes, kMaxOwnBatch> blocks;
  std::array<std::size_t, kMaxOwnBatch> block_bytes{};
  const std::size_t room = signer_.block_bytes(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->message.resize(content_bytes[i] + room);
    blocks[i] = MutableBytes(batch[i]->message).subspan(content_bytes[i]);
  }
  signer_.sign(std::span(leaves).first(batch.size()), std::span(blocks).first(batch.size()),
               std::span(block_bytes).first(batch.size()));
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->message.resize(content_bytes[i] + block_bytes[i]);
  published_.signatures.fetch_add(1, std::memory_order_relaxed);  // relaxed: a figure
}

void NativeClient::Impl::carry_out() {
  for (const Send& one : output_.sends) send(one);
  for (Completed& one : output_.completed) {
    const auto found = outstanding_.find(one.sequence);
    CHECK(found != outstanding_.end());
    ended_.push_back({std::move(found->second.done), std::move(one.result)});
    outstanding_.erase(found);
    if (queries_ != nullptr) queries_->on_ordered(one.state_sequence);
    published_.completed.fetch_add(1, std::memory_order_relaxed);  // relaxed: a figure
  }
  output_.clear();
  for (const auto& session : sessions_) session->flush();
}

// A server without a connection is passed over for the next one that has one: waiting for the timeout would tell
// nothing that is not known.
void NativeClient::Impl::send(const Send& send) {
  const auto found = outstanding_.find(send.sequence);
  if (found == outstanding_.end()) return;  // answered in the same round
  bool sent = false;
  std::size_t last = 0;
  send.to.for_each([&](ServerId server) {
    last = server.index();
    sent = sessions_[last]->send(found->second.message) || sent;
  });
  for (std::size_t i = 1; i < sessions_.size() && !sent; ++i) {
    sent = sessions_[(last + i) % sessions_.size()]->send(found->second.message);
  }
}

void NativeClient::Impl::expire(Instant now) {
  if (outstanding_expire() <= now) give_up();
  expire_waiting(waiting_, now);
  expire_waiting(waiting_queries_, now);
}

// A query that had to be ordered has an older deadline than the sequences before it; else the oldest expires first.
Instant NativeClient::Impl::outstanding_expire() const {
  Instant first = Instant::never();
  for (const auto& [sequence, operation] : outstanding_) first = earlier(first, operation.expires);
  return first;
}

void NativeClient::Impl::expire_waiting(std::deque<Waiting>& waiting, Instant now) {
  while (!waiting.empty() && waiting.front().expires <= now) {
    ended_.push_back({std::move(waiting.front().done), Error{"not executed: " + why_no_answer()}});
    waiting.pop_front();
  }
}

// Younger operations end too: under a new incarnation they could be executed a second time.
void NativeClient::Impl::give_up() {
  const std::string why = "outcome unknown: " + why_no_answer();
  for (auto& [sequence, operation] : outstanding_) ended_.push_back({std::move(operation.done), Error{why}});
  outstanding_.clear();
  begin_incarnation();
}

std::string NativeClient::Impl::why_no_answer() const {
  const std::string within = " within " + config::to_string(config_.deadline);
  if (ready_ >= sessions_needed()) {
    return "no " + std::to_string(sessions_needed()) + " servers agreed on a result" + within + ", " +
           std::to_string(ready_) + " of " + std::to_string(sessions_.size()) +
           " are connected: ordering may be stopped, or another program acts as " + config::client_name(config_.client);
  }
  std::string text = "an answer needs " + std::to_string(sessions_needed()) + " servers, and " +
                     std::to_string(ready_) + " of " + std::to_string(sessions_.size()) + " could be reached" + within;
  char separator = ':';
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i]->ready() || sessions_[i]->last_error().empty()) continue;
    const ServerId server(static_cast<std::uint16_t>(i));
    text += separator;
    text += ' ' + config::server_name(config_.site, server) + " at " + config::to_string(config_.servers[i]) + ' ' +
            sessions_[i]->last_error();
    separator = ',';
  }
  return text;
}

void NativeClient::Impl::set_timer() {
  Instant due = earlier(core_->next_wakeup(), outstanding_expire());
  if (!waiting_.empty()) due = earlier(due, waiting_.front().expires);
  if (!waiting_queries_.empty()) due = earlier(due, waiting_queries_.front().expires);
  if (queries_ != nullptr) due = earlier(due, queries_->next_wakeup());
  if (due == Instant::never()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due.ns())));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (!error && !self->closed_) self->schedule_round();
  });
}

// Last in a round: a call-back may submit.
void NativeClient::Impl::hand_out() {
  std::vector<Ended> ended;
  ended.swap(ended_);
  for (Ended& one : ended) one.done(std::move(one.result));
}

void NativeClient::Impl::on_ready(ServerId) {
  ++ready_;
  schedule_round();
}

void NativeClient::Impl::on_lost(ServerId) {
  --ready_;
  schedule_round();
}

void NativeClient::Impl::on_reply(ServerId server, const message::ClientReply& reply) {
  core_->on_reply(steady_now(), reply, server, output_);
  if (!output_.completed.empty()) schedule_round();
}

void NativeClient::Impl::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  for (const auto& session : sessions_) session->stop();
  ready_ = 0;
  for (auto& [sequence, operation] : outstanding_) {
    ended_.push_back({std::move(operation.done), Error{"outcome unknown: the client was closed"}});
  }
  outstanding_.clear();
  const auto end = [this](Waiting& operation) {
    ended_.push_back({std::move(operation.done), Error{"not executed: the client was closed"}});
  };
  for (Waiting& operation : waiting_) end(operation);
  for (Waiting& operation : waiting_queries_) end(operation);
  for (auto& [number, operation] : asked_) end(operation);
  waiting_.clear();
  waiting_queries_.clear();
  asked_.clear();
  publish_stats();
  hand_out();
}

// Relaxed throughout: figures, which order nothing.
void NativeClient::Impl::publish_stats() {
  published_.ready.store(ready_, std::memory_order_relaxed);
  published_.waiting.store(waiting_.size() + waiting_queries_.size(), std::memory_order_relaxed);
  published_.outstanding.store(outstanding_.size() + asked_.size(), std::memory_order_relaxed);
  published_.resent.store(resent_before_ + core_->stats().timeouts, std::memory_order_relaxed);
  if (queries_ == nullptr) return;
  published_.answered.store(queries_->stats().answered, std::memory_order_relaxed);
  published_.fell_back.store(queries_->stats().ordered, std::memory_order_relaxed);
}

NativeClient::Stats NativeClient::Impl::stats() const {
  return {.servers_ready = published_.ready.load(std::memory_order_relaxed),
          .waiting = published_.waiting.load(std::memory_order_relaxed),
          .outstanding = published_.outstanding.load(std::memory_order_relaxed),
          .completed = published_.completed.load(std::memory_order_relaxed),
          .resent = published_.resent.load(std::memory_order_relaxed),
          .signatures = published_.signatures.load(std::memory_order_relaxed),
          .incarnations = published_.incarnations.load(std::memory_order_relaxed),
          .answered = published_.answered.load(std::memory_order_relaxed),
          .fell_back = published_.fell_back.load(std::memory_order_relaxed)};
}

}  // namespace garrison::client
