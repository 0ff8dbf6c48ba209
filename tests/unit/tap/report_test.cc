#include "apps/tap/report.h"

#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

class ReportTest : public SourceHubTest {
 protected:
  // B3 sends another part than it has to.
  void hear_a_liar(Account& account) {
    const Bytes message = whole(1);
    for (const std::uint16_t server : Order{1, 3, 0}) hear(account, frames(part(message, 1, server), 1, server));
    hear(account, frames(part(message, 1, 2, 1), 1, 2));
  }
  [[nodiscard]] static nlohmann::json row(const nlohmann::json& rows, const std::string& what,
                                          const std::string& server = "") {
    for (const nlohmann::json& each : rows) {
      if (each.at("what") == what && (server.empty() || each.at("server") == server)) return each;
    }
    return nullptr;
  }
};

TEST_F(ReportTest, rows_are_flat) {
  Account account(topology_, &keys_.directory());
  hear_a_liar(account);
  const nlohmann::json rows = report_rows(account, 5);
  for (const nlohmann::json& each : rows) {
    for (const auto& [key, value] : each.items()) EXPECT_TRUE(value.is_primitive()) << key;
  }
}

TEST_F(ReportTest, a_guilty_server_is_named_with_the_message_that_proves_it) {
  Account account(topology_, &keys_.directory());
  hear_a_liar(account);
  const nlohmann::json rows = report_rows(account, 0);
  EXPECT_EQ(guilty_names(rows), "B3");
  const nlohmann::json guilty = row(rows, "guilty");
  EXPECT_EQ(guilty.at("link"), "B-C bounded");
  EXPECT_EQ(guilty.at("sequence"), 1);
  EXPECT_EQ(row(rows, "server", "B3").at("wrong_parts"), 1);
}

TEST_F(ReportTest, without_keys_nobody_is_named) {
  Account account(topology_, nullptr);
  hear_a_liar(account);
  const nlohmann::json rows = report_rows(account, 0);
  EXPECT_EQ(guilty_names(rows), "");
  EXPECT_EQ(row(rows, "guilty"), nullptr);
  EXPECT_EQ(row(rows, "server", "B3").at("wrong_parts"), 1) << "it is counted all the same";
}

TEST_F(ReportTest, the_text_has_a_line_for_each_row) {
  Account account(topology_, &keys_.directory());
  hear_a_liar(account);
  const std::string text = report_text(report_rows(account, 5));
  EXPECT_NE(text.find("\nB3 "), std::string::npos) << text;
  EXPECT_NE(text.find("first set"), std::string::npos);
  EXPECT_EQ(text.find(" \n"), std::string::npos) << "no blanks at the ends of lines";
}

TEST_F(ReportTest, an_account_of_nothing_has_no_rows) {
  const Account account(topology_, nullptr);
  EXPECT_TRUE(report_rows(account, 5).empty());
  EXPECT_EQ(report_text(report_rows(account, 5)), "");
}

}  // namespace
}  // namespace garrison::tap
