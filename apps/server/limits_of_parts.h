// Slab and ring sizes of one server. Powers of two where an rte_ring holds them. Slots, not bytes, bound the rings:
// a return ring holds every slot of its slab.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "control/service/limits.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/slab.h"

namespace garrison::server {

inline constexpr std::size_t kRingSlots = 4096;

// Messages of one peer and lane, received and not yet processed. What lies beyond is not acknowledged.
inline constexpr std::size_t kReceiveQuotaBytes = std::size_t{4} << 20U;

// Messages being signed, sent and not yet acknowledged.
inline constexpr std::array<SlabClass, 4> kSendClasses{
    {{1024, 8192}, {4096, 4096}, {16 * 1024, 1024}, {kMaxMessageBytes, 192}}};
inline constexpr std::size_t kSendSlots = 16384;

// News about other sites on their way to the wan part. Every server of every site is convicted at most once; how far
// link messages were executed the next one says, too.
inline constexpr std::size_t kMostConvictions = kMaxSites * kMaxServersPerSite;
inline constexpr std::size_t kLinkNews = 2 * kMostConvictions;

// Requests put together from parts, in the send slab, that crypto looks at.
inline constexpr std::size_t kCheckSlots = 256;

// Shares and proofs of the site's signature under way.
inline constexpr std::size_t kShareSlots = 64;

// Client operations handed in and not yet introduced.
inline constexpr std::array<SlabClass, 3> kClientClasses{{{640, 8192}, {4096, 1024}, {40 * 1024, 128}}};
inline constexpr std::size_t kClientSlots = 16384;

// Replies on their way to clients.
inline constexpr std::array<SlabClass, 3> kReplyClasses{{{256, 12288}, {4096, 1024}, {40 * 1024, 128}}};
inline constexpr std::size_t kReplySlots = 16384;

// Queries of clients, handed in and not yet answered, and the answers on their way. They have slabs of their own, so
// that they take nothing that updates need.
inline constexpr std::array<SlabClass, 3> kQueryClasses{{{640, 4096}, {4096, 256}, {40 * 1024, 64}}};
inline constexpr std::size_t kQuerySlots = 8192;
inline constexpr std::array<SlabClass, 3> kAnswerClasses{{{256, 4096}, {4096, 512}, {40 * 1024, 64}}};
inline constexpr std::size_t kAnswerSlots = 8192;
// Of one client: its window, some of it asked once more while earlier rounds wait here.
inline constexpr std::size_t kQueriesPerClient = 4 * service::kQueryWindow;
// Those that ask for a state which the server has not reached.
inline constexpr std::size_t kWaitingQueries = 1024;
// Per pass of the control thread so many new ones, and so many that have waited; the rest of it is for ordering.
inline constexpr std::size_t kQueriesPerPass = 32;

constexpr std::size_t slots_of(std::span<const SlabClass> classes) {
  std::size_t sum = 0;
  for (const SlabClass& one : classes) sum += one.slots;
  return sum;
}
static_assert(slots_of(kSendClasses) <= kSendSlots);
static_assert(slots_of(kQueryClasses) <= kQuerySlots && slots_of(kAnswerClasses) <= kAnswerSlots);
static_assert(slots_of(kClientClasses) <= kClientSlots && slots_of(kReplyClasses) <= kReplySlots);

}  // namespace garrison::server
