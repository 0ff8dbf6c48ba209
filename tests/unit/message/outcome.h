// What became of a message that was validated, by name, so that a failed expectation says which reason it got.
#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <variant>

#include "control/message/validate.h"

namespace garrison::message {

// The name of the reason, or "accepted".
[[nodiscard]] inline std::string_view outcome(const Validation& validation) {
  const auto* refused = std::get_if<DropReason>(&validation);
  return refused == nullptr ? "accepted" : name(*refused);
}

}  // namespace garrison::message

#define EXPECT_REFUSED(validation, expected) EXPECT_EQ(outcome(validation), name(DropReason::expected))
#define EXPECT_ACCEPTED(validation) EXPECT_EQ(outcome(validation), "accepted")
