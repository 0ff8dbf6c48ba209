// The options of one adversary as text: "to=f", "by=20ms", "types=PREPARE+COMMIT". Validated when a spec is parsed, so
// that reading them later cannot fail.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/adversary/conspiracy.h"
#include "control/message/catalogue.h"
#include "dataplane/base/instant.h"

namespace garrison::adversary {

// What an option's value may be.
//   servers   f: the f correct servers that the faulty ones agree to leave out; few: the correct ones that they agree
//   to
//             serve; correct; faulty; all; or names: A1+A3
//   types     all, or names of messages between servers as the papers print them: PO-REQUEST+PO-ACK
//   duration  20ms
//   percent   0 to 100
//   count     1 to 1000
//   level     low or high
enum class ValueKind : std::uint8_t { servers, types, duration, percent, count, level };

// A type stands for its name in every protocol: PREPARE is Prime's and BFT's.
using MessageTypes = std::vector<message::MessageType>;

[[nodiscard]] std::optional<ServerSet> parse_servers(std::string_view text, const Conspiracy& conspiracy);
[[nodiscard]] std::optional<MessageTypes> parse_types(std::string_view text);
// None when `text` is a value of this kind; else what would be, for the error message.
[[nodiscard]] std::optional<std::string_view> wanted_instead(ValueKind kind, std::string_view text);

class Options {
 public:
  void set(std::string_view name, std::string_view value) { values_[std::string(name)] = value; }

  // By the name of an option that the adversary has, of that kind.
  [[nodiscard]] ServerSet servers(std::string_view name, const Conspiracy& conspiracy) const;
  [[nodiscard]] MessageTypes types(std::string_view name) const;
  [[nodiscard]] Duration duration(std::string_view name) const;
  [[nodiscard]] std::uint64_t number(std::string_view name) const;  // percent, count
  [[nodiscard]] bool high(std::string_view name) const { return text(name) == "high"; }
  [[nodiscard]] std::uint64_t millionths(std::string_view name) const { return number(name) * 10'000; }

 private:
  [[nodiscard]] const std::string& text(std::string_view name) const;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace garrison::adversary
