// What tests of ordering cores look for in an Output.
#pragma once

#include <algorithm>
#include <optional>

#include "control/ordering/ordering.h"

namespace garrison::testing {

inline std::size_t count(const ordering::Output& output, message::MessageType type) {
  return static_cast<std::size_t>(
      std::count_if(output.sign.begin(), output.sign.end(), [&](const auto& sign) { return sign.type == type; }));
}
inline bool dropped(const ordering::Output& output, DropReason reason) {
  return std::find(output.drops.begin(), output.drops.end(), reason) != output.drops.end();
}
template <typename Message>
std::optional<Message> last_signed(const ordering::Output& output) {
  for (auto sign = output.sign.rbegin(); sign != output.sign.rend(); ++sign) {
    if (sign->type == Message::kType) return message::decode<Message>(sign->content);
  }
  return std::nullopt;
}

}  // namespace garrison::testing
