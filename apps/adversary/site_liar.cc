#include "apps/adversary/site_liar.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace garrison::adversary {

namespace {

constexpr std::int64_t kFast = 1000;  // times as fast as the true clock
constexpr std::uint64_t kJump = 40;   // numbers: within the window of a forwarder
constexpr std::size_t kSaidKept = 8;
constexpr std::uint64_t kPartsPerInquiry = 16;  // between two that are made up or played again

// Of each group one lie is told, or none.
const std::vector<std::vector<SiteLie>>& groups() {
  static const std::vector<std::vector<SiteLie>> kGroups{
      {SiteLie::wrong_parts, SiteLie::some_wrong_parts, SiteLie::no_parts},
      {SiteLie::wrong_shares, SiteLie::no_shares},
      {SiteLie::clock_ahead, SiteLie::clock_behind},
      {SiteLie::forged_inquiries, SiteLie::replayed_inquiries},
  };
  return kGroups;
}

const std::vector<SiteLie>& over_forwarders_too() {
  static const std::vector<SiteLie> kGroup{SiteLie::jumped_numbers, SiteLie::false_bundles};
  return kGroup;
}

// Shares that have the form of one and are none.
class WrongSigner final : public crypto::ThresholdSigner {
 public:
  WrongSigner(std::unique_ptr<crypto::ThresholdSigner> signer, std::shared_ptr<std::uint64_t> acted)
      : signer_(std::move(signer)), acted_(std::move(acted)) {}
  Bytes share(ByteView message) override {
    ++*acted_;
    Bytes other = to_bytes(message);
    other.back() ^= 1U;
    return signer_->share(other);
  }
  Bytes prove(ByteView message, ByteView /*share*/) override {
    return signer_->prove(message, signer_->share(message));
  }

 private:
  std::unique_ptr<crypto::ThresholdSigner> signer_;
  std::shared_ptr<std::uint64_t> acted_;
};

// A message of this server's with other content in the same envelope.
template <typename Message>
Bytes altered(const Bytes& content, const Message& message) {
  const auto envelope = message::decode_envelope(content);
  CHECK(envelope.has_value());
  return message::encode(envelope->envelope, message);
}

}  // namespace

std::string_view name(SiteLie lie) {
  switch (lie) {
    case SiteLie::wrong_parts:
      return "wrong-parts";
    case SiteLie::some_wrong_parts:
      return "some-wrong-parts";
    case SiteLie::no_parts:
      return "no-parts";
    case SiteLie::wrong_shares:
      return "wrong-shares";
    case SiteLie::no_shares:
      return "no-shares";
    case SiteLie::clock_ahead:
      return "clock-ahead";
    case SiteLie::clock_behind:
      return "clock-behind";
    case SiteLie::forged_inquiries:
      return "forged-inquiries";
    case SiteLie::replayed_inquiries:
      return "replayed-inquiries";
    case SiteLie::jumped_numbers:
      return "jumped-numbers";
    case SiteLie::false_bundles:
      return "false-bundles";
  }
  check_failed("a known lie", __FILE__, __LINE__);
}

SiteLiar::SiteLiar(std::uint64_t seed, bool over_forwarders) {
  Rng rng(seed);
  std::vector<std::vector<SiteLie>> all = groups();
  if (over_forwarders) all.push_back(over_forwarders_too());
  while (lies_.empty()) {
    for (const std::vector<SiteLie>& group : all) {
      if (rng.below(2) == 0) lies_.push_back(group[rng.below(group.size())]);
    }
  }
}

void SiteLiar::spoil_presented(site::Member::Outputs& outputs) {
  if (tells(SiteLie::no_parts)) {
    *acted_ += outputs.present.size();
    outputs.present.clear();
  }
  for (site::Member::Present& link : outputs.present) {
    const bool to_this_one = link.to.value() % 2 == 0;
    if (tells(SiteLie::wrong_parts) || (tells(SiteLie::some_wrong_parts) && to_this_one)) {
      link.bundle[link.bundle.size() / 2] ^= 0x5aU;
      ++*acted_;
    }
    if (tells(SiteLie::jumped_numbers)) {
      link.df_sequence = SeqNum(link.df_sequence.value() + kJump);
      ++*acted_;
    }
  }
}

// On blink links parts are what it sends whole.
void SiteLiar::spoil_whole(site::Member::Outputs& outputs) {
  const auto is_whole = [](const site::Member::SendUncoded& send) {
    return message::decode<message::LinkBundle>(*send.message).has_value();
  };
  if (tells(SiteLie::no_parts)) *acted_ += std::erase_if(outputs.uncoded, is_whole);
  for (site::Member::SendUncoded& send : outputs.uncoded) {
    const bool to_this_one = send.site.value() % 2 == 0;
    if (!tells(SiteLie::wrong_parts) && !(tells(SiteLie::some_wrong_parts) && to_this_one)) continue;
    if (!is_whole(send)) continue;
    Bytes bytes = *send.message;
    bytes[bytes.size() / 2] ^= 0x5aU;
    send.message = std::make_shared<const Bytes>(std::move(bytes));
    ++*acted_;
  }
}

void SiteLiar::spoil_bundles(site::Member::Outputs& outputs) {
  if (!tells(SiteLie::false_bundles)) return;
  std::vector<Bytes> more;
  for (Bytes& event : outputs.introduce) {
    auto link = message::decode<message::LinkBundle>(event);
    if (!link.has_value()) continue;
    ++*acted_;
    if (++bundles_seen_ % 2 == 0) {
      more.push_back(event);
      continue;
    }
    Bytes bundle = to_bytes(link->bundle);
    bundle[bundle.size() / 2] ^= 0x5aU;
    link->bundle = bundle;
    event = altered(event, *link);
  }
  std::move(more.begin(), more.end(), std::back_inserter(outputs.introduce));
}

SiteLiar::SiteLiar(std::vector<SiteLie> lies) : lies_(std::move(lies)) {}

bool SiteLiar::tells(SiteLie lie) const { return std::ranges::find(lies_, lie) != lies_.end(); }

void SiteLiar::tamper(Instant now, site::Member::Outputs& outputs) {
  std::uint64_t& acted = *acted_;
  if (tells(SiteLie::no_parts)) {
    acted += std::erase_if(outputs.sign, [](const auto& sign) { return sign.type == message::MessageType::LinkPart; });
    outputs.send.clear();
  }
  if (tells(SiteLie::no_shares)) {
    acted += std::erase_if(outputs.sign, [](const auto& sign) { return sign.type == message::MessageType::SigShare; });
  }
  spoil_parts(outputs);
  spoil_presented(outputs);
  spoil_whole(outputs);
  spoil_bundles(outputs);
  make_up_inquiries(outputs);
  for (Bytes& event : outputs.introduce) {
    auto tick = message::decode<message::Tick>(event);
    if (!tick.has_value()) continue;
    if (tells(SiteLie::clock_ahead)) tick->clock = Instant(now.ns() * kFast);
    if (tells(SiteLie::clock_behind)) tick->clock = Instant(now.ns() / kFast);
    if (tick->clock == now) continue;
    event = altered(event, *tick);
    ++acted;
  }
}

void SiteLiar::spoil_parts(site::Member::Outputs& outputs) {
  for (ordering::Sign& sign : outputs.sign) {
    if (sign.type != message::MessageType::LinkPart) continue;
    auto part = message::decode<message::LinkPart>(sign.content);
    CHECK(part.has_value());
    const bool to_this_one = part->destination.value() % 2 == 0;
    if (!tells(SiteLie::wrong_parts) && !(tells(SiteLie::some_wrong_parts) && to_this_one)) continue;
    Bytes bytes = to_bytes(part->part);
    bytes[bytes.size() / 2] ^= 0x5aU;
    part->part = bytes;
    sign.content = altered(sign.content, *part);
    ++*acted_;
  }
}

// Without its site's signature it cannot make one up that counts, and what counts has been said.
void SiteLiar::make_up_inquiries(site::Member::Outputs& outputs) {
  for (const site::Member::SendUncoded& said : outputs.uncoded) {
    said_.push_back(said);
    if (said_.size() > kSaidKept) said_.pop_front();
  }
  const std::vector<site::Member::SendPart> sent = outputs.send;
  for (const site::Member::SendPart& send : sent) {
    if (++parts_seen_ % kPartsPerInquiry != 0) continue;
    if (tells(SiteLie::replayed_inquiries) && !said_.empty()) {
      outputs.uncoded.push_back(said_[parts_seen_ / kPartsPerInquiry % said_.size()]);
      ++*acted_;
    }
    if (tells(SiteLie::forged_inquiries)) {
      const message::VerifiedMessage& mine = send.part->get();
      const auto part = mine.as<message::LinkPart>();
      message::Envelope envelope = message::decode_envelope(mine.bytes())->envelope;
      envelope.signer = crypto::Principal::of_site(mine.signer().site);
      const message::InquiryId id{part.destination, mine.signer().site,  part.traffic,
                                  part.incarnation, SeqNum(parts_seen_), part.sequence};
      Bytes forged = message::encode(envelope, message::LinkInquiry{id, {mine.bytes()}});
      const ByteView block = mine.bytes().subspan(mine.content().size());
      forged.insert(forged.end(), block.begin(), block.end());
      outputs.uncoded.push_back(
          {std::make_shared<const Bytes>(std::move(forged)), send.site, ServerSet::only(send.to)});
      ++*acted_;
    }
  }
}

std::unique_ptr<crypto::ThresholdSigner> SiteLiar::wrap(std::unique_ptr<crypto::ThresholdSigner> signer) {
  if (!tells(SiteLie::wrong_shares)) return signer;
  return std::make_unique<WrongSigner>(std::move(signer), acted_);
}

}  // namespace garrison::adversary
