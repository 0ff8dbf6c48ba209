// A faulty server in what it does for its site's logical machine: wrong or missing parts of link messages, wrong shares
// of the site's signature, a clock that runs as it likes, questions and answers about parts that it makes up or plays
// again. Stands between the server's Member and what carries out its
// wishes; the Member inside stays consistent.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "control/site/member.h"
#include "crypto/threshold/threshold.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/rng.h"

namespace garrison::adversary {

enum class SiteLie : std::uint8_t {
  wrong_parts,       // bytes that decode to nothing
  some_wrong_parts,  // the same to every other site only
  no_parts,          // nothing is sent to other sites
  wrong_shares,      // of the site's signature
  no_shares,
  clock_ahead,  // as far as it likes
  clock_behind,
  forged_inquiries,    // about its own parts, in the name of its site
  replayed_inquiries,  // what its site asked and answered, again and again
  // Where links go over forwarders; there parts are what it presents, too.
  jumped_numbers,  // it goes ahead of its site in the numbers of what it presents
  false_bundles,   // it introduces what no site has signed, and again and again what one has
};
[[nodiscard]] std::string_view name(SiteLie lie);

class SiteLiar {
 public:
  // One lie for parts, one for shares, one for the clock and one for inquiries, each by chance, at least one.
  explicit SiteLiar(std::uint64_t seed, bool over_forwarders = false);
  explicit SiteLiar(std::vector<SiteLie> lies);

  // What the member wants done, before it is.
  void tamper(Instant now, site::Member::Outputs& outputs);
  // `signer` as the faulty server uses it.
  [[nodiscard]] std::unique_ptr<crypto::ThresholdSigner> wrap(std::unique_ptr<crypto::ThresholdSigner> signer);

  [[nodiscard]] std::uint64_t acted() const { return *acted_; }
  [[nodiscard]] const std::vector<SiteLie>& lies() const { return lies_; }

 private:
  [[nodiscard]] bool tells(SiteLie lie) const;
  void spoil_parts(site::Member::Outputs& outputs);
  void spoil_presented(site::Member::Outputs& outputs);
  void spoil_whole(site::Member::Outputs& outputs);
  void spoil_bundles(site::Member::Outputs& outputs);
  void make_up_inquiries(site::Member::Outputs& outputs);

  std::vector<SiteLie> lies_;
  std::deque<site::Member::SendUncoded> said_;  // the last few of its site
  std::uint64_t parts_seen_ = 0;
  std::uint64_t bundles_seen_ = 0;
  std::shared_ptr<std::uint64_t> acted_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace garrison::adversary
