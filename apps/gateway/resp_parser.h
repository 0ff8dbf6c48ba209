// Cuts what a Redis client sends into commands: arrays of bulk strings, or inline lines as people type them. Accepts
// and refuses what Redis 7 does, in its words, with tighter bounds. Pure; one thread.
//
//   feed() bytes as they come, then next() until it gives no command
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/base/bytes.h"

namespace garrison::gateway {

struct RespLimits {
  std::size_t max_arguments = 16 * 1024;
  std::size_t max_bulk_bytes = std::size_t{128} * 1024;  // more than the service takes: that error leaves the line open
  std::size_t max_command_bytes = std::size_t{512} * 1024;  // with all its lengths
  std::size_t max_line_bytes = std::size_t{64} * 1024;      // inline commands, and every length
};

class RespParser {
 public:
  // Name and arguments; at least one. Valid until feed() or next().
  struct Command {
    std::vector<ByteView> arguments;
  };
  struct NeedMore {};
  // Nothing behind it can be read: reply "-<text>\r\n" and close.
  struct ProtocolError {
    std::string text;  // "ERR Protocol error: ..."
  };
  using Next = std::variant<Command, NeedMore, ProtocolError>;

  explicit RespParser(const RespLimits& limits = {}) : limits_(limits) {}

  void feed(ByteView bytes);
  [[nodiscard]] Next next();
  // Bytes held. Whoever stops reading while commands wait keeps it within one command and one read.
  [[nodiscard]] std::size_t buffered() const { return buffer_.size() - begin_; }

 private:
  struct Piece {
    std::size_t offset;  // from begin_
    std::size_t length;
  };
  struct Line {
    enum class State { whole, missing, too_long } state;
    ByteView text;
    std::size_t after = 0;  // offset of what follows
  };

  [[nodiscard]] Line line_at(std::size_t offset, bool inline_command) const;
  Next next_array();
  Next next_inline();
  // None when the line is not all there.
  std::variant<NeedMore, ProtocolError, std::size_t> array_length();
  std::variant<NeedMore, ProtocolError, Piece> next_bulk();
  Next error(const std::string& what);

  RespLimits limits_;
  Bytes buffer_;
  std::size_t begin_ = 0;     // of the command being read
  std::size_t consumed_ = 0;  // of the last command given out, dropped by the next call
  // Progress within the array being read, so that a command is scanned once however it arrives.
  std::size_t at_ = 0;  // offset from begin_
  bool in_array_ = false;
  std::size_t remaining_ = 0;
  std::vector<Piece> pieces_;
  std::vector<Bytes> inline_words_;
  std::string failed_;  // the error, once there was one
};

}  // namespace garrison::gateway
