// Seeded runs, several at a time: what the simulation commands have in common.
#pragma once

#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "apps/commands/command.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/instant.h"

namespace garrison::apps {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t runs = 1;
  unsigned jobs = 0;   // at a time; 0: one per core
  bool twice = false;  // each, to compare the digests
};

// How long a simulated run is; what is not given is as long as such runs are.
struct RunLength {
  std::optional<Duration> faults;  // of the network begin and end within this
  std::optional<Duration> calm;    // clients go on for so long afterwards; bounds on delays hold then
};

// A value such as 2s; anything else is refused.
void add_duration(CLI::App& command, const std::string& name, const std::string& what, std::optional<Duration>& out);

// What replays it, for the end of a command line.
[[nodiscard]] std::string describe(const RunLength& length);
void add_length_options(CLI::App& command, RunLength& length);

// The first bytes of a digest, as people compare them.
[[nodiscard]] inline std::string hex(const Digest& digest, std::size_t bytes = sizeof(Digest)) {
  std::string text;
  for (const std::uint8_t byte : ByteView(digest).first(bytes)) text += fmt::format("{:02x}", byte);
  return text;
}

// The results of simulate(seed), in the order of the seeds. print(result) is called one at a time as each is there; of
// one that is not ok() its violation and replay(seed) are complained about.
template <typename Simulate, typename Print, typename Replay>
[[nodiscard]] auto run_seeds(const Seeds& seeds, const Simulate& simulate, const Print& print, const Replay& replay) {
  std::vector<decltype(simulate(seeds.first))> results(seeds.runs);
  std::atomic<std::uint64_t> next{0};
  std::mutex print_mutex;
  const auto work = [&] {
    for (std::uint64_t i = next++; i < seeds.runs; i = next++) {
      const std::uint64_t seed = seeds.first + i;
      results[i] = simulate(seed);
      ::malloc_trim(0);  // of the hundreds of MiB that a run takes in pieces the allocator would keep most
      if (seeds.twice && results[i].ok() && simulate(seed).digest != results[i].digest) {
        results[i].violation = "determinism: the same seed gave another digest";
      }
      const std::lock_guard lock(print_mutex);
      print(results[i]);
      if (!results[i].ok()) {
        complain(fmt::format("seed {}: {}", seed, results[i].violation));
        complain("replay: " + replay(seed));
      }
    }
  };
  const unsigned jobs = seeds.jobs == 0 ? std::max(1U, std::thread::hardware_concurrency()) : seeds.jobs;
  std::vector<std::thread> threads;
  for (unsigned t = 1; t < jobs; ++t) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return results;
}

}  // namespace garrison::apps
