// Who of this site is in the second set of a hub link whoever's turn it is, since it has repeatedly missed its turn in
// the first (docs/adr/0021). Part of the logical machine's state: it follows from executed DUTY-REPORTs and the site's
// clock, so that all servers of the site have the same sets for each link message.
//
// A server is demoted when f + 1 say that it missed its turns, so one of them is correct, and while fewer than f are
// demoted, so that a first set remains. It is back after a term, which is twice as long each time; a server that has
// then kept its turns for kProbation terms begins again with the shortest.
#pragma once

#include <vector>

#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/state_fields.h"

namespace garrison::site {

struct HubDutiesConfig {
  using NotState = void;
  std::size_t servers = 4;  // of this site
  std::size_t faulty = 1;   // of them
  std::size_t sites = 4;
  Duration term = seconds(8);
  Duration longest_term = seconds(128);
};

class HubDuties {
 public:
  static constexpr std::int64_t kProbation = 4;

  explicit HubDuties(const HubDutiesConfig& config);

  // What `reporter` says of the link to `destination`; both may be anything.
  void on_report(Instant now, ServerId reporter, SiteId destination, ServerSet missed);
  // The clock has moved.
  void on_time(Instant now);

  [[nodiscard]] ServerSet demoted(SiteId destination) const { return links_[destination.index()].demoted; }
  [[nodiscard]] ServerSet demoted() const;  // from any link
  [[nodiscard]] Instant next_wakeup() const;
  [[nodiscard]] std::uint64_t demotions() const { return demotions_; }

  STATE_FIELDS(config_, links_, demotions_)

 private:
  struct Standing {
    Duration term;  // the last one; zero: none yet
    Instant back;   // the end of it
    STATE_FIELDS(term, back)
  };
  struct Link {
    std::vector<ServerSet> reports;   // by reporter
    std::vector<Standing> standings;  // by server
    ServerSet demoted;
    STATE_FIELDS(reports, standings, demoted)
  };
  void judge(Instant now, Link& link);

  HubDutiesConfig config_;
  std::vector<Link> links_;  // by SiteId
  std::uint64_t demotions_ = 0;
};

}  // namespace garrison::site
