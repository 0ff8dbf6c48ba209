// What must hold of the links between sites, whatever faulty servers and sites do on them.
//
//   links       what a correct server of a correct site executes of another correct site's is what that site said, of
//               each class in the order of its sequences, of the BOUNDED class without a gap
//   blacklists  all correct servers of a site list the same behind the same event; only faulty servers and sites are
//               listed
//   bound       decoding fails at most f + 1 times per source, and once more for each TIMELY message forgotten
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/lab/checkers.h"
#include "control/site/machine.h"

namespace garrison::lab {

class LinkCheckers {
 public:
  // Violations go to `common`. `byzantine`: sites that are held to nothing, by number.
  LinkCheckers(std::shared_ptr<CommonOrder> common, ServerSet byzantine)
      : common_(std::move(common)), byzantine_(byzantine) {}

  // A correct server of a correct site. Before anything happens.
  void watch(SiteId site, ServerId server, site::LogicalMachine& machine);
  // By site, who may be listed. Before anything happens.
  void set_faulty(std::vector<ServerSet> faulty_of) { faulty_of_ = std::move(faulty_of); }

  // At the end; `f` of each site.
  [[nodiscard]] std::optional<std::string> too_many_failures(const site::LogicalMachine& machine, std::size_t f) const;
  // Listed anywhere: servers and sites, each counted once.
  [[nodiscard]] std::size_t listed() const;

 private:
  using Name = std::tuple<SiteId, SiteId, TrafficClass, SeqNum>;
  struct Listed {
    std::uint64_t events = 0;
    SiteId site;
    ServerSet servers;
    site::Offence offence{};
    friend bool operator==(const Listed&, const Listed&) = default;
  };
  void on_link(SiteId site, ServerId server, const site::LinkName& name, ByteView content);
  void on_convicted(SiteId site, ServerId server, std::uint64_t events, const site::Conviction& conviction);
  void report(std::string what);

  std::shared_ptr<CommonOrder> common_;
  ServerSet byzantine_;
  std::vector<ServerSet> faulty_of_;
  std::map<Name, Digest> said_;  // by correct sites
  std::map<std::tuple<SiteId, ServerId, SiteId, TrafficClass>, SeqNum> executed_;
  std::map<SiteId, std::vector<Listed>> listed_;                 // by its first correct server
  std::map<std::pair<SiteId, ServerId>, std::size_t> position_;  // in the list of its site
};

}  // namespace garrison::lab
