#include "apps/node/health.h"

#include <gtest/gtest.h>

namespace garrison::node {
namespace {

using Troubles = std::vector<std::string>;

TEST(HealthTest, a_server_takes_part_once_it_has_the_state_and_the_views) {
  server::ControlStatus status;
  EXPECT_EQ(not_ready(true, status), Troubles());
  EXPECT_EQ(not_ready(false, status), Troubles{"stopped inside its process"});
  status.transfer.catching_up = true;
  EXPECT_EQ(not_ready(true, status), Troubles{"takes over the state of its peers"});
  status.ordering.view_installed = false;
  EXPECT_EQ(not_ready(true, status),
            (Troubles{"takes over the state of its peers", "a view change is under way in the site"}));
}

TEST(HealthTest, among_sites_it_needs_their_view_too) {
  server::ControlStatus status;
  status.global.emplace();
  EXPECT_EQ(not_ready(true, status), Troubles());
  status.global->view_installed = false;
  EXPECT_EQ(not_ready(true, status), Troubles{"a view change is under way among sites"});
}

}  // namespace
}  // namespace garrison::node
