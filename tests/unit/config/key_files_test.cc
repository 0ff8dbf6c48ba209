#include "control/config/key_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "control/config/topology_text.h"
#include "crypto/key_store.h"
#include "crypto/threshold/known_primes.h"

namespace garrison::config {
namespace {

using crypto::Principal;
namespace fs = std::filesystem;

Topology small_topology(std::uint64_t system = 7) {
  NewTopology wishes;
  wishes.system = SystemId(system);
  wishes.clients = 2;
  return parse_topology(new_topology_text(wishes).value(), "t.toml").value();
}

// A directory of its own for each test, gone afterwards.
class KeyFilesTest : public testing::Test {
 protected:
  KeyFilesTest() {
    std::string path = testing::TempDir() + "/key_files_XXXXXX";
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
    directory_ = path + "/keys";
  }
  ~KeyFilesTest() override { fs::remove_all(root_); }

  void deal() {
    const auto dealt = deal_keys(topology_, directory_, nullptr);
    ASSERT_TRUE(dealt.ok()) << dealt.error().message;
  }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }
  // The only finding, or all of them in one text.
  [[nodiscard]] std::string finding(const Topology& topology) const {
    std::string all;
    for (const std::string& each : check_keys(topology, directory_)) all += (all.empty() ? "" : "\n") + each;
    return all;
  }

  Topology topology_ = small_topology();
  std::string root_;
  std::string directory_;
};

TEST_F(KeyFilesTest, dealing_makes_a_public_file_and_one_private_file_each) {
  std::vector<std::size_t> progress;
  const auto dealt = deal_keys(topology_, directory_, [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, 6U);
    progress.push_back(done);
  });
  ASSERT_TRUE(dealt.ok()) << dealt.error().message;
  EXPECT_EQ(progress.back(), 6U);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  EXPECT_EQ(files(), 7U);
  for (const char* name : {"A1.key", "A2.key", "A3.key", "A4.key", "c1.key", "c2.key"}) {
    struct stat status {};
    ASSERT_EQ(::stat(file(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
  const auto a2 = crypto::load_private(private_key_path(directory_, Principal::server(SiteId(0), ServerId(1))));
  ASSERT_TRUE(a2.ok());
  EXPECT_EQ(a2.value().self, Principal::server(SiteId(0), ServerId(1)));
  EXPECT_EQ(a2.value().system, SystemId(7));
  const auto directory = crypto::load_public(public_keys_path(directory_));
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(directory.value().all().size(), 6U);
}

TEST_F(KeyFilesTest, dealt_keys_are_sound_and_all_different) {
  deal();
  EXPECT_EQ(finding(topology_), "");
  std::map<Bytes, Principal> signing;
  const auto directory = crypto::load_public(public_keys_path(directory_));
  for (const auto& [principal, keys] : directory.value().all()) signing.emplace(keys.signing, principal);
  EXPECT_EQ(signing.size(), 6U);
}

TEST_F(KeyFilesTest, servers_and_clients_sign_with_their_own_scheme) {
  topology_.crypto.client_scheme = crypto::Scheme::rsa2048;
  topology_.client.count = 1;
  deal();
  EXPECT_EQ(finding(topology_), "");
  const auto client = crypto::load_private(file("c1.key"));
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(client.value().scheme, crypto::Scheme::rsa2048);
}

// A second site like the first, with site keys that are quick to deal.
void add_site(Topology& topology) {
  SiteSettings site = topology.sites.front();
  site.id = SiteId(1);
  site.name = "B";
  topology.sites.push_back(site);
  topology.crypto.site_scheme = crypto::ThresholdScheme::shoup_rsa1024;
}

TEST_F(KeyFilesTest, a_forwarder_has_a_key_to_agree_with_others_and_none_to_sign) {
  topology_.sites.front().forwarders.resize(2);
  deal();
  EXPECT_EQ(finding(topology_), "");
  const auto backup = crypto::load_private(file("A-backup.key"));
  ASSERT_TRUE(backup.ok()) << backup.error().message;
  EXPECT_EQ(backup.value().self, Principal::forwarder(SiteId(0), 1));
  EXPECT_EQ(backup.value().signing.size(), 0U);
  const auto directory = crypto::load_public(public_keys_path(directory_));
  ASSERT_TRUE(directory.ok()) << directory.error().message;
  EXPECT_TRUE(crypto::check_belongs(backup.value(), directory.value()).ok());
  fs::rename(file("A-forwarder.key"), file("A-backup.key"));
  EXPECT_NE(finding(topology_).find("holds the keys of A-forwarder"), std::string::npos);
}

TEST_F(KeyFilesTest, one_site_has_no_site_keys) {
  deal();
  EXPECT_TRUE(crypto::load_public(public_keys_path(directory_)).value().site_keys().empty());
  EXPECT_TRUE(crypto::load_private(file("A1.key")).value().site_secrets.empty());
}

TEST_F(KeyFilesTest, several_sites_have_two_keys_each_and_their_servers_sign_with_them) {
  add_site(topology_);
  std::size_t last = 0;
  ASSERT_TRUE(deal_keys(topology_, directory_, [&](std::size_t done, std::size_t total) {
                EXPECT_EQ(total, 4U + 8U + 2U);
                last = done;
              }).ok());
  EXPECT_EQ(last, 14U);
  EXPECT_EQ(finding(topology_), "");
  const auto directory = crypto::load_public(public_keys_path(directory_)).value();
  EXPECT_EQ(directory.site_keys().size(), 4U);
  const Bytes message = {1, 2, 3};
  for (const SiteSettings& site : topology_.sites) {
    for (const crypto::SiteKeyKind kind : crypto::kSiteKeyKinds) {
      const crypto::ThresholdPublicKey& key = *directory.find_site_key({site.id, kind});
      EXPECT_EQ(key.k, kind == crypto::SiteKeyKind::quorum ? 3 : 2);
      EXPECT_EQ(key.n, 4);
      std::vector<Bytes> shares;
      std::vector<crypto::SignatureShare> chosen;
      for (std::uint16_t i = 0; i < 4; ++i) {
        const auto path = private_key_path(directory_, Principal::server(site.id, ServerId(i)));
        const auto bundle = crypto::load_private(path).value();
        shares.push_back(crypto::make_signer(key, ServerId(i), bundle.site_secrets.at(kind)).value()->share(message));
      }
      for (std::uint16_t i = 0; i < key.k; ++i) chosen.push_back({ServerId(i), shares[i]});
      const auto signature = crypto::make_combiner(key).value()->combine(message, chosen);
      ASSERT_TRUE(signature.has_value());
      EXPECT_TRUE(crypto::make_verifier(key).value()->verify(message, *signature));
    }
  }
}

TEST_F(KeyFilesTest, sites_of_different_sizes_have_keys_of_their_own_thresholds) {
  add_site(topology_);
  SiteSettings& b = topology_.sites[1];
  for (std::uint16_t i = 4; i < 7; ++i) b.servers.emplace_back().id = ServerId(i);
  b.f = 2;
  deal();
  EXPECT_EQ(finding(topology_), "");
  const auto directory = crypto::load_public(public_keys_path(directory_)).value();
  const crypto::ThresholdPublicKey& quorum = *directory.find_site_key({SiteId(1), crypto::SiteKeyKind::quorum});
  EXPECT_EQ(quorum.k, 5);
  EXPECT_EQ(quorum.n, 7);
  EXPECT_EQ(directory.find_site_key({SiteId(0), crypto::SiteKeyKind::quorum})->k, 3);
  EXPECT_EQ(crypto::load_private(file("B7.key")).value().site_secrets.size(), 2U);

  Topology smaller = topology_;
  smaller.sites[1].servers.resize(4);
  smaller.sites[1].f = 1;
  EXPECT_NE(finding(smaller).find("the quorum key of site B is shoup-rsa1024, 5 of 7; the topology says shoup-rsa1024, "
                                  "3 of 4"),
            std::string::npos)
      << finding(smaller);
}

TEST_F(KeyFilesTest, a_site_alone_has_keys_when_its_topology_asks_for_them) {
  topology_.crypto.site_scheme = crypto::ThresholdScheme::shoup_rsa1024;
  deal();
  EXPECT_EQ(finding(topology_), "");
  EXPECT_EQ(crypto::load_public(public_keys_path(directory_)).value().site_keys().size(), 2U);
  EXPECT_EQ(crypto::load_private(file("A4.key")).value().site_secrets.size(), 2U);
  EXPECT_TRUE(crypto::load_private(file("c1.key")).value().site_secrets.empty());
}

// Each site key has primes of its own, and none is a published one.
TEST_F(KeyFilesTest, moduli_of_site_keys_share_no_factor_with_each_other_or_with_known_primes) {
  add_site(topology_);
  deal();
  std::vector<crypto::Number> moduli;
  for (const crypto::ThresholdScheme scheme : crypto::kThresholdSchemes) {
    crypto::SafePrimes known = crypto::known_primes(scheme);
    moduli.push_back(std::move(known.p));
    moduli.push_back(std::move(known.q));
  }
  const auto directory = crypto::load_public(public_keys_path(directory_)).value();
  ASSERT_EQ(directory.site_keys().size(), 4U);
  for (const auto& [id, key] : directory.site_keys()) {
    const std::size_t bytes = crypto::signature_bytes(key.scheme);
    crypto::Number modulus = crypto::read_number(ByteView(key.encoded).first(bytes));
    for (const crypto::Number& other : moduli) EXPECT_TRUE(crypto::coprime(modulus, other));
    moduli.push_back(std::move(modulus));
  }
}

TEST_F(KeyFilesTest, check_finds_site_keys_too_many_too_few_and_of_another_size) {
  Topology two = topology_;
  add_site(two);
  deal();
  EXPECT_NE(finding(two).find("no one-correct key of site A; deal keys"), std::string::npos) << finding(two);
  EXPECT_NE(finding(two).find("no quorum key of site B; deal keys"), std::string::npos);
  fs::remove_all(directory_);
  ASSERT_TRUE(deal_keys(two, directory_, nullptr).ok());
  EXPECT_NE(finding(topology_).find("keys of sites that the topology does not ask for"), std::string::npos);
  two.crypto.site_scheme = crypto::ThresholdScheme::shoup_rsa2048;
  EXPECT_NE(finding(two).find("the quorum key of site B is shoup-rsa1024, 3 of 4; the topology says shoup-rsa2048"),
            std::string::npos)
      << finding(two);
}

TEST_F(KeyFilesTest, check_finds_a_part_of_a_site_key_that_is_missing_or_another_server_s) {
  add_site(topology_);
  deal();
  const auto a1 = crypto::load_private(file("A1.key")).value();
  const auto with = [&](const std::string& name, const auto& change) {
    auto bundle = a1;
    change(bundle);
    fs::remove(file(name));
    EXPECT_TRUE(crypto::save_private(file(name), bundle).ok());
    return finding(topology_);
  };
  using Kind = crypto::SiteKeyKind;
  const std::string missing = with("A1.key", [](auto& bundle) { bundle.site_secrets.erase(Kind::quorum); });
  EXPECT_NE(missing.find("A1.key: the part of server 0 0 of the quorum key is missing"), std::string::npos) << missing;
  for (const char* other : {"A2.key", "B1.key"}) {
    const auto taken = crypto::load_private(file(other)).value().site_secrets.at(Kind::quorum);
    const std::string found =
        with("A1.key", [&](auto& bundle) { bundle.site_secrets.insert_or_assign(Kind::quorum, taken); });
    EXPECT_NE(found.find("not this server's part"), std::string::npos) << found;
  }
  EXPECT_EQ(with("A1.key", [](auto&) {}), "");
}

TEST_F(KeyFilesTest, the_directory_is_private_when_dealing_makes_it) {
  deal();
  struct stat status {};
  ASSERT_EQ(::stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(KeyFilesTest, dealing_overwrites_nothing) {
  for (const char* name : {"public.keys", "A3.key", "c2.key"}) {
    fs::create_directory(directory_);
    std::ofstream(file(name)) << "precious";
    const auto dealt = deal_keys(topology_, directory_, nullptr);
    ASSERT_FALSE(dealt.ok()) << name;
    EXPECT_EQ(dealt.error().message, file(name) + ": exists already; deal into an empty directory");
    EXPECT_EQ(files(), 1U);
    fs::remove_all(directory_);
  }
}

TEST_F(KeyFilesTest, a_failure_halfway_leaves_no_key_behind) {
  fs::create_directories(file("c1.key.new"));  // in the way of the fifth file's temporary name
  const auto dealt = deal_keys(topology_, directory_, nullptr);
  ASSERT_FALSE(dealt.ok());
  EXPECT_NE(dealt.error().message.find("c1.key"), std::string::npos) << dealt.error().message;
  EXPECT_EQ(files(), 1U);
}

TEST_F(KeyFilesTest, a_directory_that_will_not_do_is_refused) {
  std::ofstream(root_ + "/plain") << "x";
  EXPECT_EQ(deal_keys(topology_, root_ + "/plain", nullptr).error().message,
            root_ + "/plain: not a directory; name another");
  EXPECT_NE(deal_keys(topology_, root_ + "/none/keys", nullptr).error().message.find("cannot be made: No such file"),
            std::string::npos);
  fs::create_directory(directory_);
  ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
  EXPECT_NE(deal_keys(topology_, directory_, nullptr).error().message.find("others may write there"),
            std::string::npos);
  EXPECT_EQ(files(), 0U);
}

TEST_F(KeyFilesTest, check_finds_a_private_file_that_others_may_read) {
  deal();
  ASSERT_EQ(::chmod(file("A2.key").c_str(), 0640), 0);
  const std::string found = finding(topology_);
  EXPECT_EQ(found.rfind(file("A2.key") + ": ", 0), 0U) << found;
  EXPECT_EQ(found.find('\n'), std::string::npos) << found;
}

TEST_F(KeyFilesTest, check_finds_missing_files) {
  deal();
  fs::remove(file("c1.key"));
  EXPECT_EQ(finding(topology_).rfind(file("c1.key") + ": ", 0), 0U);
  fs::remove(file("public.keys"));
  EXPECT_EQ(check_keys(topology_, directory_).size(), 2U);
}

TEST_F(KeyFilesTest, check_finds_swapped_files) {
  deal();
  fs::rename(file("A1.key"), file("spare"));
  fs::rename(file("A2.key"), file("A1.key"));
  fs::rename(file("spare"), file("A2.key"));
  EXPECT_EQ(finding(topology_), file("A1.key") + ": holds the keys of A2; put the right file here\n" + file("A2.key") +
                                    ": holds the keys of A1; put the right file here");
}

TEST_F(KeyFilesTest, check_finds_a_private_file_of_another_dealing) {
  deal();
  const std::string other = root_ + "/other";
  ASSERT_TRUE(deal_keys(topology_, other, nullptr).ok());
  fs::rename(other + "/A1.key", file("A1.key"));
  EXPECT_EQ(finding(topology_),
            file("A1.key") + ": its signing key is not the one in public.keys; use files of one dealing");
}

TEST_F(KeyFilesTest, check_finds_an_agreement_key_of_another_dealing) {
  deal();
  auto bundle = crypto::load_private(file("A1.key")).value();
  bundle.agreement = crypto::load_private(file("A2.key")).value().agreement;
  fs::remove(file("A1.key"));
  ASSERT_TRUE(crypto::save_private(file("A1.key"), bundle).ok());
  EXPECT_EQ(finding(topology_),
            file("A1.key") + ": its agreement key is not the one in public.keys; use files of one dealing");
}

TEST_F(KeyFilesTest, check_finds_a_private_file_of_another_system) {
  deal();
  const std::string other = root_ + "/other";
  ASSERT_TRUE(deal_keys(small_topology(8), other, nullptr).ok());
  fs::rename(other + "/A1.key", file("A1.key"));
  EXPECT_NE(finding(topology_).find("A1.key: of another system, key epoch or scheme than public.keys"),
            std::string::npos);
}

TEST_F(KeyFilesTest, check_finds_keys_of_another_topology) {
  deal();
  EXPECT_EQ(finding(small_topology(8)),
            file("public.keys") + ": made for system 0x7, the topology is 0x8; deal keys for this topology");
  Topology later = topology_;
  later.crypto.epoch = KeyEpoch(2);
  EXPECT_NE(finding(later).find("of key epoch 1, the topology says 2"), std::string::npos);
  Topology other_scheme = topology_;
  other_scheme.crypto.client_scheme = crypto::Scheme::rsa2048;
  EXPECT_NE(finding(other_scheme).find("c2 signs with ed25519, the topology says rsa2048"), std::string::npos);
}

TEST_F(KeyFilesTest, check_finds_principals_too_many_and_too_few) {
  deal();
  Topology fewer = topology_;
  fewer.client.count = 1;
  EXPECT_EQ(finding(fewer),
            file("public.keys") + ": keys of c2, whom the topology does not name; deal keys for this topology");
  Topology more = topology_;
  more.client.count = 3;
  EXPECT_NE(finding(more).find("public.keys: no keys of c3"), std::string::npos);
}

TEST_F(KeyFilesTest, check_of_one_server_looks_at_its_private_file_alone) {
  deal();
  const auto a1 = Principal::server(SiteId(0), ServerId(0));
  for (const char* name : {"A2.key", "A3.key", "A4.key", "c1.key", "c2.key"}) fs::remove(file(name));
  EXPECT_TRUE(check_keys(topology_, directory_, a1).empty());
  EXPECT_EQ(check_keys(topology_, directory_).size(), 5U);
  fs::remove(file("A1.key"));
  EXPECT_EQ(check_keys(topology_, directory_, a1).size(), 1U);
}

}  // namespace
}  // namespace garrison::config
