// Captures as taps: one file, whose interfaces are its taps, or two, a tap each. Frames of two files come in the order
// in which the taps stand to each other by senders and their transmit sequences, whatever their clocks say: the tap
// whose next frame is less far ahead of what the other one has heard goes first.
//
// One thread.
#pragma once

#include <array>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/tap/capture_reader.h"
#include "apps/tap/sequence_log.h"
#include "dataplane/base/result.h"

namespace garrison::tap {

struct TappedFrame {
  Instant when;
  std::size_t tap = 0;
  ByteView bytes;
  bool cut = false;  // the capture holds only its beginning
};

class FileSource {
 public:
  // One or two files.
  [[nodiscard]] static Result<FileSource> open(const std::vector<std::string>& paths);

  // The next frame that was heard, until the one after it is asked for; none at the end.
  [[nodiscard]] std::optional<TappedFrame> next();
  // Files that went wrong before their end, a line each; and frames of interfaces beyond the second one are no taps.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  struct File {
    std::string path;
    std::unique_ptr<std::ifstream> in;
    std::unique_ptr<CaptureReader> reader;
    std::optional<CapturedFrame> next{};
    std::map<std::uint32_t, std::uint64_t> heard{};  // by sender: the transmit sequence before its next frame
  };
  using SenderSequence = std::pair<std::uint32_t, std::uint64_t>;
  [[nodiscard]] static std::optional<SenderSequence> sequence_of(ByteView frame);
  // How far the next frame of one file is ahead of the other one; negative where it is behind.
  [[nodiscard]] static double lead(const File& of, const File& other);
  // What is heard first of each sender.
  static void look_ahead(File& file);
  void advance(File& file);

  std::vector<File> files_;
  std::optional<std::size_t> given_;  // whose frame is out
  std::uint64_t other_interfaces_ = 0;
};

}  // namespace garrison::tap
