#include "dataplane/io/relay.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/io/ethernet.h"

namespace garrison::io {

Relay::Relay(const WideAreaConfig& paths, std::map<MacAddress, SiteId> known)
    : sites_(paths.bytes_per_s.size()),
      paths_(paths),
      site_of_(std::move(known)),
      most_(site_of_.size() + kMostLearned) {}

void Relay::on_frame(Instant now, SiteId from, ByteView frame) {
  CHECK(from.index() < sites_);
  ++counts_.frames_in;
  if (frame.size() < kEthernetHeaderBytes || frame.size() > kMaxFrameBytes || is_group_address(source_of(frame))) {
    ++counts_.malformed;
    return;
  }
  learn(source_of(frame), from);
  const MacAddress to = destination_of(frame);
  if (is_group_address(to)) {
    counts_.copies += sites_ - 2;
    for (std::size_t i = 0; i < sites_; ++i) {
      if (i != from.index()) offer(now, from, SiteId(static_cast<std::uint16_t>(i)), frame);
    }
    return;
  }
  const auto found = site_of_.find(to);
  if (found == site_of_.end()) {
    ++counts_.unknown;
  } else if (found->second == from) {
    ++counts_.local;
  } else {
    offer(now, from, found->second, frame);
  }
}

void Relay::learn(const MacAddress& mac, SiteId site) {
  if (site_of_.size() < most_) site_of_.try_emplace(mac, site);
}

void Relay::offer(Instant now, SiteId from, SiteId to, ByteView frame) {
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
