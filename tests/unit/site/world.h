// Sites of logical machines in virtual time, without local protocols: an oracle orders each site's events, signs its
// batches and carries parts. What is under test is the machines: that all of a site say the same, and that sites reach
// agreement on clients' updates.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <vector>

#include "control/prime/prime.h"
#include "control/replica/service_application.h"
#include "control/service/service.h"
#include "control/site/link_plan.h"
#include "control/site/machine.h"
#include "crypto/threshold/modelled.h"
#include "dataplane/base/rng.h"
#include "tests/support/site_keys.h"

namespace garrison::site {

struct WorldOptions {
  std::size_t sites = 4;
  std::size_t faulty_sites = 1;
  std::size_t servers = 4;
  std::size_t faulty_servers = 1;
  std::size_t clients = 8;
  config::LinkKind link = config::LinkKind::erasure;
  Duration wan_delay = milliseconds(25);
  Duration local_order = milliseconds(3);  // from introducing an event to its execution everywhere in the site
  Duration tick = milliseconds(10);
  Duration rest = milliseconds(30);     // see MemberConfig
  std::uint64_t hurry_bytes_per_s = 0;  // see MachineConfig
  std::uint64_t seed = 1;
};

class World {
 public:
  explicit World(const WorldOptions& options = {})
      : options_(options), rng_(options.seed), keys_(options.servers, options.clients) {
    add_keys();
    for (std::size_t s = 0; s < options_.sites; ++s) {
      Site& site = sites_[s];
      site.validator = std::make_unique<message::Validator>(keys_.system(), id(s), options_.servers, keys_.directory());
      site.validator->take_events();
      for (std::size_t i = 0; i < options_.servers; ++i) add_server(s, i);
    }
    for (std::size_t s = 0; s < options_.sites; ++s) {
      for (std::size_t i = 0; i < options_.servers; ++i) tick(s, i);
    }
  }

  // A faulty pair: may change the part that server `from` of `source` sends, or drop it by saying false.
  std::function<bool(SiteId source, std::size_t from, message::LinkPart& part, Bytes& bytes)> corrupt;
  // The same for what goes whole: INQUIRY and INQUIRY-RESPONSE. False: it is lost.
  std::function<bool(SiteId source, std::size_t from, SiteId destination, const Bytes& message)> passes;
  // Whether a faulty forwarder on a blink link sends what it should, and a faulty peer passes it on. Acknowledgements
  // cross the same pairs.
  std::function<bool(SiteId source, std::size_t pair, const LinkName& link)> carries;
  // Whether a link message gets lost between two forwarders.
  std::function<bool(SiteId source, const LinkName& link)> loses;
  // A site that is cut off neither sends nor hears.
  std::function<bool(SiteId source, SiteId destination)> cut;

  // A server that is away executes nothing, until it is handed the machine of another of its site.
  std::set<std::pair<std::size_t, std::size_t>> away;  // site, server
  // After so many events of a site one of its servers is handed the machine of another; 0: never.
  std::uint64_t hand_over_every = 0;
  std::uint64_t handed_over = 0;
  bool heeds_restored = true;  // what a machine says that was handed over

  void hand_over(std::size_t s, std::size_t from, std::size_t to) {
    ++handed_over;
    const Bytes snapshot = machine(s, from).snapshot();
    if (away.erase({s, to}) == 0) {
      ASSERT_TRUE(machine(s, to).snapshot() == snapshot) << "servers of site " << s << " differ";
    }
    const Result<void> restored = machine(s, to).restore(snapshot);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    ASSERT_TRUE(machine(s, to).snapshot() == snapshot);
    ASSERT_EQ(machine(s, to).tick_wanted(server_id(0)), machine(s, from).tick_wanted(server_id(0)));
  }

  // `client` hands in its next operation at server `server` of `site`.
  void submit(std::size_t site, std::size_t server, std::uint32_t client, std::uint64_t sequence) {
    introduce(site, server, keys_.client_op(ClientId(client), SeqNum(sequence), {}));
  }

  void run_for(Duration duration) {
    const Instant end = now_ + duration;
    while (!events_.empty() && events_.top().at <= end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.run();
    }
    now_ = end;
  }

  [[nodiscard]] LogicalMachine& machine(std::size_t site, std::size_t server) {
    return *sites_[site].servers[server].machine;
  }
  [[nodiscard]] std::uint64_t executed(std::size_t site, std::size_t server) {
    return sites_[site].servers[server].service->executor().state_sequence();
  }
  [[nodiscard]] Digest digest(std::size_t site, std::size_t server) {
    return sites_[site].servers[server].service->state_digest();
  }
  [[nodiscard]] const std::vector<Conviction>& convictions(std::size_t site, std::size_t server) const {
    return sites_[site].servers[server].convictions;
  }
  [[nodiscard]] Instant now() const { return now_; }
  // Over forwarders.
  [[nodiscard]] std::uint64_t bundles_sent() const { return bundles_sent_; }
  [[nodiscard]] std::uint64_t parts_sent() const { return parts_sent_; }
  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }
  [[nodiscard]] const WorldOptions& options() const { return options_; }

  // An event of the oracle's choice, as if `server` had introduced it.
  void introduce(std::size_t site, std::size_t server, const Bytes& event) {
    at(now_ + options_.local_order, [=, this] { execute(site, server, event); });
  }
  void introduce_bundle(std::size_t site, std::size_t server, const Bytes& bundle) {
    const auto signer = crypto::Principal::server(id(site), server_id(server));
    introduce(site, server, message::encode(envelope(signer), message::LinkBundle{bundle}));
  }
  void at(Instant when, std::function<void()> run) { events_.push({when, ++scheduled_, std::move(run)}); }
  [[nodiscard]] message::Envelope envelope(const crypto::Principal& signer) const { return keys_.envelope(signer); }
  [[nodiscard]] testing::SiteKeys& keys() { return keys_; }

 private:
  static SiteId id(std::size_t site) { return SiteId(static_cast<std::uint16_t>(site)); }
  static ServerId server_id(std::size_t server) { return ServerId(static_cast<std::uint16_t>(server)); }

  struct Event {
    Instant at;
    std::uint64_t number = 0;
    std::function<void()> run;
    bool operator<(const Event& other) const { return std::pair(other.at, other.number) < std::pair(at, number); }
  };
  struct NoReplies final : replica::Replies {
    void reply(const service::Executed& /*executed*/) override {}
  };
  // What one server is told by its machine.
  struct Server final : Effects {
    World* world = nullptr;
    std::size_t site = 0;
    std::size_t id = 0;
    Instant ticked_at;
    std::unique_ptr<replica::ServiceApplication> service;
    std::unique_ptr<LogicalMachine> machine;
    std::map<std::pair<std::uint16_t, std::uint64_t>, std::vector<Bytes>> unacknowledged;  // signed BOUNDED parts
    std::map<SiteId, std::size_t> in_office;                                               // on blink links
    std::map<SiteId, Bytes> asked;                                                         // the last INQUIRY
    std::map<SiteId, Bytes> answered;                                                      // the last response
    std::vector<Conviction> convictions;

    void closed(std::shared_ptr<const OutgoingBatch> batch) override { world->closed(*this, batch); }
    void settled(std::uint64_t /*number*/, const RootSignature& /*signature*/) override {}
    void acknowledged(SiteId to, SeqNum through) override {
      const auto begin = unacknowledged.lower_bound({to.value(), 0});
      unacknowledged.erase(begin, unacknowledged.upper_bound({to.value(), through.value()}));
    }
    void repeat(SiteId to) override {
      for (const auto& [key, parts] : unacknowledged) {
        if (key.first != to.value()) continue;
        for (const Bytes& part : parts) world->carry(SiteId(static_cast<std::uint16_t>(site)), id, to, part);
      }
    }
    void present_again(SiteId to, SeqNum df_sequence, ByteView bundle) override {
      world->present(*this, to, df_sequence, to_bytes(bundle));
    }
    void elected(SiteId to, std::size_t pair, const std::vector<SentMessages::Kept>& links) override {
      in_office[to] = pair;
      for (const SentMessages::Kept& link : links) world->carry_whole(*this, to, link.bundle);
    }
    void arrived(const LinkName& /*name*/) override {}
    void ask_again(SiteId to) override {
      if (asked.contains(to)) world->carry_uncoded(world->id(site), id, to, asked.at(to));
    }
    void convicted(const Conviction& conviction) override { convictions.push_back(conviction); }
    void restored(std::uint64_t settled, const std::vector<std::shared_ptr<const OutgoingBatch>>& closed_batches,
                  const std::vector<SentMessages::Kept>& links) override {
      if (!world->heeds_restored) return;
      unacknowledged.clear();
      for (const SentMessages::Kept& link : links) {
        if (world->plan().blink()) {
          world->carry_whole(*this, link.to, link.bundle);
          continue;
        }
        world->send(*this, link.to, TrafficClass::bounded, link.sequence, link.bundle);
      }
      for (const auto& batch : closed_batches) {
        ASSERT_GT(batch->number, settled);
        world->closed(*this, batch);
      }
    }
  };
  struct Site {
    std::unique_ptr<message::Validator> validator;
    std::deque<Server> servers;
    std::map<std::uint64_t, std::pair<crypto::RootStatement, RootSignature>> signatures;  // by batch
    SeqNum request;
    std::map<SeqNum, std::pair<Bytes, std::size_t>> presented;  // to the forwarder: what, and by how many
    crypto::ThresholdScheme scheme{};
    std::vector<std::unique_ptr<crypto::ThresholdSigner>> shares;
    std::unique_ptr<crypto::ShareCombiner> combiner;
  };

  void add_keys() {
    for (std::size_t s = 1; s < options_.sites; ++s) {
      for (std::size_t i = 0; i < options_.servers; ++i) keys_.add(crypto::Principal::server(id(s), server_id(i)));
    }
    for (std::size_t s = 0; s < options_.sites; ++s) {
      Site& site = sites_.emplace_back();
      const crypto::DealtThresholdKey dealt =
          crypto::deal_modelled_key(crypto::ThresholdScheme::modelled_rsa2048, options_.faulty_servers + 1,
                                    options_.servers, keys_.system(), id(s), crypto::SiteKeyKind::one_correct)
              .value();
      keys_.add_site_key(id(s), crypto::SiteKeyKind::one_correct, dealt.key);
      site.scheme = dealt.key.scheme;
      site.combiner = crypto::make_combiner(dealt.key).value();
      for (std::size_t i = 0; i <= options_.faulty_servers; ++i) {
        site.shares.push_back(crypto::make_signer(dealt.key, server_id(i), dealt.secrets[i]).value());
      }
    }
  }

  [[nodiscard]] LinkPlan plan() const {
    const config::LinkEnd end{options_.servers, options_.faulty_servers};
    return {options_.link, end, end};
  }

  void add_server(std::size_t s, std::size_t i) {
    Server& server = sites_[s].servers.emplace_back();
    server.world = this;
    server.site = s;
    server.id = i;
    server.service = std::make_unique<replica::ServiceApplication>(
        std::make_unique<service::Executor>(service::make_service("null").value()), no_replies_);
    MachineConfig config;
    config.envelope = envelope(crypto::Principal::of_site(id(s)));
    config.servers = options_.servers;
    config.faulty = options_.faulty_servers;
    config.sites = options_.sites;
    config.hurry_bytes_per_s = options_.hurry_bytes_per_s;
    for (std::size_t to = 0; to < options_.sites; ++to) {
      config.links.push_back(to == s ? std::nullopt : std::optional(plan()));
    }
    config.sender.envelope = config.envelope;
    config.sender.sites = options_.sites;
    config.receiver.self = id(s);
    config.receiver.sites = options_.sites;
    if (plan().over_forwarders()) config.sender.over_forwarders = ServerSet::all(options_.sites);
    if (plan().blink()) {
      config.sender.over_blink = ServerSet::all(options_.sites);
      config.pairs.pairs.assign(options_.sites, plan().pairs().count());
      config.pairs.pairs[s] = 0;
    }
    config.inquiries.envelope = config.envelope;
    for (std::size_t other = 0; other < options_.sites; ++other) {
      if (other != s) config.receiver.sources.push_back({id(other), plan()});
      config.inquiries.faulty.push_back(options_.faulty_servers);
      auto& plans = config.inquiries.plans.emplace_back();
      for (std::size_t to = 0; to < options_.sites; ++to) {
        plans.push_back(other == to ? std::nullopt : std::optional(plan()));
      }
    }
    prime::PrimeConfig core;
    core.envelope = config.envelope;
    core.self = server_id(s);
    core.n = options_.sites;
    core.f = options_.faulty_sites;
    core.po_period = core.summary_period = core.matrix_period = core.preprepare_period = milliseconds(20);
    core.delta_pp = milliseconds(120);
    core.tat_measure_period = milliseconds(50);
    core.rtt_ping_period = milliseconds(500);
    core.retransmit_period = milliseconds(1000);
    core.recon_delay = milliseconds(50);
    core.max_request_bytes = 40 * 1024;
    server.machine = std::make_unique<LogicalMachine>(config, std::make_unique<prime::Prime>(core), *server.service,
                                                      std::nullopt, keys_.directory(), server);
  }

  void tick(std::size_t s, std::size_t i) {
    // Clocks of their own, and not all at once.
    const Duration offset = seconds(static_cast<std::int64_t>(100 * s + i));
    Server& server = sites_[s].servers[i];
    if (now_ + offset >= server.machine->tick_wanted(server_id(i)) || now_ >= server.ticked_at + options_.rest) {
      ++ticks_;
      server.ticked_at = now_;
      introduce(
          s, i,
          message::encode(envelope(crypto::Principal::server(id(s), server_id(i))), message::Tick{now_ + offset}));
    }
    at(now_ + options_.tick + microseconds(static_cast<std::int64_t>(rng_.below(500))), [=, this] { tick(s, i); });
  }

  // The oracle's order: the same for all servers of the site.
  void execute(std::size_t s, std::size_t introducer, const Bytes& event) {
    Site& site = sites_[s];
    site.request = site.request.next();
    const crypto::Principal signer = crypto::Principal::server(id(s), server_id(introducer));
    const Bytes request = keys_.sign(
        signer, message::encode(envelope(signer), message::PoRequest{server_id(introducer), site.request, {event}}));
    const message::Validation outcome = site.validator->server_message(server_id(introducer), request);
    const auto* valid = std::get_if<message::VerifiedMessage>(&outcome);
    if (valid == nullptr) {
      ++refused_;
      return;
    }
    const auto stored = std::make_shared<const message::StoredMessage>(*valid);
    for (Server& server : site.servers) {
      if (away.contains({s, server.id})) continue;
      server.machine->execute(now_, {stored, stored->get().as<message::PoRequest>().updates});
    }
    if (hand_over_every > 0 && site.request.value() % hand_over_every == 0) {
      const std::size_t to = site.request.value() / hand_over_every % options_.servers;
      hand_over(s, (to + 1) % options_.servers, to);
    }
  }

  void closed(Server& server, const std::shared_ptr<const OutgoingBatch>& batch) {
    Site& site = sites_[server.site];
    auto known = site.signatures.find(batch->number);
    if (known == site.signatures.end()) {
      std::vector<Bytes> made;
      std::vector<crypto::SignatureShare> shares;
      for (const auto& signer : site.shares) made.push_back(signer->share(batch->tree.statement()));
      for (std::size_t i = 0; i < made.size(); ++i) shares.push_back({server_id(i), made[i]});
      const std::optional<Bytes> signature = site.combiner->combine(batch->tree.statement(), shares);
      ASSERT_TRUE(signature.has_value());
      known = site.signatures
                  .emplace(batch->number, std::pair(batch->tree.statement(),
                                                    RootSignature{crypto::block_scheme(site.scheme), *signature}))
                  .first;
      const RootSignature& root = known->second.second;
      at(now_ + milliseconds(2), [this, batch, root, s = server.site, i = server.id] {
        introduce(s, i, signed_message(*batch, batch->own.front(), root));
      });
    }
    ASSERT_EQ(known->second.first, batch->tree.statement())
        << "servers of site " << server.site << " say different things in batch " << batch->number;
    at(now_ + milliseconds(2), [this, &server, batch, root = known->second.second] { send(server, *batch, root); });
  }

  void send_uncoded(Server& server, const OutgoingBatch& batch, const RootSignature& signature) {
    for (const UncodedOut& out : batch.uncoded) {
      const Bytes message = signed_message(batch, out, signature);
      const bool asks = message::decode<message::LinkInquiry>(message).has_value();
      (asks ? server.asked : server.answered)[out.to] = message;
      carry_uncoded(id(server.site), server.id, out.to, message);
      for (std::size_t other = 0; other < options_.sites && !out.inquiry.empty(); ++other) {
        if (other == server.site || id(other) == out.to) continue;
        carry_uncoded(id(server.site), server.id, id(other), out.inquiry);
        carry_uncoded(id(server.site), server.id, id(other), message);
      }
    }
  }

  // Behind what was sent before, as over a channel: without jitter.
  void carry_uncoded(SiteId from, std::size_t sender, SiteId to, const Bytes& message) {
    if ((cut && cut(from, to)) || (passes && !passes(from, sender, to, message))) return;
    at(now_ + options_.wan_delay, [this, from, sender, to, message] {
      const message::Validation outcome =
          sites_[to.index()].validator->from_another_site(crypto::Principal::server(from, server_id(sender)), message);
      const auto* valid = std::get_if<message::VerifiedMessage>(&outcome);
      if (valid == nullptr) {
        ++refused_;
        return;
      }
      plan().peers(server_id(sender)).for_each([&](ServerId peer) {
        Server& receiver = sites_[to.index()].servers[peer.index()];
        if (receiver.machine->wants(*valid)) return introduce(to.index(), peer.index(), message);
        const auto inquiry = message::decode<message::LinkInquiry>(message);
        if (inquiry.has_value() && receiver.answered.contains(inquiry->id.asker)) {
          carry_uncoded(to, peer.index(), inquiry->id.asker, receiver.answered.at(inquiry->id.asker));
        }
      });
    });
  }

  void send(Server& server, const OutgoingBatch& batch, const RootSignature& signature) {
    send_uncoded(server, batch, signature);
    for (const LinkOut& link : batch.links) {
      const Bytes whole = bundle(batch, link, signature);
      if (link.acknowledges) {
        acknowledge(server, link.to, whole);
        continue;
      }
      if (plan().blink()) {
        carry_whole(server, link.to, whole);
        continue;
      }
      if (link.df_sequence != SeqNum()) {
        present(server, link.to, link.df_sequence, whole);
        continue;
      }
      send(server, link.to, link.traffic, link.sequence, whole);
    }
  }
  // From the forwarder of a blink link to its peer, which introduces what its machine does not know.
  void carry_whole(Server& server, SiteId to, ByteView bytes) {
    const std::size_t pair = server.in_office[to];
    if (plan().pairs().sender(pair) != server_id(server.id)) return;
    ++bundles_sent_;
    const LinkName name = *name_of(bytes);
    if ((cut && cut(name.source, to)) || (carries && !carries(name.source, pair, name))) return;
    at(now_ + options_.wan_delay, [this, to, name, pair, whole = to_bytes(bytes)] {
      const std::size_t peer = plan().pairs().receiver(pair).index();
      if (!machine(to.index(), peer).has(name.source, name.traffic, name.sequence)) {
        introduce_bundle(to.index(), peer, whole);
      }
    });
  }
  // By the pair in office of the other direction.
  void acknowledge(Server& server, SiteId to, const Bytes& whole) {
    const std::size_t pair = machine(to.index(), 0).pairs().in_office(id(server.site));
    if (plan().pairs().receiver(pair) != server_id(server.id)) return;
    const LinkName name = *name_of(whole);
    if ((cut && cut(name.source, to)) || (carries && !carries(to, pair, name))) return;
    at(now_ + options_.wan_delay, [=, this] {
      const std::size_t forwarder = plan().pairs().sender(pair).index();
      if (machine(to.index(), forwarder).refuses(*acknowledgement_of(whole)).has_value()) return;
      introduce_bundle(to.index(), forwarder, whole);
    });
  }
  // To the forwarder, which sends what f + 1 servers present.
  void present(Server& server, SiteId to, SeqNum df_sequence, const Bytes& whole) {
    auto& [bytes, copies] = sites_[server.site].presented.try_emplace(df_sequence, whole, 0).first->second;
    ASSERT_EQ(bytes, whole) << "servers of site " << server.site << " present different things";
    if (++copies != options_.faulty_servers + 1) return;
    ++bundles_sent_;
    const LinkName name = *name_of(whole);
    if ((cut && cut(name.source, to)) || (loses && loses(name.source, name))) return;
    at(now_ + options_.wan_delay, [this, to, name, whole] {
      for (std::size_t i = 0; i <= options_.faulty_servers; ++i) {
        introduce_bundle(to.index(), (i + name.sequence.value()) % options_.servers, whole);
      }
    });
  }
  void send(Server& server, SiteId to, TrafficClass traffic, SeqNum sequence, ByteView whole) {
    const link::PartCode code = plan().code();
    for (const LinkPlan::Duty& duty : plan().duties(server_id(server.id))) {
      coding::Code& coder = codes_.of(code);
      Bytes bytes(coder.part_bytes(whole.size()));
      coder.encode(whole, duty.index, bytes);
      message::LinkPart part{to,
                             traffic,
                             static_cast<std::uint8_t>(duty.index),
                             code.k,
                             code.n,
                             Incarnation(1),
                             sequence,
                             static_cast<std::uint32_t>(whole.size()),
                             bytes};
      if (corrupt && !corrupt(id(server.site), server.id, part, bytes)) continue;
      part.part = bytes;
      const crypto::Principal signer = crypto::Principal::server(id(server.site), server_id(server.id));
      const Bytes content = keys_.sign(signer, message::encode(envelope(signer), part));
      if (traffic == TrafficClass::bounded) {
        server.unacknowledged[{to.value(), sequence.value()}].push_back(content);
      }
      carry(id(server.site), server.id, to, content);
    }
  }

  void carry(SiteId from, std::size_t sender, SiteId to, const Bytes& part) {
    ++parts_sent_;
    if (cut && cut(from, to)) return;
    const Duration jitter = microseconds(static_cast<std::int64_t>(rng_.below(2000)));
    at(now_ + options_.wan_delay + jitter, [this, from, sender, to, part] {
      const message::Validation outcome =
          sites_[to.index()].validator->link_part(crypto::Principal::server(from, server_id(sender)), part);
      if (const auto* valid = std::get_if<message::VerifiedMessage>(&outcome)) {
        const auto body = valid->as<message::LinkPart>();
        if (plan().on_hub()) {
          for (std::size_t i = 0; i < options_.servers; ++i) {
            if (plan().hub().introduces(server_id(i), body.index, body.sequence)) introduce(to.index(), i, part);
          }
          return;
        }
        for (const LinkPlan::Duty& duty : plan().duties(server_id(sender))) {
          if (duty.index == body.index) introduce(to.index(), duty.to.index(), part);
        }
      } else {
        ++refused_;
      }
    });
  }

  WorldOptions options_;
  Rng rng_;
  testing::SiteKeys keys_;
  link::PartCodes codes_;
  NoReplies no_replies_;
  std::deque<Site> sites_;
  std::priority_queue<Event> events_;
  std::uint64_t scheduled_ = 0;
  std::uint64_t parts_sent_ = 0;
  std::uint64_t bundles_sent_ = 0;
  std::uint64_t ticks_ = 0;
  std::uint64_t refused_ = 0;
  Instant now_;
};

}  // namespace garrison::site
