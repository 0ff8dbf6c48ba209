#include "apps/adversary/false_witness.h"

namespace garrison::adversary {

namespace {
using message::InquiryId;
using message::LinkInquiry;
using message::LinkInquiryResponse;
using Answer = LinkInquiryResponse::Answer;

constexpr std::uint64_t kTrusted = 200;      // parts heard of all sites, before it begins
constexpr std::uint64_t kMostInquiries = 3;  // to one site: a replay, and one more
}  // namespace

void FalseWitness::on_event(site::LogicalMachine& machine, const message::VerifiedMessage& event) {
  if (event.type() == message::MessageType::LinkPart) return ask_about(machine, event);
  if (event.type() == message::MessageType::LinkInquiry) {
    answer_falsely(machine, event.as<LinkInquiry>());
  }
}

void FalseWitness::ask_about(site::LogicalMachine& machine, const message::VerifiedMessage& event) {
  if (++parts_seen_ < kTrusted) return;
  const SiteId site = event.signer().site;
  const auto part = event.as<message::LinkPart>();
  Victim& victim = victims_[site];
  if (victim.asked == kMostInquiries) return;
  const std::tuple about(part.traffic, part.sequence);
  if (victim.about != about) victim = {about, {}, victim.asked};
  victim.parts.push_back(to_bytes(event.bytes()));
  if (victim.parts.size() != part.k) return;
  // The first number twice, then the next one.
  const SeqNum number(++victim.asked == kMostInquiries ? 2 : 1);
  const InquiryId id{site, envelope_.signer.site, part.traffic, part.incarnation, number, part.sequence};
  say(machine, site, message::encode(envelope_, LinkInquiry{id, {victim.parts.begin(), victim.parts.end()}}));
  // And tells the site what it never asked.
  const InquiryId unasked{envelope_.signer.site, site, part.traffic, part.incarnation, number, part.sequence};
  say(machine, site, message::encode(envelope_, LinkInquiryResponse{unasked, Answer::never_sent, {}}));
}

void FalseWitness::answer_falsely(site::LogicalMachine& machine, const LinkInquiry& inquiry) {
  if (inquiry.id.asked != envelope_.signer.site) return;
  const Bytes other(64, 0x5a);
  say(machine, inquiry.id.asker, message::encode(envelope_, LinkInquiryResponse{inquiry.id, Answer::message, other}));
}

void FalseWitness::say(site::LogicalMachine& machine, SiteId to, Bytes content) {
  machine.say_uncoded({to, std::move(content), {}});
  ++acted_;
}

}  // namespace garrison::adversary
