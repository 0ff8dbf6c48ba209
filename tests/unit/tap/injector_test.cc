#include "apps/tap/injector.h"

#include "apps/tap/report.h"
#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

constexpr Sender kLiar{kSource, ServerId(2)};

class InjectorTest : public SourceHubTest {
 protected:
  Injector injector(Injection kind) {
    std::optional<crypto::BatchSigner> signer;
    if (signs(kind)) {
      Bytes seed(8);  // as SiteKeys makes them
      seed[0] = static_cast<std::uint8_t>(crypto::Principal::Kind::server);
      store_le<std::uint16_t>(seed.data() + 1, kSource.value());
      store_le<std::uint32_t>(seed.data() + 3, kLiar.server.value());
      signer.emplace(keys_.system(), crypto::Principal::server(kSource, kLiar.server), keys_.epoch(),
                     crypto::PrivateKey::parse(crypto::Scheme::modelled, crypto::SecretBytes(ByteView(seed))).value());
    }
    return {kind, topology_, kLiar, std::move(signer)};
  }
  // A hub with the injector on it: `messages` messages, all parts of each.
  void run(Injector& injector, std::uint64_t messages) {
    for (std::uint64_t sequence = 1; sequence <= messages; ++sequence) {
      for (std::uint16_t server = 0; server < kServers; ++server) {
        for (const Bytes& each : frames(part(whole(sequence), sequence, server), sequence, server)) {
          static_cast<void>(account_.take(Instant(1), 0, each));
          injector.on_heard(each);
          drain(injector);
        }
      }
    }
  }
  // What it puts on the hub, it hears as well, where the hub is a repeater.
  void drain(Injector& injector) {
    Bytes out(kMaxFrameBytes);
    for (std::size_t i = 0; i < 1000; ++i) {
      const std::size_t size = injector.next_frame(out);
      if (size == 0) return;
      static_cast<void>(account_.take(Instant(2), 0, ByteView(out).first(size)));
      injector.on_heard(ByteView(out).first(size));
    }
    FAIL() << "it answers itself for ever";
  }
  [[nodiscard]] std::string guilty() const { return guilty_names(report_rows(account_, 0)); }

  Account account_{topology_, &keys_.directory()};
};

TEST_F(InjectorTest, wrong_parts_with_a_servers_key_name_it) {
  Injector liar = injector(Injection::wrong);
  run(liar, 5);
  EXPECT_EQ(liar.injected(), 5U);
  EXPECT_EQ(guilty(), "B3");
  EXPECT_EQ(said(account_).servers[2].conflicting, 5U);
  EXPECT_EQ(said(account_).link.decoded, 5U);
}

TEST_F(InjectorTest, spurious_parts_with_a_servers_key_name_it_when_the_message_comes) {
  Injector liar = injector(Injection::spurious);
  run(liar, Injector::kAhead);
  EXPECT_EQ(guilty(), "") << "of messages that are still to come nobody knows";
  EXPECT_EQ(said(account_).servers[2].alone, Injector::kAhead);
  run(liar, Injector::kAhead + 3);
  EXPECT_EQ(guilty(), "B3");
  EXPECT_EQ(said(account_).servers[2].wrong, 3U);
}

TEST_F(InjectorTest, forged_parts_are_counted_in_the_names_that_they_bear_and_name_nobody) {
  Injector liar = injector(Injection::forged);
  run(liar, 5);
  EXPECT_EQ(liar.injected(), 15U);
  EXPECT_EQ(guilty(), "");
  const LinkBook::Account said = InjectorTest::said(account_);
  for (const std::size_t server : {0U, 1U, 3U}) EXPECT_EQ(said.servers[server].forged, 5U);
  EXPECT_EQ(said.servers[2].forged, 0U);
  EXPECT_EQ(said.link.decoded, 5U);
}

TEST_F(InjectorTest, what_waits_is_bounded) {
  Injector liar = injector(Injection::forged);
  for (std::uint64_t sequence = 1; sequence <= 2 * Injector::kMostWaiting; ++sequence) {
    liar.on_heard(frames(part(whole(sequence), sequence, 2), sequence, 2).front());
  }
  Bytes out(kMaxFrameBytes);
  while (liar.next_frame(out) > 0) {
  }
  EXPECT_EQ(liar.injected(), Injector::kMostWaiting);
}

}  // namespace
}  // namespace garrison::tap
