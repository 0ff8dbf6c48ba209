#include "apps/tap/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "apps/tap/report.h"

namespace garrison::tap {

namespace {

using nlohmann::json;

class Screen {
 public:
  Screen(const Look& before, const Look& now) : now_(now), elapsed_(now.seconds - before.seconds) {
    for (const json& row : before.rows) before_.emplace(name_of(row), &row);
  }

  [[nodiscard]] std::string text() {
    taps();
    senders();
    links();
    servers();
    messages();
    const std::string guilty = guilty_names(now_.rows);
    if (!guilty.empty()) text_ += "\nproven to be faulty: " + guilty + "\n";
    return std::move(text_);
  }

 private:
  // What tells a row from others of its kind.
  static std::string name_of(const json& row) {
    std::string name = row.at("what").get<std::string>();
    for (const char* const key : {"tap", "server", "from", "to", "class", "sequence", "reason"}) {
      if (row.contains(key)) name += " " + row.at(key).dump();
    }
    return name;
  }
  [[nodiscard]] double gain(const json& row, const char* key) const {
    const auto at = before_.find(name_of(row));
    const double was = at == before_.end() ? 0 : at->second->at(key).get<double>();
    return row.at(key).get<double>() - was;
  }
  [[nodiscard]] double rate(const json& row, const char* key) const {
    return elapsed_ > 0 ? gain(row, key) / elapsed_ : 0;
  }
  template <typename Line>
  void each(std::string_view what, const std::string& head, Line&& line) {
    bool first = true;
    for (const json& row : now_.rows) {
      if (row.at("what") != what) continue;
      if (first && !head.empty()) text_ += "\n" + head + "\n";
      first = false;
      text_ += line(row);
    }
  }
  static std::string word(const json& row, const char* key) { return row.at(key).get<std::string>(); }
  static std::uint64_t number(const json& row, const char* key) { return row.at(key).get<std::uint64_t>(); }

  void taps() {
    each("tap", "", [&](const json& row) {
      return fmt::format("tap {}: {:.0f} frames/s, {:.1f} kB/s; {} frames in {:.0f} s, {} of them do not count\n",
                         number(row, "tap"), rate(row, "frames"), rate(row, "bytes") / 1e3, number(row, "frames"),
                         row.at("seconds").get<double>(), number(row, "refused"));
    });
  }

  void senders() {
    each("sender",
         fmt::format("{:<7} {:>3} {:>9} {:>9} {:>9} {:>12} {:>8} {:>9}", "sender", "tap", "frames/s", "kB/s", "parts/s",
                     "sequence", "lost", "only here"),
         [&](const json& row) {
           return fmt::format("{:<7} {:>3} {:>9.0f} {:>9.1f} {:>9.0f} {:>12} {:>8} {:>9}\n", word(row, "server"),
                              number(row, "tap"), rate(row, "frames"), rate(row, "bytes") / 1e3, rate(row, "parts"),
                              number(row, "last_sequence"), number(row, "lost"), number(row, "only_here"));
         });
  }

  void links() {
    each("link",
         fmt::format("{:<4} {:<4} {:<8} {:>11} {:>9} {:>9} {:>10}  {}", "from", "to", "class", "messages/s", "messages",
                     "decoded", "undecided", "demoted"),
         [&](const json& row) {
           return fmt::format("{:<4} {:<4} {:<8} {:>11.1f} {:>9} {:>9} {:>10}  {}\n", word(row, "from"),
                              word(row, "to"), word(row, "class"), rate(row, "messages"), number(row, "messages"),
                              number(row, "decoded"), number(row, "undecided"), word(row, "demoted"));
         });
  }

  void servers() {
    each("server",
         fmt::format("{:<7} {:>11} {:>11} {:>9} {:>9} {:>9} {:>7} {:>7} {:>6}", "server", "first set/s", "second/s",
                     "asked/s", "cancelled", "needless", "missed", "forged", "wrong"),
         [&](const json& row) {
           const std::uint64_t wrong =
               number(row, "wrong_parts") + number(row, "conflicting_parts") + number(row, "perjured_parts");
           return fmt::format("{:<7} {:>11.1f} {:>11.1f} {:>9.1f} {:>9} {:>9} {:>7} {:>7} {:>6}\n", word(row, "server"),
                              rate(row, "sent_first_set"), rate(row, "sent_second_set"), rate(row, "sent_asked"),
                              number(row, "cancelled"), number(row, "needless"), number(row, "missed_turns"),
                              number(row, "forged_in_its_name"), wrong);
         });
  }

  void messages() {
    each("message", "the last link messages, and when each part of them was sent", [](const json& row) {
      return fmt::format("{}-{} {:<8}{:>8}  {:<16} {}\n", word(row, "from"), word(row, "to"), word(row, "class"),
                         number(row, "sequence"), word(row, "first_set"), word(row, "parts"));
    });
  }

  const Look& now_;
  std::map<std::string, const json*> before_;
  double elapsed_;
  std::string text_;
};

}  // namespace

std::string tap_screen(const Look& before, const Look& now) { return Screen(before, now).text(); }

}  // namespace garrison::tap
