#include "apps/tap/capture_writer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::tap {

namespace {

std::string name_of_file(const CaptureOptions& options, std::size_t number) {
  if (options.file_bytes == 0) return options.path;
  const std::filesystem::path path(options.path);
  const std::string name = fmt::format("{}-{:04}{}", path.stem().string(), number, path.extension().string());
  return (path.parent_path() / name).string();
}

}  // namespace

Result<std::unique_ptr<CaptureWriter>> CaptureWriter::open(const CaptureOptions& options) {
  CHECK(!options.interfaces.empty() && options.queue_bytes > 0);
  std::unique_ptr<CaptureWriter> writer(new CaptureWriter(options));
  writer->counts_.resize(options.interfaces.size());
  if (!writer->begin_file()) return Error{writer->failure_};
  writer->first_file_ = writer->names_.front();
  writer->thread_ = std::thread([at = writer.get()] { at->run(); });
  return writer;
}

CaptureWriter::~CaptureWriter() {
  if (thread_.joinable()) static_cast<void>(close());
}

void CaptureWriter::write(Instant when, std::size_t interface, Direction direction, ByteView frame,
                          std::string_view comment) {
  std::unique_lock lock(mutex_);
  Count& count = counts_.at(interface);
  ++count.received;
  last_ = std::max(last_, when);
  const std::size_t most = frame.size() + comment.size() + kPacketBlockBytes;
  const auto has_room = [&] { return failed_ || waiting_.empty() || waiting_.size() + most <= options_.queue_bytes; };
  if (options_.waits) changed_.wait(lock, has_room);
  if (failed_ || !has_room()) {
    ++count.dropped;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  append_packet(waiting_, when, interface, direction, frame, comment);
  ends_.push_back(waiting_.size());
  lock.unlock();
  changed_.notify_all();
}

Result<void> CaptureWriter::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (!failed_) end_file();
  if (!failed_) return {};
  return Error{failure_};
}

void CaptureWriter::run() {
  Bytes packets;
  std::vector<std::size_t> ends;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      packets.clear();
      ends.clear();
      std::swap(packets, waiting_);
      std::swap(ends, ends_);
    }
    changed_.notify_all();
    put(packets, ends);
  }
}

void CaptureWriter::put(const Bytes& packets, const std::vector<std::size_t>& ends) {
  std::size_t start = 0;
  for (const std::size_t end : ends) {
    if (options_.file_bytes > 0 && file_bytes_ >= options_.file_bytes && !failed_) {
      end_file();
      static_cast<void>(begin_file());
    }
    put_bytes(ByteView(packets).subspan(start, end - start));
    (failed_ ? dropped_ : written_).fetch_add(1, std::memory_order_relaxed);
    start = end;
  }
  if (!failed_ && !file_.flush()) fail("cannot be written");
}

bool CaptureWriter::begin_file() {
  const std::string name = name_of_file(options_, ++file_number_);
  names_.push_back(name);
  if (std::filesystem::exists(name)) return fail("is there already"), false;
  file_.open(name, std::ios::binary);
  if (!file_.is_open())
    return fail(std::string("cannot be made: ") + std::strerror(errno)),
           false;  // NOLINT(concurrency-mt-unsafe): glibc's is safe
  Bytes head;
  append_section(head);
  for (const std::string& interface : options_.interfaces) append_interface(head, interface);
  file_bytes_ = 0;
  put_bytes(head);
  if (options_.files > 0 && names_.size() > options_.files) {
    std::error_code ignored;  // somebody else may have removed it
    std::filesystem::remove(names_.front(), ignored);
    names_.pop_front();
  }
  return !failed_;
}

void CaptureWriter::end_file() {
  Bytes tail;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      append_statistics(tail, last_, i, counts_[i].received, counts_[i].dropped);
    }
  }
  put_bytes(tail);
  file_.close();
  if (file_.fail()) fail("cannot be written");
}

void CaptureWriter::put_bytes(ByteView bytes) {
  if (failed_) return;
  file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file_bytes_ += bytes.size();
  if (!file_.good()) fail("cannot be written");
}

void CaptureWriter::fail(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  failed_ = true;
  failure_ = fmt::format("capture {}: {}", names_.back(), what);
  changed_.notify_all();
}

}  // namespace garrison::tap
