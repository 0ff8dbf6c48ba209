// Several sites of real servers in virtual time.
#include "apps/lab/lab_system.h"

#include <gtest/gtest.h>

#include <iostream>

namespace garrison::lab {
namespace {

TEST(LabSystemTest, four_sites_order_updates_of_all_their_clients) {
  EventQueue events;
  const auto keys = make_lab_keys({.sites = 4, .servers = 4, .clients = 8});
  LabSystem system(events, keys, {.seed = 1});
  system.start();
  for (std::uint16_t s = 0; s < 4; ++s) {
    system.site(SiteId(s)).clients().start({.updates_each = 5, .think = milliseconds(200)});
  }
  while (!events.empty() && events.now() < Instant(seconds(30).ns()) && !system.violation().has_value() &&
         (system.completed() < system.wanted() || !system.caught_up())) {
    events.run_next();
  }
  EXPECT_EQ(system.violation().value_or(""), "");
  EXPECT_EQ(system.completed(), 40U);
  EXPECT_TRUE(system.caught_up());
  EXPECT_EQ(system.state_difference().value_or(""), "");
  for (std::uint16_t x = 0; x < 4; ++x) {
    const auto st = system.site(SiteId(x)).server(ServerId(0)).control().machine()->status();
    std::cout << "site " << x << " t " << events.now().ns() / 1000000 << " clock " << st.clock.ns() / 1000000
              << " batches " << st.batches << " settled " << st.settled << " events " << st.events << " links "
              << st.link_messages << " sigs "
              << system.site(SiteId(x)).server(ServerId(0)).control().member()->signatures() << "\n";
  }
}

}  // namespace
}  // namespace garrison::lab
