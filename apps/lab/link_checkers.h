// What must hold of the links between sites, whatever faulty servers and sites do on them.
//
//   links       what a correct site executes of another correct site's is what that one said, each once, of the BOUNDED
//               class in the order of its sequences without a gap
//   same links  all correct servers of a site execute the same of them at the same event
//   blacklists  they list the same at the same event, too; only faulty servers and sites are listed
//   handed over a server that is handed the machine of its site has, by its count, executed what the others had by then
//   bound       decoding fails at most f + 1 times per source, and once more for each TIMELY message forgotten
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/lab/checkers.h"
#include "control/site/machine.h"

namespace garrison::lab {

// What the correct servers of one site do one after the other, as the one that was first to do it has done it. An Entry
// says behind how many `events`, which never fall.
template <typename Entry>
class InStep {
 public:
  // Whether others of its site were further than this server is.
  [[nodiscard]] bool behind(ServerId server) const { return turn(server) < done_.size(); }
  // `server` does this next. False when others have done something else at its turn.
  [[nodiscard]] bool agrees(ServerId server, const Entry& entry) {
    const std::size_t turn = turn_[server]++;
    if (turn == done_.size()) done_.push_back(entry);
    return done_[turn] == entry;
  }
  // `server` goes on behind so many events, which others have executed. Returns how much was done by then.
  std::size_t jump(ServerId server, std::uint64_t events) {
    const auto later = std::ranges::upper_bound(done_, events, {}, &Entry::events);
    return turn_[server] = static_cast<std::size_t>(later - done_.begin());
  }
  [[nodiscard]] const std::vector<Entry>& done() const { return done_; }

 private:
  [[nodiscard]] std::size_t turn(ServerId server) const {
    const auto at = turn_.find(server);
    return at == turn_.end() ? 0 : at->second;
  }
  std::vector<Entry> done_;
  std::map<ServerId, std::size_t> turn_;
};

class LinkCheckers {
 public:
  // Violations go to `common`. `byzantine`: sites that are held to nothing, by number.
  LinkCheckers(std::shared_ptr<CommonOrder> common, ServerSet byzantine)
      : common_(std::move(common)), byzantine_(byzantine) {}

  // A correct server of a correct site: what its machine does is told to what follows. Before anything happens.
  void watch(SiteId site, ServerId server, site::LogicalMachine& machine);
  // By site, who may be listed. Before anything happens.
  void set_faulty(std::vector<ServerSet> faulty_of) { faulty_of_ = std::move(faulty_of); }

  // `events`: executed so far, the one that this happens in included.
  void on_said(const site::LinkName& name, ByteView content);
  void on_executed(SiteId site, ServerId server, std::uint64_t events, const site::LinkName& name, ByteView content);
  void on_convicted(SiteId site, ServerId server, std::uint64_t events, const site::Conviction& conviction);
  // `link_messages`: executed by then, according to the machine that was handed over.
  void on_restored(SiteId site, ServerId server, std::uint64_t events, std::uint64_t link_messages);

  // At the end; `f` of each site.
  [[nodiscard]] std::optional<std::string> too_many_failures(const site::LogicalMachine& machine, std::size_t f) const;
  // Listed anywhere: servers and sites, each counted once.
  [[nodiscard]] std::size_t listed() const;

 private:
  using Name = std::tuple<SiteId, SiteId, TrafficClass, SeqNum>;
  struct Executed {
    std::uint64_t events = 0;
    SiteId source;
    TrafficClass traffic{};
    SeqNum sequence;
    Digest content{};
    friend bool operator==(const Executed&, const Executed&) = default;
  };
  struct Listed {
    std::uint64_t events = 0;
    SiteId site;
    ServerSet servers;
    site::Offence offence{};
    friend bool operator==(const Listed&, const Listed&) = default;
  };
  void check_first(SiteId site, ServerId server, const Executed& executed);
  void report(std::string what);

  std::shared_ptr<CommonOrder> common_;
  ServerSet byzantine_;
  std::vector<ServerSet> faulty_of_;
  std::map<Name, Digest> said_;                                   // by correct sites
  std::map<std::pair<SiteId, SiteId>, SeqNum> bounded_;           // executed at a site, of a source, the last one
  std::map<std::pair<SiteId, SiteId>, std::set<SeqNum>> timely_;  // the same of the other class, all
  std::map<SiteId, InStep<Executed>> executed_;
  std::map<SiteId, InStep<Listed>> listed_;
};

}  // namespace garrison::lab
