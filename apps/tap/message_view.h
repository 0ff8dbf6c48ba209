// MessageView: what taps heard of one link message: who sent which part of it when, how often, and what it said.
//
// Of each part the first content that its server has signed is kept until the message is known; then a digest is.
// Nothing about a part counts before PartJudge has called it good. Bounded: the bytes of what a server sends count
// against its own allowance, what is bad under one name is looked at kMostLooks times, and kMostTries sets of parts are
// tried.
//
// Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "apps/tap/part_judge.h"
#include "apps/tap/sequence_log.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::tap {

class MessageView {
 public:
  static constexpr unsigned kMostLooks = 64;
  static constexpr unsigned kMostTries = 64;

  struct Sent {
    std::array<std::uint32_t, kMaxTaps> heard{};  // copies, by tap
    std::uint32_t copies = 0;                     // sent: as many as any tap has heard
    std::uint32_t asked = 0;                      // of them, because the other site asked or has not acknowledged it
    std::size_t others_before = 0;                // parts of others that were out when it was first sent
    Instant at{};                                 // when a tap first heard it, by that tap's clock
    [[nodiscard]] bool at_once() const { return copies > asked; }  // or when its timeout had passed
  };
  enum class Saying : std::uint8_t { nothing, unknown, right, wrong };

  struct Outcome {
    PartWorth worth = PartWorth::good;
    bool conflicts = false;  // with what its server has signed before under the same name
    bool unlooked = false;   // for want of allowance
  };

  MessageView(SeqNum sequence, std::size_t parts) : sequence_(sequence), parts_(parts) {}

  [[nodiscard]] SeqNum sequence() const { return sequence_; }

  struct Limits {
    std::size_t requests_needed = 0;  // so many servers of the other site that ask are believed
    std::size_t allowance = 0;        // bytes that may be kept of this part
  };
  // A whole part under this message's name; `again` as its frame says.
  Outcome take(Instant now, std::size_t tap, const link::HubPartName& name, bool again, ByteView part, PartJudge& judge,
               const Limits& limits);
  void on_request(ServerId asker, std::uint32_t holds);

  [[nodiscard]] std::size_t parts() const { return parts_.size(); }
  [[nodiscard]] const Sent& sent(std::size_t index) const { return parts_.at(index).sent; }
  [[nodiscard]] Saying saying(std::size_t index) const;
  [[nodiscard]] bool decoded() const { return !encoding_.empty(); }
  // Servers of which a part was heard that says what it has to, or of which nobody knows better.
  [[nodiscard]] ServerSet senders() const;
  [[nodiscard]] Instant first_heard() const { return first_heard_; }
  // Bytes that are kept of this part.
  [[nodiscard]] std::size_t kept_bytes(std::size_t index) const { return parts_.at(index).kept.size(); }

 private:
  struct Part {
    Sent sent;
    std::optional<Digest> says;  // the first that its server has signed
    bool right = false;          // once the message is known: it has signed what it has to,
    bool wrong = false;          // and something else
    unsigned bad = 0;            // that were looked at
    std::uint32_t bundle_bytes = 0;
    Bytes kept;
  };
  // Whether this was verified before, or none of it needs to be.
  [[nodiscard]] bool is_known(const Part& part, std::size_t index, const Digest& says) const;
  [[nodiscard]] Outcome look(const link::HubPartName& name, ByteView bytes, PartJudge& judge, std::size_t allowance);
  void count(Instant now, std::size_t tap, std::size_t index, bool asked);
  [[nodiscard]] bool was_asked_for(std::size_t index, std::size_t requests_needed) const;
  void try_to_decode(const link::HubPartName& name, PartJudge& judge);
  [[nodiscard]] bool decodes(const link::HubPartName& name, PartJudge& judge, const std::vector<std::size_t>& indices);

  SeqNum sequence_;
  std::vector<Part> parts_;
  std::vector<Digest> encoding_;  // by index; empty: not known
  unsigned tries_ = 0;
  ServerSet askers_;
  std::array<std::uint32_t, kMaxServersPerSite> asker_holds_{};
  Instant first_heard_ = Instant::never();
};

}  // namespace garrison::tap
