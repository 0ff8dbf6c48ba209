// One connection of a Redis client: commands in, replies out in the same order, operations in flight between.
//
// Reads on only while every command it has read is under way and its client takes its replies; so what it holds is
// bounded. Io thread only; held by shared_ptr, which operations in flight share.
#pragma once

#include <array>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "apps/gateway/gateway.h"
#include "apps/gateway/key_gate.h"

namespace garrison::gateway {

class RespConnection : public std::enable_shared_from_this<RespConnection> {
 public:
  // The gateway, as its connections see it.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    // Whether one more operation may be in flight. If not, on_room() follows once it may.
    virtual bool has_room(RespConnection& connection) = 0;
    virtual void closed(std::uint64_t connection) = 0;
    [[nodiscard]] virtual GatewayFacts facts() const = 0;

   protected:
    ~Owner() = default;
  };

  // Owner and `replicate` outlive it, or close() comes first.
  RespConnection(asio::ip::tcp::socket socket, std::uint64_t id, const Gateway::Config& config, Owner& owner,
                 const Gateway::Replicate& replicate);

  void start();
  void on_room();
  void close();
  [[nodiscard]] std::uint64_t id() const { return session_.id; }

 private:
  // A reply owed.
  struct Slot {
    bool done = false;
    Protocol protocol{};
    Bytes bytes;
    Footprint footprint;  // of an operation in flight
  };

  void read();
  void schedule();
  void proceed();
  // False when there is no command to take, or its turn has not come.
  bool take_command();
  bool start_waiting();
  void put(Immediate immediate);
  void complete(std::uint64_t slot, Result<Bytes> result);
  void flush();
  void write();
  [[nodiscard]] bool full() const;

  asio::ip::tcp::socket socket_;
  Gateway::Config config_;
  Owner* owner_;  // null once closed
  const Gateway::Replicate& replicate_;
  RespParser parser_;
  RespSession session_;
  KeyGate gate_;
  std::array<std::uint8_t, 16 * 1024> input_{};
  std::deque<Slot> slots_;
  std::uint64_t first_slot_ = 0;  // number of slots_.front()
  std::size_t held_bytes_ = 0;    // of replies in slots_
  std::optional<Operation> waiting_;
  Bytes output_;
  Bytes in_flight_;  // being written
  bool reading_ = false;
  bool writing_ = false;
  bool scheduled_ = false;
  bool stalled_ = false;   // the owner had no room; on_room() will come
  bool exhausted_ = true;  // the parser has no whole command
  bool ending_ = false;    // no further commands; closes when everything owed is out
};

}  // namespace garrison::gateway
