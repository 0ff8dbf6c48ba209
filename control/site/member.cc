#include "control/site/member.h"

#include <algorithm>
#include <utility>

#include "crypto/batch.h"

namespace garrison::site {

Member::Member(const MemberConfig& config, std::unique_ptr<crypto::ShareCombiner> combiner)
    : config_(config),
      combiner_(std::move(combiner)),
      signing_({.envelope = config.envelope, .self = config.self, .n = config.n, .f = config.f}, *combiner_),
      sent_(config.links.size()),
      encoded_(config.links.size()),
      came_(config.links.size()),
      asked_(config.links.size()),
      answered_(config.links.size()),
      duties_(config.links.size()),
      blink_(config.links.size()) {
  for (std::vector<HeldBundles>& by_source : bundles_) by_source.resize(config.links.size());
  CHECK(config.tick_period > Duration() && config.tick_rest >= config.tick_period);
}

void Member::on_message(Instant now, const message::VerifiedMessage& message) {
  now_ = now;
  ThresholdSign::Output output;
  signing_.on_message(now, message, output);
  collect(output);
}

void Member::on_share(Instant now, const ThresholdSign::ShareMade& made) {
  now_ = now;
  ThresholdSign::Output output;
  signing_.on_share(now, made, output);
  collect(output);
}

void Member::tick(Instant now, Instant tick_wanted) {
  now_ = now;
  tick_wanted_ = tick_wanted;
  if (now >= next_tick()) {
    ticked_at_ = now;
    outputs_.introduce.push_back(message::encode(config_.envelope, message::Tick{now}));
  }
  report_duties(now);
  for (Batch& each : batches_) {
    if (each.introduce_at > now || each.settled) continue;
    each.introduce_at = now + config_.takeover;
    outputs_.introduce.push_back(signed_message(*each.batch, each.batch->own.front(), *each.signature));
  }
  for (std::vector<HeldBundles>& by_source : bundles_) {
    for (HeldBundles& held : by_source) {
      for (auto& [sequence, bundle] : held) {
        if (bundle.first <= now) outputs_.introduce.push_back(std::move(bundle.second));
      }
      std::erase_if(held, [&](const auto& each) { return each.second.first <= now; });
    }
  }
  ThresholdSign::Output output;
  signing_.tick(now, output);
  collect(output);
}

Instant Member::next_tick() const {
  if (!ticked_at_.has_value()) return Instant();
  return std::max(*ticked_at_ + config_.tick_period, earlier(tick_wanted_, *ticked_at_ + config_.tick_rest));
}

Instant Member::next_wakeup() const {
  Instant next = earlier(next_tick(), signing_.next_wakeup());
  for (const Duties& duties : duties_) {
    next = earlier(next, report_due(duties));
  }
  for (const Batch& each : batches_) {
    if (!each.settled) next = earlier(next, each.introduce_at);
  }
  for (const std::vector<HeldBundles>& by_source : bundles_) {
    for (const HeldBundles& held : by_source) {
      for (const auto& [sequence, bundle] : held) next = earlier(next, bundle.first);
    }
  }
  return next;
}

void Member::on_duties(SiteId to, ServerSet missed) { duties_.at(to.index()).missed = missed; }

// Again while there is something to say: what was said of a server does not count once it has its turns back.
Instant Member::report_due(const Duties& duties) const {
  if (duties.missed != duties.reported) return duties.reported_at + config_.report_gap;
  return duties.missed.empty() ? Instant::never() : duties.reported_at + config_.report_again;
}

void Member::report_duties(Instant now) {
  for (std::size_t i = 0; i < duties_.size(); ++i) {
    Duties& duties = duties_[i];
    if (now < report_due(duties)) continue;
    duties.reported = duties.missed;
    duties.reported_at = now;
    const message::DutyReport report{SiteId(static_cast<std::uint16_t>(i)), duties.missed};
    outputs_.introduce.push_back(message::encode(config_.envelope, report));
  }
}

void Member::closed(std::shared_ptr<const OutgoingBatch> batch) {
  batches_.push_back({batch, std::nullopt, false, Instant::never()});
  for (const LinkOut& link : batch->links) {
    if (link.df_sequence == SeqNum()) continue;
    departing_.push_back({batch->number, {link.df_sequence, link.to, link.traffic, {}}});
  }
  ThresholdSign::Output output;
  signing_.begin(now_, batch->number, batch->tree.statement(), output);
  collect(output);
}

void Member::settled(std::uint64_t number, const RootSignature& signature) {
  if (Batch* batch = find(number); batch != nullptr) {
    batch->settled = true;
    if (!batch->signature.has_value()) on_signature(number, signature);
  }
  forget_done();
}

void Member::acknowledged(SiteId to, SeqNum through) {
  Sent& sent = sent_[to.index()];
  sent.erase(sent.begin(), sent.lower_bound({through.next(), 0}));
  if (config_.links[to.index()].has_value() && config_.links[to.index()]->on_hub()) {
    std::erase_if(encoded_[to.index()], [&](const auto& each) {
      return each.first.first == TrafficClass::bounded && each.first.second <= through;
    });
    outputs_.acknowledged.push_back({to, through});
  }
}

void Member::repeat(SiteId to) {
  for (const auto& [at, part] : sent_[to.index()]) outputs_.send.emplace_back(part).again = true;
}

void Member::restored(std::uint64_t settled, const std::vector<std::shared_ptr<const OutgoingBatch>>& closed_batches,
                      const std::vector<SentMessages::Kept>& unacknowledged) {
  while (!batches_.empty() && batches_.front().batch->number <= settled) batches_.pop_front();
  // What others have presented meanwhile is jumped over.
  std::erase_if(departing_, [&](const Departing& each) { return each.link.bundle.empty() && each.batch <= settled; });
  hand_over();
  signing_.forget_below(settled + 1);
  for (const std::shared_ptr<const OutgoingBatch>& batch : closed_batches) {
    if (find(batch->number) == nullptr) closed(batch);
  }
  for (std::shared_ptr<const Bytes>& asked : asked_) asked = nullptr;
  for (Answer& answer : answered_) answer = {};
  // What was acknowledged meanwhile goes with the next acknowledgement.
  for (const SentMessages::Kept& link : unacknowledged) {
    if (sends_to(link.to)) send_parts(link.to, TrafficClass::bounded, link.sequence, {}, link.bundle);
    if (over_blink(link.to)) send_whole(link.to, TrafficClass::bounded, link.bundle);
  }
  for (Blink& there : blink_) there.introduced.clear();
}

void Member::present_again(SiteId to, SeqNum df_sequence, ByteView bundle) {
  departing_.push_back({0, {df_sequence, to, TrafficClass::bounded, to_bytes(bundle)}});
  hand_over();
}

void Member::hand_over() {
  for (; !departing_.empty() && !departing_.front().link.bundle.empty(); departing_.pop_front()) {
    outputs_.present.push_back(std::move(departing_.front().link));
  }
}

std::optional<DropReason> Member::on_bundle(Instant now, const LinkName& name, ByteView event, bool known) {
  const bool again = name.traffic == TrafficClass::bounded && came_again(name.source, name.sequence.value());
  if (known && !again) return DropReason::link_stale;
  if (on_duty(name.sequence.value())) {
    outputs_.introduce.push_back(to_bytes(event));
    return std::nullopt;
  }
  if (known) return DropReason::link_stale;  // those on duty say that it was asked for again
  HeldBundles& held = bundles_[static_cast<std::size_t>(name.traffic)].at(name.source.index());
  if (held.size() == kHeldBundles) return DropReason::link_beyond_window;
  held.try_emplace(name.sequence, now + config_.takeover, to_bytes(event));
  return std::nullopt;
}

void Member::arrived(const LinkName& name) {
  HeldBundles& held = bundles_[static_cast<std::size_t>(name.traffic)].at(name.source.index());
  std::erase_if(blink_[name.source.index()].introduced, [&](const auto& each) {
    if (each.first.first != name.traffic) return false;
    const SeqNum sequence = each.first.second;
    return name.traffic == TrafficClass::bounded ? sequence == name.sequence : sequence <= name.sequence;
  });
  held.erase(name.sequence);
}

bool Member::came_again(SiteId source, std::uint64_t what) {
  link::SlidingBitmap<kRemembered>& came = came_.at(source.index());
  const bool again = !came.fresh(what);
  came.insert(what);
  return again;
}

void Member::ask_again(SiteId to) {
  if (asked_[to.index()] != nullptr) send_uncoded(to, asked_[to.index()]);
}

void Member::answer_again(Instant now, const message::InquiryId& id) {
  if (id.asker.index() >= answered_.size()) return;
  Answer& answer = answered_[id.asker.index()];
  if (answer.message == nullptr || answer.id != id || now < answer.sent_at + config_.answer_gap) return;
  answer.sent_at = now;
  send_uncoded(id.asker, answer.message);
}

void Member::convicted(const Conviction& conviction) {
  outputs_.convictions.push_back(conviction);
  if (!conviction.servers.empty()) return;
  sent_[conviction.site.index()].clear();
  encoded_[conviction.site.index()].clear();
  asked_[conviction.site.index()] = nullptr;
  answered_[conviction.site.index()] = {};
}

void Member::on_own_part(const message::VerifiedMessage& message) {
  const auto part = message.as<message::LinkPart>();
  const std::optional<LinkPlan>& plan = config_.links[part.destination.index()];
  CHECK(plan.has_value());
  for (const LinkPlan::Duty& duty : plan->duties(config_.self)) {
    if (duty.index != part.index) continue;
    SendPart send{std::make_shared<const message::StoredMessage>(message), part.destination, duty.to, part.traffic};
    if (plan->on_hub()) {
      const Encoded& encoded = encoded_[part.destination.index()];
      const auto at = encoded.find({part.traffic, part.sequence});
      if (at == encoded.end()) continue;  // executed there meanwhile
      send.hub = at->second;
    }
    if (part.traffic == TrafficClass::bounded) sent_[part.destination.index()][{part.sequence, part.index}] = send;
    outputs_.send.push_back(std::move(send));
  }
}

bool Member::introduces(SiteId source, const message::LinkPart& part, bool known) {
  if (source.index() >= came_.size()) return !known;
  std::uint64_t what = part.sequence.value();
  if (const std::optional<LinkPlan>& there = config_.links[source.index()]; there.has_value() && there->on_hub()) {
    if (!config::HubSets(there->receiver, there->sender).introduces(config_.self, part.index, part.sequence)) {
      return false;
    }
    what = what * kMaxServersPerSite + part.index;
  }
  if (part.traffic == TrafficClass::timely) return !known;
  const bool again = came_again(source, what);
  return !known || again;
}

void Member::collect(ThresholdSign::Output& output) {
  std::move(output.sign.begin(), output.sign.end(), std::back_inserter(outputs_.sign));
  std::move(output.forward.begin(), output.forward.end(), std::back_inserter(outputs_.forward));
  std::move(output.shares.begin(), output.shares.end(), std::back_inserter(outputs_.shares));
  std::move(output.drops.begin(), output.drops.end(), std::back_inserter(outputs_.drops));
  for (ThresholdSign::Signed& signature : output.signatures) {
    on_signature(signature.batch, {crypto::block_scheme(config_.scheme), std::move(signature.signature)});
  }
}

void Member::on_signature(std::uint64_t number, const RootSignature& signature) {
  Batch* batch = find(number);
  if (batch == nullptr || batch->signature.has_value()) return;
  ++signatures_;
  batch->signature = signature;
  batch->introduce_at = on_duty(number) ? now_ : now_ + config_.takeover;
  send_parts(*batch->batch, signature);
  send_whole(*batch->batch, signature);
  present(*batch->batch, signature);
  send_uncoded(*batch->batch, signature);
  forget_done();
}

void Member::send_parts(const OutgoingBatch& batch, const RootSignature& signature) {
  for (const LinkOut& link : batch.links) {
    if (sends_to(link.to))
      send_parts(link.to, link.traffic, link.sequence, link.demoted, bundle(batch, link, signature));
  }
}

void Member::present(const OutgoingBatch& batch, const RootSignature& signature) {
  for (Departing& each : departing_) {
    if (each.batch != batch.number) continue;
    const auto link = std::ranges::find(batch.links, each.link.df_sequence, &LinkOut::df_sequence);
    CHECK(link != batch.links.end());
    each.link.bundle = bundle(batch, *link, signature);
  }
  hand_over();
}

bool Member::sends_to(SiteId site) const {
  const std::optional<LinkPlan>& plan = config_.links[site.index()];
  CHECK(plan.has_value());
  return !plan->duties(config_.self).empty();
}

void Member::send_parts(SiteId to, TrafficClass traffic, SeqNum sequence, ServerSet demoted, ByteView bundle) {
  const LinkPlan& plan = *config_.links[to.index()];
  const link::PartCode code = plan.code();
  coding::Code& coder = codes_.of(code);
  for (const LinkPlan::Duty& duty : plan.duties(config_.self)) {
    Bytes bytes(coder.part_bytes(bundle.size()));
    coder.encode(bundle, duty.index, bytes);
    const message::LinkPart part{to,
                                 traffic,
                                 static_cast<std::uint8_t>(duty.index),
                                 code.k,
                                 code.n,
                                 config_.link_incarnation,
                                 sequence,
                                 static_cast<std::uint32_t>(bundle.size()),
                                 bytes};
    if (plan.on_hub()) {
      Encoded& encoded = encoded_[to.index()];
      encoded[{traffic, sequence}] = on_hub(to, part, demoted, bundle);
      if (encoded.size() > kMostOnHub) encoded.erase(encoded.begin());
    }
    ordering::Sign sign;
    sign.type = message::LinkPart::kType;
    sign.content = message::encode(config_.envelope, part);
    sign.traffic = traffic;
    outputs_.sign.push_back(std::move(sign));
  }
}

// The parts of all servers, as each of them will sign its own.
std::shared_ptr<const Member::OnHub> Member::on_hub(SiteId to, const message::LinkPart& own, ServerSet demoted,
                                                    ByteView bundle) {
  const LinkPlan& plan = *config_.links[to.index()];
  coding::Code& coder = codes_.of(plan.code());
  auto all = std::make_shared<OnHub>();
  all->sequence = own.sequence;
  all->first_set = plan.hub().first(own.sequence, demoted);
  Bytes bytes(own.part.size());
  message::Envelope envelope = config_.envelope;
  message::LinkPart part = own;
  for (std::size_t i = 0; i < plan.code().n; ++i) {
    coder.encode(bundle, i, bytes);
    part.index = static_cast<std::uint8_t>(i);
    part.part = bytes;
    envelope.signer = crypto::Principal::server(config_.envelope.signer.site, plan.sender_of(i));
    all->encoding.push_back(crypto::leaf_digest(message::encode(envelope, part)));
  }
  return all;
}

// Blocks B and D of Fig. 3.
void Member::send_uncoded(const OutgoingBatch& batch, const RootSignature& signature) {
  for (const UncodedOut& out : batch.uncoded) {
    const auto message = std::make_shared<const Bytes>(signed_message(batch, out, signature));
    if (const auto response = message::decode<message::LinkInquiryResponse>(*message); response.has_value()) {
      answered_[out.to.index()] = {message, response->id, now_};
    } else {
      asked_[out.to.index()] = message;
    }
    send_uncoded(out.to, message);
    if (out.inquiry.empty()) continue;
    const auto inquiry = std::make_shared<const Bytes>(out.inquiry);
    for (std::size_t i = 0; i < config_.links.size(); ++i) {
      const SiteId other(static_cast<std::uint16_t>(i));
      if (!config_.links[i].has_value() || other == out.to) continue;
      send_uncoded(other, inquiry);
      send_uncoded(other, message);
    }
  }
}

void Member::send_uncoded(SiteId site, const std::shared_ptr<const Bytes>& message) {
  const std::optional<LinkPlan>& plan = config_.links[site.index()];
  CHECK(plan.has_value());
  const ServerSet peers = plan->peers(config_.self);
  if (!peers.empty()) outputs_.uncoded.push_back({message, site, peers});
}

void Member::forget_done() {
  while (!batches_.empty() && batches_.front().settled && batches_.front().signature.has_value()) {
    signing_.forget_below(batches_.front().batch->number + 1);
    batches_.pop_front();
  }
}

// f + 1 servers in turn.
bool Member::on_duty(std::uint64_t number) const {
  return (config_.self.index() + config_.n - number % config_.n) % config_.n <= config_.f;
}

Member::Batch* Member::find(std::uint64_t number) {
  if (batches_.empty() || number < batches_.front().batch->number || number > batches_.back().batch->number) {
    return nullptr;
  }
  return &batches_[number - batches_.front().batch->number];
}

}  // namespace garrison::site
