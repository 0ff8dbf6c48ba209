#include "apps/adversary/site_liar.h"

#include <algorithm>
#include <utility>

namespace garrison::adversary {

namespace {

constexpr std::int64_t kFast = 1000;  // times as fast as the true clock

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
  }
  check_failed("a known lie", __FILE__, __LINE__);
}

SiteLiar::SiteLiar(std::uint64_t seed) {
  Rng rng(seed);
  while (lies_.empty()) {
    for (std::size_t pair = 0; pair < std::size(kSiteLies); pair += 2) {
      if (rng.below(2) == 0) lies_.push_back(kSiteLies[pair + rng.below(2)]);
    }
  }
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
  for (ordering::Sign& sign : outputs.sign) {
    if (sign.type != message::MessageType::LinkPart || !tells(SiteLie::wrong_parts)) continue;
    auto part = message::decode<message::LinkPart>(sign.content);
    CHECK(part.has_value());
    Bytes bytes = to_bytes(part->part);
    bytes[bytes.size() / 2] ^= 0x5aU;
    part->part = bytes;
    sign.content = altered(sign.content, *part);
    ++acted;
  }
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

std::unique_ptr<crypto::ThresholdSigner> SiteLiar::wrap(std::unique_ptr<crypto::ThresholdSigner> signer) {
  if (!tells(SiteLie::wrong_shares)) return signer;
  return std::make_unique<WrongSigner>(std::move(signer), acted_);
}

}  // namespace garrison::adversary
