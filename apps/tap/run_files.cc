#include "apps/tap/run_files.h"

#include <fmt/format.h>

#include <utility>

#include "apps/tap/file_source.h"

namespace garrison::tap {

Result<std::vector<std::string>> run_files(const std::vector<std::string>& paths, Pipeline& pipeline) {
  Result<FileSource> opened = FileSource::open(paths);
  if (!opened) return opened.error();
  FileSource source = std::move(opened).value();
  std::uint64_t cut = 0;
  while (const std::optional<TappedFrame> frame = source.next()) {
    cut += frame->cut ? 1 : 0;
    pipeline.heard(frame->when, frame->tap, frame->bytes);
  }
  std::vector<std::string> faults = source.faults();
  if (cut > 0) faults.push_back(fmt::format("{} frames were captured in part; capture whole frames", cut));
  return faults;
}

}  // namespace garrison::tap
