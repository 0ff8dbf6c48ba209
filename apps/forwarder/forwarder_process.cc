#include "apps/forwarder/forwarder_process.h"

#include <httplib.h>

#include <chrono>
#include <utility>

#include "apps/forwarder/wide_socket.h"
#include "apps/metrics/families.h"
#include "control/config/names.h"

namespace garrison::forwarder {

namespace {

constexpr std::chrono::milliseconds kPublishPeriod{200};
constexpr int kTimeoutSeconds = 2;

Instant monotonic_now() {
  return Instant(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

}  // namespace

std::unique_ptr<WideTransport> ForwarderProcess::over_socket(asio::io_context& io, const Setup& setup, WideEnd& end,
                                                             std::function<Instant()> now,
                                                             std::function<void()> received) {
  return std::make_unique<WideSocket>(io, setup, end, std::move(now), std::move(received));
}

ForwarderProcess::ForwarderProcess(Setup setup, const MakeTransport& make_transport)
    : setup_(std::move(setup)),
      forwarder_(setup_.forwarder, monotonic_now()),
      wide_(setup_.wide, forwarder_),
      sessions_(io_, setup_, forwarder_, [this] { poll(); }),
      transport_(make_transport(io_, setup_, wide_, monotonic_now, [this] { sessions_.poll(); })),
      publish_timer_(io_) {}

ForwarderProcess::~ForwarderProcess() {
  if (http_thread_.joinable()) {
    // stop() is without effect before the thread has begun to listen.
    while (!http_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    http_->stop();
    http_thread_.join();
  }
}

Result<void> ForwarderProcess::open() {
  if (Result<void> opened = transport_->open(); !opened) return opened;
  if (Result<void> listening = sessions_.listen(); !listening) return listening;
  publish();
  return serve_status();
}

void ForwarderProcess::stop() {
  publish_timer_.cancel();
  sessions_.stop();
  transport_->stop();
  io_.stop();
}

void ForwarderProcess::poll() {
  transport_->poll();
  sessions_.poll();
}

void ForwarderProcess::publish() {
  const LocalMessages& local = forwarder_.local();
  Shown now{.active = forwarder_.active(monotonic_now()),
            .sessions = sessions_.sessions(),
            .refused = sessions_.refused(),
            .last_sent = local.last_sent(),
            .sent = forwarder_.sent(),
            .given_up = local.given_up(),
            .contents = local.contents(),
            .wide = transport_->counts()};
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    now.drops[i] = forwarder_.drops().get(reason) + transport_->drops(reason);
  }
  {
    const std::lock_guard lock(shown_mutex_);
    shown_ = now;
  }
  publish_timer_.expires_after(kPublishPeriod);
  publish_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) publish();
  });
}

ForwarderProcess::Shown ForwarderProcess::shown() const {
  const std::lock_guard lock(shown_mutex_);
  return shown_;
}

nlohmann::json ForwarderProcess::status() const {
  const Shown now = shown();
  nlohmann::json drops = nlohmann::json::object();
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (now.drops[i] > 0) drops[std::string(name(static_cast<DropReason>(i)))] = now.drops[i];
  }
  return {{"forwarder", setup_.name},
          {"active", now.active},
          {"servers_connected", now.sessions},
          {"strangers_refused", now.refused},
          {"last_sent", now.last_sent.value()},
          {"messages_sent", now.sent},
          {"given_up", now.given_up},
          {"contents_held", now.contents},
          {"datagrams_sent", now.wide.sent},
          {"bytes_sent", now.wide.sent_bytes},
          {"datagrams_received", now.wide.received},
          {"datagrams_not_sent", now.wide.failed},
          {"drops", std::move(drops)}};
}

std::string ForwarderProcess::metrics() const {
  const Shown now = shown();
  metrics::Families out({{"forwarder", setup_.name}, {"site", config::site_name(setup_.self.site)}});
  out.gauge("garrison_forwarder_active", "1: it is the one that sends; 0: it stands by.", now.active ? 1 : 0);
  out.gauge("garrison_forwarder_servers_connected", "Servers that have a session.", static_cast<double>(now.sessions));
  out.counter("garrison_forwarder_strangers_refused_total", "Connections that ended as strangers.", now.refused);
  out.counter("garrison_forwarder_messages_sent_total", "Messages of enough servers that were sent.", now.sent);
  out.counter("garrison_forwarder_given_up_total", "Numbers that can never get enough copies.", now.given_up);
  out.gauge("garrison_forwarder_contents_held", "Contents of messages that wait for further copies.",
            static_cast<double>(now.contents));
  out.counter("garrison_forwarder_datagrams_sent_total", "Datagrams to other forwarders.", now.wide.sent);
  out.counter("garrison_forwarder_sent_bytes_total", "Bytes of those datagrams.", now.wide.sent_bytes);
  out.counter("garrison_forwarder_datagrams_received_total", "Datagrams from the wide area.", now.wide.received);
  out.counter("garrison_forwarder_datagrams_not_sent_total", "Datagrams that were refused on their way out.",
              now.wide.failed);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    out.counter("garrison_forwarder_drops_total", "What was dropped, by reason.", now.drops[i],
                {{"reason", std::string(name(static_cast<DropReason>(i)))}});
  }
  return out.text();
}

Result<void> ForwarderProcess::serve_status() {
  if (setup_.settings.admin.port == 0) return {};
  http_ = std::make_unique<httplib::Server>();
  http_->new_task_queue = [] { return new httplib::ThreadPool(1); };  // the library takes ownership
  http_->set_keep_alive_max_count(1);
  http_->set_read_timeout(kTimeoutSeconds);
  http_->set_write_timeout(kTimeoutSeconds);
  http_->set_payload_max_length(1024);
  http_->Get("/status", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(status().dump(), "application/json");
  });
  http_->Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(metrics(), metrics::kContentType);
  });
  const config::Endpoint& admin = setup_.settings.admin;
  if (!http_->bind_to_port(config::to_string(admin.ip).c_str(), admin.port)) {
    return Error{"admin endpoint " + config::to_string(admin) + " of " + setup_.name +
                 " cannot be bound; is another forwarder running there?"};
  }
  http_thread_ = std::thread([this] { http_->listen_after_bind(); });
  return {};
}

}  // namespace garrison::forwarder
