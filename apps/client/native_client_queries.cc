#include <algorithm>
#include <utility>

#include "apps/client/native_client_impl.h"
#include "apps/client/steady_now.h"

namespace garrison::client {

void NativeClient::Impl::query(Bytes operation, Callback done) {
  if (queries_ == nullptr) return submit(std::move(operation), std::move(done));
  if (std::optional<Error> why = refusal(operation, waiting_queries_); why.has_value()) {
    ended_.push_back({std::move(done), std::move(*why)});
  } else {
    waiting_queries_.push_back({std::move(operation), std::move(done), steady_now() + config_.deadline});
  }
  schedule_round();
}

void NativeClient::Impl::ask_waiting(Instant now) {
  queries_->on_wakeup(now, query_output_);
  while (ready_ > config_.faults && !waiting_queries_.empty()) {
    const std::optional<std::uint64_t> number = queries_->submit(now, query_output_);
    if (!number.has_value()) break;
    asked_.emplace(*number, std::move(waiting_queries_.front()));
    waiting_queries_.pop_front();
  }
  carry_out_queries();
}

void NativeClient::Impl::carry_out_queries() {
  for (Answered& one : query_output_.answered) {
    const auto found = asked_.find(one.number);
    CHECK(found != asked_.end());
    ended_.push_back({std::move(found->second.done), std::move(one.result)});
    asked_.erase(found);
  }
  for (const std::uint64_t number : query_output_.to_order) have_ordered(number);
  for (const Ask& one : query_output_.asks) ask(one);
  query_output_.clear();
}

void NativeClient::Impl::ask(const Ask& ask) {
  const auto found = asked_.find(ask.number);
  if (found == asked_.end()) return;  // over in the same round
  const message::Envelope envelope{config_.system, crypto::Principal::client(config_.client), epoch_};
  const Bytes content = message::encode(envelope, message::ClientQuery{.client = config_.client,
                                                                       .incarnation = queries_->config().incarnation,
                                                                       .number = ask.number,
                                                                       .round = ask.round,
                                                                       .token = ask.token,
                                                                       .target = ask.target,
                                                                       .operation = found->second.operation});
  for (const auto& session : sessions_) session->send_tagged(content);  // who is not there is as one that is silent
}

// Where its deadline belongs among the others', so that the first one expires first.
void NativeClient::Impl::have_ordered(std::uint64_t query) {
  const auto found = asked_.find(query);
  CHECK(found != asked_.end());
  const auto place = std::ranges::upper_bound(waiting_, found->second.expires, {}, &Waiting::expires);
  waiting_.insert(place, std::move(found->second));
  asked_.erase(found);
}

void NativeClient::Impl::on_answer(ServerId server, const message::QueryReply& reply) {
  if (queries_ == nullptr) return;
  queries_->on_answer(steady_now(), reply, server, query_output_);
  if (!query_output_.answered.empty() || !query_output_.to_order.empty() || !query_output_.asks.empty()) {
    schedule_round();
  }
}

}  // namespace garrison::client
