// Every bound of the system that more than one folder must agree on, with the assertions between them.
// Bounds of one object alone stand in that object's configuration struct.
#pragma once

#include <cstddef>
#include <cstdint>

namespace garrison {

inline constexpr std::size_t kMaxServersPerSite = 16;  // f <= 5
inline constexpr std::size_t kMaxFaults = 5;
inline constexpr std::size_t kMaxSites = 64;
static_assert(kMaxServersPerSite >= 3 * kMaxFaults + 1);

// Frames. IP packets never exceed the configured path size, never fragment (design: DF set).
inline constexpr std::size_t kEthernetHeaderBytes = 14;
inline constexpr std::size_t kIpv4HeaderBytes = 20;
inline constexpr std::size_t kUdpHeaderBytes = 8;
inline constexpr std::size_t kEncapsulationBytes = kEthernetHeaderBytes + kIpv4HeaderBytes + kUdpHeaderBytes;
inline constexpr std::size_t kDefaultPathIpBytes = 1400;
inline constexpr std::size_t kMaxFrameBytes = kEthernetHeaderBytes + 1500;

// Messages, as the channel carries them: header, body and signature block.
inline constexpr std::size_t kMaxMessageBytes = 128 * 1024;
inline constexpr std::size_t kMaxOperationBytes = 32 * 1024;  // one client operation, and its result
inline constexpr std::size_t kMaxUpdatesPerPoRequest = 256;
inline constexpr std::size_t kMaxAcksPerPoAck = 256;

// Signatures. One root signs at most this many messages, so a Merkle path has at most eight digests. A site's batch may
// be that large, because its signature is dear; a server or client puts fewer under one of its own: their verifiers
// would only carry longer paths.
inline constexpr std::size_t kMaxMerkleLeaves = 256;
inline constexpr std::size_t kMaxMerklePath = 8;
inline constexpr std::size_t kMaxOwnBatch = 64;
inline constexpr std::size_t kMaxSignatureBytes = 384;  // RSA-3072
static_assert((std::size_t{1} << kMaxMerklePath) == kMaxMerkleLeaves && kMaxOwnBatch <= kMaxMerkleLeaves);

}  // namespace garrison
