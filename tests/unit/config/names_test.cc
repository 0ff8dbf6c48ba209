#include "control/config/names.h"

#include <gtest/gtest.h>

#include "dataplane/base/bounds.h"

namespace garrison::config {
namespace {

using crypto::Principal;

TEST(NamesTest, text_counts_from_one_and_ids_from_zero) {
  EXPECT_EQ(server_name(SiteId(0), ServerId(0)), "A1");
  EXPECT_EQ(server_name(SiteId(25), ServerId(15)), "Z16");
  EXPECT_EQ(client_name(ClientId(6)), "c7");
  EXPECT_EQ(client_name(ClientId(0xffffffff)), "c4294967296");
}

TEST(NamesTest, sites_after_z_take_two_letters) {
  EXPECT_EQ(site_name(SiteId(26)), "AA");
  EXPECT_EQ(site_name(SiteId(51)), "AZ");
  EXPECT_EQ(site_name(SiteId(52)), "BA");
}

TEST(NamesTest, every_server_name_reads_back) {
  for (std::uint16_t site = 0; site < kMaxSites; ++site) {
    for (std::uint16_t server = 0; server < kMaxServersPerSite; ++server) {
      const auto id = std::pair{SiteId(site), ServerId(server)};
      EXPECT_EQ(parse_server_name(server_name(id.first, id.second)), id);
    }
  }
}

TEST(NamesTest, principals_read_back) {
  for (const Principal principal :
       {Principal::server(SiteId(1), ServerId(3)), Principal::client(ClientId(0)), Principal::client(ClientId(4095)),
        Principal::forwarder(SiteId(0), 0), Principal::forwarder(SiteId(27), 1)}) {
    EXPECT_EQ(parse_principal_name(principal_name(principal)), principal);
  }
}

TEST(NamesTest, a_site_that_signs_has_the_name_of_the_site) {
  EXPECT_EQ(principal_name(Principal::of_site(SiteId(1))), "B");
}

TEST(NamesTest, only_one_spelling_is_taken) {
  for (const char* text : {"", "A", "1", "a1", "A0", "A01", "A17", "A1 ", " A1", "A-1", "A+1", "BM1", "ZZ1", "AAA1",
                           "A1x", "A99999999999"}) {
    EXPECT_EQ(parse_server_name(text), std::nullopt) << text;
  }
  for (const char* text : {"", "c", "c0", "c01", "C1", "c1 ", "c-1", "cc1", "c4294967297", "1"}) {
    EXPECT_EQ(parse_client_name(text), std::nullopt) << text;
  }
  for (const char* text : {"", "a", "A1", "BM", "AAA"}) EXPECT_EQ(parse_site_name(text), std::nullopt) << text;
}

}  // namespace
}  // namespace garrison::config
