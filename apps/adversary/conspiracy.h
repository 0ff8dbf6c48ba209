// What the faulty servers of one run know of each other, and what each of them did: one object that all of them share.
//
// Made before any of them, by the thread that composes the servers. From then on only the counters change, each by
// the control thread of its server, and whether the attack has begun; any thread may read them.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/server_set.h"

namespace garrison::adversary {

class Conspiracy {
 public:
  // How often one adversary at one server did what a correct server does not.
  struct Record {
    Record(ServerId who, std::string what, bool occasional)
        : server(who), spec(std::move(what)), on_occasion(occasional) {}
    ServerId server;
    std::string spec;  // as it was asked for
    bool on_occasion;  // Kind::on_occasion
    Counter acted;
  };

  // Of n servers, f of which may be faulty, those in `faulty` are.
  Conspiracy(std::size_t n, std::size_t f, ServerSet faulty) : n_(n), f_(f), faulty_(faulty) {
    correct_ = ServerSet::all(n);
    faulty.for_each([&](ServerId one) {
      CHECK(one.index() < n);
      correct_.erase(one);
    });
    CHECK(correct_.size() > f);
    for (std::size_t i = 0; faulty.size() + confidants_.size() < f + 1; ++i) {
      const ServerId one(static_cast<std::uint16_t>(i));
      if (correct_.contains(one)) confidants_.insert(one);
    }
    // The last f correct servers: leaders come first by rotation, and are more useful deceived than starved.
    for (std::size_t i = n; i > 0 && victims_.size() < f; --i) {
      const ServerId one(static_cast<std::uint16_t>(i - 1));
      if (correct_.contains(one)) victims_.insert(one);
    }
  }

  [[nodiscard]] std::size_t n() const { return n_; }
  [[nodiscard]] std::size_t f() const { return f_; }
  [[nodiscard]] ServerSet faulty() const { return faulty_; }
  [[nodiscard]] ServerSet correct() const { return correct_; }
  // The f correct servers that all of them leave out: nothing is lost on the others, who still make a quorum with them.
  [[nodiscard]] ServerSet victims() const { return victims_; }
  // The fewest correct servers that a leader has to serve well in order to stay: with the faulty ones, who say that all
  // is well, they are f+1.
  [[nodiscard]] ServerSet confidants() const { return confidants_; }

  // Until it begins every server behaves as a correct one. It has begun unless it is held back.
  void hold_back() { begun_.store(false, std::memory_order_relaxed); }
  void begin() { begun_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool begun() const { return begun_.load(std::memory_order_relaxed); }

  Record& record(ServerId server, std::string spec, bool on_occasion = false) {
    return records_.emplace_back(server, std::move(spec), on_occasion);
  }
  [[nodiscard]] const std::deque<Record>& records() const { return records_; }

 private:
  std::size_t n_;
  std::size_t f_;
  ServerSet faulty_;
  ServerSet correct_;
  ServerSet victims_;
  ServerSet confidants_;
  std::atomic<bool> begun_{true};
  std::deque<Record> records_;  // a deque, so that records stay where they are
};

}  // namespace garrison::adversary
