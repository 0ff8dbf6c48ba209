// One server on its modelled machine: a network card with a ring of received frames, one serial processor, and the
// parts of the server polled in the order in which a message travels.
//
// A pass takes what has arrived, polls each part once, and keeps the processor busy for what that cost; only then do
// frames and replies leave, and only then does the next pass begin. Within a pass a part is told the time at which the
// processor would come to it. With a free processor a pass takes no time, and the next one follows a hop later.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "apps/lab/event_queue.h"
#include "apps/lab/network.h"
#include "apps/lab/processor.h"
#include "apps/server/server.h"

namespace garrison::lab {

class Host {
 public:
  struct Config {
    ServerId id;
    Duration hop;  // between two passes at least: what waking up takes
    const CostTable* costs = nullptr;
    std::vector<config::MacAddress> macs;  // of all servers of the site, by ServerId
    // Of a server among several sites: the network that joins them, its place there, and who stands where.
    Network* wan = nullptr;
    StationId station{};
    std::vector<config::MacAddress> wan_macs{};  // by StationId
    // A frame leaves its wide-area port: whether it goes on to the wide area. Empty: it does.
    std::function<bool(StationId from, StationId to, ByteView frame)> on_wan_port{};
    std::function<void()> presented{};  // it has something new for its forwarders
  };
  using Reply = std::function<void(Instant at, server::SessionId session, ByteView message)>;

  // `events` and `network` outlive it.
  Host(EventQueue& events, Network& network, const Config& config, std::unique_ptr<server::Server> server, Reply reply);

  // Not before `at`, and not before the processor is free.
  void schedule_pass(Instant at);
  // A frame reaches the network card. What finds the ring full is lost and counted.
  void on_frame(ByteView frame);
  // The same of its wide-area port.
  void on_wan_frame(ByteView frame);
  // A client has handed something in.
  void wake() { schedule_pass(events_.now() + config_.hop); }
  void crash() { crashed_ = true; }
  // Of a server that was not there yet, which looked like a crashed one.
  void join() {
    crashed_ = false;
    schedule_pass(events_.now());
  }
  [[nodiscard]] bool crashed() const { return crashed_; }

  [[nodiscard]] server::Server& server() const { return *server_; }
  [[nodiscard]] const Processor& processor() const { return processor_; }
  [[nodiscard]] std::size_t frames_waiting() const { return received_.size(); }
  [[nodiscard]] std::size_t wan_frames_waiting() const { return received_wan_.size(); }
  [[nodiscard]] std::uint64_t frames_overrun() const { return overrun_; }
  [[nodiscard]] std::uint64_t wan_frames_overrun() const { return wan_overrun_; }

 private:
  void pass();
  std::size_t take_frames(Instant now);
  void finish(bool busy);
  bool emit_frames();
  bool emit_wan_frames();
  [[nodiscard]] bool parts_hold_work() const;
  [[nodiscard]] Instant after_work(Instant start) { return start + processor_.charge(work_done(*server_)); }

  EventQueue& events_;
  Network& network_;
  Config config_;
  std::unique_ptr<server::Server> server_;
  Reply reply_;
  Processor processor_;
  std::deque<Bytes> received_;
  std::deque<Bytes> received_wan_;
  std::uint64_t overrun_ = 0;
  std::uint64_t wan_overrun_ = 0;
  Instant free_at_;                     // of the processor
  Instant pass_at_ = Instant::never();  // the earliest pass that is scheduled
  bool crashed_ = false;
};

}  // namespace garrison::lab
