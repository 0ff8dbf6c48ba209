// Which members of a class are its state: STATE_FIELDS, once in the class, names all of them in their order.
//
// That is enough to write an object and to read it (control/ordering/state_writer.h, state_reader.h), so the two cannot
// differ; and a member that is added and not named does not compile. A member whose type says NotState is named and
// left out: configuration, which whoever reads has already, and helpers without state.
#pragma once

#include <cstddef>
#include <tuple>
#include <vector>

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): only a macro can use one list of names twice
#define STATE_FIELDS(...)              \
  static auto state_fields(auto& of) { \
    auto& [__VA_ARGS__] = of;          \
    return std::tie(__VA_ARGS__);      \
  }

namespace garrison {

// Such a type, or a container or optional of it.
template <typename T>
concept NotState = requires {
  typename T::NotState;
}
|| requires { typename T::value_type::NotState; };

template <typename T>
concept HasStateFields = requires(T& value) {
  T::state_fields(value);
};

// How many values an enumeration has, which count from zero. Say it beside one that is state.
template <typename Enum>
inline constexpr std::size_t kValuesOf = 0;

// Slots whose number is fixed when they are made, most of them mostly empty: a ring. What is written of it is the slots
// that differ from an empty one.
template <typename Slot>
class SlotRing {
 public:
  SlotRing() = default;
  explicit SlotRing(std::size_t slots) : slots_(slots) {}

  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] Slot& operator[](std::size_t i) { return slots_[i]; }
  [[nodiscard]] const Slot& operator[](std::size_t i) const { return slots_[i]; }
  [[nodiscard]] auto begin() { return slots_.begin(); }
  [[nodiscard]] auto end() { return slots_.end(); }
  [[nodiscard]] auto begin() const { return slots_.begin(); }
  [[nodiscard]] auto end() const { return slots_.end(); }

 private:
  std::vector<Slot> slots_;
};

}  // namespace garrison
