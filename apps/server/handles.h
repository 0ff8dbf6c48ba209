// What crosses between the parts of one server: small handles by value. Bytes stay in the slab of the part that
// allocated them, and each handle comes back to that part when its bytes are no longer needed.
//
//   lan ── Inbound ──▶ crypto ── VerifiedInbound ──▶ control ── SlotRef ──▶ lan        (receive slab, owned by lan)
//   lan ◀── Outbound ── control ── Outbound ──▶ crypto ── SignedOutbound ──▶ control   (send slab, owned by control)
//                       control ── SlotRef ──▶ crypto ── Checked ──▶ control           (send slab)
//                       control ── ShareRequest ──▶ crypto ── ShareMade ──▶ control    (send slab)
//   client ── ClientInbound ──▶ crypto ── VerifiedClient ──▶ control ── SlotRef ──▶ client (client slab, of client)
//   client ◀── ReplyOutbound ── control                                                (reply slab, owned by control)
//   client ── QueryInbound ──▶ control ── QueryDone ──▶ client                          (query slab, owned by client)
//   client ◀── ReplyOutbound ── control                                                (answer slab, of control)
#pragma once

#include <cstdint>
#include <type_traits>

#include "control/message/verified.h"
#include "control/ordering/ordering.h"
#include "crypto/batch.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/slab.h"
#include "dataplane/base/traffic.h"

namespace garrison::server {

struct Inbound {
  SlotRef slot;
  ServerId from;
  TrafficClass traffic{};
};

struct VerifiedInbound {
  message::VerifiedMessage message;
  SlotRef slot;
};

struct Outbound {
  SlotRef slot;
  ServerSet to;
  TrafficClass traffic{};
  std::uint16_t supersede_key = 0;
  ordering::PersistToken after = 0;
};

struct SignedOutbound {
  Outbound outbound;
  message::VerifiedMessage message;  // this server's own, for its own core
};

// What the core put together from parts, in the send slab, after crypto has looked at it.
struct Checked {
  SlotRef slot;
  bool valid = false;
  message::VerifiedMessage message;  // when valid
};

struct ClientInbound {
  SlotRef slot;
};

struct VerifiedClient {
  message::VerifiedMessage message;
  SlotRef slot;
};

// A CLIENT-QUERY whose MAC is its client's.
struct QueryInbound {
  ByteView message;  // in `slot`
  SlotRef slot;
  ClientId client;
};

struct QueryDone {
  SlotRef slot;
  ClientId client;
};

// A CLIENT-REPLY's or QUERY-REPLY's content, with room for the MAC that the client part appends.
struct ReplyOutbound {
  SlotRef slot;
  ClientId client;
};

// A private-key operation for the site's signature: the share of a statement, or the proof of a share that is in `slot`
// already. The slot is in the send slab and has room for what is made.
struct ShareRequest {
  std::uint64_t batch = 0;
  crypto::RootStatement statement{};
  SlotRef slot;
  bool prove = false;
};

struct ShareMade {
  std::uint64_t batch = 0;
  SlotRef slot;  // the share, and behind it the proof where it was wanted
  std::uint32_t share_bytes = 0;
};

static_assert(std::is_trivially_copyable_v<ShareRequest> && sizeof(ShareRequest) <= 128);
static_assert(std::is_trivially_copyable_v<ShareMade>);
static_assert(std::is_trivially_copyable_v<SignedOutbound> && sizeof(SignedOutbound) <= 128);
static_assert(std::is_trivially_copyable_v<Checked> && sizeof(Checked) <= 128);
static_assert(std::is_trivially_copyable_v<QueryInbound> && sizeof(QueryInbound) <= 128);
static_assert(std::is_trivially_copyable_v<VerifiedClient> && sizeof(VerifiedClient) <= 128);

}  // namespace garrison::server
