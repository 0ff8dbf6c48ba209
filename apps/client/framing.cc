#include "apps/client/framing.h"

#include <algorithm>
#include <cstring>

namespace garrison::client {

namespace {
constexpr std::size_t kInitialBytes = std::size_t{16} * 1024;
}  // namespace

void append_frame(Bytes& out, ByteView message) {
  CHECK(message.size() <= kMaxClientMessageBytes);
  const std::size_t at = out.size();
  out.resize(at + kFrameHeaderBytes);
  store_le(out.data() + at, static_cast<std::uint32_t>(message.size()));
  out.insert(out.end(), message.begin(), message.end());
}

MutableBytes FrameReader::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  const std::size_t whole = kFrameHeaderBytes + (bad() ? 0 : announced().value_or(0));
  const std::size_t wanted = std::max({kInitialBytes, whole, buffer_.size()});
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  // What is left moves to the front only when the message it begins would not fit behind it.
  if (begin_ > 0 && (end_ == buffer_.size() || begin_ + whole > buffer_.size())) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, waiting());
    end_ -= begin_;
    begin_ = 0;
  }
  CHECK(end_ < buffer_.size());  // whoever takes every whole message before reading on leaves room
  return MutableBytes(buffer_).subspan(end_);
}

void FrameReader::filled(std::size_t bytes) {
  CHECK(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

std::optional<std::size_t> FrameReader::announced() const {
  if (waiting() < kFrameHeaderBytes) return std::nullopt;
  return load_le<std::uint32_t>(buffer_.data() + begin_);
}

std::optional<ByteView> FrameReader::front() const {
  const std::optional<std::size_t> length = announced();
  if (!length.has_value() || *length > kMaxClientMessageBytes || waiting() - kFrameHeaderBytes < *length) {
    return std::nullopt;
  }
  return ByteView(buffer_).subspan(begin_ + kFrameHeaderBytes, *length);
}

void FrameReader::pop() {
  const std::optional<ByteView> message = front();
  CHECK(message.has_value());
  begin_ += kFrameHeaderBytes + message->size();
}

bool FrameReader::bad() const { return announced().value_or(0) > kMaxClientMessageBytes; }

void FrameReader::reset() { begin_ = end_ = 0; }

}  // namespace garrison::client
