// The whole screen of a terminal, given back at the end; where the output is none, one text after the other.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace garrison::apps {

class Terminal {
 public:
  Terminal() {
    if (is_terminal_) fmt::print("\x1b[?1049h\x1b[?25l");
  }
  ~Terminal() {
    if (is_terminal_) fmt::print("\x1b[?25h\x1b[?1049l");
    std::fflush(stdout);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void show(const std::string& screen) const {
    fmt::print("{}{}{}", is_terminal_ ? "\x1b[H\x1b[J" : "", screen, is_terminal_ ? "" : "\n");
    std::fflush(stdout);
  }

 private:
  bool is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
};

}  // namespace garrison::apps
