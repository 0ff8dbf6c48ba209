// The queues of one server. Whoever composes it chooses the implementation: rte_rings between workers, plain queues
// in the lab. Each has one producing and one consuming part, so parts may live on any threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "apps/server/forwarder_queues.h"
#include "apps/server/handles.h"
#include "apps/server/limits_of_parts.h"
#include "apps/server/wan_queues.h"
#include "dataplane/base/queue.h"
#include "dataplane/link/channel_config.h"

namespace garrison::server {

// The part that consumes a queue: the thread to wake when something was pushed.
enum class Part { lan, wan, crypto, control, client };

struct Queues {
  std::unique_ptr<Queue<Inbound>> received_timely;         // lan → crypto
  std::unique_ptr<Queue<Inbound>> received_bounded;        // lan → crypto
  std::unique_ptr<Queue<SlotRef>> refused;                 // crypto → lan: slots of messages that did not verify
  std::unique_ptr<Queue<SlotRef>> consumed;                // control → lan: slots of messages that were processed
  std::unique_ptr<Queue<VerifiedInbound>> verified;        // crypto → control
  std::unique_ptr<Queue<Outbound>> to_sign;                // control → crypto
  std::unique_ptr<Queue<SignedOutbound>> signed_out;       // crypto → control
  std::unique_ptr<Queue<SlotRef>> to_check;                // control → crypto
  std::unique_ptr<Queue<Checked>> checked;                 // crypto → control
  std::unique_ptr<Queue<ShareRequest>> to_share;           // control → crypto; of a site among others
  std::unique_ptr<Queue<ShareMade>> shares_made;           // crypto → control
  std::unique_ptr<Queue<Outbound>> to_send;                // control → lan
  std::unique_ptr<Queue<SlotRef>> sent;                    // lan → control
  std::unique_ptr<Queue<ClientInbound>> client_ops;        // client → crypto
  std::unique_ptr<Queue<SlotRef>> client_refused;          // crypto → client
  std::unique_ptr<Queue<VerifiedClient>> client_verified;  // crypto → control
  std::unique_ptr<Queue<SlotRef>> client_consumed;         // control → client
  std::unique_ptr<Queue<ReplyOutbound>> replies;           // control → client
  std::unique_ptr<Queue<SlotRef>> replies_sent;            // client → control
  std::unique_ptr<Queue<QueryInbound>> queries;            // client → control
  std::unique_ptr<Queue<QueryDone>> queries_done;          // control → client
  std::unique_ptr<Queue<ReplyOutbound>> answers;           // control → client: of queries
  std::unique_ptr<Queue<SlotRef>> answers_sent;            // client → control
  WanQueues wan;                                           // of a site among others; else null
  std::unique_ptr<Queue<VerifiedInbound>> wan_verified;    // crypto → control; of a site among others
  ForwarderQueues forwarder;                               // where links go over dependable forwarders; else null
};

// The receive slab of a server of a site of `servers` servers.
inline link::RxSlabPlan plan_receive_slab(std::size_t servers) {
  return link::plan_rx_slab(link::ChannelConfig{}, std::max<std::size_t>(servers, 2) - 1, kReceiveQuotaBytes);
}

// For a server of a site of `servers` servers. `make.template operator()<T>(capacity, consumer)` returns a
// unique_ptr<Queue<T>>. Return queues hold every slot there is, so that giving a slot back never fails.
template <typename Make>
Queues make_queues(std::size_t servers, const Make& make) {
  const std::size_t receive_slots = slots_of(plan_receive_slab(servers).classes);
  Queues q;
  q.received_timely = make.template operator()<Inbound>(receive_slots, Part::crypto);
  q.received_bounded = make.template operator()<Inbound>(receive_slots, Part::crypto);
  q.refused = make.template operator()<SlotRef>(receive_slots, Part::lan);
  q.consumed = make.template operator()<SlotRef>(receive_slots, Part::lan);
  q.verified = make.template operator()<VerifiedInbound>(kRingSlots, Part::control);
  q.to_sign = make.template operator()<Outbound>(kSendSlots, Part::crypto);
  q.signed_out = make.template operator()<SignedOutbound>(kSendSlots, Part::control);
  q.to_check = make.template operator()<SlotRef>(kCheckSlots, Part::crypto);
  q.checked = make.template operator()<Checked>(kCheckSlots, Part::control);
  q.to_share = make.template operator()<ShareRequest>(kShareSlots, Part::crypto);
  q.shares_made = make.template operator()<ShareMade>(kShareSlots, Part::control);
  q.to_send = make.template operator()<Outbound>(kSendSlots, Part::lan);
  q.sent = make.template operator()<SlotRef>(kSendSlots, Part::control);
  q.client_ops = make.template operator()<ClientInbound>(kClientSlots, Part::crypto);
  q.client_refused = make.template operator()<SlotRef>(kClientSlots, Part::client);
  q.client_verified = make.template operator()<VerifiedClient>(kRingSlots, Part::control);
  q.client_consumed = make.template operator()<SlotRef>(kClientSlots, Part::client);
  q.replies = make.template operator()<ReplyOutbound>(kReplySlots, Part::client);
  q.replies_sent = make.template operator()<SlotRef>(kReplySlots, Part::control);
  q.queries = make.template operator()<QueryInbound>(kQuerySlots, Part::control);
  q.queries_done = make.template operator()<QueryDone>(kQuerySlots, Part::client);
  q.answers = make.template operator()<ReplyOutbound>(kAnswerSlots, Part::client);
  q.answers_sent = make.template operator()<SlotRef>(kAnswerSlots, Part::control);
  return q;
}

// For a server of one of several sites, whose wide-area receive slab has `receive_slots`.
template <typename Make>
WanQueues make_wan_queues(std::size_t receive_slots, const Make& make) {
  WanQueues q;
  q.received_timely = make.template operator()<WanInbound>(receive_slots, Part::crypto);
  q.received_bounded = make.template operator()<WanInbound>(receive_slots, Part::crypto);
  q.refused = make.template operator()<SlotRef>(receive_slots, Part::wan);
  q.consumed = make.template operator()<SlotRef>(receive_slots, Part::wan);
  q.to_send = make.template operator()<WanOutbound>(kSendSlots, Part::wan);
  q.sent = make.template operator()<SlotRef>(kSendSlots, Part::control);
  q.overheard = make.template operator()<Overheard>(receive_slots, Part::wan);
  q.news = make.template operator()<LinkNews>(kLinkNews, Part::wan);
  q.duties = make.template operator()<DutyNews>(kMaxSites, Part::control);
  return q;
}

// The same of a server, with what its other parts need for it; without slots, of a server that talks to no other site,
// nothing.
template <typename Make>
void add_wan_queues(Queues& q, std::size_t receive_slots, const Make& make) {
  if (receive_slots == 0) return;
  q.wan = make_wan_queues(receive_slots, make);
  q.wan_verified = make.template operator()<VerifiedInbound>(kRingSlots, Part::control);
}

// The same where links go over dependable forwarders, whose receive slab has `receive_slots`; without, nothing.
template <typename Make>
void add_forwarder_queues(Queues& q, std::size_t receive_slots, const Make& make) {
  if (receive_slots == 0) return;
  q.forwarder.received = make.template operator()<BundleInbound>(receive_slots, Part::crypto);
  q.forwarder.refused = make.template operator()<SlotRef>(receive_slots, Part::client);
  q.forwarder.verified = make.template operator()<VerifiedInbound>(kRingSlots, Part::control);
  q.forwarder.consumed = make.template operator()<SlotRef>(receive_slots, Part::client);
  q.forwarder.to_present = make.template operator()<Presentation>(kSendSlots, Part::client);
  q.forwarder.presented = make.template operator()<SlotRef>(kSendSlots, Part::control);
}

}  // namespace garrison::server
