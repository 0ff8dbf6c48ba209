#include "control/site/threshold_sign.h"

#include <algorithm>
#include <utility>

#include "control/site/share_evidence.h"

namespace garrison::site {

using message::SigComplete;
using message::SigEvidence;
using message::SigRequest;
using message::SigShare;

namespace {

ThresholdSignConfig checked(const ThresholdSignConfig& config, const crypto::ShareCombiner& combiner) {
  CHECK(config.self.index() < config.n && config.n == combiner.n() && combiner.k() <= config.n - config.f);
  CHECK(config.window >= 1 && config.kept >= config.window && config.repeat_period > Duration());
  return config;
}

bool has_proof(const message::StoredMessage& share) { return !share.get().as<SigShare>().proof.empty(); }

// Whether `last` was so short a time ago that whoever waits for its period is not asking again.
bool too_soon(Instant now, const std::optional<Instant>& last, Duration period) {
  return last && now - *last < period / 2;
}

}  // namespace

ThresholdSign::ThresholdSign(const ThresholdSignConfig& config, crypto::ShareCombiner& combiner)
    : config_(checked(config, combiner)),
      combiner_(&combiner),
      suspects_(config.kept, 2 * config.f, config.ask_period) {}

void ThresholdSign::begin(Instant now, std::uint64_t number, ByteView statement, Output& output) {
  CHECK(number > newest_ && number >= floor_ && number < floor_ + config_.window);
  CHECK(!statement.empty() && statement.size() <= message::kMaxStatementBytes);
  newest_ = number;
  suspects_.excuse(number);
  drop_old();
  Batch& batch = batches_[number];
  batch.statement = to_bytes(statement);
  batch.collection.emplace(*combiner_, statement);
  batch.collection->withhold(suspects_.withheld());
  batch.request_at = now + config_.repeat_period;
  for (auto& early : early_) {
    const auto end = early.upper_bound(number);
    if (end != early.begin() && std::prev(end)->first == number) {
      const Stored share = std::prev(end)->second;
      if (const Refusal refusal = take(now, number, share, output)) output.drops.push_back(*refusal);
    }
    early.erase(early.begin(), early.upper_bound(number));
  }
  update(now, output);
  // Whoever comes so late that the others have made the signature already need not make a share.
  if (batch.collection) output.shares.push_back({number, batch.statement, {}});
}

void ThresholdSign::forget_below(std::uint64_t number) {
  if (number <= floor_) return;
  for (auto at = batches_.lower_bound(floor_); at != batches_.end() && at->first < number; ++at) {
    Batch& batch = at->second;
    const Stored own = std::move(batch.shares[config_.self.index()]);
    batch.collection.reset();
    batch.signature.reset();
    batch.shares.fill(nullptr);
    batch.shares[config_.self.index()] = own;
    batch.request_at = Instant::never();
  }
  floor_ = number;
  newest_ = std::max(newest_, number - 1);
  for (auto& early : early_) early.erase(early.begin(), early.lower_bound(number));
  drop_old();
}

// Of batches that are over the own share stays for a while.
void ThresholdSign::drop_old() {
  while (!batches_.empty() && batches_.begin()->first < floor_ && batches_.begin()->first + config_.kept <= newest_) {
    batches_.erase(batches_.begin());
  }
}

void ThresholdSign::on_message(Instant now, const message::VerifiedMessage& message, Output& output) {
  CHECK(message.server().index() < config_.n);
  if (message.server() == config_.self) {
    if (message.type() == SigShare::kType) keep_own(message);
    return;
  }
  const auto handle = [&]() -> Refusal {
    if (suspects_.expelled().contains(message.server())) return DropReason::share_expelled;
    switch (message.type()) {
      case SigShare::kType:
        return on_sig_share(now, message, output);
      case SigRequest::kType:
        return on_request(now, message, output);
      case SigEvidence::kType:
        return on_evidence(message, output);
      case SigComplete::kType:
        return on_complete(message, output);
      default:
        return DropReason::message_unknown_type;
    }
  };
  if (const Refusal refusal = handle()) output.drops.push_back(*refusal);
  update(now, output);
}

void ThresholdSign::keep_own(const message::VerifiedMessage& message) {
  const auto share = message.as<SigShare>();
  Batch* const batch = find(share.batch);
  if (batch == nullptr || !equal(batch->statement, share.statement)) return;
  Stored& own = batch->shares[config_.self.index()];
  if (own == nullptr || !has_proof(*own)) own = std::make_shared<const message::StoredMessage>(message);
}

void ThresholdSign::on_share(Instant now, const ShareMade& made, Output& output) {
  Batch* const batch = find(made.batch);
  if (batch == nullptr) return;
  const bool over = !batch->collection && !batch->signature;
  if (over && made.proof.empty()) return;
  say(SigShare{made.batch, batch->statement, made.share, made.proof}, others(), output);
  if (!batch->collection) return;
  batch->collection->add_proven(config_.self, made.share);
  absorb(now, made.batch, *batch, output);
  update(now, output);
}

ThresholdSign::Refusal ThresholdSign::on_sig_share(Instant now, const message::VerifiedMessage& message,
                                                   Output& output) {
  const auto share = message.as<SigShare>();
  const Stored stored = std::make_shared<const message::StoredMessage>(message);
  if (!could_be_a_share(*combiner_, share)) {
    convict(message.server(), {stored}, output);
    return DropReason::share_bad;
  }
  if (const Doubt* doubt = suspects_.doubt_of(message.server()); doubt != nullptr && doubt->batch == share.batch) {
    return settle_doubt(*doubt, stored, output);
  }
  if (share.batch < floor_) return DropReason::share_over;
  if (share.batch > newest_) return keep_early(share.batch, stored, output);
  return take(now, share.batch, stored, output);
}

ThresholdSign::Refusal ThresholdSign::keep_early(std::uint64_t number, const Stored& message, Output& output) {
  if (number > newest_ + config_.window) return DropReason::share_beyond_window;
  return replace(early_[message->get().server().index()][number], message, output);
}

// Of a batch that has begun.
ThresholdSign::Refusal ThresholdSign::take(Instant now, std::uint64_t number, const Stored& message, Output& output) {
  Batch* const batch = find(number);
  if (batch == nullptr) return DropReason::share_unknown;
  if (!batch->collection) return std::nullopt;  // late, as n - k of them always are
  const auto share = message->get().as<SigShare>();
  if (!equal(share.statement, batch->statement)) return DropReason::share_other_statement;
  const ServerId signer = message->get().server();
  if (const Refusal refusal = replace(batch->shares[signer.index()], message, output)) return refusal;
  batch->collection->add(signer, share.share, share.proof);
  absorb(now, number, *batch, output);
  return std::nullopt;
}

// The first share of a server for a batch counts, and the first that comes with a proof.
ThresholdSign::Refusal ThresholdSign::replace(Stored& held, const Stored& message, Output& output) {
  if (held == nullptr) {
    held = message;
    return std::nullopt;
  }
  const auto before = held->get().as<SigShare>();
  const auto now = message->get().as<SigShare>();
  if (contradict(before, now)) {
    convict(message->get().server(), {held, message}, output);
    return DropReason::share_bad;
  }
  if (!equal(before.statement, now.statement) || !before.proof.empty() || now.proof.empty()) {
    return DropReason::share_duplicate;
  }
  held = message;
  return std::nullopt;
}

// A SIG-SHARE of the batch for which its signer is in doubt.
ThresholdSign::Refusal ThresholdSign::settle_doubt(const Doubt& doubt, const Stored& message, Output& output) {
  const ServerId signer = message->get().server();
  const Stored doubted = doubt.share;  // the doubt itself ends below
  const auto share = message->get().as<SigShare>();
  const auto owed = doubted->get().as<SigShare>();
  if (contradict(owed, share)) {
    convict(signer, {doubted, message}, output);
    return DropReason::share_bad;
  }
  if (!equal(owed.statement, share.statement)) return DropReason::share_other_statement;
  if (share.proof.empty()) return DropReason::share_duplicate;
  if (has_bad_proof(*combiner_, signer, share)) {
    convict(signer, {message}, output);
    return DropReason::share_bad;
  }
  suspects_.clear(signer);
  Batch* const batch = find(share.batch);
  if (batch == nullptr || !batch->collection) return std::nullopt;
  batch->shares[signer.index()] = message;
  batch->collection->add_proven(signer, share.share);
  return std::nullopt;
}

ThresholdSign::Refusal ThresholdSign::on_request(Instant now, const message::VerifiedMessage& message, Output& output) {
  const auto request = message.as<SigRequest>();
  const ServerId from = message.server();
  Batch* const batch = find(request.batch);
  if (batch == nullptr) return DropReason::share_unknown;
  if (!request.proof && request.batch < floor_) return DropReason::share_over;
  Answered& answered = batch->answered[from.index()];
  std::optional<Instant>& last = request.proof ? answered.proof : answered.request;
  if (too_soon(now, last, config_.repeat_period)) return DropReason::share_over_quota;
  last = now;
  const Stored& own = batch->shares[config_.self.index()];
  if (request.proof) return answer_with_proof(now, request.batch, *batch, from, output);
  if (batch->signature) {
    say(SigComplete{request.batch, *batch->signature}, ServerSet::only(from), output);
  } else if (own != nullptr) {
    output.forward.push_back({.message = own, .to = ServerSet::only(from)});
  }
  return std::nullopt;
}

// A proof goes to all: where one server's combination failed, others' did.
ThresholdSign::Refusal ThresholdSign::answer_with_proof(Instant now, std::uint64_t number, Batch& batch, ServerId to,
                                                        Output& output) {
  const Stored& own = batch.shares[config_.self.index()];
  if (own == nullptr) return DropReason::share_unknown;
  if (has_proof(*own)) {
    output.forward.push_back({.message = own, .to = ServerSet::only(to)});
    return std::nullopt;
  }
  if (batch.proving) return std::nullopt;
  if (!suspects_.may_ask(now, to)) return DropReason::share_over_quota;
  batch.proving = true;
  output.shares.push_back({number, batch.statement, to_bytes(own->get().as<SigShare>().share)});
  return std::nullopt;
}

ThresholdSign::Refusal ThresholdSign::on_evidence(const message::VerifiedMessage& message, Output& output) {
  const std::optional<Accusation> accusation = accusation_of(message);
  if (accusation && suspects_.expelled().contains(accusation->accused)) return std::nullopt;
  if (!accusation || !convicts(*combiner_, *accusation)) {
    expel(message.server(), output);
    return DropReason::share_false_evidence;
  }
  if (accusation->accused != config_.self) expel(accusation->accused, output);
  return std::nullopt;
}

ThresholdSign::Refusal ThresholdSign::on_complete(const message::VerifiedMessage& message, Output& output) {
  const auto answer = message.as<SigComplete>();
  Batch* const batch = find(answer.batch);
  if (batch == nullptr || !batch->collection) return DropReason::share_unasked;
  if (!combiner_->verify(batch->statement, answer.signature)) {
    expel(message.server(), output);
    return DropReason::share_bad_signature;
  }
  complete(answer.batch, *batch, to_bytes(answer.signature), output);
  return std::nullopt;
}

void ThresholdSign::tick(Instant now, Output& output) {
  // From the newest: those that are over are many, and none of them is looked at.
  for (auto at = batches_.rbegin(); at != batches_.rend() && at->first >= floor_; ++at) {
    if (at->second.request_at > now) continue;
    at->second.request_at = now + config_.repeat_period;
    say(SigRequest{at->first, false}, others(), output);
  }
  suspects_.due(now, config_.longest_pause).for_each([&](ServerId server) {
    say(SigRequest{suspects_.doubt_of(server)->batch, true}, ServerSet::only(server), output);
  });
}

Instant ThresholdSign::next_wakeup() const {
  Instant next = suspects_.next_due();
  for (auto at = batches_.rbegin(); at != batches_.rend() && at->first >= floor_; ++at) {
    next = earlier(next, at->second.request_at);
  }
  return next;
}

// Tells every batch whose shares are withheld now. Each further round has somebody more in doubt or expelled.
void ThresholdSign::update(Instant now, Output& output) {
  for (bool again = true; again;) {
    again = false;
    for (auto at = batches_.lower_bound(floor_); at != batches_.end(); ++at) {
      Batch& batch = at->second;
      if (!batch.collection) continue;
      const ServerSet withheld = suspects_.withheld();
      batch.collection->withhold(withheld);
      absorb(now, at->first, batch, output);
      again = again || suspects_.withheld() != withheld;
    }
  }
}

// What the batch's collection has come to.
void ThresholdSign::absorb(Instant now, std::uint64_t number, Batch& batch, Output& output) {
  const crypto::ShareCollection& collection = *batch.collection;
  collection.blamed().for_each([&](ServerId server) {
    if (suspects_.expelled().contains(server)) return;
    convict(server, {batch.shares[server.index()]}, output);
  });
  const ServerSet suspended = collection.suspended();
  ServerSet ask;
  suspended.for_each([&](ServerId server) {
    if (batch.suspended.contains(server)) return;
    suspects_.doubt(now, server, number, batch.shares[server.index()], config_.repeat_period);
    ask.insert(server);
  });
  batch.suspended = suspended;
  if (!ask.empty()) say(SigRequest{number, true}, ask, output);
  if (collection.signature()) complete(number, batch, *collection.signature(), output);
}

void ThresholdSign::complete(std::uint64_t number, Batch& batch, Bytes signature, Output& output) {
  output.signatures.push_back({number, signature});
  batch.signature = std::move(signature);
  batch.collection.reset();
  batch.request_at = Instant::never();
  for (std::size_t i = 0; i < batch.shares.size(); ++i) {
    if (i != config_.self.index()) batch.shares[i].reset();
  }
}

void ThresholdSign::convict(ServerId server, const std::vector<Stored>& shares, Output& output) {
  expel(server, output);
  SigEvidence evidence;
  for (const Stored& share : shares) evidence.shares.push_back(share->get().bytes());
  say(evidence, others(), output);
}

void ThresholdSign::expel(ServerId server, Output& output) {
  suspects_.expel(server);
  output.expelled.insert(server);
  early_[server.index()].clear();
}

ThresholdSign::Batch* ThresholdSign::find(std::uint64_t number) {
  const auto at = batches_.find(number);
  return at == batches_.end() ? nullptr : &at->second;
}

// Who is expelled is not told anything.
ServerSet ThresholdSign::others() const {
  return ServerSet::from_bits(ServerSet::all(config_.n).without(config_.self).bits() & ~suspects_.expelled().bits());
}

template <typename Message>
void ThresholdSign::say(const Message& message, ServerSet to, Output& output) const {
  ordering::Sign sign;
  sign.type = Message::kType;
  sign.content = message::encode(config_.envelope, message);
  sign.to = to;
  sign.traffic = message::find_row(Message::kType)->traffic;
  output.sign.push_back(std::move(sign));
}

std::size_t ThresholdSign::shares_held() const {
  std::size_t held = 0;
  for (const auto& early : early_) held += early.size();
  for (const auto& [number, batch] : batches_) {
    held += static_cast<std::size_t>(
        std::ranges::count_if(batch.shares, [](const auto& share) { return share != nullptr; }));
  }
  return held;
}

}  // namespace garrison::site
