// One attack on one site: which servers are faulty, and what each of them does. Both are text, as the lab, the node's
// command line and experiment files have it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/adversary/spec.h"
#include "control/config/topology.h"

namespace garrison::adversary {

struct AttackText {
  std::string specs;         // of every faulty server: specs, or `random`: a mix of its own for each of them
  std::string faulty = "1";  // a number of servers, or their names: A1,A3

  [[nodiscard]] bool empty() const { return specs.empty(); }
};

// What an attack must know of its site.
struct AttackedSite {
  SystemId system{};
  KeyEpoch epoch{};
  SiteId site{};
  std::size_t n = 0;
  std::size_t f = 0;
  config::LocalProtocol protocol = config::LocalProtocol::prime;
  bool of_sites = false;  // its n participants are sites, and so are the faulty ones
};
[[nodiscard]] AttackedSite attacked_site(const config::Topology& topology, SiteId site);

class Attack {
 public:
  // A number of faulty servers stands for the first ones where `seed` is 0, else for some that follow from the seed; so
  // do random mixes. The error is one line for the operator.
  [[nodiscard]] static Result<Attack> make(const AttackText& text, const AttackedSite& site, std::uint64_t seed);
  // "A1=delay-leader": one entry for each faulty server.
  [[nodiscard]] static Result<Attack> make(const std::vector<std::string>& entries, const AttackedSite& site,
                                           std::uint64_t seed);

  // The core of `server`: as it is where the server is correct. Called once for each server, by one thread.
  [[nodiscard]] std::unique_ptr<ordering::OrderingCore> corrupt(ServerId server,
                                                                std::unique_ptr<ordering::OrderingCore> core) const;
  // To let servers be correct for a while: hold_back() before they start, begin() at any time, by any thread.
  void hold_back() { conspiracy_->hold_back(); }
  void begin() { conspiracy_->begin(); }
  [[nodiscard]] const Conspiracy& conspiracy() const { return *conspiracy_; }
  [[nodiscard]] ServerSet faulty() const { return conspiracy_->faulty(); }

 private:
  using Texts = std::map<ServerId, std::string>;
  [[nodiscard]] static Result<Attack> make(const Texts& specs, const AttackedSite& site, std::uint64_t seed);
  Attack() = default;

  std::shared_ptr<Conspiracy> conspiracy_;
  std::map<ServerId, std::vector<Spec>> specs_;
  AttackedSite site_;
  std::uint64_t seed_ = 0;
};

// "A1 delay-leader:by=20ms 34 times, A2 silent never": what each did, in order; empty if nobody was faulty. `name_of`
// names the participants; empty: as servers of the first site.
[[nodiscard]] std::string describe_acts(const Conspiracy& conspiracy,
                                        const std::function<std::string(ServerId)>& name_of = {});

// What proves nothing, as one line: a spec that none of its participants acted on, or one, by `name_of` as above, that
// did nothing at all of its random mix. None when everything happened that was to happen; what waits for an occasion
// may have had none, if something else happened.
[[nodiscard]] std::optional<std::string> find_idle(const AttackText& text, const Conspiracy& conspiracy,
                                                   const std::function<std::string(ServerId)>& name_of = {});

}  // namespace garrison::adversary
