#include "dataplane/link/channel.h"

#include <algorithm>
#include <utility>

namespace garrison::link {

Channel::Channel(GroupContext& group, ServerId peer, crypto::SecretBytes shared, Owners owners)
    : group_(group),
      peer_(peer),
      session_({.system = group.self.system,
                .src_site = group.self.site,
                .src = group.self.server,
                .dst_site = group.peer_site,
                .dst = peer},
               group.self.incarnation, std::move(shared), group.config.hello_period, group.config.max_hello_period),
      acks_(group.config.ack_delay, group.config.ack_every, group.config.reordering == Duration()),
      bounded_out_(group.config, group.messages, group.port.drops),
      bounded_in_(group, peer, owners.bounded),
      timely_out_(group.config.timely_queue_messages, group.config.timely_copies, max_chunk_bytes(group.config),
                  group.messages, group.port.drops),
      timely_in_(group, peer, owners.timely) {}

void Channel::on_frame(Instant now, const wire::FrameHeader& header, ByteView payload) {
  switch (header.kind) {
    case wire::FrameKind::hello:
      return on_hello(now, header, payload);
    case wire::FrameKind::channel:
      return on_channel(now, header, payload);
    case wire::FrameKind::hub_part:
    case wire::FrameKind::hub_request:
      break;  // of a link, not of a channel
  }
  group_.port.drops.add(DropReason::frame_bad_kind);
}

void Channel::count_received(const wire::FrameHeader& header) {
  ++frames_received_;
  port_sequence_heard_ = std::max(port_sequence_heard_, header.port_sequence);
}

void Channel::on_hello(Instant now, const wire::FrameHeader& header, ByteView payload) {
  const Session::HelloOutcome outcome = session_.on_hello(now, payload);
  if (outcome.refused) return group_.port.drops.add(*outcome.refused);
  if (outcome.new_session) {
    ++sessions_;
    port_sequence_heard_ = 0;
    acks_.reset();
    bounded_in_.reset();
    timely_in_.reset();
    bounded_out_.start_session();
    timely_out_.start_session();
  }
  count_received(header);
}

void Channel::on_channel(Instant now, const wire::FrameHeader& header, ByteView payload) {
  const bool in_order = header.counter == session_.highest_received() + 1;
  if (const auto refused = session_.open(header, payload)) return group_.port.drops.add(*refused);
  count_received(header);
  bounded_out_.on_heard(now);
  bool asks = false;
  if (take_chunks(now, wire::frame_content(payload), asks)) {
    acks_.on_accepted(now, header.counter, asks, in_order);
  }
}

bool Channel::take_chunks(Instant now, ByteView content, bool& asks) {
  Reader in(content);
  bool accepted = true;
  do {
    const auto type = wire::read_chunk_type(in);
    if (!type) break;
    if (*type == wire::ChunkType::ack) {
      if (!take_ack(now, in)) break;
    } else if (*type == wire::ChunkType::base) {
      const std::uint64_t base = wire::read_base(in);
      if (!in.ok()) break;
      asks = true;
      bounded_in_.on_base(base);
    } else {
      const bool timely = *type == wire::ChunkType::timely;
      const wire::DataChunk chunk = wire::read_data(in, timely ? TrafficClass::timely : TrafficClass::bounded);
      if (!in.ok()) break;
      if (timely) {
        timely_in_.on_chunk(chunk);
      } else {
        asks = true;
        if (!bounded_in_.on_chunk(chunk)) accepted = false;
      }
    }
    if (in.done()) return accepted;
  } while (true);
  group_.port.drops.add(DropReason::chunk_malformed);
  return false;
}

bool Channel::take_ack(Instant now, Reader& in) {
  const wire::Ack ack = wire::read_ack(in);
  return in.ok() && bounded_out_.on_ack(now, ack, session_.sent());
}

void Channel::submit(MessageTable::Index message, TrafficClass traffic, std::uint16_t supersede_key) {
  if (traffic == TrafficClass::timely) {
    timely_out_.submit(message, supersede_key);
  } else {
    bounded_out_.submit(message);
  }
}

void Channel::on_time(Instant now) { bounded_out_.on_time(now); }

bool Channel::ready(Instant now, TrafficClass traffic) const {
  if (!session_.established()) return false;
  if (traffic == TrafficClass::timely) return timely_out_.size() > 0;
  return now >= acks_.due() || bounded_out_.ready();
}

Instant Channel::next_wakeup() const {
  if (!session_.established()) return session_.hello_due();
  if (ready(group_.last_now, TrafficClass::timely) || ready(group_.last_now, TrafficClass::bounded)) {
    return group_.last_now;
  }
  return earlier(session_.hello_due(), earlier(acks_.due(), bounded_out_.deadline()));
}

std::size_t Channel::write_hello(Instant now, MutableBytes out) {
  ++frames_sent_;
  return session_.write_hello(now, out, ++group_.port.sequence);
}

std::size_t Channel::write_frame(Instant now, MutableBytes out, TrafficClass traffic) {
  const MutableBytes content =
      out.subspan(wire::kFrameHeaderBytes, group_.config.payload_bytes - wire::kFrameOverheadBytes);
  Writer lane(content.first(content.size() - wire::ack_bytes(1)));
  if (traffic == TrafficClass::timely) {
    timely_out_.write(lane);
  } else {
    bounded_out_.write(now, session_.next_counter(), lane);
  }
  std::size_t bytes = lane.used();
  if (acks_.pending()) {
    Writer rest(content.subspan(bytes));
    wire::write(rest, acks_.take(std::min(wire::kAckWords, (rest.room() - wire::ack_bytes(0)) / 8)));
    bytes += rest.used();
  }
  CHECK(bytes > 0);
  ++frames_sent_;
  return session_.seal(out, bytes, ++group_.port.sequence);
}

PeerStats Channel::stats() const {
  const BoundedSender::Counts& counts = bounded_out_.counts();
  PeerStats stats;
  stats.established = session_.established();
  stats.lagging = bounded_out_.lagging();
  stats.superseded = session_.superseded();
  stats.incarnation = session_.peer();
  stats.sessions = sessions_;
  stats.frames_sent = frames_sent_;
  stats.frames_received = frames_received_;
  stats.frames_missing = session_.missing();
  stats.port_sequence_heard = port_sequence_heard_;
  stats.frames_acked = counts.frames_acked;
  stats.frames_lost = counts.frames_lost;
  stats.chunks_retransmitted = counts.chunks_retransmitted;
  stats.messages_acked = counts.messages_acked;
  stats.messages_delivered = bounded_in_.delivered() + timely_in_.delivered();
  stats.lagging_episodes = counts.lagging_episodes;
  stats.srtt = bounded_out_.srtt();
  stats.queue_messages = bounded_out_.queue_messages();
  stats.queue_bytes = bounded_out_.queue_bytes();
  stats.in_flight_bytes = bounded_out_.in_flight_bytes();
  stats.timely_queue_messages = timely_out_.size();
  return stats;
}

}  // namespace garrison::link
