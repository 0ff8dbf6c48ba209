// What the bytes on the network are made of: counts the bytes of every frame by the type of the messages inside.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "control/message/catalogue.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"

namespace garrison::lab {

class EgressMeter {
 public:
  explicit EgressMeter(std::size_t servers) : servers_(servers), lanes_(2 * servers * servers) {}

  void on_frame(ServerId from, ServerId to, ByteView frame);
  // The same of what one forwarder sends to another.
  void on_forwarder_frame(ByteView frame);
  // A LINK-MESSAGE that a site has closed, without its signature.
  void on_link_message(ByteView content);

  // By message type, chunk headers included; and the rest of the frames by what it is. Sums up to all bytes.
  using Bytes = std::map<std::string_view, std::uint64_t>;
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  // LINK-PARTs and whole link messages that began to leave, sent again or not.
  [[nodiscard]] std::uint64_t link_copies() const { return link_copies_; }
  // What LINK-MESSAGEs were made of before they were coded: by type of the items, and what stands around them.
  [[nodiscard]] const Bytes& inside_links() const { return inside_links_; }

 private:
  // Types of the messages of one lane between two servers, by sequence: a later chunk of a message does not say.
  using Lane = std::array<message::MessageType, 1024>;

  void on_chunks(std::size_t pair, ByteView content);

  std::size_t servers_;
  std::vector<Lane> lanes_;
  Bytes bytes_;
  std::uint64_t link_copies_ = 0;
  Bytes inside_links_;
};

}  // namespace garrison::lab
