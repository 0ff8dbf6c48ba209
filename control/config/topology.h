// The topology: everything that the servers, clients and tools of one deployment must agree on, from one TOML file.
//
// Plain values, complete and consistent once parse_topology() has returned them: whoever holds a Topology need not
// check it again. Read once at start, then shared read-only between threads.
//
// Every fault is one line, "FILE:LINE:COL: what; what to do". An unknown key is a fault: a misspelt bound must never
// quietly become the default. Durations are text with a unit: "500us", "3ms", "2s".
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/message/catalogue.h"
#include "control/service/limits.h"
#include "crypto/principal.h"
#include "crypto/signature.h"
#include "crypto/threshold/threshold.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::config {

using MacAddress = std::array<std::uint8_t, 6>;
using Ipv4Address = std::array<std::uint8_t, 4>;  // as written: first octet first

// A TCP or UDP endpoint. `port` in host order.
struct Endpoint {
  Ipv4Address ip{};
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

[[nodiscard]] std::string to_string(const MacAddress& mac);     // "02:00:00:00:00:01"
[[nodiscard]] std::string to_string(const Ipv4Address& ip);     // "10.1.0.1"
[[nodiscard]] std::string to_string(const Endpoint& endpoint);  // "127.0.0.1:7001"
[[nodiscard]] std::string to_string(Duration duration);         // "3ms"; exact, in the largest fitting unit

// Bits per second, as they stand on the wire.
struct BitRate {
  std::uint64_t bits_per_s = 0;
  friend auto operator<=>(const BitRate&, const BitRate&) = default;
};
[[nodiscard]] std::string to_string(BitRate rate);  // "10Mbit/s"; exact, in the largest fitting unit

// Keys and how they sign.
struct CryptoSettings {
  crypto::Scheme server_scheme = crypto::Scheme::ed25519;
  crypto::Scheme client_scheme = crypto::Scheme::ed25519;
  std::optional<crypto::ThresholdScheme> site_scheme;  // when not set, see Topology::site_scheme()
  KeyEpoch epoch{1};
};

// Periods and windows of Prime, by the names of [PRIME] 5.
struct PrimeSettings {
  bool eager = true;  // say what is new at once when nothing of its kind is in flight; else keep to the periods
  Duration po_request_period = milliseconds(10);      // PO-REQUEST, PO-ACK
  Duration po_summary_period = milliseconds(10);      // PO-SUMMARY
  Duration summary_matrix_period = milliseconds(10);  // SUMMARY-MATRIX to the leader
  Duration pre_prepare_period = milliseconds(10);     // PRE-PREPARE of the leader
  Duration retransmit_period = milliseconds(200);
  std::uint32_t k_lat = 2;               // K_Lat: how much latency may vary
  Duration delta_pp = milliseconds(20);  // Delta_pp: above any time between two PRE-PREPAREs of a correct leader
  Duration tat_measure_period = milliseconds(5);  // TAT-MEASURE, while the leader's turnaround time grows
  Duration rtt_ping_period = milliseconds(100);   // RTT-PING
  bool flood_on_request = false;  // PRE-PREPAREs go to who lacks them and asks; else each server floods them
  Duration reconciliation_delay = milliseconds(5);  // of RECON, for servers that merely lag; 0: send at once
  std::uint32_t max_updates_per_request = kMaxUpdatesPerPoRequest;
  std::uint32_t preorder_window = 256;  // PO-REQUESTs of one introducer acknowledged ahead of what it has executed
  std::uint32_t ordering_window = 256;  // PRE-PREPAREs accepted ahead of the last executed one
  std::uint32_t kept_window = 1024;     // executed PO-REQUESTs of each introducer, and PRE-PREPAREs, kept for laggards
  std::uint32_t checkpoint_interval = 64;  // PRE-PREPAREs between places where a laggard may get the whole state
};
// What a server has in flight of its own must fit others' windows.
inline constexpr std::uint32_t kMinPreorderWindow = 128;
inline constexpr std::uint32_t kMinOrderingWindow = 16;
inline constexpr std::uint32_t kMaxPrimeWindow = 1024;
inline constexpr std::uint32_t kMaxKLat = 100;
inline constexpr std::uint32_t kMinKeptWindow = 8;
inline constexpr std::uint32_t kMaxKeptWindow = 16384;

// What orders updates inside a site.
enum class LocalProtocol : std::uint8_t { prime, bft };

// BFT, the baseline [PRIME] 2.
struct BftSettings {
  Duration timeout = milliseconds(300);  // for the first update of a server's queue, and for a NEW-VIEW
  bool keep_timeout = false;             // never lower it again, as [PRIME] 2 has it; else at the first progress
  Duration retransmit_period = milliseconds(200);
  std::uint32_t max_updates_per_batch = message::kMaxUpdatesPerBatch;
  std::uint32_t pipeline = 4;  // PRE-PREPAREs of the leader not yet committed
  std::uint32_t checkpoint_interval = 128;
  std::uint32_t window = 256;        // sequence numbers beyond the last stable checkpoint; at least two intervals
  std::uint32_t kept_window = 1024;  // executed batches kept for laggards
  // Of PRE-PREPARE, PREPARE and COMMIT: the channel's tags (MACs), or signatures.
  message::Authentication authentication = message::Authentication::channel;
};

enum class ServiceKind : std::uint8_t { kv, null };

// [PRIME] A.1: to whom a client sends first.
enum class ClientPattern : std::uint8_t {
  one_server,  // least bandwidth; f+1 others after the timeout
  f_plus_one,  // a faulty server cannot delay an operation
  all,         // what BFT orders digests of
};

// Clients are c1..c<count>.
struct ClientSettings {
  std::uint32_t count = 1;               // 1..kMaxClients
  std::uint32_t window = 64;             // operations of one client in flight, 1..kMaxClientWindow
  Duration timeout = milliseconds(250);  // before an operation is sent to others
  ClientPattern pattern = ClientPattern::one_server;
};
inline constexpr std::uint32_t kMaxClients = 4096;
inline constexpr std::uint32_t kMaxClientWindow = service::kClientWindow;

struct LinkSettings {
  std::size_t ip_mtu = kDefaultPathIpBytes;  // largest IP packet on the path; packets are never fragmented
  bool lossy = false;                        // the path loses packets: send a second copy of what is TIMELY
};

// One poll worker that the operator places: of these servers, on this CPU.
struct WorkerSettings {
  std::vector<std::pair<SiteId, ServerId>> servers;
  unsigned cpu = 0;   // as the kernel numbers CPUs; whether there is one, only the machine of these servers knows
  std::string where;  // "FILE:LINE:COL", for who finds out there
};
inline constexpr unsigned kMaxCpu = 1023;  // of an affinity mask

struct CoreSettings {
  bool dedicated = false;               // poll workers spin on cores of their own; else they yield and sleep when idle
  bool hugepages = true;                // take memory from them where enough are free
  std::vector<WorkerSettings> workers;  // of the other servers: placed by the locality of their devices
};

// A port of a server, and the addresses that it has there.
struct PortSettings {
  enum class Port : std::uint8_t {
    inproc,     // a network inside one process: no NIC, no root
    af_packet,  // `device` is a Linux interface
    dpdk,       // `device` is what DPDK takes as device arguments, such as a PCI address
  };
  Port port = Port::inproc;
  std::string device;  // empty for inproc
  MacAddress mac{};
  Ipv4Address ip{};
  std::uint16_t udp_port = 0;
};

// The port towards other sites.
struct WanPortSettings : PortSettings {
  std::optional<MacAddress> gateway;  // of the router that leads to them; none: they are on the same segment
};

struct ServerSettings {
  ServerId id;
  std::string name;                    // "A1", see names.h
  PortSettings lan;                    // on the site's network
  std::optional<WanPortSettings> wan;  // exactly when there are several sites
  Endpoint client;                     // TCP, for clients
  Endpoint admin;                      // TCP, HTTP status
};

// A dependable forwarder of a site.
struct ForwarderSettings {
  Endpoint local;                           // TCP, for the servers of its site
  Endpoint wan;                             // UDP, for other forwarders
  Endpoint admin;                           // TCP, HTTP status
  std::optional<WanPortSettings> wan_port;  // that has this address; none: a socket of the kernel's has it
};

struct SiteSettings {
  SiteId id;
  std::string name;  // "A"
  std::size_t f = 0;
  std::vector<ServerSettings> servers;        // by ServerId
  std::vector<ForwarderSettings> forwarders;  // primary, backup; none where no link of the site needs one

  [[nodiscard]] std::size_t n() const { return servers.size(); }
};

inline constexpr std::size_t kMaxSitesPerTopology = kMaxServersPerSite;  // the same core orders among either

// What orders updates among sites.
enum class GlobalProtocol : std::uint8_t { prime };

// Prime's periods where a message takes tens of milliseconds and costs its site a signature.
[[nodiscard]] PrimeSettings wide_area_prime();

// Sites as participants of a protocol; of no use to a site alone. What the durations must be to each other stands in
// timing.h.
struct GlobalSettings {
  GlobalProtocol protocol = GlobalProtocol::prime;
  std::size_t f = 0;  // F: sites that may be faulty in any way; the number of sites is at least 3F + 1
  PrimeSettings prime = wide_area_prime();
  Duration site_clock_tick = milliseconds(10);  // each server introduces its clock so often, when it is waited for
  Duration site_clock_rest = milliseconds(30);  // and so often when it is not
  Duration sign_period = milliseconds(20);      // a site signs what it wants to say once per period of its clock
  std::optional<BitRate> hurry_rate;         // one that says less in all does not wait for its periods; none: it does
  Duration clock_bound = milliseconds(400);  // B: how far from the site clock the tick of one server counts
};

// How the messages of one site reach another.
enum class LinkKind : std::uint8_t {
  erasure,    // every server sends a part to its peer, see link_pairs.h
  naive,      // f + 1 servers send the whole message to f + 1 servers each
  forwarder,  // the dependable forwarders of the sites send it once
  // Servers stand on a hub, see hub_sets.h. The second set sends ...
  hub_optimistic,     // unless enough parts were heard within hub_timeout
  hub_minimum_parts,  // only when the other site asks
  hub_immediate,      // as the first does
  blink,              // one server at a time sends it once, to its peer; the others watch whether it is acknowledged
};

[[nodiscard]] constexpr bool on_hub(LinkKind kind) {
  return kind == LinkKind::hub_optimistic || kind == LinkKind::hub_minimum_parts || kind == LinkKind::hub_immediate;
}

// Two sites, in either direction.
struct WanPair {
  SiteId first;
  SiteId second;  // above `first`
  LinkKind kind = LinkKind::erasure;
  Duration delay;               // one way, of the network inside one process
  std::optional<BitRate> rate;  // of what each of them sends to the other
};

struct WanSettings {
  LinkSettings link;
  std::optional<BitRate> rate;                  // of all that a site sends to others
  Duration hub_timeout = milliseconds(25);      // the local timeout of hub-optimistic, [ARCH] 6.2
  std::optional<Duration> longest_hub_timeout;  // it follows what is measured from hub_timeout up to this; none: fixed
  bool adaptive_sets = true;                    // on a hub, who misses its turns loses them for a while (docs/adr/0021)
  Duration blink_timeout = seconds(2);          // of an acknowledgement on a blink link, see timing.h
  std::vector<WanPair> pairs;                   // all there are, by first and second
};

// The site whose servers a client talks to: clients belong to the sites in turn.
[[nodiscard]] constexpr SiteId home_site(ClientId id, std::size_t sites) {
  return SiteId(static_cast<std::uint16_t>(id.value() % sites));
}

struct Topology {
  std::string file;  // what load_topology was given; opens every message about it
  std::string name;
  SystemId system;
  CryptoSettings crypto;
  LocalProtocol local_protocol = LocalProtocol::prime;
  PrimeSettings prime;
  BftSettings bft;
  ServiceKind service = ServiceKind::kv;
  ClientSettings client;
  LinkSettings link;
  CoreSettings cores;
  std::vector<SiteSettings> sites;  // by SiteId; 1..kMaxSitesPerTopology
  GlobalSettings global;            // of several sites
  WanSettings wan;                  // of several sites

  [[nodiscard]] const SiteSettings& site(SiteId id) const { return sites.at(id.index()); }
  [[nodiscard]] const SiteSettings& home_of(ClientId id) const { return site(home_site(id, sites.size())); }
  // Of two different sites, in either order.
  [[nodiscard]] const WanPair& wan_pair(SiteId one, SiteId other) const;
  // Null when there is no such server.
  [[nodiscard]] const ServerSettings* find_server(std::string_view server_name) const;
  // Every principal that holds keys: servers by site and id, then clients by id, then forwarders.
  [[nodiscard]] std::vector<crypto::Principal> principals() const;
  [[nodiscard]] bool has(crypto::Principal principal) const;  // among them
  // How a site signs as one. Unless it is set, none for a site alone, which signs nothing as a site, so that its keys
  // are dealt at once; shoup_rsa2048 for several.
  [[nodiscard]] std::optional<crypto::ThresholdScheme> site_scheme() const;
  [[nodiscard]] crypto::Scheme scheme_of(crypto::Principal principal) const;
};

[[nodiscard]] Result<Topology> load_topology(const std::string& path);
// `name` stands for the file in messages.
[[nodiscard]] Result<Topology> parse_topology(std::string_view text, const std::string& name);

// What the topology tolerates and what that costs, as text for people; several lines, each ended.
[[nodiscard]] std::string explain(const Topology& topology);

[[nodiscard]] std::string_view name(ServiceKind kind);
[[nodiscard]] std::string_view name(ClientPattern pattern);
[[nodiscard]] std::string_view name(LocalProtocol protocol);
[[nodiscard]] std::string_view name(GlobalProtocol protocol);
[[nodiscard]] std::string_view name(LinkKind kind);
[[nodiscard]] std::optional<LinkKind> link_kind(std::string_view name);
// "channel" or "signature", as [bft] authentication takes it.
[[nodiscard]] std::string_view bft_authentication_name(message::Authentication authentication);

}  // namespace garrison::config
