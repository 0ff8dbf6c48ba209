// Named drop reasons, and the counters of one (server, stage).
//
// Whatever is refused because a peer, a client or a full queue made it so is counted under one of these names;
// sent = received + named drops. A counter has one writing thread; any thread may read it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace garrison {

// X(identifier, "one line for the operator")
#define GARRISON_DROP_REASONS(X)                                                                      \
  /* frames, before authentication */                                                                 \
  X(frame_truncated, "frame shorter than its headers or its stated length")                           \
  X(frame_oversized, "frame longer than one buffer")                                                  \
  X(frame_not_ours, "not IPv4/UDP to our address and port")                                           \
  X(frame_ip_fragment, "IP fragment; senders set DF")                                                 \
  X(frame_bad_checksum, "IPv4 or UDP checksum wrong")                                                 \
  X(frame_bad_magic, "no Garrison header")                                                            \
  X(frame_bad_version, "frame version not spoken here")                                               \
  X(frame_bad_kind, "unknown frame kind, or reserved bits set")                                       \
  X(frame_unknown_peer, "no such site or server in the topology")                                     \
  X(frame_not_for_us, "addressed to another server")                                                  \
  X(frame_no_session, "peer has not said HELLO, or we have not")                                      \
  /* frames, authenticated */                                                                         \
  X(frame_bad_tag, "session tag wrong")                                                               \
  X(frame_replayed, "frame counter seen before or too old")                                           \
  X(frame_stale_incarnation, "HELLO of an earlier life of the peer")                                  \
  X(chunk_malformed, "chunk inconsistent with its frame or message")                                  \
  X(chunk_duplicate, "bytes already held")                                                            \
  X(chunk_beyond_window, "message sequence beyond the receive window")                                \
  X(chunk_no_slot, "sender's quota of reassembly memory is used up")                                  \
  X(timely_superseded, "TIMELY message overtaken by a newer one")                                     \
  X(peer_lagging, "send queue of a peer overflowed; left to catch-up")                                \
  X(session_reset, "unfinished when the session with the peer ended")                                 \
  /* rings and ports */                                                                               \
  X(ring_full, "next ring had no room")                                                               \
  X(port_tx_full, "transmit ring had no room")                                                        \
  X(port_rx_no_mbuf, "no buffer to receive into")                                                     \
  X(segment_unknown_mac, "switch has no port with this destination")                                  \
  X(segment_rx_full, "receiving port of the in-process segment had no room")                          \
  /* messages */                                                                                      \
  X(message_truncated, "message shorter than its layout")                                             \
  X(message_oversized, "message longer than its bound")                                               \
  X(message_bad_version, "message version not spoken here")                                           \
  X(message_unknown_type, "no such (protocol, type)")                                                 \
  X(message_malformed, "field out of range, or bytes left over")                                      \
  X(message_wrong_system, "message of another deployment or site")                                    \
  X(message_wrong_direction, "a peer of this kind may not send this type")                            \
  X(message_unknown_signer, "no key for the claimed signer and epoch")                                \
  X(message_bad_signature, "signature, Merkle path or MAC wrong")                                     \
  X(message_not_first_hand, "unsigned message that its author did not send itself")                   \
  X(message_bad_row, "summary matrix with a row that is not its server's")                            \
  X(message_bad_vote, "proof with a vote that is not a signed one of its kind")                       \
  X(message_bad_update, "PO-REQUEST or UPDATES with an invalid client update; void")                  \
  /* protocol */                                                                                      \
  X(prime_stale, "for a view or sequence that is over")                                               \
  X(prime_beyond_window, "for a sequence beyond the window")                                          \
  X(prime_duplicate, "already held")                                                                  \
  X(prime_not_leader, "PRE-PREPARE of a server that does not lead the view")                          \
  X(prime_equivocation, "conflicts with what its signer said before")                                 \
  X(prime_blacklisted, "signer is blacklisted")                                                       \
  X(prime_bad_proof, "proof or certificate that does not prove what it says")                         \
  X(prime_too_early, "for a later view, and no room to keep it")                                      \
  X(prime_corrupt_part, "RECON whose part is not of the request it names")                            \
  X(prime_false_accusation, "INQUIRY or CORRUPTION-PROOF that shows no fault")                        \
  /* state transfer */                                                                                \
  X(state_unasked, "checkpoint or piece of state that nobody asked for")                              \
  X(state_conflict, "second checkpoint of a server for one sequence, and different")                  \
  X(state_bad_chunk, "piece of state that is not of the proven snapshot")                             \
  X(state_refused, "proven snapshot that does not fit this server's limits")                          \
  X(state_not_ahead, "asked for state by a server that is as far")                                    \
  X(state_over_quota, "asked for more state than one server may in that time")                        \
  X(state_unknown, "asked for a snapshot that is not kept")                                           \
  X(bft_stale, "for a view or sequence that is over")                                                 \
  X(bft_beyond_window, "for a view or sequence that is not reached yet")                              \
  X(bft_duplicate, "already held")                                                                    \
  X(bft_not_leader, "only the leader of the view says or takes this")                                 \
  X(bft_equivocation, "conflicts with what its signer said before")                                   \
  X(bft_oversized_batch, "batch with more updates or bytes than one may have")                        \
  X(bft_bad_view_change, "VIEW-CHANGE whose claims or proof do not fit")                              \
  X(bft_bad_new_view, "NEW-VIEW that does not follow from its VIEW-CHANGEs")                          \
  X(bft_unasked, "answer to nothing that was asked")                                                  \
  /* threshold signatures */                                                                          \
  X(share_over, "for a batch of the site that is over")                                               \
  X(share_beyond_window, "SIG-SHARE too far ahead to be kept")                                        \
  X(share_duplicate, "already held")                                                                  \
  X(share_other_statement, "SIG-SHARE of another statement than the batch has here")                  \
  X(share_bad, "SIG-SHARE that convicts its signer")                                                  \
  X(share_expelled, "of a server whose shares are no longer used")                                    \
  X(share_false_evidence, "SIG-EVIDENCE that convicts nobody")                                        \
  X(share_bad_signature, "SIG-COMPLETE whose signature does not verify")                              \
  X(share_unasked, "signature of a batch that is not waiting for one")                                \
  X(share_unknown, "asked about a batch of which nothing is kept")                                    \
  X(share_over_quota, "asked for shares or proofs more often than one server may")                    \
  /* clients */                                                                                       \
  X(client_duplicate, "update already executed or in progress")                                       \
  X(client_stale, "sequence or incarnation of the past")                                              \
  X(client_beyond_window, "sequence beyond the client's window")                                      \
  X(query_not_read_only, "query that would change the state, or that the service does not know")      \
  X(query_over_quota, "more queries of one client, or waiting ones, than there may be")               \
  X(query_expired, "query for a state that was not reached in time")                                  \
  /* links between sites */                                                                           \
  X(link_part_malformed, "part that does not fit the code of its link")                               \
  X(link_stale, "for a link message that is known already")                                           \
  X(link_beyond_window, "for a link message beyond the window")                                       \
  X(link_duplicate, "second part of one index")                                                       \
  /* dependable forwarders */                                                                         \
  X(forwarder_malformed, "frame or datagram that fits no layout")                                     \
  X(forwarder_bad_tag, "MAC of a session or of another forwarder wrong")                              \
  X(forwarder_repeated, "number that the server has presented, or passed, before")                    \
  X(forwarder_over, "copy of a message that is sent or given up")                                     \
  X(forwarder_given_up, "content that too few servers present")                                       \
  X(forwarder_queue_full, "queue of an incoming link is full of what too few servers have")           \
  X(forwarder_forgotten, "message of another site forgotten before every server had it")              \
  X(forwarder_replayed, "datagram seen before or too old")                                            \
  X(forwarder_incomplete, "message between forwarders that has lost a datagram")                      \
  /* the logical machine */                                                                           \
  X(link_unknown, "part of a link that there is not")                                                 \
  X(link_bad_candidate, "parts that do not decode to what their site has signed")                     \
  X(link_malformed, "signed link message whose items do not fit it")                                  \
  X(link_blacklisted, "of a server or site that is known to be faulty")                               \
  X(link_held_back, "of a site that has not said yet who sent wrong parts")                           \
  X(link_inquiry_unexpected, "INQUIRY or INQUIRY-RESPONSE that is not the next one")                  \
  X(batch_settled, "SITE-BATCH that was executed before, or of a batch there is not")                 \
  X(site_lagging, "what waits for a site overflowed; left to catch-up")                               \
  X(event_intake_full, "too many events of the site wait to be introduced; what matters comes again") \
  X(client_intake_full, "server's intake is full; the client retries")                                \
  X(client_not_authenticated, "no CLIENT-HELLO on this session")                                      \
  X(client_of_another_site, "client that belongs to another site of the deployment")

enum class DropReason : std::uint8_t {
#define GARRISON_ENUMERATOR(id, text) id,
  GARRISON_DROP_REASONS(GARRISON_ENUMERATOR)
#undef GARRISON_ENUMERATOR
      count_
};

inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::count_);

std::string_view name(DropReason reason);
std::string_view text(DropReason reason);

// One writer, any reader.
class Counter {
 public:
  // Relaxed: a single writer needs no read-modify-write, and readers only report.
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class DropCounters {
 public:
  void add(DropReason reason, std::uint64_t n = 1) { counters_[static_cast<std::size_t>(reason)].add(n); }
  [[nodiscard]] std::uint64_t get(DropReason reason) const { return counters_[static_cast<std::size_t>(reason)].get(); }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const Counter& counter : counters_) sum += counter.get();
    return sum;
  }

 private:
  std::array<Counter, kDropReasons> counters_{};
};

}  // namespace garrison
