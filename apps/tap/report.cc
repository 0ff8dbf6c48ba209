#include "apps/tap/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "control/config/names.h"

namespace garrison::tap {

namespace {

using nlohmann::json;

std::string_view class_name(TrafficClass traffic) { return traffic == TrafficClass::timely ? "timely" : "bounded"; }

std::string names_of(SiteId site, ServerSet servers) {
  std::string names;
  servers.for_each([&](ServerId id) { names += (names.empty() ? "" : ",") + config::server_name(site, id); });
  return names;
}

void add_taps(json& rows, const Account& account) {
  for (std::size_t tap = 0; tap < account.taps(); ++tap) {
    const TapTotals& totals = account.tap(tap);
    std::uint64_t refused = 0;
    for (const std::uint64_t frames : totals.refused) refused += frames;
    const double seconds = totals.frames == 0 ? 0 : (totals.last - totals.first).seconds();
    rows.push_back({{"what", "tap"},
                    {"tap", tap},
                    {"frames", totals.frames},
                    {"bytes", totals.bytes},
                    {"refused", refused},
                    {"seconds", seconds}});
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      if (totals.refused[i] == 0) continue;
      const auto reason = static_cast<DropReason>(i);
      rows.push_back({{"what", "refused"},
                      {"tap", tap},
                      {"reason", name(reason)},
                      {"text", text(reason)},
                      {"frames", totals.refused[i]}});
    }
  }
}

void add_senders(json& rows, const Account& account) {
  for (const auto& [sender, totals] : account.senders()) {
    for (std::size_t tap = 0; tap < account.taps(); ++tap) {
      const FrameTotals& frames = totals.frames[tap];
      const SequenceLog::Heard heard = totals.sequences.heard(tap);
      rows.push_back({{"what", "sender"},
                      {"server", config::server_name(sender.site, sender.server)},
                      {"tap", tap},
                      {"frames", frames.frames},
                      {"bytes", frames.bytes},
                      {"hello", frames.kinds[0]},
                      {"channel", frames.kinds[1]},
                      {"parts", frames.kinds[2]},
                      {"requests", frames.kinds[3]},
                      {"first_sequence", heard.first},
                      {"last_sequence", heard.last},
                      {"lost", heard.lost},
                      {"repeated", heard.repeated},
                      {"strays", heard.strays},
                      {"restarts", heard.restarts},
                      {"only_here", totals.sequences.only_at(tap)},
                      {"foreign_address", frames.foreign_address}});
    }
  }
}

// What is summed over the links of a server.
struct OfServer {
  ServerTotals totals;
  std::uint64_t link_messages = 0;
  std::string link{};  // of the first proof against it
  SeqNum proof{};
};

json link_row(const LinkBook& link, const LinkBook::Account& said) {
  return {{"what", "link"},
          {"from", config::site_name(link.from())},
          {"to", config::site_name(link.to())},
          {"class", class_name(link.traffic())},
          {"messages", said.link.messages},
          {"decoded", said.link.decoded},
          {"undecided", said.link.undecided},
          {"misnamed", said.link.misnamed},
          {"malformed", said.link.malformed},
          {"beyond_window", said.link.beyond_window},
          {"unlooked", said.link.unlooked},
          {"demoted", names_of(link.from(), said.demoted)}};
}

void add_messages(json& rows, const LinkBook& link, const LinkBook::Account& said, std::size_t most) {
  const std::size_t first = said.lines.size() - std::min(most, said.lines.size());
  for (std::size_t i = first; i < said.lines.size(); ++i) {
    const MessageLine& line = said.lines[i];
    rows.push_back({{"what", "message"},
                    {"from", config::site_name(link.from())},
                    {"to", config::site_name(link.to())},
                    {"class", class_name(link.traffic())},
                    {"sequence", line.sequence.value()},
                    {"decoded", line.decoded},
                    {"first_set", line.first_set},
                    {"parts", line.parts}});
  }
}

json server_row(const Account& account, Sender sender, const OfServer& of) {
  const ServerTotals& totals = of.totals;
  return {{"what", "server"},
          {"server", config::server_name(sender.site, sender.server)},
          {"link_messages", of.link_messages},
          {"turns", totals.turns},
          {"missed_turns", totals.missed_turns},
          {"sent_first_set", totals.sent_first},
          {"sent_second_set", totals.sent_second},
          {"sent_asked", totals.sent_asked},
          {"cancelled", totals.cancelled},
          {"needless", totals.needless},
          {"after_enough", totals.after_enough},
          {"overhearable", totals.overhearable},
          {"requested", account.requested(sender)},
          {"forged_in_its_name", totals.forged},
          {"wrong_parts", totals.wrong},
          {"conflicting_parts", totals.conflicting},
          {"perjured_parts", totals.perjured},
          {"alone_parts", totals.alone},
          {"only_at_0", totals.only_at[0]},
          {"only_at_1", totals.only_at[1]}};
}

// A table of the rows of one kind: columns by key, titled, right-aligned but for names.
struct Column {
  const char* key;
  const char* title;
};

std::string cell(const json& row, const char* key) {
  const json& value = row.at(key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
  return value.dump();
}

std::string table(const json& rows, std::string_view what, const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns) lines.front().emplace_back(column.title);
  std::vector<bool> is_text(columns.size());
  for (const json& row : rows) {
    if (row.at("what") != what) continue;
    std::vector<std::string>& line = lines.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      is_text[i] = row.at(columns[i].key).is_string();
      line.push_back(cell(row, columns[i].key));
    }
  }
  if (lines.size() == 1) return "";
  std::string text = "\n";
  for (const std::vector<std::string>& line : lines) {
    std::string one;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::size_t width = 0;
      for (const auto& each : lines) width = std::max(width, each[i].size());
      one += (i == 0 ? "" : "  ") +
             (is_text[i] ? fmt::format("{:<{}}", line[i], width) : fmt::format("{:>{}}", line[i], width));
    }
    one.erase(one.find_last_not_of(' ') + 1);
    text += one + "\n";
  }
  return text;
}

}  // namespace

json report_rows(const Account& account, std::size_t messages) {
  json rows = json::array();
  add_taps(rows, account);
  add_senders(rows, account);
  std::map<Sender, OfServer> servers;
  json lines = json::array();
  for (const auto& [id, link] : account.links()) {
    const LinkBook::Account said = link.account();
    rows.push_back(link_row(link, said));
    add_messages(lines, link, said, messages);
    for (std::size_t i = 0; i < said.servers.size(); ++i) {
      OfServer& of = servers[{link.from(), ServerId(static_cast<std::uint16_t>(i))}];
      of.totals += said.servers[i];
      of.link_messages += said.link.messages;
      if (said.proofs[i] == SeqNum() || of.proof != SeqNum()) continue;
      of.proof = said.proofs[i];
      of.link = fmt::format("{}-{} {}", config::site_name(link.from()), config::site_name(link.to()),
                            class_name(link.traffic()));
    }
  }
  for (const auto& [sender, of] : servers) rows.push_back(server_row(account, sender, of));
  for (const auto& [sender, of] : servers) {
    if (!account.verifies() || !of.totals.proven_faulty()) continue;
    rows.push_back({{"what", "guilty"},
                    {"server", config::server_name(sender.site, sender.server)},
                    {"wrong_parts", of.totals.wrong},
                    {"conflicting_parts", of.totals.conflicting},
                    {"perjured_parts", of.totals.perjured},
                    {"link", of.link},
                    {"sequence", of.proof.value()}});
  }
  for (json& line : lines) rows.push_back(std::move(line));
  return rows;
}

std::string report_text(const json& rows) {
  return table(rows, "tap",
               {{"tap", "tap"}, {"frames", "frames"}, {"bytes", "bytes"}, {"refused", "refused"}, {"seconds", "s"}}) +
         table(rows, "refused", {{"tap", "tap"}, {"frames", "frames"}, {"reason", "refused"}, {"text", ""}}) +
         table(rows, "sender",
               {{"server", "sender"},
                {"tap", "tap"},
                {"frames", "frames"},
                {"bytes", "bytes"},
                {"parts", "parts"},
                {"requests", "requests"},
                {"channel", "channel"},
                {"hello", "hello"},
                {"last_sequence", "sequence"},
                {"lost", "lost"},
                {"repeated", "repeated"},
                {"strays", "strays"},
                {"only_here", "only here"},
                {"foreign_address", "other address"}}) +
         table(rows, "link",
               {{"from", "from"},
                {"to", "to"},
                {"class", "class"},
                {"messages", "messages"},
                {"decoded", "decoded"},
                {"undecided", "undecided"},
                {"misnamed", "misnamed"},
                {"malformed", "malformed"},
                {"beyond_window", "beyond"},
                {"unlooked", "unlooked"},
                {"demoted", "demoted"}}) +
         table(rows, "server",
               {{"server", "server"},
                {"link_messages", "messages"},
                {"turns", "turns"},
                {"missed_turns", "missed"},
                {"sent_first_set", "first set"},
                {"sent_second_set", "second set"},
                {"sent_asked", "asked for"},
                {"cancelled", "cancelled"},
                {"needless", "needless"},
                {"after_enough", "after enough"},
                {"overhearable", "overheard"},
                {"requested", "requested"}}) +
         table(rows, "server",
               {{"server", "server"},
                {"forged_in_its_name", "forged in its name"},
                {"wrong_parts", "wrong"},
                {"conflicting_parts", "conflicting"},
                {"perjured_parts", "perjured"},
                {"alone_parts", "alone"},
                {"only_at_0", "only at tap 0"},
                {"only_at_1", "only at tap 1"}}) +
         table(rows, "message",
               {{"from", "from"},
                {"to", "to"},
                {"class", "class"},
                {"sequence", "message"},
                {"first_set", "first set"},
                {"parts", "parts"}}) +
         table(rows, "guilty",
               {{"server", "guilty"},
                {"wrong_parts", "wrong"},
                {"conflicting_parts", "conflicting"},
                {"perjured_parts", "perjured"},
                {"link", "first proof: link"},
                {"sequence", "message"}});
}

std::string guilty_names(const json& rows) {
  std::string names;
  for (const json& row : rows) {
    if (row.at("what") == "guilty") names += (names.empty() ? "" : ",") + row.at("server").get<std::string>();
  }
  return names;
}

}  // namespace garrison::tap
