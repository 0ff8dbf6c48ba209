#include "apps/gateway/inline_words.h"

#include <charconv>
#include <string_view>

#include "apps/gateway/text.h"

namespace garrison::gateway {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::optional<std::vector<Bytes>> all() {
    std::vector<Bytes> words;
    for (skip_spaces(); !rest_.empty(); skip_spaces()) {
      words.emplace_back();
      if (!word(words.back())) return std::nullopt;
    }
    return words;
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  // A quoted stretch ends its word.
  bool word(Bytes& out) {
    while (!rest_.empty() && !is_space(rest_.front())) {
      const char c = take();
      if (c == '"' || c == '\'') return quoted(c, out) && (rest_.empty() || is_space(rest_.front()));
      put(c, out);
    }
    return true;
  }

  bool quoted(char quote, Bytes& out) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == quote) return true;
      if (c == '\\' && !rest_.empty() && (quote == '"' || rest_.front() == '\'')) {
        quote == '"' ? escape(out) : put(take(), out);
      } else {
        put(c, out);
      }
    }
    return false;
  }

  void escape(Bytes& out) {
    unsigned value = 0;
    if (rest_.size() >= 3 && rest_.front() == 'x' &&
        std::from_chars(rest_.data() + 1, rest_.data() + 3, value, 16).ptr == rest_.data() + 3) {
      rest_.remove_prefix(3);
      return out.push_back(static_cast<std::uint8_t>(value));
    }
    static constexpr std::string_view kLetters = "nrtba";
    static constexpr std::string_view kMeanings = "\n\r\t\b\a";
    const char c = take();
    const std::size_t at = kLetters.find(c);
    put(at == std::string_view::npos ? c : kMeanings[at], out);
  }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  static void put(char c, Bytes& out) { out.push_back(static_cast<std::uint8_t>(c)); }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<Bytes>> inline_words(ByteView line) { return Words(text(line)).all(); }

}  // namespace garrison::gateway
