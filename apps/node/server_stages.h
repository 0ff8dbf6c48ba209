// One poll stage per part of a server: thin glue that passes `now` down and stops polling a server that was halted.
#pragma once

#include <string>
#include <string_view>

#include "apps/node/membership.h"
#include "apps/server/server.h"
#include "dataplane/runtime/stage.h"
#include "dataplane/stages/frame_endpoint.h"

namespace garrison::node {

[[nodiscard]] inline SiteServer id_of(const server::Server& server) { return {server.site(), server.id()}; }

// The lan or wan part of a server as a port sees it. A halted server neither hears nor speaks: its frames are taken and
// forgotten, as those of a machine that has lost power are.
class HostedEndpoint final : public stages::FrameEndpoint {
 public:
  HostedEndpoint(stages::FrameEndpoint& part, SiteServer id, const MembershipTable& membership)
      : part_(part), id_(id), membership_(membership) {}

  void on_frame(Instant now, ByteView ethernet_frame) override {
    if (running()) part_.on_frame(now, ethernet_frame);
  }
  std::size_t next_frame(Instant now, MutableBytes out) override { return running() ? part_.next_frame(now, out) : 0; }
  [[nodiscard]] Instant next_wakeup() const override { return running() ? part_.next_wakeup() : Instant::never(); }
  void poll(Instant now) override {
    if (running()) part_.poll(now);
  }

 private:
  [[nodiscard]] bool running() const { return membership_.read().contains(id_); }
  stages::FrameEndpoint& part_;
  SiteServer id_;
  const MembershipTable& membership_;
};

class ControlStage final : public runtime::Stage {
 public:
  ControlStage(server::Server& server, const MembershipTable& membership)
      : server_(server), id_(id_of(server)), membership_(membership), name_(server.name() + " control") {}

  std::size_t poll(Instant now) override { return running() ? server_.control().poll(now) : 0; }
  [[nodiscard]] Instant next_wakeup() const override {
    return running() ? server_.control().next_wakeup() : Instant::never();
  }
  [[nodiscard]] std::string_view name() const override { return name_; }

 private:
  [[nodiscard]] bool running() const { return membership_.read().contains(id_); }
  server::Server& server_;
  SiteServer id_;
  const MembershipTable& membership_;
  std::string name_;
};

class CryptoStage final : public runtime::Stage {
 public:
  CryptoStage(server::Server& server, const MembershipTable& membership)
      : server_(server), id_(id_of(server)), membership_(membership), name_(server.name() + " crypto") {}

  std::size_t poll(Instant now) override { return membership_.read().contains(id_) ? server_.crypto().poll(now) : 0; }
  [[nodiscard]] Instant next_wakeup() const override {
    return membership_.read().contains(id_) ? server_.crypto().next_wakeup() : Instant::never();
  }
  [[nodiscard]] std::string_view name() const override { return name_; }

 private:
  server::Server& server_;
  SiteServer id_;
  const MembershipTable& membership_;
  std::string name_;
};

}  // namespace garrison::node
