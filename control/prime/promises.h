// What Prime promises, by ordering::Promises, and what of each promise its record keeps.
#pragma once

#include "control/ordering/promises.h"
#include "control/prime/prime_config.h"

namespace garrison::prime {

using ordering::kWholeBody;
using ordering::Promises;
using ordering::store;
using ordering::Stored;

// `supersede_key` of what is never replaced while unsent.
inline constexpr std::uint16_t kNoSupersedeKey = 0;

// `recorded` for Promises::promise().
inline constexpr std::size_t kPoRequestSequenceBytes = 8;       // the sequence number is used up
inline constexpr std::size_t kPrePrepareSlotBytes = 8 + 8;      // view and sequence number are used up
inline constexpr std::size_t kCommitVoteBytes = 8 + 8 + 32;     // all but how far its sender had executed
inline constexpr std::size_t kPcSetTagBytes = 8 + 4;            // view and seq are used up
inline constexpr std::size_t kReplaySlotBytes = 8 + 4 + 4 + 8;  // view, ids and start_seq

}  // namespace garrison::prime
