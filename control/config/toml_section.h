// Section: reads one TOML table against the list of keys it may have, and says where a fault stands.
//
// Faults keeps the first fault only, so a caller reads everything straight down and looks once, at its end: after a
// fault every reader leaves its output as it was. One thread.
#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::config {

class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}

  // Keeps "FILE:LINE:COL: what" unless something is kept already. Control characters of `what` are replaced.
  void add(toml::source_position at, std::string_view what);
  [[nodiscard]] bool any() const { return first_.has_value(); }
  [[nodiscard]] Error error() const { return Error{first_.value_or("")}; }

 private:
  std::string file_;
  std::optional<std::string> first_;
};

class Section {
 public:
  // `title` names the table in messages. Unknown keys, then missing ones, are faults at once.
  Section(Faults& faults, const toml::table& table, std::string title, std::vector<std::string_view> known,
          const std::vector<std::string_view>& required = {});

  // Each reads a key from the known ones and leaves `out` as it is when the key is absent or faulty.
  void boolean(std::string_view key, bool& out);
  void text(std::string_view key, std::string& out);
  void duration(std::string_view key, Duration& out, Duration low, Duration high);

  template <std::unsigned_integral T>
  void integer(std::string_view key, T& out, T low, T high) {
    const auto value = number(key, low, high);
    if (value) out = static_cast<T>(*value);
  }

  // Text that `parse` takes; `wanted` finishes "... is not" and "write" for the operator.
  template <typename T>
  void parsed(std::string_view key, T& out, std::optional<T> (*parse)(std::string_view), std::string_view wanted) {
    std::string written;
    if (!read_text(key, written)) return;
    if (const std::optional<T> value = parse(written)) {
      out = *value;
    } else {
      fault(key, fmt::format("\"{}\" is not {}", written, wanted));
    }
  }

  template <typename T>
  void one_of(std::string_view key, T& out, std::span<const std::pair<std::string_view, T>> choices) {
    std::string written;
    if (!read_text(key, written)) return;
    std::vector<std::string_view> names;
    for (const auto& [choice, value] : choices) {
      if (written == choice) {
        out = value;
        return;
      }
      names.push_back(choice);
    }
    fault(key, fmt::format("{} = \"{}\" is not known; use one of {}", key, written, fmt::join(names, ", ")));
  }

  // Lists; whole or not at all.
  template <std::unsigned_integral T>
  void integers(std::string_view key, std::vector<T>& out, T low, T high) {
    std::vector<T> read;
    const auto values = numbers(key, low, high);
    if (!values) return;
    for (const std::uint64_t value : *values) read.push_back(static_cast<T>(value));
    out = std::move(read);
  }
  void texts(std::string_view key, std::vector<std::string>& out);

  // Null when absent or faulty. Elements of `tables` are all tables.
  const toml::table* table(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);

  // A fault at the value of `key`, or at the table when the key is absent.
  void fault(std::string_view key, std::string_view what) { faults_.add(position(key), what); }
  [[nodiscard]] toml::source_position position(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }

 private:
  [[nodiscard]] bool is_known(std::string_view key) const;
  const toml::node* find(std::string_view key, toml::node_type type, std::string_view wanted);
  bool read_text(std::string_view key, std::string& out);
  std::optional<std::uint64_t> number(std::string_view key, std::uint64_t low, std::uint64_t high);
  std::optional<std::uint64_t> number(std::string_view key, const toml::node& node, std::uint64_t low,
                                      std::uint64_t high);
  std::optional<std::vector<std::uint64_t>> numbers(std::string_view key, std::uint64_t low, std::uint64_t high);

  Faults& faults_;
  const toml::table& table_;
  std::string title_;
  std::vector<std::string_view> known_;
};

// The candidate that `word` most likely meant; none when nothing is near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

}  // namespace garrison::config
