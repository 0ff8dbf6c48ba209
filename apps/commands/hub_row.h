// What hub links sent, as the rows of the laboratory's commands say it.
#pragma once

#include <nlohmann/json.hpp>

#include "apps/server/wan_part.h"

namespace garrison::apps {

// Of all servers; `row` with it.
[[nodiscard]] inline nlohmann::json with_hub(nlohmann::json row, const server::HubCounts& hub,
                                             double parts_per_message) {
  row["hub_parts_per_message"] = parts_per_message;
  row["hub_overheard"] = hub.sent.overheard;
  row["hub_cancelled"] = hub.sent.cancelled;
  row["hub_needless"] = hub.sent.needless;
  row["hub_first"] = hub.sent.sent_first;
  row["hub_second"] = hub.sent.sent_second;
  row["hub_asked_for"] = hub.sent.sent_asked;
  row["hub_requests"] = hub.requested;
  return row;
}

}  // namespace garrison::apps
