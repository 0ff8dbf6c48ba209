// A core and its twin, which get the same inputs. Where the environment says HAND_OVER, the core is replaced now and
// then by what another makes of its saved state, and must go on as the twin does, byte for byte. So every test that
// runs cores in a harness is one of the encoding of their state, too.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "control/ordering/state_reader.h"
#include "control/ordering/state_writer.h"
#include "control/prime/prime.h"
#include "dataplane/base/rng.h"
#include "tests/support/site_keys.h"

namespace garrison::prime {

inline Bytes saved(const Prime& core) {
  ordering::StateWriter state;
  core.save(state);
  return state.take();
}

// A core like `core` in that state; null when it is none.
inline std::unique_ptr<Prime> loaded(const Prime& core, ByteView state, const message::Validator& validator) {
  ordering::StateReader reader(state, validator, 1);
  std::unique_ptr<ordering::OrderingCore> made = core.load(reader);
  return std::unique_ptr<Prime>(reader.done() ? dynamic_cast<Prime*>(made.release()) : nullptr);
}

class Twins {
 public:
  Twins(testing::SiteKeys& keys, const PrimeConfig& config)
      : validator_(keys.system(), keys.site(), config.n, keys.directory()),
        rng_(config.self.value() + 1),
        core_(std::make_unique<Prime>(config)) {
    validator_.take_events();
    if (std::getenv("HAND_OVER") != nullptr) twin_ = std::make_unique<Prime>(config);
  }

  void step(Instant now, const ordering::Input& input, ordering::Output& output) {
    if (twin_ != nullptr && rng_.below(kStepsBetween) == 0) hand_over();
    core_->step(now, input, output);
    if (twin_ == nullptr) return;
    ordering::Output other;
    twin_->step(now, input, other);
    compare(output, other);
  }

  Prime& operator*() { return *core_; }
  Prime* operator->() { return core_.get(); }

 private:
  static constexpr std::uint64_t kStepsBetween = 500;

  void hand_over() {
    const Bytes state = saved(*core_);
    ASSERT_TRUE(state == saved(*twin_)) << "equal states, different bytes";
    std::unique_ptr<Prime> next = loaded(*core_, state, validator_);
    ASSERT_NE(next, nullptr);
    ASSERT_TRUE(saved(*next) == state);
    core_ = std::move(next);
  }

  void compare(const ordering::Output& a, const ordering::Output& b) const {
    const auto same = [](const Stored& one, const Stored& other) {
      if (one == nullptr || other == nullptr) return one == other;
      return equal(one->get().bytes(), other->get().bytes());
    };
    const auto all = [](const auto& ones, const auto& others, auto&& equal_each) {
      return std::equal(ones.begin(), ones.end(), others.begin(), others.end(), equal_each);
    };
    EXPECT_TRUE(all(a.persist, b.persist,
                    [](const auto& x, const auto& y) { return x.token == y.token && x.record == y.record; }));
    EXPECT_TRUE(all(a.deliver, b.deliver, [&](const auto& x, const auto& y) {
      return same(x.holder, y.holder) && all(x.updates, y.updates, equal);
    }));
    EXPECT_TRUE(all(a.checkpoints, b.checkpoints, [](const auto& x, const auto& y) {
      return x.sequence == y.sequence && x.state == y.state && x.delivered == y.delivered;
    }));
    EXPECT_TRUE(all(a.sign, b.sign, [](const auto& x, const auto& y) {
      return x.content == y.content && x.to == y.to && x.traffic == y.traffic && x.supersede_key == y.supersede_key &&
             x.after == y.after;
    }));
    EXPECT_TRUE(all(a.forward, b.forward, [&](const auto& x, const auto& y) {
      return same(x.message, y.message) && x.to == y.to && x.traffic == y.traffic && x.after == y.after;
    }));
    EXPECT_TRUE(all(a.verify, b.verify, [](const auto& x, const auto& y) { return x.message == y.message; }));
    EXPECT_TRUE(all(a.blame, b.blame, [&](const auto& x, const auto& y) {
      return x.server == y.server && x.reason == y.reason && same(x.first, y.first) && same(x.second, y.second);
    }));
    EXPECT_EQ(a.drops, b.drops);
    EXPECT_EQ(std::as_const(*core_).next_wakeup(), std::as_const(*twin_).next_wakeup());
  }

  message::Validator validator_;
  Rng rng_;
  std::unique_ptr<Prime> core_;
  std::unique_ptr<Prime> twin_;  // null: nothing is handed over
};

}  // namespace garrison::prime
