// A faulty site on its links: all of its servers sign and send the same lies about who sent wrong parts ([ARCH] 4.1.1).
// It asks about parts that are all right, asks again, answers what nobody asked, and answers twice, with the message
// and with something else.
//
// One object per server of the site, made alike: what it does follows from the site's order alone. Stands beside the
// logical machine, which itself stays correct. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "control/site/machine.h"

namespace garrison::adversary {

class FalseWitness {
 public:
  explicit FalseWitness(const message::Envelope& site) : envelope_(site) {}

  // The machine of its server has executed this.
  void on_event(site::LogicalMachine& machine, const message::VerifiedMessage& event);
  [[nodiscard]] std::uint64_t acted() const { return acted_; }

 private:
  void ask_about(site::LogicalMachine& machine, const message::VerifiedMessage& event);
  void answer_falsely(site::LogicalMachine& machine, const message::LinkInquiry& inquiry);
  void say(site::LogicalMachine& machine, SiteId to, Bytes content);

  message::Envelope envelope_;  // of the site
  // Parts of one link message of each other site, and how often it was asked about.
  struct Victim {
    std::tuple<TrafficClass, SeqNum> about{};
    std::vector<Bytes> parts;
    std::uint64_t asked = 0;
  };
  std::map<SiteId, Victim> victims_;
  std::uint64_t parts_seen_ = 0;
  std::uint64_t acted_ = 0;
};

}  // namespace garrison::adversary
