// CHECK: our own bug, on in release. Input of a peer, a client or an operator must never reach one.
#pragma once

namespace garrison {

// Prints the expression and its place on standard error, then aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace garrison

#define CHECK(expression)                                        \
  do {                                                           \
    if (!(expression)) [[unlikely]]                              \
      ::garrison::check_failed(#expression, __FILE__, __LINE__); \
  } while (false)
