// What an account says, as flat rows for programs, each with a key `what`, and as tables for people. Pure.
//
//   tap      what one tap heard                      sender   one server's frames, as one tap heard them
//   refused  frames that do not count, by reason     link     link messages of one class from a site to another
//   server   its parts, by what became of them       guilty   who is proven to be faulty, and by which message
//   message  how one link message went, the last ones of each link
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/tap/account.h"

namespace garrison::tap {

// `messages`: so many of each link at most.
[[nodiscard]] nlohmann::json report_rows(const Account& account, std::size_t messages);

// Several lines, each ended.
[[nodiscard]] std::string report_text(const nlohmann::json& rows);

// Names of those that rows say are guilty, joined by commas; empty when nobody is.
[[nodiscard]] std::string guilty_names(const nlohmann::json& rows);

}  // namespace garrison::tap
