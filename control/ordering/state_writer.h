// The state of deterministic objects as bytes (docs/adr/0015): objects that went through the same inputs give the same
// bytes. state_reader.h reads them.
//
//   numbers, ids, instants, sets      little-endian, as wide as their type; size_t has eight bytes
//   bytes, vectors, deques, maps      u64 count | elements in their order
//   optional                          u8 0 or 1 | value
//   arrays, SlotRing                  a bit for each element that differs from an empty one | those elements
//   shared_ptr                        u32: 0 for none, else the number of what it points to, by first appearance;
//   behind
//                                     a number that appears first, what it points to
//   other classes                     their STATE_FIELDS, or what their save() writes
// There are no names, types or versions in it: both sides run the same program with the same configuration.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "control/message/verified.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/state_fields.h"

namespace garrison::ordering {

class StateWriter {
 public:
  template <typename T>
  StateWriter& put(const T& value) {
    if constexpr (NotState<T>) {
      return *this;
    } else if constexpr (requires { value.save(*this); }) {
      value.save(*this);
    } else if constexpr (HasStateFields<T>) {
      put_fields(value);
    } else {
      write(value);
    }
    return *this;
  }
  template <typename T>
  void put_fields(const T& value) {
    std::apply([this](const auto&... field) { (this->put(field), ...); }, T::state_fields(value));
  }
  StateWriter& blob(ByteView bytes) {
    put(bytes.size());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  template <typename T>
  requires std::is_integral_v<T>
  void write(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    std::memcpy(out_.data() + at, &value, sizeof(T));  // little-endian, as bytes.h asserts
  }
  template <typename T>
  requires std::is_enum_v<T>
  void write(T value) { write(static_cast<std::underlying_type_t<T>>(value)); }
  template <typename Tag, typename Rep>
  void write(TaggedId<Tag, Rep> id) {
    write(id.value());
  }
  void write(Instant at) { write(at.ns()); }
  void write(Duration time) { write(time.ns()); }
  void write(ServerSet set) { write(set.bits()); }

  void write(const Bytes& bytes) { blob(bytes); }
  void write(const std::vector<bool>& flags) {
    put(flags.size());
    for (const bool flag : flags) write(flag);
  }
  template <typename T>
  void write(const std::vector<T>& all) {
    write_all(all);
  }
  template <typename T>
  void write(const std::deque<T>& all) {
    write_all(all);
  }
  template <typename T>
  void write(const std::set<T>& all) {
    write_all(all);
  }
  template <typename Key, typename T>
  void write(const std::map<Key, T>& all) {
    write_all(all);
  }
  template <typename A, typename B>
  void write(const std::pair<A, B>& pair) {
    put(pair.first).put(pair.second);
  }
  template <typename T>
  void write(const std::optional<T>& value) {
    write(value.has_value());
    if (value.has_value()) put(*value);
  }
  template <std::size_t N>
  void write(const std::array<std::uint8_t, N>& bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  template <typename T, std::size_t N>
  void write(const std::array<T, N>& all) {
    write_sparse<T>(all);
  }
  template <typename T, std::size_t N>
  void write(const T (&all)[N]) {
    write_sparse<T>(all);
  }
  template <typename T>
  void write(const SlotRing<T>& all) {
    write_sparse<T>(all);
  }

  template <typename T>
  void write(const std::shared_ptr<T>& pointer) {
    if (pointer == nullptr) return write(std::uint32_t{0});
    const auto [known, first] = shared_.try_emplace(pointer.get(), static_cast<std::uint32_t>(shared_.size() + 1));
    write(known->second);
    if (!first) return;
    if constexpr (std::is_same_v<std::remove_const_t<T>, message::StoredMessage>) {
      blob(pointer->get().bytes());
    } else {
      put(*pointer);
    }
  }

  template <typename Container>
  void write_all(const Container& all) {
    put(all.size());
    for (const auto& each : all) put(each);
  }
  template <typename T, typename Container>
  void write_sparse(const Container& all) {
    const Bytes empty = StateWriter().put(T{}).take();
    const std::size_t bits = out_.size();
    out_.resize(bits + (std::size(all) + 7) / 8);
    for (std::size_t i = 0; i < std::size(all); ++i) {
      const std::size_t before = out_.size();
      put(all[i]);
      if (equal(ByteView(out_).subspan(before), empty)) {
        out_.resize(before);
      } else {
        out_[bits + i / 8] = static_cast<std::uint8_t>(out_[bits + i / 8] | 1U << (i % 8));
      }
    }
  }

  Bytes out_;
  std::map<const void*, std::uint32_t> shared_;  // looked up, never walked: no order of pointers gets out
};

}  // namespace garrison::ordering
