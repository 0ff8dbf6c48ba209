#include "dataplane/io/relay.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/io/ethernet.h"

namespace garrison::io {

namespace {

std::vector<std::size_t> count_senders(std::size_t sites, const std::map<MacAddress, SiteId>& known) {
  std::vector<std::size_t> senders(sites, 1);
  for (const auto& [mac, site] : known) ++senders.at(site.index());
  return senders;
}

WideAreaConfig shared_by(std::vector<std::size_t> senders, WideAreaConfig paths) {
  paths.senders = std::move(senders);
  return paths;
}

}  // namespace

Relay::Relay(const WideAreaConfig& paths, const std::map<MacAddress, SiteId>& known)
    : senders_(count_senders(paths.bytes_per_s.size(), known)),
      paths_(shared_by(senders_, paths)),
      most_(known.size() + kMostLearned) {
  std::vector<std::size_t> next(senders_.size());
  for (const auto& [mac, site] : known) known_.emplace(mac, Sender{site, next[site.index()]++});
}

void Relay::on_frame(Instant now, SiteId from, ByteView frame) {
  CHECK(from.index() < senders_.size());
  ++counts_.frames_in;
  if (frame.size() < kEthernetHeaderBytes || frame.size() > kMaxFrameBytes || is_group_address(source_of(frame))) {
    ++counts_.malformed;
    return;
  }
  learn(source_of(frame), from);
  const Sender sender = sender_of(source_of(frame), from);
  const MacAddress to = destination_of(frame);
  if (is_group_address(to)) {
    counts_.copies += senders_.size() - 2;
    for (std::size_t i = 0; i < senders_.size(); ++i) {
      if (i != from.index()) offer(now, sender, SiteId(static_cast<std::uint16_t>(i)), frame);
    }
    return;
  }
  const auto found = known_.find(to);
  if (found == known_.end()) {
    ++counts_.unknown;
  } else if (found->second.site == from) {
    ++counts_.local;
  } else {
    offer(now, sender, found->second.site, frame);
  }
}

void Relay::learn(const MacAddress& mac, SiteId site) {
  if (known_.size() < most_) known_.try_emplace(mac, Sender{site, senders_[site.index()] - 1});
}

// Who has the address of another site's sender is one of the others.
Sender Relay::sender_of(const MacAddress& mac, SiteId site) const {
  const auto found = known_.find(mac);
  const bool here = found != known_.end() && found->second.site == site;
  return here ? found->second : Sender{site, senders_[site.index()] - 1};
}

void Relay::offer(Instant now, Sender from, SiteId to, ByteView frame) {
  if (!paths_.offer(now, from, to, class_of(frame), to.index(), frame)) ++counts_.full;
}

std::size_t Relay::next_frame(Instant now, SiteId to, MutableBytes out) {
  std::size_t size = 0;
  paths_.deliver_to(now, to, [&](std::size_t, ByteView frame) {
    CHECK(frame.size() <= out.size());
    std::copy(frame.begin(), frame.end(), out.begin());
    size = frame.size();
  });
  if (size > 0) ++counts_.delivered;
  return size;
}

}  // namespace garrison::io
