// What state transfer is told once, and the bounds of what it keeps and sends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/message/messages.h"
#include "dataplane/base/check.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"

namespace garrison::state_transfer {

struct TransferConfig {
  using NotState = void;
  message::Envelope envelope;  // of every message this server signs
  ServerId self;
  std::size_t n = 4;
  std::size_t f = 1;
  std::size_t checkpoint_interval = 64;  // of the ordering core; equal on all servers

  // Asking.
  Duration stall = seconds(1);  // evidently behind and nothing executed for so long: repair is not enough
  Duration repeat_period = milliseconds(200);
  Duration attempt = seconds(10);         // without f + 1 equal checkpoints, or without a chunk: start afresh
  Duration chunk_timeout = seconds(1);    // then the chunk is asked for elsewhere
  Duration longest_penalty = seconds(8);  // of a server that did not answer in time
  std::size_t chunks_per_fetch = 16;      // at most kMaxChunksPerFetch; one fetch per server is under way
  std::uint64_t max_snapshot_bytes = std::uint64_t{4} << 30U;

  // Answering. A faulty server that asks all the time costs the others one snapshot per period and the quota.
  Duration snapshot_period = seconds(5);  // between two snapshots that one server may cause
  Duration quiet = milliseconds(200);     // nothing executed for so long: the last sequence serves as boundary
  Duration lifetime = seconds(120);       // of a snapshot that is being fetched
  Duration silence = seconds(5);          // of the one that asked: its snapshot is dropped
  Duration quota_period = seconds(1);
  std::size_t quota_bytes = std::size_t{32} << 20U;  // of chunks to one server in a quota_period
};

inline constexpr std::size_t kMaxChunksPerFetch = 64;

[[nodiscard]] inline TransferConfig checked(const TransferConfig& config) {
  CHECK(config.n >= 1 && config.n <= kMaxServersPerSite && config.self.index() < config.n && config.f < config.n);
  CHECK(config.checkpoint_interval > 0);
  CHECK(config.chunks_per_fetch > 0 && config.chunks_per_fetch <= kMaxChunksPerFetch);
  // A server asks for half the quota at most, because its periods and the others' do not start together.
  CHECK(config.quota_bytes / 2 >= config.chunks_per_fetch * message::kMaxStateChunkBody);
  // A correct server's new attempt is never refused as too early.
  CHECK(config.attempt >= config.snapshot_period * 2 && config.silence > config.repeat_period);
  CHECK(config.max_snapshot_bytes / message::kStateChunkBytes < (std::uint64_t{1} << message::kMaxStatePath));
  return config;
}

}  // namespace garrison::state_transfer
