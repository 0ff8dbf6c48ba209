#include "apps/lab/lab_forwarder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/wire/frame.h"

namespace garrison::lab {

namespace {

constexpr std::size_t kSessionMessages = 16;  // on their way in one session: what a TCP connection has room for
constexpr std::size_t kHeardKept = 32;
constexpr std::uint64_t kSometimes = 4;  // one in so many

}  // namespace

std::string_view name(ForwarderLie lie) {
  constexpr std::array<std::string_view, kForwarderLies> kNames{"crash", "drop", "duplicate",
                                                                "alter", "add",  "swallow"};
  return kNames.at(static_cast<std::size_t>(lie));
}

LabForwarder::LabForwarder(EventQueue& events, Network& wan, forwarder::Setup setup, Config config,
                           std::vector<server::Server*> servers)
    : events_(events),
      wan_(wan),
      setup_(std::move(setup)),
      config_(std::move(config)),
      servers_(std::move(servers)),
      forwarder_(setup_.forwarder, events.now()),
      wide_(setup_.wide, forwarder_),
      sessions_(servers_.size()) {}

void LabForwarder::start() { schedule(events_.now()); }

void LabForwarder::schedule(Instant at) {
  at = std::max(at, events_.now());
  if (crashed_ || at == Instant::never() || pass_at_ <= at) return;
  pass_at_ = at;
  events_.schedule(at, [this, at] {
    if (pass_at_ == at) pass();
  });
}

void LabForwarder::pass() {
  pass_at_ = Instant::never();
  if (crashed_) return;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerId server(static_cast<std::uint16_t>(i));
    take(server);
    flush(server);
  }
  check_bounds();
  hand_over();
  emit();
  // Sessions that are cut are looked at again then, too.
  schedule(std::max(wide_.next_wakeup(), events_.now() + config_.lan_delay));
}

void LabForwarder::flush(ServerId from) {
  if (crashed_ || !config_.reaches(from)) return;
  Session& session = sessions_[from.index()];
  const std::size_t me = setup_.self.role == forwarder::Role::primary ? 0 : 1;
  forwarder::PresentedQueue& queue = servers_[from.index()]->forwarder()->presented(me);
  while (session.under_way + session.in.size() < kSessionMessages) {
    const forwarder::Departure* const next = queue.next();
    if (next == nullptr) return;
    ++session.under_way;
    events_.schedule(events_.now() + config_.lan_delay, [this, from, departure = *next] {
      Session& to = sessions_[from.index()];
      --to.under_way;
      if (crashed_) return;
      to.in.push_back(departure);
      schedule(events_.now());
    });
    queue.presented();
  }
}

void LabForwarder::take(ServerId from) {
  std::deque<forwarder::Departure>& in = sessions_[from.index()].in;
  for (; !in.empty() && forwarder_.may_take(in.front().header.sequence); in.pop_front()) {
    forwarder::Departure departure = std::move(in.front());
    if (lie_.has_value()) tamper(departure);
    static_cast<void>(forwarder_.offer(from, departure.header, departure.message));
  }
  // What is beyond the window is known to be there: the number decides whether others are given up.
  if (!in.empty()) static_cast<void>(forwarder_.offer(from, in.front().header, in.front().message));
}

void LabForwarder::hand_over() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerId to(static_cast<std::uint16_t>(i));
    if (!config_.reaches(to)) continue;
    while (const std::optional<forwarder::RemoteMessages::Arrival> next = forwarder_.remote().next(to)) {
      Bytes message = to_bytes(next->message);
      const SiteId source = next->source;
      forwarder_.remote().written(to, source, next->number);
      if (lie_.has_value()) {
        hand_over_tampered(to, source, std::move(message));
      } else {
        deliver(to, source, std::move(message), config_.lan_delay);
      }
    }
  }
}

void LabForwarder::deliver(ServerId to, SiteId source, Bytes message, Duration delay) {
  events_.schedule(events_.now() + delay, [this, to, source, bytes = std::move(message)] {
    if (!config_.reaches(to)) return;
    servers_[to.index()]->forwarder()->arrived(source, bytes);
    config_.wake(to);
  });
}

void LabForwarder::emit() {
  std::array<std::uint8_t, kMaxFrameBytes> frame;
  while (wan_.ready_for(config_.station)) {
    const std::optional<forwarder::WideEnd::Outgoing> out = wide_.next(events_.now());
    if (!out.has_value()) return;
    if (out->to.site == setup_.self.site) {
      config_.to_own_site(out->to, out->datagram);
      continue;
    }
    const std::size_t size = kEncapsulationBytes + out->datagram.size();
    CHECK(size <= frame.size());
    std::copy(out->datagram.begin(), out->datagram.end(), frame.begin() + kEncapsulationBytes);
    wire::encapsulate(MutableBytes(frame).first(size), {}, {}, out->traffic, wire::UdpChecksum::none);
    bytes_sent_ += size;
    wan_.send(config_.station, config_.station_of(out->to), ByteView(frame).first(size));
  }
}

void LabForwarder::on_frame(ByteView frame) { on_datagram(frame.subspan(kEncapsulationBytes)); }

void LabForwarder::on_datagram(ByteView datagram) {
  if (crashed_) return;
  wide_.on_datagram(events_.now(), datagram);
  schedule(events_.now());
}

void LabForwarder::check_bounds() const {
  const auto& local = setup_.forwarder.local;
  if (forwarder_.local().contents() > local.n * local.window) {
    config_.report("forwarders: " + setup_.name + " holds more than n x WINDOW contents");
  }
  for (const forwarder::WideEnd::Peer& peer : setup_.wide.peers) {
    if (forwarder_.remote().waiting(peer.id.site) <= setup_.forwarder.remote.queue) continue;
    config_.report("forwarders: " + setup_.name + " holds more of a site than its queue has room for");
  }
}

void LabForwarder::corrupt(ForwarderLie lie, std::uint64_t seed) {
  rng_ = Rng(seed);
  lie_ = lie;
  if (lie != ForwarderLie::crash) return;
  ++acted_;
  crash();
}

// The same for the copies of all servers, so that it is what leaves.
void LabForwarder::tamper(forwarder::Departure& departure) {
  const std::uint64_t turn = departure.header.sequence.value() % kSometimes;
  if (tells(ForwarderLie::swallow) || (tells(ForwarderLie::drop) && turn == 0)) {
    departure.header.destinations = 0;
    ++acted_;
  } else if (tells(ForwarderLie::alter) && turn == 0 && !departure.message.empty()) {
    departure.message[departure.message.size() / 2] ^= 0x5aU;
    ++acted_;
  } else if (tells(ForwarderLie::alter) && turn == 1) {
    departure.header.destinations = ~std::uint64_t{0};  // to sites that it is not for
    ++acted_;
  }
}

void LabForwarder::hand_over_tampered(ServerId to, SiteId source, Bytes message) {
  const bool now = rng_.below(kSometimes) == 0;
  if (tells(ForwarderLie::swallow) || (tells(ForwarderLie::drop) && now)) {
    ++acted_;
    return;
  }
  if (tells(ForwarderLie::duplicate)) {
    ++acted_;
    deliver(to, source, message, config_.lan_delay * static_cast<std::int64_t>(rng_.between(1, 400)));
  }
  if (tells(ForwarderLie::alter) && now) {
    ++acted_;
    message[rng_.below(message.size())] ^= 0x5aU;
  }
  if (tells(ForwarderLie::add)) {
    heard_.emplace_back(source, message);
    if (heard_.size() > kHeardKept) heard_.pop_front();
    const auto& [from, old] = heard_[rng_.below(heard_.size())];
    deliver(to, from, old, config_.lan_delay);
    Bytes invented(rng_.between(1, 2000));
    for (std::uint8_t& byte : invented) byte = static_cast<std::uint8_t>(rng_.next());
    deliver(to, SiteId(static_cast<std::uint16_t>(rng_.below(kMaxServersPerSite))), std::move(invented),
            config_.lan_delay);
    ++acted_;
  }
  deliver(to, source, std::move(message), config_.lan_delay);
}

}  // namespace garrison::lab
