#include "apps/node/client_listener.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <utility>

#include "apps/client/tcp_options.h"
#include "control/message/messages.h"

namespace garrison::node {

namespace {
constexpr std::size_t kBurstsPerPoll = 16;
constexpr std::chrono::milliseconds kAcceptPause{100};
}  // namespace

ClientListener::ClientListener(asio::io_context& io, server::ClientPart& part, const TcpLimits& limits,
                               std::function<void()> on_held)
    : part_(part), limits_(limits), on_held_(std::move(on_held)), acceptor_(io), accept_pause_(io) {}

Result<config::Endpoint> ClientListener::listen(const std::string& name, const config::Endpoint& endpoint) {
  const asio::ip::tcp::endpoint wanted(asio::ip::address_v4(endpoint.ip), endpoint.port);
  asio::error_code error;
  acceptor_.open(wanted.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(wanted, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    asio::error_code ignored;
    acceptor_.close(ignored);
    return Error{name + ": cannot listen for clients on " + config::to_string(endpoint) + ": " + error.message()};
  }
  return config::Endpoint{endpoint.ip, acceptor_.local_endpoint(error).port()};
}

void ClientListener::start() { accept(); }

void ClientListener::stop() {
  stopped_ = true;
  asio::error_code ignored;
  acceptor_.close(ignored);
  accept_pause_.cancel();
  while (!sessions_.empty()) close(SessionPtr(sessions_.begin()->second));
  dirty_.clear();
}

void ClientListener::accept() {
  acceptor_.async_accept([this](const asio::error_code& error, asio::ip::tcp::socket socket) {
    if (stopped_) return;
    if (!error) {
      admit(std::move(socket));
      return accept();
    }
    // Out of descriptors, mostly: at once again would spin.
    accept_pause_.expires_after(kAcceptPause);
    accept_pause_.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled && !stopped_) accept();
    });
  });
}

void ClientListener::admit(asio::ip::tcp::socket socket) {
  std::array<std::uint8_t, 16> nonce{};
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) return;  // dropping the socket closes it
  if (sessions_.size() >= limits_.max_sessions) replace_oldest();
  client::set_tcp_options(socket);
  const auto session = std::make_shared<Session>(++last_id_, std::move(socket));
  sessions_.emplace(session->id, session);
  ungreeted_.insert(session->id);
  opened_.add();
  client::append_frame(session->unsent, part_.open(session->id, nonce));
  write(session);
  read(session);
}

// Strangers first: who has said hello is a client of ours.
void ClientListener::replace_oldest() {
  const SessionId oldest = ungreeted_.empty() ? sessions_.begin()->first : *ungreeted_.begin();
  replaced_.add();
  close(SessionPtr(sessions_.at(oldest)));
}

void ClientListener::read(const SessionPtr& session) {
  const MutableBytes room = session->reader.room();
  session->socket.async_read_some(asio::buffer(room.data(), room.size()),
                                  [this, session](const asio::error_code& error, std::size_t bytes) {
                                    if (!session->open) return;
                                    if (error) return close(session);
                                    session->reader.filled(bytes);
                                    if (take_messages(session)) read(session);
                                  });
}

bool ClientListener::take_messages(const SessionPtr& session) {
  using Intake = server::ClientPart::Intake;
  while (const std::optional<ByteView> message = session->reader.front()) {
    const Intake intake = part_.on_message(session->id, *message);
    if (intake == Intake::busy) {
      held_.insert(session->id);
      held_back_.add();
      on_held_();
      return false;
    }
    if (intake == Intake::hostile) {
      hostile_.add();
      close(session);
      return false;
    }
    if (intake == Intake::taken && !session->client.has_value()) greeted(session, *message);
    session->reader.pop();
  }
  if (!session->reader.bad()) return true;
  hostile_.add();
  close(session);
  return false;
}

// The first message that a session's part takes is its CLIENT-HELLO, so the signer is who it says.
void ClientListener::greeted(const SessionPtr& session, ByteView hello) {
  const auto envelope = message::decode_envelope(hello);
  CHECK(envelope.has_value());
  session->client = ClientId(envelope->envelope.signer.index);
  ungreeted_.erase(session->id);
  std::deque<SessionId>& own = by_client_[*session->client];
  own.push_back(session->id);
  if (own.size() <= limits_.max_sessions_per_client) return;
  replaced_.add();
  close(SessionPtr(sessions_.at(own.front())));
}

std::size_t ClientListener::poll() {
  std::size_t handled = 0;
  if (stopped_) return handled;
  const auto send_to = [this](SessionId id, ByteView message) { return queue(id, message); };
  for (std::size_t i = 0; i < kBurstsPerPoll; ++i) {
    const std::size_t burst = part_.poll(send_to);
    handled += burst;
    if (burst == 0) break;
  }
  std::vector<SessionPtr> dirty;
  dirty.swap(dirty_);
  for (const SessionPtr& session : dirty) {
    session->dirty = false;
    if (session->open && !session->writing) write(session);
  }
  return handled;
}

bool ClientListener::queue(SessionId id, ByteView message) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return false;
  const SessionPtr& session = found->second;
  if (session->unsent.size() + message.size() > limits_.max_unsent_bytes) {
    too_slow_.add();
    return false;
  }
  client::append_frame(session->unsent, message);
  if (!session->dirty) {
    session->dirty = true;
    dirty_.push_back(session);
  }
  return true;
}

void ClientListener::write(const SessionPtr& session) {
  if (session->unsent.empty()) return;
  session->writing = true;
  session->in_flight.clear();
  std::swap(session->in_flight, session->unsent);
  asio::async_write(session->socket, asio::buffer(session->in_flight),
                    [this, session](const asio::error_code& error, std::size_t) {
                      if (!session->open) return;
                      if (error) return close(session);
                      session->writing = false;
                      write(session);
                    });
}

bool ClientListener::retry_held() {
  std::set<SessionId> held;
  held.swap(held_);
  for (const SessionId id : held) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) continue;
    const SessionPtr session = found->second;
    if (take_messages(session)) read(session);
  }
  return !held_.empty();
}

void ClientListener::sweep() {
  const auto limit = Clock::now() - std::chrono::nanoseconds(limits_.greeting_timeout.ns());
  while (!ungreeted_.empty()) {
    const SessionPtr session = sessions_.at(*ungreeted_.begin());
    if (session->opened > limit) return;
    replaced_.add();
    close(session);
  }
}

void ClientListener::close(const SessionPtr& session) {
  if (!session->open) return;
  session->open = false;
  asio::error_code ignored;
  session->socket.close(ignored);
  part_.close(session->id);
  if (session->client.has_value()) {
    const auto own = by_client_.find(*session->client);
    std::erase(own->second, session->id);
    if (own->second.empty()) by_client_.erase(own);
  }
  ungreeted_.erase(session->id);
  held_.erase(session->id);
  closed_.add();
  sessions_.erase(session->id);
}

TcpClients::Stats ClientListener::stats() const {
  const std::uint64_t closed = closed_.get();  // first: sessions must not come out negative
  const std::uint64_t opened = opened_.get();
  return {.sessions = opened >= closed ? opened - closed : 0,
          .accepted = opened,
          .hostile = hostile_.get(),
          .replaced = replaced_.get(),
          .too_slow = too_slow_.get(),
          .held_back = held_back_.get()};
}

}  // namespace garrison::node
