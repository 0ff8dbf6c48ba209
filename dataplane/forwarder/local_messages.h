// The sending side of a dependable forwarder [ARCH] 4.3, "Local Message Handling Protocol": which messages the servers
// of its own site want sent, in which order.
//
// Every server presents the same messages under the same sequence numbers, each in rising order. A message is let out
// when LOCAL-THRESHOLD servers have presented it, byte for byte with its header; messages leave strictly in the order
// of their numbers, each number once. A server may be WINDOW numbers ahead of lastSent: what it presents beyond is not
// taken, its session is left unread, and it blocks nobody but itself.
//
// A server may jump forward, never back: one that was cut off for long has lost what it could not present. So a number
// can turn out to be one that no LOCAL-THRESHOLD servers will present. It is given up, and those behind it have their
// turn, as soon as that shows. While all correct servers present every number, f others cannot bring that about. It is
// also how a forwarder that starts late finds its place, with nothing kept on disk.
//
// Memory: at most n contents, one of each server, for each of WINDOW numbers: f faulty servers can fill no more than
// their own. It knows nothing of what is inside a message, and no keys. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/traffic.h"

namespace garrison::forwarder {

inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// What a server puts before a message; the length is its frame's.
struct Header {
  SeqNum sequence;                 // from 1
  std::uint64_t destinations = 0;  // bit i: site i
  TrafficClass traffic = TrafficClass::bounded;
  friend bool operator==(const Header&, const Header&) = default;
};

struct Departure {
  Header header;
  Bytes message;
};

class LocalMessages {
 public:
  struct Config {
    std::size_t n = 4;          // servers of the site
    std::size_t f = 1;          // of them
    std::size_t threshold = 2;  // LOCAL-THRESHOLD, f + 1 ... n - f
    std::size_t window = 64;    // WINDOW, in sequence numbers
  };
  enum class Offer : std::uint8_t {
    taken,  // or dropped, and counted
    later,  // beyond the window: keep it, read no more of this session, and offer it again when may_take()
  };

  // CHECKs the bounds that Config states. `drops` outlives it.
  LocalMessages(const Config& config, DropCounters& drops);

  // The next message of the session with server `from`.
  [[nodiscard]] Offer offer(ServerId from, const Header& header, ByteView message);
  // Whether a message that was put off is within the window now.
  [[nodiscard]] bool may_take(SeqNum sequence) const { return sequence <= last_sent_ || within(sequence); }

  // The next message to be sent: the caller sends it. None: wait for the servers.
  [[nodiscard]] std::optional<Departure> next();

  [[nodiscard]] SeqNum last_sent() const { return last_sent_; }  // sent, or given up
  [[nodiscard]] std::uint64_t given_up() const { return given_up_; }
  // The number that server `i` may present next; whatever is below it it has presented or passed.
  [[nodiscard]] SeqNum expected_of(ServerId i) const { return expected_[i.index()]; }
  [[nodiscard]] std::size_t contents() const { return contents_; }  // held

 private:
  struct Slot {
    Departure content;
    std::size_t copies = 0;
  };
  using Slots = std::vector<Slot>;  // of one number: one for each content

  [[nodiscard]] bool within(SeqNum sequence) const { return sequence.value() - last_sent_.value() <= config_.window; }
  [[nodiscard]] Slots& slots(SeqNum sequence) { return table_[sequence.value() % config_.window]; }
  [[nodiscard]] bool hopeless(SeqNum sequence, std::size_t copies) const;
  void pass(SeqNum through);

  Config config_;
  DropCounters& drops_;
  std::vector<Slots> table_;  // by sequence modulo the window: numbers above last_sent_
  std::size_t contents_ = 0;
  std::vector<SeqNum> expected_;  // by server: lastReceived_i + 1, or where it waits beyond the window
  SeqNum last_sent_;
  std::uint64_t given_up_ = 0;
};

}  // namespace garrison::forwarder
