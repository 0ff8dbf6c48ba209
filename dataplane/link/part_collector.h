// PartCollector: the receiving end of the erasure link. Takes the parts of link messages in the order in which the
// logical machine executes them and gives back what they decode to.
//
// The result is a function of that order alone, so that every server of a site decodes the same bytes: of each index
// the first part counts, and the candidate is the decoding of the first k parts. A part's signature says who sent it,
// not that it is right, so a candidate is only believed when the site's signature on it verifies: the caller looks. One
// that does not shows that some part in it is wrong, or the site; which, the caller finds out from the signed parts
// ([ARCH] 4.1.1). Then it forgets the guilty servers' parts, and there is another candidate once k others are there.
//
// Parts that say another length are another message's: they are never combined. One index still counts once, whatever
// length it says: a correct server sends one part.
//
// Memory: per source and class at most window_messages messages of n parts, each as long as the k-th of the longest
// message, and what signs it. No source, class, sequence or index can use what belongs to another, so nothing that a
// correct pair sends is ever refused for lack of room. What is forgotten is used again, as far as Config says: then
// taking and decoding allocates nothing in the long run.
//
// Pure; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/part_code.h"

namespace garrison::link {

// Which message of which link.
struct LinkMessageId {
  SiteId source;
  TrafficClass traffic = TrafficClass::bounded;
  SeqNum sequence;  // per source and class, from 1
};

// One executed part. Its signer is who should send `index`; the collector does not know keys.
struct LinkPart {
  LinkMessageId of;
  PartCode code;
  std::size_t index = 0;
  std::size_t message_bytes = 0;  // of the whole message
  ByteView bytes;
  ByteView whole;  // the signed message that carries `bytes`, which are within it
};

class PartCollector {
 public:
  struct Source {
    using NotState = void;
    SiteId site;
    PartCode code;  // of the link from it
  };
  struct Config {
    using NotState = void;
    std::size_t max_message_bytes = kMaxMessageBytes;
    std::size_t max_signing_bytes = 1024;             // of a part's message, beside the part
    std::size_t window_messages = 64;                 // per source and class
    std::size_t spare_bytes = std::size_t{4} << 20U;  // of memory kept for parts to come
  };
  // Every lane's window starts at sequence 1.
  PartCollector(const Config& config, std::span<const Source> sources);

  // Keeps a part. None when kept; else why not.
  [[nodiscard]] std::optional<DropReason> take(const LinkPart& part);

  struct Candidate {
    ByteView message;
    std::span<const ByteView> parts;  // LinkPart::whole of those k that it was decoded from, in their order
  };
  // What the first k parts of this message decode to; none before there are so many of one length. Valid until the
  // next call.
  [[nodiscard]] std::optional<Candidate> candidate(const LinkMessageId& message);

  // The message is known, or void: forgets its parts, and refuses those that are still to come. Within the window only.
  void done(const LinkMessageId& message);

  // Whether it is done with, or its sequence is over.
  [[nodiscard]] bool over(const LinkMessageId& message) const;

  // Forgets all parts with these indices (a bit each) that this source has sent. Others of them are taken: whose they
  // are, the caller knows.
  void forget(SiteId source, std::uint32_t indices);

  // Sequences below `first` are over. A window never moves back.
  void advance(SiteId source, TrafficClass traffic, SeqNum first);

  // The window of sequences: [first, first + window_messages).
  [[nodiscard]] SeqNum first(SiteId source, TrafficClass traffic) const;
  [[nodiscard]] std::size_t window() const { return config_.window_messages; }
  [[nodiscard]] std::size_t held_bytes(SiteId source) const;
  // What held_bytes() cannot exceed.
  [[nodiscard]] std::size_t most_bytes(SiteId source) const;

  STATE_FIELDS(config_, codes_, sources_, candidate_, spares_)

 private:
  struct Held {
    std::size_t index = 0;
    Bytes whole;
    std::size_t offset = 0;  // of the part in it
    std::size_t size = 0;
    [[nodiscard]] ByteView part() const { return ByteView(whole).subspan(offset, size); }
    STATE_FIELDS(index, whole, offset, size)
  };
  // Parts that say one length, in the order of their execution.
  struct Group {
    std::size_t message_bytes = 0;
    std::vector<Held> parts;
    STATE_FIELDS(message_bytes, parts)
  };
  struct Incoming {
    bool done = false;
    std::uint32_t indices = 0;  // a bit per index held
    std::vector<Group> groups;
    STATE_FIELDS(done, indices, groups)
  };
  struct Lane {
    SeqNum first{1};
    SlotRing<Incoming> window;  // by sequence: [first, first + window_messages); of a power of two
    STATE_FIELDS(first, window)
  };
  struct FromSite {
    Source source;
    std::size_t held_bytes = 0;
    Lane lanes[2];  // by class
    STATE_FIELDS(source, held_bytes, lanes)
  };

  [[nodiscard]] const FromSite* find(SiteId site) const;
  [[nodiscard]] FromSite* find(SiteId site);
  [[nodiscard]] bool fits(const LinkPart& part, PartCode code) const;
  [[nodiscard]] const Incoming* in_window(const Lane& lane, SeqNum sequence) const;
  [[nodiscard]] Incoming* in_window(Lane& lane, SeqNum sequence) const;
  [[nodiscard]] Group& group_of(Incoming& message, std::size_t message_bytes);
  void forget(FromSite& from, Incoming& message);

  Config config_;
  PartCodes codes_;
  std::vector<FromSite> sources_;
  struct Scratch {
    using NotState = void;
    Bytes bytes;
    std::array<ByteView, coding::kMaxParts> parts{};
  };
  Scratch candidate_;
  // Empty ones with memory.
  struct Spares {
    using NotState = void;
    std::vector<Bytes> wholes{};
    std::size_t bytes = 0;  // of wholes
    std::vector<std::vector<Held>> groups{};
  };
  Spares spares_;
};

}  // namespace garrison::link
