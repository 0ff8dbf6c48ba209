#include "dataplane/link/hub_assembler.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::link {

HubAssembler::Outcome HubAssembler::take(const HubPartName& name, const wire::HubPart& part) {
  if (part.total > config_.max_part_bytes) return {.whole = {}, .refused = DropReason::message_oversized};
  if (part.bytes.size() == part.total) return {.whole = part.bytes, .refused = {}};
  const Key key{name, part.mark};
  auto at = open_.find(key);
  if (at == open_.end()) at = begin_part(key, part.total);
  Open& open = at->second;
  if (open.bytes.size() != part.total) return {.whole = {}, .refused = DropReason::chunk_malformed};
  const auto end = static_cast<std::uint32_t>(part.offset + part.bytes.size());
  switch (open.held.insert(part.offset, end)) {
    case ByteRanges::Insert::held:
      return {.whole = {}, .refused = DropReason::chunk_duplicate};
    case ByteRanges::Insert::overlaps:
    case ByteRanges::Insert::full:
      return {.whole = {}, .refused = DropReason::chunk_malformed};
    case ByteRanges::Insert::added:
      break;
  }
  std::ranges::copy(part.bytes, open.bytes.begin() + part.offset);
  if (!open.held.covers(part.total)) return {};
  std::swap(finished_, open.bytes);
  open.bytes.resize(part.total);  // what close() counts back
  close(at);
  return {.whole = finished_, .refused = {}};
}

HubAssembler::Table::iterator HubAssembler::begin_part(const Key& key, std::size_t bytes) {
  const auto same_part = [&](const Key& other) { return other.name == key.name; };
  const auto candidates = std::ranges::count_if(open_, [&](const auto& each) { return same_part(each.first); });
  if (static_cast<std::size_t>(candidates) >= kCandidates) give_up_oldest(same_part);
  Used& used = used_[key.name.from];
  while (used.parts >= config_.open_per_site || used.bytes + bytes > config_.bytes_per_site) {
    CHECK(used.parts > 0);
    give_up_oldest([&](const Key& other) { return other.name.from == key.name.from; });
  }
  ++used.parts;
  used.bytes += bytes;
  return open_.emplace(key, Open{Bytes(bytes), {}, ++opened_}).first;
}

template <typename Fits>
void HubAssembler::give_up_oldest(Fits&& fits) {
  auto oldest = open_.end();
  for (auto at = open_.begin(); at != open_.end(); ++at) {
    if (fits(at->first) && (oldest == open_.end() || at->second.opened < oldest->second.opened)) oldest = at;
  }
  CHECK(oldest != open_.end());
  close(oldest);
}

void HubAssembler::close(Table::iterator at) {
  Used& used = used_[at->first.name.from];
  --used.parts;
  used.bytes -= at->second.bytes.size();
  open_.erase(at);
}

std::size_t HubAssembler::open_bytes(SiteId from) const {
  const auto at = used_.find(from);
  return at == used_.end() ? 0 : at->second.bytes;
}

}  // namespace garrison::link
