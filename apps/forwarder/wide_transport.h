// What carries a forwarder's datagrams to other forwarders: a socket of the kernel's (wide_socket.h) or a port of its
// own (wide_port.h). Takes them from the WideEnd at the rate of the site, marked with their class, and gives it what
// comes. Belongs to the thread of the io_context.
#pragma once

#include <cstdint>

#include "dataplane/base/drops.h"
#include "dataplane/base/result.h"

namespace garrison::forwarder {

struct WideCounts {
  std::uint64_t sent = 0;        // datagrams
  std::uint64_t sent_bytes = 0;  // of datagrams
  std::uint64_t received = 0;
  std::uint64_t failed = 0;  // that were refused on their way out
};

class WideTransport {
 public:
  WideTransport() = default;
  WideTransport(const WideTransport&) = delete;
  WideTransport& operator=(const WideTransport&) = delete;
  virtual ~WideTransport() = default;

  // An error is one line for the operator.
  [[nodiscard]] virtual Result<void> open() = 0;
  virtual void stop() = 0;
  // Sends what may be sent now, and sets itself to go on.
  virtual void poll() = 0;
  [[nodiscard]] virtual WideCounts counts() const = 0;
  // Of frames received that the WideEnd never saw.
  [[nodiscard]] virtual std::uint64_t drops(DropReason) const { return 0; }
};

}  // namespace garrison::forwarder
