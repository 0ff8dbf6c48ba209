#include "apps/tap/file_source.h"

#include <fmt/format.h>

#include <limits>

#include "dataplane/base/check.h"
#include "dataplane/wire/frame.h"

namespace garrison::tap {

namespace {
constexpr std::size_t kMostSenders = 4096;  // whose sequences are remembered
constexpr std::size_t kLookAhead = 50'000;  // frames in which each sender is heard
}  // namespace

Result<FileSource> FileSource::open(const std::vector<std::string>& paths) {
  CHECK(!paths.empty() && paths.size() <= kMaxTaps);
  FileSource source;
  for (const std::string& path : paths) {
    File file{.path = path, .in = std::make_unique<std::ifstream>(path, std::ios::binary), .reader = nullptr};
    if (!file.in->is_open()) return Error{path + ": cannot be opened"};
    if (paths.size() > 1) look_ahead(file);
    file.reader = std::make_unique<CaptureReader>(*file.in);
    file.next = file.reader->next();
    if (!file.next.has_value() && file.reader->fault().has_value()) {
      return Error{path + ": " + file.reader->fault()->message};
    }
    source.files_.push_back(std::move(file));
  }
  return source;
}

std::optional<FileSource::SenderSequence> FileSource::sequence_of(ByteView frame) {
  wire::Datagram datagram;
  wire::FrameHeader header;
  if (wire::parse_datagram(frame, datagram) || wire::parse_frame_header(datagram.payload, header)) return std::nullopt;
  return SenderSequence{std::uint32_t{header.src_site.value()} << 16U | header.src_server.value(),
                        header.port_sequence};
}

void FileSource::look_ahead(File& file) {
  CaptureReader reader(*file.in);
  for (std::size_t i = 0; i < kLookAhead && file.heard.size() < kMostSenders; ++i) {
    const std::optional<CapturedFrame> frame = reader.next();
    if (!frame.has_value()) break;
    const std::optional<SenderSequence> first = sequence_of(frame->bytes);
    if (first.has_value()) file.heard.try_emplace(first->first, first->second - 1);
  }
  file.in->clear();
  file.in->seekg(0);
}

double FileSource::lead(const File& of, const File& other) {
  const std::optional<SenderSequence> next = sequence_of(of.next->bytes);
  const auto at = next.has_value() ? other.heard.find(next->first) : other.heard.end();
  if (at == other.heard.end()) return -std::numeric_limits<double>::infinity();  // it waits for nobody
  return static_cast<double>(next->second) - static_cast<double>(at->second);
}

void FileSource::advance(File& file) {
  const std::optional<SenderSequence> over = sequence_of(file.next->bytes);
  if (const auto at = over.has_value() ? file.heard.find(over->first) : file.heard.end(); at != file.heard.end()) {
    at->second = over->second;
  }
  file.next = file.reader->next();
}

std::optional<TappedFrame> FileSource::next() {
  while (true) {
    if (given_.has_value()) advance(files_[*given_]);
    given_.reset();
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!files_[i].next.has_value()) continue;
      const bool ahead = given_.has_value() && lead(files_[i], files_[*given_]) >= lead(files_[*given_], files_[i]);
      if (!ahead) given_ = i;
    }
    if (!given_.has_value()) return std::nullopt;
    const CapturedFrame& frame = *files_[*given_].next;
    const std::size_t tap = files_.size() == 1 ? frame.interface : *given_;
    if (frame.sent) continue;
    if (tap < kMaxTaps) return TappedFrame{frame.when, tap, frame.bytes, frame.wire_bytes > frame.bytes.size()};
    ++other_interfaces_;
  }
}

std::vector<std::string> FileSource::faults() const {
  std::vector<std::string> faults;
  for (const File& file : files_) {
    if (file.reader->fault().has_value()) faults.push_back(file.path + ": " + file.reader->fault()->message);
  }
  if (other_interfaces_ > 0) {
    faults.push_back(fmt::format("{} frames of a third interface, or further ones, were passed over; two can be taps",
                                 other_interfaces_));
  }
  return faults;
}

}  // namespace garrison::tap
