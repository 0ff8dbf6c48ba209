// PartCollector: the receiving end of the erasure link. Takes the parts of link messages in the order in which the
// logical machine executes them and gives back what they decode to.
//
// The result is a function of that order alone, so that every server of a site decodes the same bytes: of each index
// the first part counts; the first candidate is the decoding of the first k parts. A part's signature says who sent it,
// not that it is right, so a candidate is only believed when the site's signature on it verifies: the caller looks.
// While none does, the candidates are all other sets of k parts, each once, those of earlier parts before any with a
// later one. As long as no more pairs have a faulty end than the code allows for, one of them is the message, at the
// latest when the parts of all correct pairs are there.
//
// Parts that say another length are another message's: they are never combined. One index still counts once, whatever
// length it says: a correct server sends one part.
//
// Work: a message has at most C(n, k) candidates, 6 for (4, 2), 35 for (7, 3), 8008 for (16, 6), if every part comes
// and all of n - k are wrong. Each wrong part is signed by its sender and introduced by its receiver, one of which is
// faulty: who wants to stop paying blacklists pairs.
//
// Memory: per source and class at most window_messages messages of n parts, each as long as the k-th of the longest
// message. No source, class, sequence or index can use what belongs to another, so nothing that a correct pair sends
// is ever refused for lack of room.
//
// Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
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
};

class PartCollector {
 public:
  struct Source {
    SiteId site;
    PartCode code;  // of the link from it
  };
  struct Config {
    std::size_t max_message_bytes = kMaxMessageBytes;
    std::size_t window_messages = 64;  // per source and class
  };
  // Every lane's window starts at sequence 1.
  PartCollector(const Config& config, std::span<const Source> sources);

  // Keeps a part. None when kept; else why not.
  [[nodiscard]] std::optional<DropReason> take(const LinkPart& part);

  // The next decoding of this message that was not tried; none until another part comes. Asking again says that the
  // last one was wrong. The bytes are valid until the next call.
  [[nodiscard]] std::optional<ByteView> next_candidate(const LinkMessageId& message);

  // The message is known: forgets its parts, and refuses those that are still to come. Within the window only.
  void done(const LinkMessageId& message);

  // Sequences below `first` are over. A window never moves back.
  void advance(SiteId source, TrafficClass traffic, SeqNum first);

  [[nodiscard]] std::size_t held_bytes(SiteId source) const;
  // What held_bytes() cannot exceed.
  [[nodiscard]] std::size_t most_bytes(SiteId source) const;

 private:
  struct Held {
    std::size_t index = 0;
    Bytes bytes;
  };
  // Parts that say one length, in the order of their execution.
  struct Group {
    std::size_t message_bytes = 0;
    std::vector<Held> parts;
    std::uint64_t next_subset = 0;  // a bit per place in `parts`
  };
  struct Incoming {
    bool done = false;
    std::uint32_t indices = 0;  // a bit per index seen
    std::vector<Group> groups;
  };
  struct Lane {
    SeqNum first{1};
    std::vector<Incoming> window;  // ring by sequence: [first, first + size)
  };
  struct FromSite {
    Source source;
    std::size_t held_bytes = 0;
    Lane lanes[2];  // by class
  };

  [[nodiscard]] const FromSite* find(SiteId site) const;
  [[nodiscard]] FromSite* find(SiteId site);
  [[nodiscard]] bool fits(const LinkPart& part, PartCode code) const;
  [[nodiscard]] static Incoming* in_window(Lane& lane, SeqNum sequence);
  [[nodiscard]] Group& group_of(Incoming& message, const LinkPart& part) const;
  [[nodiscard]] ByteView decode(const Group& group, std::uint64_t subset, PartCode code);
  static void forget(FromSite& from, Incoming& message);

  Config config_;
  PartCodes codes_;
  std::vector<FromSite> sources_;
  Bytes candidate_;
};

}  // namespace garrison::link
