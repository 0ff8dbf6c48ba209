// Validation: the one place that turns bytes of a peer or a client into verified messages. Runs on a crypto thread,
// one Validator per thread and server; nothing is shared between servers.
#pragma once

#include <array>
#include <optional>
#include <variant>
#include <vector>

#include "control/message/verified.h"
#include "crypto/batch.h"
#include "crypto/key_directory.h"
#include "dataplane/base/drops.h"

namespace garrison::ordering {
class StateReader;
}

namespace garrison::message {

using Validation = std::variant<VerifiedMessage, DropReason>;

class Validator {
 public:
  using NotState = void;  // what it remembers spares work and changes no verdict

  // `directory` must outlive it. `servers` is n of `site`. `configured`, channel or signature, is what messages of
  // Authentication::configured carry in this deployment: one that carries the other is malformed.
  Validator(SystemId system, SiteId site, std::size_t servers, const crypto::KeyDirectory& directory,
            Authentication configured = Authentication::signature);

  // Of the global protocol: its participants are the sites 0..sites-1, and `server_message(from, ...)` is what came
  // over the link from site `from`. Messages above kMaxSiteMessageBytes are refused: they would fit no link message.
  [[nodiscard]] static Validator of_sites(SystemId system, std::size_t sites, const crypto::KeyDirectory& directory);

  // For a site among others: PO-REQUESTs may carry events beside CLIENT-OPs.
  void take_events() { events_ = true; }

  // A LINK-PART that server `from` of another site sent over its channel.
  [[nodiscard]] Validation link_part(crypto::Principal from, ByteView bytes);

  // A LINK-PART that another server of this site sends to some other site, overheard.
  [[nodiscard]] Validation overheard(crypto::Principal from, ByteView bytes);
  // What server `from` of another site sent over its channel: a LINK-PART, a LINK-BUNDLE whose inside is not looked at,
  // or an INQUIRY or INQUIRY-RESPONSE of any other site, which proves itself. The parts of an INQUIRY are those of one
  // link message, each signed by its sender.
  [[nodiscard]] Validation from_another_site(crypto::Principal from, ByteView bytes);

  // A LINK-MESSAGE that was decoded, from `source` to `destination`.
  [[nodiscard]] Validation link_message(SiteId source, SiteId destination, ByteView bytes);

  // An event of this server, for its ordering core: structure is CHECKed, a signature it carries is not verified
  // again. A LINK-PART is handed over as link_part() returned it.
  [[nodiscard]] VerifiedMessage own_event(ByteView bytes) const;

  // A message that server `from` sent over its channel. It may be another server's message (a flooded PRE-PREPARE, a
  // retransmission). Checks in order of cost: size, version, type, direction, system and site, structure, signature,
  // then what is inside: every row of a matrix is a PO-SUMMARY signed by its row's server with n entries; every update
  // of a PO-REQUEST or UPDATES is a validly signed CLIENT-OP, else the whole request is void; every vote of a proof is
  // a signed message of the type that such a proof consists of (PREPAREs behind a PRE-PREPARE, REPLAY-PREPAREs without
  // one, RECONs, CHECKPOINTs in a VIEW-CHANGE, SIG-SHAREs in SIG-EVIDENCE), and so is the PRE-PREPARE of a certificate
  // with its rows.
  [[nodiscard]] Validation server_message(ServerId from, ByteView bytes);

  // A CLIENT-OP as a client or its gateway handed it in.
  [[nodiscard]] Validation client_op(ByteView bytes);

  // A message that this server has just signed itself: structure is CHECKed, the signature is not verified again.
  [[nodiscard]] VerifiedMessage own(ByteView bytes);

  // Signature work that a message asks for at most, in signatures: the cost unit of fair scheduling. Reads the type
  // and the count of a PO-REQUEST only.
  [[nodiscard]] static std::size_t cost(ByteView bytes);

  // What it cost so far, for metrics.
  [[nodiscard]] const crypto::BatchVerifier& verifier() const { return verifier_; }
  [[nodiscard]] std::uint64_t bytes_hashed() const { return bytes_hashed_; }  // into leaf digests

 private:
  friend class ordering::StateReader;
  // A message in a state that f + 1 servers vouch for (docs/adr/0015): structure is checked, signatures are not. For
  // nobody else: whoever passes bytes of one server to this believes that server anything.
  [[nodiscard]] Validation vouched(ByteView bytes) const;

  struct Parsed;
  using Refusal = std::optional<DropReason>;  // none: the check passed

  // What needs no signature: that it is of our system and site, its fields, and their fit to a site of n servers.
  // Fills `inside` with the rows, updates or votes that the message carries; a PC-SET's PRE-PREPARE, which is empty in
  // a replay certificate, stands before its votes.
  [[nodiscard]] Refusal structure(const Parsed& message, std::vector<ByteView>& inside) const;
  // Structure, that of all it carries, and whether it has a signature block where it should.
  [[nodiscard]] bool fits_throughout(const Parsed& message) const;
  [[nodiscard]] Refusal signature(const Parsed& message, Digest& leaf);
  [[nodiscard]] Digest leaf_digest(const Parsed& message);
  // What the message carries, each against its own signature.
  [[nodiscard]] Refusal inside_signed(const Parsed& outer, const std::vector<ByteView>& inside);
  [[nodiscard]] Refusal rows_signed(const std::vector<ByteView>& rows);
  [[nodiscard]] Refusal updates_signed(const crypto::Principal& introducer, const std::vector<ByteView>& updates);
  [[nodiscard]] Refusal votes_signed(MessageType type, const std::vector<ByteView>& inside);
  // Whether all that a proof carries could be signed messages of our servers, each of the type that belongs where it
  // stands: `votes` are they taken apart, `rows` those of the PRE-PREPARE among them.
  [[nodiscard]] bool fits_votes(MessageType proof, const std::vector<ByteView>& inside, std::vector<Parsed>& votes,
                                std::vector<ByteView>& rows) const;

  // Whether `row` could be the PO-SUMMARY of server `index`, and `update` a CLIENT-OP or an event that `introducer`
  // may introduce, signatures apart.
  [[nodiscard]] bool fits_row(std::size_t index, ByteView row, Parsed& parsed) const;
  [[nodiscard]] bool fits_update(const crypto::Principal& introducer, ByteView update, Parsed& parsed) const;
  // Whether an INQUIRY's parts could be what the asked site's servers sent of one link message; and whether they were.
  [[nodiscard]] bool fits_inquiry(ByteView inquiry) const;
  [[nodiscard]] Refusal inquiry_signed(const Parsed& message);
  [[nodiscard]] crypto::Principal participant(std::size_t place) const;
  [[nodiscard]] bool row_signed(std::size_t index, ByteView row);

  SystemId system_;
  SiteId site_;
  std::size_t servers_;
  bool sites_ = false;  // its participants are sites
  bool events_ = false;
  Authentication configured_;
  crypto::BatchVerifier verifier_;
  // The last PO-SUMMARY of each server that verified: the same bytes stand in many matrices, and stay verified
  // because the directory never changes under a Validator.
  std::array<Bytes, kMaxServersPerSite> last_summary_;
  std::uint64_t bytes_hashed_ = 0;
};

}  // namespace garrison::message
