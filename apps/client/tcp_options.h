// What every TCP connection between clients and servers is set to.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/ip/tcp.hpp>

namespace garrison::client {

// No waiting to fill segments; a peer whose machine is gone without a word is noticed within about 20 seconds. Options
// that the kernel refuses cost only that promptness, so their errors do not count.
inline void set_tcp_options(asio::ip::tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int fd = socket.native_handle();
  const auto set = [fd](int name, int value) {
    static_cast<void>(::setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value));
  };
  set(TCP_KEEPIDLE, 10);  // seconds
  set(TCP_KEEPINTVL, 3);  // seconds
  set(TCP_KEEPCNT, 3);
  set(TCP_USER_TIMEOUT, 20'000);  // milliseconds that sent bytes may stay unacknowledged
}

}  // namespace garrison::client
