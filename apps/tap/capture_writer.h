// CaptureWriter: frames into pcapng files, by a thread of its own, so that a slow disk never holds up who hears them.
// What finds no room in the queue is dropped and counted, and so is all that comes after a disk that refuses; the count
// stands in the file as well, behind each interface. Files end at a size, if one is given, and the oldest may go.
//
// write() is for one thread; counts may be read by any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "apps/tap/pcapng.h"
#include "dataplane/base/result.h"

namespace garrison::tap {

struct CaptureOptions {
  std::string path{};  // of the file; with a size, NAME-0001.pcapng and so on
  std::vector<std::string> interfaces{};
  std::uint64_t file_bytes = 0;  // a file has no more, but for one packet; 0: there is one file
  std::size_t files = 0;         // so many of them stay, the newest; 0: all
  std::size_t queue_bytes = std::size_t{16} << 20U;
  bool waits = false;  // for room, instead of dropping: where frames come from a file
};

class CaptureWriter {
 public:
  // Makes the first file; one that is there is an error.
  [[nodiscard]] static Result<std::unique_ptr<CaptureWriter>> open(const CaptureOptions& options);
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;
  ~CaptureWriter();

  void write(Instant when, std::size_t interface, Direction direction, ByteView frame, std::string_view comment);
  // Writes all that waits and the statistics. The error says why not everything is in the files. Once.
  Result<void> close();

  [[nodiscard]] std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }  // a count alone
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  [[nodiscard]] const std::string& first_file() const { return first_file_; }

 private:
  explicit CaptureWriter(const CaptureOptions& options) : options_(options) {}
  void run();
  void put(const Bytes& packets, const std::vector<std::size_t>& ends);
  [[nodiscard]] bool begin_file();
  void end_file();
  void put_bytes(ByteView bytes);
  void fail(const std::string& what);

  struct Count {
    std::uint64_t received = 0;
    std::uint64_t dropped = 0;
  };

  CaptureOptions options_;
  std::string first_file_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  Bytes waiting_;                  // blocks
  std::vector<std::size_t> ends_;  // of each of them
  std::vector<Count> counts_;      // by interface
  bool closing_ = false;
  Instant last_;
  bool failed_ = false;
  std::string failure_;
  // The writing thread's, but for open() and close().
  std::ofstream file_;
  std::uint64_t file_bytes_ = 0;
  std::size_t file_number_ = 0;
  std::deque<std::string> names_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::thread thread_;
};

}  // namespace garrison::tap
