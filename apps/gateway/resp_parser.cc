#include "apps/gateway/resp_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "apps/gateway/inline_words.h"
#include "apps/gateway/text.h"

namespace garrison::gateway {

void RespParser::feed(ByteView bytes) {
  if (!failed_.empty()) return;
  begin_ += std::exchange(consumed_, 0);
  if (begin_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

RespParser::Next RespParser::next() {
  if (!failed_.empty()) return ProtocolError{failed_};
  begin_ += std::exchange(consumed_, 0);
  while (begin_ < buffer_.size()) {
    Next found = buffer_[begin_] == '*' ? next_array() : next_inline();
    // An empty array or line is no command: on to what follows.
    const Command* command = std::get_if<Command>(&found);
    if (command == nullptr || !command->arguments.empty()) return found;
    begin_ += std::exchange(consumed_, 0);
  }
  return NeedMore{};
}

RespParser::Next RespParser::error(const std::string& what) {
  failed_ = "ERR Protocol error: " + what;
  buffer_.clear();
  begin_ = 0;
  return ProtocolError{failed_};
}

// Lengths end with \r\n; an inline command may end with \n alone.
RespParser::Line RespParser::line_at(std::size_t offset, bool inline_command) const {
  const ByteView rest = ByteView(buffer_).subspan(begin_ + offset);
  const std::size_t looked_at = std::min(rest.size(), limits_.max_line_bytes);
  const auto newline = std::find(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(looked_at), '\n');
  const auto length = static_cast<std::size_t>(newline - rest.begin());
  if (length == looked_at) {
    return {looked_at < limits_.max_line_bytes ? Line::State::missing : Line::State::too_long, {}};
  }
  const bool with_return = length > 0 && rest[length - 1] == '\r';
  // A length without \r is not a number either: it is refused by whoever reads it.
  const std::size_t end = with_return ? length - 1 : length;
  const ByteView line = with_return || inline_command ? rest.first(end) : rest.first(length + 1);
  return {Line::State::whole, line, offset + length + 1};
}

RespParser::Next RespParser::next_inline() {
  const Line line = line_at(0, true);
  if (line.state == Line::State::missing) return NeedMore{};
  if (line.state == Line::State::too_long) return error("too big inline request");
  std::optional<std::vector<Bytes>> words = inline_words(line.text);
  if (!words.has_value()) return error("unbalanced quotes in request");
  inline_words_ = std::move(*words);
  consumed_ = line.after;
  Command command;
  command.arguments.assign(inline_words_.begin(), inline_words_.end());
  return command;
}

std::variant<RespParser::NeedMore, RespParser::ProtocolError, std::size_t> RespParser::array_length() {
  const Line line = line_at(1, false);
  if (line.state == Line::State::missing) return NeedMore{};
  if (line.state == Line::State::too_long) return ProtocolError{"too big mbulk count string"};
  const std::optional<std::int64_t> count = parse_integer(text(line.text));
  if (!count.has_value() || *count > static_cast<std::int64_t>(limits_.max_arguments)) {
    return ProtocolError{"invalid multibulk length"};
  }
  at_ = line.after;
  return static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
}

std::variant<RespParser::NeedMore, RespParser::ProtocolError, RespParser::Piece> RespParser::next_bulk() {
  if (begin_ + at_ == buffer_.size()) return NeedMore{};
  const std::uint8_t kind = buffer_[begin_ + at_];
  if (kind != '$') {
    const char shown = kind >= ' ' && kind <= '~' ? static_cast<char>(kind) : '?';
    return ProtocolError{std::string("expected '$', got '") + shown + "'"};
  }
  const Line line = line_at(at_ + 1, false);
  if (line.state == Line::State::missing) return NeedMore{};
  if (line.state == Line::State::too_long) return ProtocolError{"too big bulk count string"};
  const std::optional<std::int64_t> stated = parse_integer(text(line.text));
  if (!stated.has_value() || *stated < 0 || *stated > static_cast<std::int64_t>(limits_.max_bulk_bytes)) {
    return ProtocolError{"invalid bulk length"};
  }
  const auto length = static_cast<std::size_t>(*stated);
  if (line.after + length + 2 > limits_.max_command_bytes) {
    return ProtocolError{"command is longer than " + std::to_string(limits_.max_command_bytes) + " bytes"};
  }
  const ByteView rest = ByteView(buffer_).subspan(begin_ + line.after);
  if (rest.size() < length + 2) return NeedMore{};
  if (rest[length] != '\r' || rest[length + 1] != '\n') return ProtocolError{"bulk string is not followed by CRLF"};
  at_ = line.after + length + 2;
  return Piece{line.after, length};
}

RespParser::Next RespParser::next_array() {
  if (!in_array_) {
    const auto length = array_length();
    if (std::holds_alternative<NeedMore>(length)) return NeedMore{};
    if (const auto* refused = std::get_if<ProtocolError>(&length)) return error(refused->text);
    in_array_ = true;
    remaining_ = std::get<std::size_t>(length);
    pieces_.clear();
  }
  while (remaining_ > 0) {
    const auto bulk = next_bulk();
    if (std::holds_alternative<NeedMore>(bulk)) return NeedMore{};
    if (const auto* refused = std::get_if<ProtocolError>(&bulk)) return error(refused->text);
    pieces_.push_back(std::get<Piece>(bulk));
    --remaining_;
  }
  in_array_ = false;
  consumed_ = at_;
  Command command;
  command.arguments.reserve(pieces_.size());
  for (const Piece& piece : pieces_) {
    command.arguments.push_back(ByteView(buffer_).subspan(begin_ + piece.offset, piece.length));
  }
  return command;
}

}  // namespace garrison::gateway
