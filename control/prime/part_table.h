// Erasure-coded parts of PO-REQUESTs that others sent and that are not needed no more [PRIME] 5.3.
//
// One part per (identifier, sender), the first. Only parts that name the same digest and length are combined: faulty
// parts of one request and right ones of another could otherwise splice into a third. What does not decode to the
// digest is tried again with every part that comes, in every combination that has not been tried.
//
// Memory: each sender's parts within a bound of their own, so that one that sends parts of what does not exist fills
// its own share.
#pragma once

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "control/prime/eligibility.h"
#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/coding/code.h"

namespace garrison::prime {

// Whether this is `sender`'s part of the request with this content.
[[nodiscard]] bool is_part_of(const message::Recon& recon, ServerId sender, ByteView content, const coding::Code& code);

class PartTable {
 public:
  explicit PartTable(const PrimeConfig& config);

  // Keeps a RECON of another server, whose part is as long as its content says. None when kept; else why not. `held`
  // is then the sender's part that it contradicts, if it does.
  [[nodiscard]] std::optional<DropReason> take(const message::VerifiedMessage& recon, Stored& held);

  struct Combined {
    bool decoded = false;
    Bytes content;                // of the request, once decoded
    std::vector<Stored> failed;   // the first combination that decodes to something else; may be empty
    std::vector<Stored> corrupt;  // once decoded: parts that are not of it
  };
  // Tries the combinations that the part which `sender` sent last completes.
  [[nodiscard]] Combined combine(PreorderId id, ServerId sender, coding::Code& code) const;

  // Whether the block that `sender` sent beside its part was tried already with the content of this request.
  [[nodiscard]] bool block_tried(PreorderId id, ServerId sender) const;
  void block_was_tried(PreorderId id, ServerId sender);

  // No part of this request is needed any more.
  void release(PreorderId id);
  // Nor of any up to these, by introducer.
  void release_through(const SummaryVector& sequences);
  // Nothing that this server sent is to be used.
  void release(ServerId sender);

  [[nodiscard]] std::size_t bytes_of(ServerId sender) const { return bytes_[sender.index()]; }

  STATE_FIELDS(config_, entries_, bytes_)

 private:
  using Key = std::pair<std::uint16_t, std::uint64_t>;  // introducer, sequence
  struct Entry {
    std::array<Stored, kMaxServersPerSite> parts;  // by sender
    ServerSet tried_blocks;                        // senders whose block was tried
    STATE_FIELDS(parts, tried_blocks)
  };
  [[nodiscard]] static Key key(PreorderId id) { return {id.introducer.value(), id.sequence.value()}; }
  std::map<Key, Entry>::iterator release(std::map<Key, Entry>::iterator entry);
  [[nodiscard]] static std::size_t charge(const Stored& part) { return part->get().bytes().size() + sizeof(Entry); }
  [[nodiscard]] std::vector<ServerId> same_request(const Entry& entry, const message::Recon& recon) const;

  const PrimeConfig& config_;
  std::map<Key, Entry> entries_;
  std::array<std::size_t, kMaxServersPerSite> bytes_{};
};

}  // namespace garrison::prime
