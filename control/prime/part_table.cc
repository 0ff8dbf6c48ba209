#include "control/prime/part_table.h"

#include <algorithm>

#include "crypto/batch.h"
#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

message::Recon recon_of(const Stored& part) { return part->get().as<message::Recon>(); }

// Calls visit(chosen) with every choice of `count` of `from`, in lexical order, until it returns true.
template <typename Visit>
bool any_choice(const std::vector<ServerId>& from, std::size_t count, std::vector<ServerId>& chosen, Visit&& visit,
                std::size_t start = 0) {
  if (count == 0) return visit(chosen);
  for (std::size_t i = start; i + count <= from.size(); ++i) {
    chosen.push_back(from[i]);
    const bool found = any_choice(from, count - 1, chosen, visit, i + 1);
    chosen.pop_back();
    if (found) return true;
  }
  return false;
}

}  // namespace

bool is_part_of(const message::Recon& recon, ServerId sender, ByteView content, const coding::Code& code) {
  const auto request = message::decode<message::PoRequest>(content);
  if (!request.has_value() || request->introducer != recon.introducer || request->sequence != recon.sequence ||
      recon.content_bytes != content.size()) {
    return false;
  }
  Bytes part(code.part_bytes(content.size()));
  code.encode(content, sender.index(), part);
  return equal(part, recon.part);
}

PartTable::PartTable(const PrimeConfig& config) : config_(config) {}

std::optional<DropReason> PartTable::take(const message::VerifiedMessage& message, Stored& held) {
  const ServerId sender = message.server();
  const auto recon = message.as<message::Recon>();
  const Key at = key({recon.introducer, recon.sequence});
  if (const auto entry = entries_.find(at); entry != entries_.end()) {
    held = entry->second.parts[sender.index()];
    if (held != nullptr) {
      const bool same = held->get().digest() == message.digest();
      if (same) held = nullptr;
      return same ? DropReason::prime_duplicate : DropReason::prime_equivocation;
    }
    // Of so many senders f + 1 are correct: more parts of one request are of no use.
    if (same_request(entry->second, recon).size() > 2 * config_.f) return DropReason::prime_duplicate;
  }
  Stored part = store(message);
  std::size_t& bytes = bytes_[sender.index()];
  if (bytes + charge(part) > config_.recon_bytes) return DropReason::prime_beyond_window;
  bytes += charge(part);
  entries_[at].parts[sender.index()] = std::move(part);
  return std::nullopt;
}

std::vector<ServerId> PartTable::same_request(const Entry& entry, const message::Recon& recon) const {
  std::vector<ServerId> senders;
  for (std::size_t i = 0; i < config_.n; ++i) {
    if (entry.parts[i] == nullptr) continue;
    const message::Recon other = recon_of(entry.parts[i]);
    if (other.digest == recon.digest && other.content_bytes == recon.content_bytes) {
      senders.emplace_back(static_cast<std::uint16_t>(i));
    }
  }
  return senders;
}

PartTable::Combined PartTable::combine(PreorderId id, ServerId sender, coding::Code& code) const {
  Combined result;
  const Entry& entry = entries_.at(key(id));
  const message::Recon newest = recon_of(entry.parts[sender.index()]);
  const std::vector<ServerId> all = same_request(entry, newest);
  std::vector<ServerId> others = all;
  others.erase(std::find(others.begin(), others.end(), sender));

  Bytes content(newest.content_bytes);
  std::vector<ServerId> chosen = {sender};
  result.decoded = any_choice(others, code.k() - 1, chosen, [&](const std::vector<ServerId>& senders) {
    std::vector<coding::Part> parts;
    parts.reserve(senders.size());
    for (const ServerId one : senders) parts.push_back({one.index(), recon_of(entry.parts[one.index()]).part});
    CHECK(code.decode(parts, content));
    if (crypto::leaf_digest(content) == newest.digest) return true;
    if (result.failed.empty()) {
      for (const ServerId one : senders) result.failed.push_back(entry.parts[one.index()]);
    }
    return false;
  });
  if (!result.decoded) return result;
  for (const ServerId one : all) {
    const Stored& part = entry.parts[one.index()];
    if (!is_part_of(recon_of(part), one, content, code)) result.corrupt.push_back(part);
  }
  result.content = std::move(content);
  return result;
}

bool PartTable::block_tried(PreorderId id, ServerId sender) const {
  const Entry& entry = entries_.at(key(id));
  const message::Recon recon = recon_of(entry.parts[sender.index()]);
  bool tried = false;
  entry.tried_blocks.for_each([&](ServerId other) {
    const Stored& part = entry.parts[other.index()];
    tried =
        tried || (part != nullptr && recon_of(part).digest == recon.digest && equal(recon_of(part).block, recon.block));
  });
  return tried;
}

void PartTable::block_was_tried(PreorderId id, ServerId sender) { entries_.at(key(id)).tried_blocks.insert(sender); }

void PartTable::release(PreorderId id) {
  const auto entry = entries_.find(key(id));
  if (entry != entries_.end()) release(entry);
}

void PartTable::release_through(const SummaryVector& sequences) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto& [introducer, sequence] = entry->first;
    entry = sequence <= sequences[introducer].value() ? release(entry) : std::next(entry);
  }
}

std::map<PartTable::Key, PartTable::Entry>::iterator PartTable::release(std::map<Key, Entry>::iterator entry) {
  for (std::size_t i = 0; i < config_.n; ++i) {
    if (entry->second.parts[i] != nullptr) bytes_[i] -= charge(entry->second.parts[i]);
  }
  return entries_.erase(entry);
}

void PartTable::release(ServerId sender) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry->second.parts[sender.index()] = nullptr;
    const bool empty = std::all_of(entry->second.parts.begin(), entry->second.parts.end(),
                                   [](const Stored& part) { return part == nullptr; });
    entry = empty ? entries_.erase(entry) : std::next(entry);
  }
  bytes_[sender.index()] = 0;
}

}  // namespace garrison::prime
