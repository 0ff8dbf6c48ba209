#include "apps/forwarder/local_sessions.h"

#include <sys/random.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <utility>

#include "apps/client/tcp_options.h"

namespace garrison::forwarder {

namespace {

constexpr std::size_t kMaxStrangers = 32;
constexpr std::chrono::seconds kGreetingTimeout{5};
constexpr std::chrono::milliseconds kAcceptPause{100};  // when the process has no file descriptor left

asio::ip::tcp::endpoint endpoint_of(const config::Endpoint& endpoint) {
  return {asio::ip::address_v4(endpoint.ip), endpoint.port};
}

}  // namespace

LocalSessions::LocalSessions(asio::io_context& io, const Setup& setup, Forwarder& forwarder,
                             std::function<void()> changed)
    : io_(io),
      setup_(setup),
      forwarder_(forwarder),
      changed_(std::move(changed)),
      acceptor_(io),
      pause_(io),
      of_(setup.servers.size()) {}

Result<void> LocalSessions::listen() {
  asio::error_code error;
  const Tcp::endpoint endpoint = endpoint_of(setup_.settings.local);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return Error{"the local endpoint " + config::to_string(setup_.settings.local) + " of " + setup_.name +
                 " cannot be bound: " + error.message() + "; is another forwarder running there?"};
  }
  accept();
  return {};
}

config::Endpoint LocalSessions::endpoint() const {
  config::Endpoint endpoint = setup_.settings.local;
  endpoint.port = acceptor_.local_endpoint().port();
  return endpoint;
}

void LocalSessions::stop() {
  asio::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  const std::vector<SessionPtr> strangers = strangers_;
  for (const SessionPtr& session : strangers) close(session);
  const std::vector<SessionPtr> proven = of_;
  for (const SessionPtr& session : proven) {
    if (session != nullptr) close(session);
  }
}

void LocalSessions::accept() {
  acceptor_.async_accept(io_, [this](const asio::error_code& error, Tcp::socket socket) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (error) {
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](const asio::error_code& cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    client::set_tcp_options(socket);
    const auto session = std::make_shared<Session>(std::move(socket));
    strangers_.push_back(session);
    if (strangers_.size() > kMaxStrangers) close(SessionPtr(strangers_.front()));
    greet(session);
    accept();
  });
}

void LocalSessions::greet(const SessionPtr& session) {
  session->greeting.expires_after(kGreetingTimeout);
  session->greeting.async_wait([this, session](const asio::error_code& error) {
    if (!error && !session->proven) close(session);
  });
  asio::async_read(
      session->socket, asio::buffer(session->hello), [this, session](const asio::error_code& error, std::size_t) {
        if (!session->open) return;
        const std::optional<Hello> hello = error ? std::nullopt : read_hello(session->hello);
        const bool for_us = hello.has_value() && hello->system == setup_.system && hello->site == setup_.self.site &&
                            hello->forwarder == setup_.self.role && hello->server.index() < of_.size();
        if (!for_us) {
          if (!error) forwarder_.drops().add(DropReason::forwarder_malformed);
          return close(session);
        }
        Hello answer = *hello;
        if (::getrandom(answer.nonce.data(), answer.nonce.size(), 0) != static_cast<ssize_t>(answer.nonce.size())) {
          return close(session);
        }
        session->server = hello->server;
        session->stream.emplace(SessionStream::End::forwarder, setup_.servers[hello->server.index()], *hello,
                                answer.nonce);
        const auto bytes = write_hello(answer);
        session->out.assign(bytes.begin(), bytes.end());
        session->writing = true;
        asio::async_write(session->socket, asio::buffer(session->out),
                          [this, session](const asio::error_code& failed, std::size_t) {
                            session->writing = false;
                            if (failed) return close(session);
                            write(session);
                          });
        read(session);
      });
}

void LocalSessions::read(const SessionPtr& session) {
  const MutableBytes room = session->stream->room();
  session->socket.async_read_some(asio::buffer(room.data(), room.size()),
                                  [this, session](const asio::error_code& error, std::size_t bytes) {
                                    if (!session->open) return;
                                    if (error) return close(session);
                                    session->stream->filled(bytes);
                                    const bool on = take(session);
                                    changed_();
                                    if (on && session->open) read(session);
                                  });
}

bool LocalSessions::take(const SessionPtr& session) {
  session->put_off.reset();
  while (const std::optional<ByteView> body = session->stream->front()) {
    if (!session->proven) {
      if (!body->empty() || !prove(session)) break;
    } else if (const auto departure = read_departure(*body); !departure.has_value()) {
      break;
    } else if (forwarder_.offer(session->server, departure->header, departure->message) ==
               LocalMessages::Offer::later) {
      session->put_off = departure->header.sequence;
      return false;
    }
    session->stream->pop();
  }
  if (!session->stream->failed().has_value() && !session->stream->front().has_value()) return true;
  forwarder_.drops().add(session->stream->failed().value_or(DropReason::forwarder_malformed));
  close(session);
  return false;
}

// The first frame has verified: from now on this is the session of its server.
bool LocalSessions::prove(const SessionPtr& session) {
  session->proven = true;
  session->greeting.cancel();
  std::erase(strangers_, session);
  if (const SessionPtr before = of_[session->server.index()]; before != nullptr) close(before);
  of_[session->server.index()] = session;
  return true;
}

void LocalSessions::poll() {
  bool took = false;
  for (std::size_t i = 0; i < of_.size(); ++i) {
    const SessionPtr session = of_[i];
    if (session == nullptr) continue;
    write(session);
    if (!session->open || !session->put_off.has_value() || !forwarder_.may_take(*session->put_off)) continue;
    took = true;
    if (take(session)) read(session);
  }
  if (took) asio::post(io_, changed_);
}

void LocalSessions::write(const SessionPtr& session) {
  if (!session->proven || !session->open || session->writing) return;
  const std::optional<RemoteMessages::Arrival> arrival = forwarder_.remote().next(session->server);
  if (!arrival.has_value()) return;
  session->out.clear();
  session->stream->seal(write_arrival(arrival->source, arrival->message), session->out);
  session->writing = true;
  asio::async_write(
      session->socket, asio::buffer(session->out),
      [this, session, source = arrival->source, number = arrival->number](const asio::error_code& error, std::size_t) {
        session->writing = false;
        if (!session->open) return;
        if (error) return close(session);
        forwarder_.remote().written(session->server, source, number);
        write(session);
      });
}

void LocalSessions::close(const SessionPtr& session) {
  if (!session->open) return;
  session->open = false;
  if (!session->proven) ++refused_;
  session->greeting.cancel();
  asio::error_code ignored;
  session->socket.close(ignored);
  std::erase(strangers_, session);
  if (session->proven && of_[session->server.index()] == session) of_[session->server.index()] = nullptr;
}

std::size_t LocalSessions::sessions() const {
  return static_cast<std::size_t>(std::ranges::count_if(of_, [](const SessionPtr& each) { return each != nullptr; }));
}

}  // namespace garrison::forwarder
