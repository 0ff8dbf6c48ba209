#include "control/site/inquiries.h"

#include <algorithm>

namespace garrison::site {

namespace {

using message::InquiryId;
using message::LinkInquiry;
using message::LinkInquiryResponse;
using message::LinkPart;
using Answer = LinkInquiryResponse::Answer;
using How = Consequences::Resumed::How;

// Parts of a verified INQUIRY, or as they were executed.
struct SignedPart {
  ServerId sender;
  LinkPart part;
};
SignedPart read_part(ByteView bytes) {
  const auto envelope = message::decode_envelope(bytes);
  const std::optional<LinkPart> part = message::decode<LinkPart>(bytes);
  CHECK(envelope.has_value() && part.has_value());
  return {ServerId(static_cast<std::uint16_t>(envelope->envelope.signer.index)), *part};
}

std::vector<ByteView> views(const std::vector<Bytes>& all) { return {all.begin(), all.end()}; }

Consequences dropped(DropReason reason) {
  Consequences out;
  out.drops.push_back(reason);
  return out;
}

}  // namespace

Inquiries::Inquiries(InquiriesConfig config, message::Validator& validator)
    : config_(std::move(config)),
      validator_(validator),
      blacklist_(config_.faulty),
      numbers_(config_.faulty.size()),
      asked_(config_.faulty.size()),
      askers_(config_.faulty.size()) {
  CHECK(config_.envelope.signer.kind == crypto::Principal::Kind::site && self().index() < config_.faulty.size());
  CHECK(config_.plans.size() == config_.faulty.size());
}

// Block A.
Consequences Inquiries::on_failed(Instant now, const FailedDecoding& failed) {
  Consequences out;
  if (failed.parts.size() == 1) {
    // A correct server codes nothing that its site has not signed.
    convict(failed.source, ServerSet::only(read_part(failed.parts.front()).sender), failed.parts, out);
    if (!blacklist_.has(failed.source)) out.resumed = Consequences::Resumed{failed.source, How::as_it_is, {}, {}, {}};
    return out;
  }
  SeqNum& number = numbers_[failed.source.index()];
  number = number.next();  // A2
  const InquiryId id{failed.source, self(), failed.traffic, config_.incarnation, number, failed.sequence};
  asked_[failed.source.index()] =
      Asked{id, failed.parts, now + config_.repeat_after, config_.repeat_after};  // A3, A4, A7
  out.say =
      ToSay{failed.source, message::encode(config_.envelope, LinkInquiry{id, views(failed.parts)}), {}};  // A5, A6
  return out;
}

// Block C.
Consequences Inquiries::on_inquiry(const message::VerifiedMessage& message, const SentMessages& sent) {
  const auto inquiry = message.as<LinkInquiry>();
  const InquiryId& id = inquiry.id;
  if (!known(id) || !fits_plan(inquiry)) return dropped(DropReason::link_unknown);
  if (blacklist_.has(id.asker) || blacklist_.has(id.asked)) return dropped(DropReason::link_blacklisted);
  if (!wants(message)) return dropped(DropReason::link_inquiry_unexpected);
  if (id.asked != self()) {
    thirds_[{id.asker, id.asked}] = {id.number, to_bytes(message.bytes())};
    return {};
  }
  if (sent.fate(id.asker, id.traffic, id.sequence) == SentMessages::Fate::unsigned_yet) {
    askers_[id.asker.index()].waiting = to_bytes(message.bytes());
    return {};
  }
  return answer(message.bytes(), sent);
}

std::vector<Consequences> Inquiries::on_settled(const SentMessages& sent) {
  std::vector<Consequences> all;
  for (Asker& asker : askers_) {
    if (asker.waiting.empty()) continue;
    const std::optional<LinkInquiry> inquiry = message::decode<LinkInquiry>(asker.waiting);
    CHECK(inquiry.has_value());
    const InquiryId& id = inquiry->id;
    if (sent.fate(id.asker, id.traffic, id.sequence) == SentMessages::Fate::unsigned_yet) continue;
    const Bytes bytes = std::exchange(asker.waiting, {});
    if (!blacklist_.has(id.asker)) all.push_back(answer(bytes, sent));
  }
  return all;
}

Consequences Inquiries::answer(ByteView bytes, const SentMessages& sent) {
  const std::optional<LinkInquiry> inquiry = message::decode<LinkInquiry>(bytes);
  CHECK(inquiry.has_value());
  const InquiryId& id = inquiry->id;
  Asker& asker = askers_[id.asker.index()];
  asker.handled = id.number;
  Consequences out;
  LinkInquiryResponse response{id, Answer::message, {}};
  switch (sent.fate(id.asker, id.traffic, id.sequence)) {
    case SentMessages::Fate::kept:
      response.bundle = sent.bundle_of(id.asker, id.traffic, id.sequence);  // C6
      break;
    case SentMessages::Fate::over:
      if (id.traffic == TrafficClass::bounded) {
        convict(id.asker, Offence::needless_inquiry, {to_bytes(bytes)}, out);
        return out;
      }
      response.answer = Answer::forgotten;
      out.say = ToSay{id.asker, message::encode(config_.envelope, response), {}};
      return out;
    default:
      response.answer = Answer::never_sent;
      break;
  }
  const Wrong wrong =
      wrong_ones(id, inquiry->parts,
                 response.answer == Answer::message ? std::optional(response.bundle) : std::nullopt);  // C5
  if (wrong.senders.empty()) {                                                                         // C2
    convict(id.asker, Offence::groundless_inquiry, {to_bytes(bytes)}, out);                            // C3
    return out;
  }
  if ((wrong.senders.bits() & asker.told_of.bits()) != 0) {
    convict(id.asker, Offence::repeated_inquiry, {to_bytes(bytes)}, out);
    return out;
  }
  asker.told_of = ServerSet::from_bits(asker.told_of.bits() | wrong.senders.bits());
  Bytes content = message::encode(config_.envelope, response);
  std::vector<Bytes> evidence = wrong.parts;
  evidence.push_back(to_bytes(bytes));
  evidence.push_back(content);
  out.say = ToSay{id.asker, std::move(content), to_bytes(bytes)};  // C7, C8
  convict(self(), wrong.senders, std::move(evidence), out);        // C9
  return out;
}

// Block E.
Consequences Inquiries::on_response(const message::VerifiedMessage& message) {
  const auto response = message.as<LinkInquiryResponse>();
  const InquiryId& id = response.id;
  if (!known(id)) return dropped(DropReason::link_unknown);
  if (blacklist_.has(id.asked)) return dropped(DropReason::link_blacklisted);
  Consequences out;
  if (id.asker != self()) {
    const auto at = thirds_.find({id.asker, id.asked});
    if (at == thirds_.end() || at->second.inquiry.empty()) return dropped(DropReason::link_inquiry_unexpected);
    const std::optional<LinkInquiry> inquiry = message::decode<LinkInquiry>(at->second.inquiry);
    CHECK(inquiry.has_value());
    if (inquiry->id != id || response.answer == Answer::forgotten) {
      return dropped(DropReason::link_inquiry_unexpected);
    }
    judge(message, inquiry->parts, out);
    at->second.inquiry.clear();
    return out;
  }
  std::optional<Asked>& asked = asked_[id.asked.index()];
  if (!asked.has_value() || asked->id.number != id.number) return dropped(DropReason::link_inquiry_unexpected);
  if (asked->id != id) {
    convict(id.asked, Offence::false_response, {to_bytes(message.bytes())}, out);
    return out;
  }
  const std::vector<Bytes> parts = asked->parts;
  asked.reset();
  Consequences::Resumed resumed{id.asked, How::as_it_is, id.traffic, id.sequence, to_bytes(response.bundle)};
  if (response.answer == Answer::forgotten) {
    resumed.how = How::without_it;
    ++forgotten_;
  } else {
    judge(message, views(parts), out);
    if (response.answer == Answer::message) resumed.how = How::with_message;
  }
  if (!blacklist_.has(id.asked)) out.resumed = std::move(resumed);  // E10, E11
  return out;
}

void Inquiries::judge(const message::VerifiedMessage& message, const std::vector<ByteView>& parts, Consequences& out) {
  const auto response = message.as<LinkInquiryResponse>();
  const InquiryId& id = response.id;
  const bool there_is_one = response.answer == Answer::message;
  Wrong wrong = wrong_ones(id, parts, there_is_one ? std::optional(response.bundle) : std::nullopt);  // E2, E6
  std::vector<Bytes> evidence = wrong.senders.empty() ? std::vector<Bytes>() : std::move(wrong.parts);
  if (wrong.senders.empty()) {
    for (const ByteView part : parts) evidence.push_back(to_bytes(part));
  }
  evidence.push_back(to_bytes(message.bytes()));
  if (wrong.senders.empty()) {                                                         // E3
    return convict(id.asked, Offence::groundless_response, std::move(evidence), out);  // E4
  }
  const LinkName name{id.asked, id.asker, id.traffic, id.incarnation, id.sequence};
  if (there_is_one && !is_signed_bundle(validator_, name, response.bundle)) {
    return convict(id.asked, Offence::false_response, std::move(evidence), out);
  }
  convict(id.asked, wrong.senders, std::move(evidence), out);  // E7
}

void Inquiries::convict(SiteId site, Offence offence, std::vector<Bytes> evidence, Consequences& out) {
  blacklist_.add(site);
  asked_[site.index()].reset();
  askers_[site.index()].waiting.clear();
  out.convictions.push_back({site, {}, offence, std::move(evidence)});
}

void Inquiries::convict(SiteId site, ServerSet servers, std::vector<Bytes> evidence, Consequences& out) {
  const ServerSet fresh = blacklist_.add(site, servers);
  if (fresh.empty()) return;
  out.convictions.push_back({site, fresh, Offence::wrong_part, std::move(evidence)});
  // E8, E9. What a site knows of itself changes nothing for it.
  if (site != self() && blacklist_.too_many(site)) convict(site, Offence::too_many_faulty, {}, out);
}

Inquiries::Wrong Inquiries::wrong_ones(const InquiryId& id, const std::vector<ByteView>& parts,
                                       std::optional<ByteView> bundle) {
  Wrong wrong;
  coding::Code& coder = codes_.of(plan(id.asked, id.asker)->code());
  Bytes expected;
  for (const ByteView bytes : parts) {
    const SignedPart each = read_part(bytes);
    if (bundle.has_value() && each.part.bundle_bytes == bundle->size()) {
      expected.resize(coder.part_bytes(bundle->size()));
      coder.encode(*bundle, each.part.index, expected);
      if (equal(expected, each.part.part)) continue;
    }
    wrong.senders.insert(each.sender);
    wrong.parts.push_back(to_bytes(bytes));
  }
  return wrong;
}

bool Inquiries::known(const InquiryId& id) const {
  return id.incarnation == config_.incarnation && id.asked.index() < blacklist_.sites() &&
         id.asker.index() < blacklist_.sites() && plan(id.asked, id.asker).has_value();
}

// No correct site has collected other parts.
bool Inquiries::fits_plan(const LinkInquiry& inquiry) const {
  const LinkPlan& link = *plan(inquiry.id.asked, inquiry.id.asker);
  return std::ranges::all_of(inquiry.parts, [&](ByteView bytes) {
    const SignedPart each = read_part(bytes);
    return link::PartCode{each.part.n, each.part.k} == link.code() && each.part.k > 1 &&
           link.sender_of(each.part.index) == each.sender;
  });
}

bool Inquiries::names_a_new_server(const LinkInquiry& inquiry) const {
  return std::ranges::any_of(
      inquiry.parts, [&](ByteView bytes) { return !blacklist_.has(inquiry.id.asked, read_part(bytes).sender); });
}

bool Inquiries::wants(const message::VerifiedMessage& message) const {
  if (message.type() == message::MessageType::LinkInquiry) {
    const auto inquiry = message.as<LinkInquiry>();
    const InquiryId& id = inquiry.id;
    if (!known(id) || blacklist_.has(id.asker) || blacklist_.has(id.asked)) return false;
    if (id.asked == self()) {
      const Asker& asker = askers_[id.asker.index()];
      return id.number == asker.handled.next() && asker.waiting.empty();
    }
    const auto at = thirds_.find({id.asker, id.asked});
    return (at == thirds_.end() || id.number > at->second.heard) && names_a_new_server(inquiry);
  }
  const auto response = message.as<LinkInquiryResponse>();
  const InquiryId& id = response.id;
  if (!known(id) || blacklist_.has(id.asked)) return false;
  if (id.asker == self()) {
    return asked_[id.asked.index()].has_value() && asked_[id.asked.index()]->id.number == id.number;
  }
  // The INQUIRY that it answers came before it, and may not have been executed yet.
  const auto at = thirds_.find({id.asker, id.asked});
  return at == thirds_.end() || id.number > at->second.heard ||
         (id.number == at->second.heard && !at->second.inquiry.empty());
}

std::vector<SiteId> Inquiries::due_again(Instant now) {
  std::vector<SiteId> due;
  for (std::optional<Asked>& asked : asked_) {
    if (!asked.has_value() || asked->repeat_at > now) continue;
    asked->repeat_gap = std::min(asked->repeat_gap * 2, config_.longest_repeat);
    asked->repeat_at = now + asked->repeat_gap;
    due.push_back(asked->id.asked);
  }
  return due;
}

Instant Inquiries::next_wakeup() const {
  Instant next = Instant::never();
  for (const std::optional<Asked>& asked : asked_) {
    if (asked.has_value()) next = earlier(next, asked->repeat_at);
  }
  return next;
}

}  // namespace garrison::site
