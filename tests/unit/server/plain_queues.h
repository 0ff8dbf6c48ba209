// Queues of a server for tests: one thread, nothing modelled.
#pragma once

#include <memory>

#include "apps/server/queues.h"

namespace garrison::testing {

inline server::Queues plain_queues(std::size_t servers) {
  return server::make_queues(servers, []<typename T>(std::size_t capacity, server::Part) -> std::unique_ptr<Queue<T>> {
    return std::make_unique<PlainQueue<T>>(capacity);
  });
}

}  // namespace garrison::testing
