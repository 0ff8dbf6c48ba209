// Where promises become durable. A server appends records in the order its core made them; the store says up to
// which token they are durable.
#pragma once

#include "control/ordering/ordering.h"

namespace garrison::server {

class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;
  virtual void append(const ordering::Persist& record) = 0;
  [[nodiscard]] virtual ordering::PersistToken durable() const = 0;
};

// Keeps nothing and calls everything durable. A server over it must never come back under the same incarnation.
class NullStore final : public Store {
 public:
  void append(const ordering::Persist& record) override { durable_ = record.token; }
  [[nodiscard]] ordering::PersistToken durable() const override { return durable_; }

 private:
  ordering::PersistToken durable_ = 0;
};

}  // namespace garrison::server
