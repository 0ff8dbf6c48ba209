// What a site among others adds to validation: events inside PO-REQUESTs, and sites as participants.
#include <gtest/gtest.h>

#include "control/message/validate.h"
#include "crypto/threshold/modelled.h"
#include "tests/support/site_keys.h"

namespace garrison::message {
namespace {

constexpr SiteId kHere(0);
constexpr SiteId kThere(1);
constexpr ServerId kA1(0);
constexpr ServerId kA2(1);

class SiteValidatorTest : public ::testing::Test {
 protected:
  SiteValidatorTest()
      : local_(keys_.system(), kHere, 4, keys_.directory()),
        sites_(Validator::of_sites(keys_.system(), 4, keys_.directory())) {
    local_.take_events();
    for (const SiteId site : {kHere, kThere}) {
      keys_of_sites_.push_back(crypto::deal_modelled_key(crypto::ThresholdScheme::modelled_rsa2048, 2, 4,
                                                         keys_.system(), site, crypto::SiteKeyKind::one_correct)
                                   .value());
      keys_.add_site_key(site, crypto::SiteKeyKind::one_correct, keys_of_sites_.back().key);
    }
    keys_.add(crypto::Principal::server(kThere, kA1));
  }

  // Signed by two servers of the site.
  Bytes by_site(SiteId site, const Bytes& content) {
    const crypto::DealtThresholdKey& dealt = keys_of_sites_[site.index()];
    const Digest leaf = crypto::leaf_digest(content);
    const crypto::MerkleBatch batch(keys_.system(), crypto::Principal::of_site(site), keys_.epoch(), {&leaf, 1});
    std::vector<Bytes> shares;
    for (std::uint16_t i = 0; i < 2; ++i) {
      shares.push_back(crypto::make_signer(dealt.key, ServerId(i), dealt.secrets[i]).value()->share(batch.statement()));
    }
    const std::vector<crypto::SignatureShare> views{{ServerId(0), shares[0]}, {ServerId(1), shares[1]}};
    const Bytes signature = crypto::make_combiner(dealt.key).value()->combine(batch.statement(), views).value();
    Bytes out = content;
    out.resize(content.size() + batch.block_bytes(0, signature.size()));
    batch.write_block(0, crypto::block_scheme(dealt.key.scheme), signature, MutableBytes(out).subspan(content.size()));
    return out;
  }
  template <typename Message>
  Bytes of_site(SiteId site, const Message& message) {
    return by_site(site, encode(keys_.envelope(crypto::Principal::of_site(site)), message));
  }
  Bytes tick(ServerId server) { return encode(keys_.envelope(server), Tick{Instant(5)}); }
  Bytes part(SiteId destination) {
    static const Bytes bytes(10, 7);
    return keys_.sign(
        crypto::Principal::server(kThere, kA1),
        encode(keys_.envelope(crypto::Principal::server(kThere, kA1)),
               LinkPart{destination, TrafficClass::bounded, 0, 2, 4, Incarnation(1), SeqNum(1), 20, bytes}));
  }
  // What becomes of a PO-REQUEST of A1 that carries this.
  std::optional<DropReason> refused(const Bytes& event) { return refused(local_, event); }
  std::optional<DropReason> refused(Validator& validator, const Bytes& event) {
    const Bytes request = keys_.sign(kA1, PoRequest{kA1, SeqNum(1), {event}});
    return reason(validator.server_message(kA1, request));
  }
  static std::optional<DropReason> reason(const Validation& outcome) {
    const auto* why = std::get_if<DropReason>(&outcome);
    return why == nullptr ? std::nullopt : std::optional(*why);
  }

  testing::SiteKeys keys_{4};
  std::vector<crypto::DealtThresholdKey> keys_of_sites_;
  Validator local_;
  Validator sites_;
};

TEST_F(SiteValidatorTest, a_request_carries_events_beside_updates) {
  EXPECT_EQ(refused(tick(kA1)), std::nullopt);
  EXPECT_EQ(refused(of_site(kHere, SiteBatch{3})), std::nullopt);
  EXPECT_EQ(refused(part(kHere)), std::nullopt);
  EXPECT_EQ(refused(keys_.client_op(ClientId(0), SeqNum(1), {})), std::nullopt);
}

TEST_F(SiteValidatorTest, a_site_alone_orders_no_events) {
  Validator alone(keys_.system(), kHere, 4, keys_.directory());
  EXPECT_EQ(refused(alone, tick(kA1)), DropReason::message_bad_update);
  EXPECT_EQ(refused(alone, part(kHere)), DropReason::message_bad_update);
}

TEST_F(SiteValidatorTest, nobody_introduces_another_servers_clock) {
  EXPECT_EQ(refused(tick(kA2)), DropReason::message_bad_update);
  Bytes with_more = tick(kA1);
  with_more.push_back(0);
  EXPECT_EQ(refused(with_more), DropReason::message_bad_update);
}

TEST_F(SiteValidatorTest, nobody_reports_duties_in_anothers_name) {
  const auto report = [&](ServerId server) {
    return encode(keys_.envelope(server), DutyReport{kThere, ServerSet::only(ServerId(3))});
  };
  EXPECT_EQ(refused(report(kA1)), std::nullopt);
  EXPECT_EQ(refused(report(kA2)), DropReason::message_bad_update);
  Bytes with_more = report(kA1);
  with_more.push_back(0);
  EXPECT_EQ(refused(with_more), DropReason::message_bad_update);
}

TEST_F(SiteValidatorTest, a_bundle_counts_as_its_introducers_whatever_is_in_it) {
  const auto bundle = [&](ServerId server) {
    return encode(keys_.envelope(server), LinkBundle{as_bytes("not looked at")});
  };
  EXPECT_EQ(refused(bundle(kA1)), std::nullopt);
  EXPECT_EQ(refused(bundle(kA2)), DropReason::message_bad_update);
  Bytes with_more = bundle(kA1);
  with_more.push_back(0);
  EXPECT_EQ(refused(with_more), DropReason::message_bad_update);
}

TEST_F(SiteValidatorTest, a_batch_counts_only_under_the_signature_of_its_own_site) {
  EXPECT_EQ(refused(of_site(kThere, SiteBatch{3})), DropReason::message_bad_update);
  Bytes forged = of_site(kHere, SiteBatch{3});
  forged.back() ^= 1U;
  EXPECT_EQ(refused(forged), DropReason::message_bad_update);
  // f + 1 servers of another site say that it is ours.
  const Bytes content = encode(keys_.envelope(crypto::Principal::of_site(kHere)), SiteBatch{3});
  EXPECT_EQ(refused(by_site(kThere, content)), DropReason::message_bad_update);
}

TEST_F(SiteValidatorTest, a_part_counts_when_a_server_of_another_site_signed_it_for_this_one) {
  EXPECT_EQ(refused(part(SiteId(2))), DropReason::message_bad_update);
  Bytes forged = part(kHere);
  forged.back() ^= 1U;
  EXPECT_EQ(refused(forged), DropReason::message_bad_update);
  EXPECT_EQ(reason(local_.link_part(crypto::Principal::server(kThere, kA1), part(kHere))), std::nullopt);
  EXPECT_EQ(reason(local_.link_part(crypto::Principal::server(kThere, kA2), part(kHere))),
            DropReason::message_not_first_hand);
}

TEST_F(SiteValidatorTest, sites_are_participants_of_the_global_protocol_and_servers_are_not) {
  const Bytes prepare = of_site(kThere, Prepare{View(0), SeqNum(1), {}});
  const Validation outcome = sites_.server_message(ServerId(kThere.value()), prepare);
  ASSERT_EQ(reason(outcome), std::nullopt);
  EXPECT_EQ(std::get<VerifiedMessage>(outcome).server(), ServerId(kThere.value()));
  EXPECT_EQ(reason(sites_.server_message(kA1, keys_.sign(kA1, Prepare{View(0), SeqNum(1), {}}))),
            DropReason::message_wrong_system);
  EXPECT_EQ(reason(local_.server_message(kA1, of_site(kHere, Prepare{View(0), SeqNum(1), {}}))),
            DropReason::message_wrong_system);
}

TEST_F(SiteValidatorTest, what_the_link_vouches_for_comes_from_the_site_at_its_other_end) {
  const Bytes commit =
      encode(keys_.envelope(crypto::Principal::of_site(kThere)), Commit{View(0), SeqNum(1), {}, SeqNum(0)});
  EXPECT_EQ(reason(sites_.server_message(ServerId(kThere.value()), commit)), std::nullopt);
  EXPECT_EQ(reason(sites_.server_message(ServerId(2), commit)), DropReason::message_not_first_hand);
}

TEST_F(SiteValidatorTest, a_site_cannot_invent_an_update) {
  Bytes op = keys_.client_op(ClientId(0), SeqNum(1), {});
  const PoRequest request{ServerId(kThere.value()), SeqNum(1), {op}};
  EXPECT_EQ(reason(sites_.server_message(ServerId(kThere.value()), of_site(kThere, request))), std::nullopt);
  op[kEnvelopeBytes + 8] ^= 1U;
  const PoRequest invented{ServerId(kThere.value()), SeqNum(1), {op}};
  EXPECT_EQ(reason(sites_.server_message(ServerId(kThere.value()), of_site(kThere, invented))),
            DropReason::message_bad_update);
}

TEST_F(SiteValidatorTest, a_message_that_fits_no_link_message_is_refused) {
  const Bytes large = keys_.client_op(ClientId(0), SeqNum(1), Bytes(kMaxOperationBytes));
  const Bytes other = keys_.client_op(ClientId(1), SeqNum(1), Bytes(kMaxOperationBytes));
  const PoRequest request{ServerId(kThere.value()), SeqNum(1), {large, other}};
  EXPECT_EQ(reason(sites_.server_message(ServerId(kThere.value()), of_site(kThere, request))),
            DropReason::message_oversized);
}

TEST_F(SiteValidatorTest, a_link_message_is_read_by_its_destination_only) {
  const LinkMessage message{kHere, TrafficClass::timely, Incarnation(1), SeqNum(1), SeqNum(0), {}};
  const Bytes bytes = of_site(kThere, message);
  EXPECT_EQ(reason(sites_.link_message(kThere, kHere, bytes)), std::nullopt);
  EXPECT_EQ(reason(sites_.link_message(kThere, SiteId(2), bytes)), DropReason::message_malformed);
  EXPECT_EQ(reason(sites_.link_message(SiteId(2), kHere, bytes)), DropReason::message_wrong_system);
}

}  // namespace
}  // namespace garrison::message
