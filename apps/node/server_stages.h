// One poll stage per part of a server: thin glue that passes `now` down and stops polling a server that was halted.
#pragma once

#include <string>
#include <string_view>

#include "apps/node/membership.h"
#include "apps/server/server.h"
#include "dataplane/runtime/stage.h"
#include "dataplane/stages/frame_endpoint.h"

namespace garrison::node {

// The LAN part as a port sees it. A halted server neither hears nor speaks: its frames are taken and forgotten, as
// those of a machine that has lost power are.
class LanEndpoint final : public stages::FrameEndpoint {
 public:
  LanEndpoint(server::Server& server, const MembershipTable& membership) : server_(server), membership_(membership) {}

  void on_frame(Instant now, ByteView ethernet_frame) override {
    if (running()) server_.lan().on_frame(now, ethernet_frame);
  }
  std::size_t next_frame(Instant now, MutableBytes out) override {
    return running() ? server_.lan().next_frame(now, out) : 0;
  }
  [[nodiscard]] Instant next_wakeup() const override {
    return running() ? server_.lan().next_wakeup() : Instant::never();
  }
  void poll(Instant now) override {
    if (running()) server_.lan().poll(now);
  }

 private:
  [[nodiscard]] bool running() const { return membership_.read().running.contains(server_.id()); }
  server::Server& server_;
  const MembershipTable& membership_;
};

class ControlStage final : public runtime::Stage {
 public:
  ControlStage(server::Server& server, const MembershipTable& membership)
      : server_(server), membership_(membership), name_(server.name() + " control") {}

  std::size_t poll(Instant now) override { return running() ? server_.control().poll(now) : 0; }
  [[nodiscard]] Instant next_wakeup() const override {
    return running() ? server_.control().next_wakeup() : Instant::never();
  }
  [[nodiscard]] std::string_view name() const override { return name_; }

 private:
  [[nodiscard]] bool running() const { return membership_.read().running.contains(server_.id()); }
  server::Server& server_;
  const MembershipTable& membership_;
  std::string name_;
};

class CryptoStage final : public runtime::Stage {
 public:
  CryptoStage(server::Server& server, const MembershipTable& membership)
      : server_(server), membership_(membership), name_(server.name() + " crypto") {}

  std::size_t poll(Instant now) override {
    return membership_.read().running.contains(server_.id()) ? server_.crypto().poll(now) : 0;
  }
  [[nodiscard]] std::string_view name() const override { return name_; }

 private:
  server::Server& server_;
  const MembershipTable& membership_;
  std::string name_;
};

}  // namespace garrison::node
