#include "control/config/toml_section.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "control/config/text_values.h"

namespace garrison::config {
namespace {

std::string_view describe(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or a time";
  }
}

// Levenshtein distance; keys are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// TOML integers are signed 64-bit: nothing above that can be written.
std::string wanted_integer(std::uint64_t low, std::uint64_t high) {
  return fmt::format("an integer of {}..{}", low,
                     std::min(high, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t candidate_distance = distance(word, candidate);
    if (candidate_distance >= best_distance || candidate_distance >= candidate.size()) continue;
    best = candidate;
    best_distance = candidate_distance;
  }
  return best;
}

void Faults::add(toml::source_position at, std::string_view what) {
  if (first_) return;
  first_ = fmt::format("{}:{}:{}: {}", file_, std::max(at.line, 1U), std::max(at.column, 1U), what);
  std::replace_if(
      first_->begin(), first_->end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, '?');
}

Section::Section(Faults& faults, const toml::table& table, std::string title, std::vector<std::string_view> known,
                 const std::vector<std::string_view>& required)
    : faults_(faults), table_(table), title_(std::move(title)), known_(std::move(known)) {
  // The table iterates by name; the fault that stands first in the file is the one to report.
  const toml::key* unknown = nullptr;
  for (const auto& [key, value] : table_) {
    if (is_known(key.str())) continue;
    const auto before = [](toml::source_position a, toml::source_position b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    };
    if (unknown == nullptr || before(key.source().begin, unknown->source().begin)) unknown = &key;
  }
  if (unknown != nullptr) {
    const auto hint = nearest(unknown->str(), known_);
    faults_.add(unknown->source().begin, fmt::format("unknown key \"{}\" in {}; {}", unknown->str(), title_,
                                                     hint ? fmt::format("did you mean \"{}\"?", *hint)
                                                          : fmt::format("known here: {}", fmt::join(known_, ", "))));
  }
  for (const std::string_view key : required) {
    CHECK(is_known(key));
    if (!has(key)) fault(key, fmt::format("\"{}\" is missing in {}; add it", key, title_));
  }
}

bool Section::is_known(std::string_view key) const { return std::ranges::find(known_, key) != known_.end(); }

toml::source_position Section::position(std::string_view key) const {
  const toml::node* const node = table_.get(key);
  return node != nullptr ? node->source().begin : table_.source().begin;
}

const toml::node* Section::find(std::string_view key, toml::node_type type, std::string_view wanted) {
  CHECK(is_known(key));
  const toml::node* const node = table_.get(key);
  if (node == nullptr || faults_.any()) return nullptr;
  if (node->type() == type) return node;
  fault(key, fmt::format("{} is {}; write {}", key, describe(node->type()), wanted));
  return nullptr;
}

bool Section::read_text(std::string_view key, std::string& out) {
  const toml::node* const node = find(key, toml::node_type::string, "text in quotes");
  if (node == nullptr) return false;
  out = node->as_string()->get();
  return true;
}

void Section::text(std::string_view key, std::string& out) { read_text(key, out); }

void Section::boolean(std::string_view key, bool& out) {
  const toml::node* const node = find(key, toml::node_type::boolean, "true or false");
  if (node != nullptr) out = node->as_boolean()->get();
}

std::optional<std::uint64_t> Section::number(std::string_view key, std::uint64_t low, std::uint64_t high) {
  const toml::node* const node = find(key, toml::node_type::integer, wanted_integer(low, high));
  return node != nullptr ? number(key, *node, low, high) : std::nullopt;
}

std::optional<std::uint64_t> Section::number(std::string_view key, const toml::node& node, std::uint64_t low,
                                             std::uint64_t high) {
  const std::int64_t value = node.as_integer()->get();
  if (value >= 0 && static_cast<std::uint64_t>(value) >= low && static_cast<std::uint64_t>(value) <= high) {
    return static_cast<std::uint64_t>(value);
  }
  faults_.add(node.source().begin,
              fmt::format("{} = {} is out of range; write {}", key, value, wanted_integer(low, high)));
  return std::nullopt;
}

std::optional<std::vector<std::uint64_t>> Section::numbers(std::string_view key, std::uint64_t low,
                                                           std::uint64_t high) {
  const toml::node* const list = find(key, toml::node_type::array, "a list: [1, 2]");
  if (list == nullptr) return std::nullopt;
  std::vector<std::uint64_t> found;
  for (const toml::node& element : *list->as_array()) {
    if (!element.is_integer()) {
      faults_.add(element.source().begin, fmt::format("{} holds {}; write integers", key, describe(element.type())));
      return std::nullopt;
    }
    const auto value = number(key, element, low, high);
    if (!value) return std::nullopt;
    found.push_back(*value);
  }
  return found;
}

void Section::texts(std::string_view key, std::vector<std::string>& out) {
  const toml::node* const list = find(key, toml::node_type::array, "a list: [\"one\", \"two\"]");
  if (list == nullptr) return;
  std::vector<std::string> found;
  for (const toml::node& element : *list->as_array()) {
    if (!element.is_string()) {
      return faults_.add(element.source().begin,
                         fmt::format("{} holds {}; write text in quotes", key, describe(element.type())));
    }
    found.push_back(element.as_string()->get());
  }
  out = std::move(found);
}

void Section::duration(std::string_view key, Duration& out, Duration low, Duration high) {
  const std::string wanted =
      fmt::format("a duration of {}..{}, such as \"{}\"", to_string(low), to_string(high), to_string(out));
  const toml::node* const node = find(key, toml::node_type::string, wanted);
  if (node == nullptr) return;
  const std::string& written = node->as_string()->get();
  const auto value = parse_duration(written);
  if (!value) {
    fault(key, fmt::format("{} = \"{}\" is not a duration; write {}", key, written, wanted));
  } else if (*value < low || *value > high) {
    fault(key, fmt::format("{} = \"{}\" is out of range; write {}", key, written, wanted));
  } else {
    out = *value;
  }
}

const toml::table* Section::table(std::string_view key) {
  const toml::node* const node = find(key, toml::node_type::table, fmt::format("a table: [{}]", key));
  return node != nullptr ? node->as_table() : nullptr;
}

std::vector<const toml::table*> Section::tables(std::string_view key) {
  std::vector<const toml::table*> found;
  const toml::node* const node = find(key, toml::node_type::array, fmt::format("one [[...{}]] each", key));
  if (node == nullptr) return found;
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_table()) {
      faults_.add(element.source().begin,
                  fmt::format("{} holds {}; write one [[...{}]] each", key, describe(element.type()), key));
      return {};
    }
    found.push_back(element.as_table());
  }
  return found;
}

}  // namespace garrison::config
