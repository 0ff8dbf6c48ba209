#include "apps/tap/pcapng.h"

#include <concepts>

namespace garrison::tap {

namespace {

template <std::unsigned_integral T>
void append(Bytes& out, T value) {
  out.resize(out.size() + sizeof value);
  store_le(out.data() + out.size() - sizeof value, value);
}

void append_padded(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.resize((out.size() + 3) / 4 * 4);
}

void append_option(Bytes& out, std::uint16_t code, ByteView value) {
  append(out, code);
  append(out, static_cast<std::uint16_t>(value.size()));
  append_padded(out, value);
}
template <std::unsigned_integral T>
void append_option(Bytes& out, std::uint16_t code, T value) {
  Bytes bytes;
  append(bytes, value);
  append_option(out, code, ByteView(bytes));
}
void append_end(Bytes& out) { append(out, std::uint32_t{0}); }

// High word first, in whatever order of bytes.
void append_time(Bytes& out, Instant when) {
  const auto ns = static_cast<std::uint64_t>(when.ns());
  append(out, static_cast<std::uint32_t>(ns >> 32U));
  append(out, static_cast<std::uint32_t>(ns));
}

// A block around what `body` appends. All that was appended before is a multiple of four bytes.
template <typename Body>
void append_block(Bytes& out, std::uint32_t type, Body&& body) {
  const std::size_t start = out.size();
  append(out, type);
  append(out, std::uint32_t{0});
  body();
  const auto length = static_cast<std::uint32_t>(out.size() - start + 4);
  append(out, length);
  store_le(out.data() + start + 4, length);
}

}  // namespace

void append_section(Bytes& out) {
  append_block(out, 0x0a0d0d0a, [&] {
    append(out, std::uint32_t{0x1a2b3c4d});
    append(out, std::uint16_t{1});
    append(out, std::uint16_t{0});
    append(out, ~std::uint64_t{0});  // its length is not known
    append_option(out, 4, as_bytes(std::string_view("garrison tap")));
    append_end(out);
  });
}

void append_interface(Bytes& out, std::string_view name) {
  append_block(out, 1, [&] {
    append(out, std::uint16_t{1});
    append(out, std::uint16_t{0});
    append(out, std::uint32_t{0});  // frames are whole
    append_option(out, 2, as_bytes(name));
    append_option(out, 9, std::uint8_t{9});
    append_end(out);
  });
}

void append_packet(Bytes& out, Instant when, std::size_t interface, Direction direction, ByteView frame,
                   std::string_view comment) {
  append_block(out, 6, [&] {
    append(out, static_cast<std::uint32_t>(interface));
    append_time(out, when);
    append(out, static_cast<std::uint32_t>(frame.size()));
    append(out, static_cast<std::uint32_t>(frame.size()));
    append_padded(out, frame);
    if (!comment.empty()) append_option(out, 1, as_bytes(comment));
    append_option(out, 2, static_cast<std::uint32_t>(direction));
    append_end(out);
  });
}

void append_statistics(Bytes& out, Instant when, std::size_t interface, std::uint64_t received, std::uint64_t dropped) {
  append_block(out, 5, [&] {
    append(out, static_cast<std::uint32_t>(interface));
    append_time(out, when);
    append_option(out, 4, received);
    append_option(out, 5, dropped);
    append_end(out);
  });
}

}  // namespace garrison::tap
