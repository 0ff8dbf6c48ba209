#include "apps/node/evidence_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "control/message/messages.h"

namespace garrison::node {
namespace {

class EvidenceFileTest : public ::testing::Test {
 protected:
  EvidenceFileTest() : directory_(::testing::TempDir() + "/evidence-" + std::to_string(::getpid())) {
    std::filesystem::create_directory(directory_);
  }
  ~EvidenceFileTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<EvidenceFile> open() {
    return EvidenceFile::open(directory_, "A2", SystemId(7), KeyEpoch(3)).value();
  }
  std::vector<nlohmann::json> lines() const {
    std::ifstream file(directory_ + "/A2-7-3.evidence");
    std::vector<nlohmann::json> all;
    for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  static site::Conviction conviction(std::uint16_t server) {
    const message::Envelope envelope{SystemId(7), crypto::Principal::server(SiteId(1), ServerId(server)), KeyEpoch(3)};
    const Bytes part(3, 0xab);
    const Bytes message = message::encode(
        envelope, message::LinkPart{SiteId(0), TrafficClass::bounded, 0, 1, 4, Incarnation(1), SeqNum(9), 3, part});
    return {SiteId(1), ServerSet::only(ServerId(server)), site::Offence::wrong_part, {message}};
  }

  std::string directory_;
};

TEST_F(EvidenceFileTest, a_conviction_is_a_line_that_names_who_did_what_and_holds_the_messages) {
  {
    const auto file = open();
    file->keep(conviction(2));
    EXPECT_EQ(file->all().size(), 1U);
  }
  const auto written = lines();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].at("site"), "B");
  EXPECT_EQ(written[0].at("servers"), nlohmann::json::array({"B3"}));
  EXPECT_EQ(written[0].at("offence"), "wrong-part");
  const nlohmann::json& message = written[0].at("messages").at(0);
  EXPECT_EQ(message.at("name"), "LINK-PART");
  EXPECT_EQ(message.at("signer"), "B3");
  const auto hex = message.at("hex").get<std::string>();
  EXPECT_EQ(hex.size(), 2 * conviction(2).evidence.front().size());
  EXPECT_EQ(hex.substr(hex.size() - 6), "ababab");
}

TEST_F(EvidenceFileTest, another_life_adds_to_what_is_there) {
  open()->keep(conviction(0));
  open()->keep(conviction(1));
  const auto written = lines();
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[1].at("servers"), nlohmann::json::array({"B2"}));
}

TEST_F(EvidenceFileTest, a_directory_that_cannot_be_made_is_an_error_that_names_it) {
  const auto opened = EvidenceFile::open(directory_ + "/none/none", "A2", SystemId(7), KeyEpoch(3));
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find(directory_), std::string::npos);
}

}  // namespace
}  // namespace garrison::node
