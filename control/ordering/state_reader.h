// Reads what StateWriter has written into objects that were made with the same configuration and have done nothing yet.
//
// The bytes are another server's: f + 1 servers vouch for what they say, and whatever they are, reading them is safe.
// What does not fit is refused: a count beyond the bytes there are, a vector that is not as long as the one that it is
// read into unless that is empty, a participant that there is not, keys out of order, a message whose structure no
// Validator would take. Like Reader, the first failure makes all that follows read as nothing, and the caller asks
// once, at the end. What is read is consistent if its writer was correct; that is what f + 1 of them are for.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <variant>
#include <vector>

#include "control/message/validate.h"
#include "control/ordering/state_writer.h"

namespace garrison::ordering {

class StateReader {
 public:
  // Of a state in which there are so many sites. `validator` outlives it: messages in the state are such as it takes,
  // signatures apart.
  StateReader(ByteView bytes, const message::Validator& validator, std::size_t sites)
      : in_(bytes), validator_(&validator), sites_(sites) {}

  // What follows is of a protocol with n participants, servers or sites, that are named by ServerIds. Else these name
  // servers of any site.
  void participants(std::size_t n) { n_ = n; }

  template <typename T>
  StateReader& get(T& value) {
    if constexpr (NotState<T>) {
      return *this;
    } else if constexpr (requires { value.load(*this); }) {
      value.load(*this);
    } else if constexpr (HasStateFields<T>) {
      get_fields(value);
    } else {
      read(value);
    }
    return *this;
  }
  template <typename T>
  [[nodiscard]] T get() {
    T value{};
    get(value);
    return value;
  }
  template <typename T>
  void get_fields(T& value) {
    std::apply([this](auto&... field) { (this->get(field), ...); }, T::state_fields(value));
  }
  [[nodiscard]] ByteView blob() {
    const auto size = get<std::size_t>();
    return in_.view(size);
  }

  void fail() { in_.fail(); }
  [[nodiscard]] bool ok() const { return in_.ok(); }
  [[nodiscard]] bool done() const { return in_.done(); }

 private:
  template <typename T>
  requires std::is_integral_v<T>
  void read(T& value) { value = static_cast<T>(in_.read<std::make_unsigned_t<T>>()); }
  void read(bool& value) {
    const std::uint8_t flag = in_.u8();
    if (flag > 1) fail();
    value = flag == 1;
  }
  template <typename T>
  requires std::is_enum_v<T>
  void read(T& value) {
    static_assert(kValuesOf<T> > 0, "say how many values it has");
    const auto number = get<std::underlying_type_t<T>>();
    if (number >= kValuesOf<T>) return fail();
    value = static_cast<T>(number);
  }
  template <typename Tag, typename Rep>
  void read(TaggedId<Tag, Rep>& id) {
    const TaggedId<Tag, Rep> value(get<Rep>());
    if (std::is_same_v<TaggedId<Tag, Rep>, ServerId> && value.index() >= n_) return fail();
    if (std::is_same_v<TaggedId<Tag, Rep>, SiteId> && value.index() >= sites_) return fail();
    id = value;
  }
  void read(Instant& at) { at = Instant(get<std::int64_t>()); }
  void read(Duration& time) { time = Duration(get<std::int64_t>()); }
  void read(ServerSet& set) {
    const auto bits = get<std::uint32_t>();
    if ((bits & ~ServerSet::all(n_).bits()) != 0) return fail();
    set = ServerSet::from_bits(bits);
  }

  // Sequence numbers come by participant, or there are none.
  template <typename T>
  [[nodiscard]] bool may_have(std::size_t count) const {
    if (std::is_same_v<T, SeqNum> && count != 0) return count == n_;  // in a core
    return count <= in_.remaining();
  }

  void read(Bytes& bytes) { bytes = to_bytes(blob()); }
  template <typename T>
  void read(std::vector<T>& all) {
    const auto count = get<std::size_t>();
    if (all.empty() ? !may_have<T>(count) : count != all.size()) return fail();
    for (std::size_t i = 0; i < count && ok(); ++i) {
      if (i == all.size()) all.emplace_back();
      if constexpr (std::is_same_v<T, bool>) {
        all[i] = get<bool>();
      } else {
        get(all[i]);
      }
    }
  }
  template <typename T>
  void read(std::deque<T>& all) {
    const auto count = get<std::size_t>();
    for (std::size_t i = 0; i < count && ok(); ++i) get(all.emplace_back());
  }
  template <typename T>
  void read(std::set<T>& all) {
    const auto count = get<std::size_t>();
    for (std::size_t i = 0; i < count && ok(); ++i) {
      const T value = get<T>();
      if (!all.empty() && value <= *all.rbegin()) return fail();
      all.insert(all.end(), value);
    }
  }
  template <typename Key, typename T>
  void read(std::map<Key, T>& all) {
    const auto count = get<std::size_t>();
    for (std::size_t i = 0; i < count && ok(); ++i) {
      const Key key = get<Key>();
      if (!all.empty() && key <= all.rbegin()->first) return fail();
      get(all.emplace_hint(all.end(), key, T{})->second);
    }
  }
  template <typename A, typename B>
  void read(std::pair<A, B>& pair) {
    get(pair.first).get(pair.second);
  }
  template <typename T>
  void read(std::optional<T>& value) {
    const bool there = get<bool>();
    if constexpr (std::is_default_constructible_v<T>) {
      value.reset();
      if (there) value.emplace();
    } else if (there != value.has_value()) {
      fail();  // who owns it makes it first
    }
    if (ok() && there) get(*value);
  }
  template <std::size_t N>
  void read(std::array<std::uint8_t, N>& bytes) {
    bytes = in_.array<N>();
  }
  template <typename T, std::size_t N>
  void read(std::array<T, N>& all) {
    read_array<T>(all);
  }
  template <typename T, std::size_t N>
  void read(T (&all)[N]) {
    read_array<T>(all);
  }
  template <typename T>
  void read(SlotRing<T>& all) {
    read_sparse<T>(all, [](T&) {});  // its slots are empty ones
  }

  template <typename T>
  void read(std::shared_ptr<T>& pointer) {
    using Object = std::remove_const_t<T>;
    const auto number = get<std::uint32_t>();
    pointer = nullptr;
    if (number == 0) return;
    if (number <= shared_.size()) {
      const Shared& known = shared_[number - 1];
      if (known.type != typeid(Object) || known.object == nullptr) return fail();
      pointer = std::static_pointer_cast<T>(known.object);
      return;
    }
    if (number != shared_.size() + 1) return fail();
    shared_.push_back({typeid(Object), nullptr});  // what it points to may point to further ones, not to itself
    std::shared_ptr<Object> object = make<Object>();
    if (!ok()) return;
    shared_[number - 1].object = object;
    pointer = std::move(object);
  }
  template <typename Object>
  [[nodiscard]] std::shared_ptr<Object> make() {
    if constexpr (std::is_same_v<Object, message::StoredMessage>) {
      const message::Validation outcome = validator_->vouched(blob());
      const auto* valid = std::get_if<message::VerifiedMessage>(&outcome);
      if (valid == nullptr) return fail(), nullptr;
      return std::make_shared<Object>(*valid);
    } else {
      auto object = std::make_shared<Object>();
      get(*object);
      return object;
    }
  }

  // `make_empty` is called for each element that is not there.
  template <typename T, typename Container, typename MakeEmpty>
  void read_sparse(Container& all, MakeEmpty&& make_empty) {
    const ByteView bits = in_.view((std::size(all) + 7) / 8);
    for (std::size_t i = 0; i < std::size(all) && ok(); ++i) {
      if ((bits[i / 8] >> (i % 8) & 1U) != 0) {
        get(all[i]);
      } else {
        make_empty(all[i]);
      }
    }
  }
  // The elements may have been made otherwise, so one that is not there is what an empty one reads as.
  template <typename T, typename Container>
  void read_array(Container& all) {
    const Bytes empty = StateWriter().put(T{}).take();
    read_sparse<T>(all, [&](T& element) {
      StateReader from(empty, *validator_, sites_);
      if (!from.get(element).done()) fail();
    });
  }

  struct Shared {
    std::type_index type;
    std::shared_ptr<void> object;  // null while it is read
  };
  Reader in_;
  const message::Validator* validator_;
  std::size_t sites_;
  std::size_t n_ = kMaxServersPerSite;
  std::vector<Shared> shared_;
};

}  // namespace garrison::ordering
