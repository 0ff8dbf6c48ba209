#include "apps/commands/command.h"

#include <cstdio>

namespace garrison::apps {

void complain(std::string_view message) {
  std::fprintf(stderr, "garrison: %.*s\n", static_cast<int>(message.size()), message.data());
}

}  // namespace garrison::apps
