// Site keys in key files. What holds for every key file is in key_store_test.cc.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "crypto/key_store.h"
#include "crypto/threshold/modelled.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

constexpr SystemId kSystem{7};
constexpr KeyEpoch kEpoch{2};
constexpr SiteId kSite{3};
const Principal kServer = Principal::server(kSite, ServerId(1));
constexpr ThresholdScheme kScheme = ThresholdScheme::shoup_rsa1024;

class SiteKeyStoreTest : public ::testing::Test {
 protected:
  SiteKeyStoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "garrison-site-keys-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    PublicKeys keys;
    bundle_ = make_bundle(kSystem, kEpoch, kServer, Scheme::ed25519, keys).value();
    bundle_.site_secrets = {{SiteKeyKind::one_correct, dealt(kScheme, 2, 4).secrets[1]},
                            {SiteKeyKind::quorum, dealt(kScheme, 3, 4).secrets[1]}};
    EXPECT_TRUE(directory_.add(kServer, keys).ok());
    EXPECT_TRUE(directory_.add_site_key({kSite, SiteKeyKind::one_correct}, dealt(kScheme, 2, 4).key).ok());
    EXPECT_TRUE(directory_.add_site_key({kSite, SiteKeyKind::quorum}, dealt(kScheme, 3, 4).key).ok());
  }
  ~SiteKeyStoreTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::string saved_private() const {
    std::filesystem::remove(path("private"));
    EXPECT_TRUE(save_private(path("private"), bundle_).ok());
    return text_of(path("private"));
  }
  [[nodiscard]] std::string saved_public() const {
    std::filesystem::remove(path("public"));
    EXPECT_TRUE(save_public(path("public"), directory_).ok());
    return text_of(path("public"));
  }
  static std::string text_of(const std::string& at) {
    std::ifstream in(at, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::string write(const std::string& content, mode_t mode = 0600) const {
    std::ofstream(path("written"), std::ios::binary | std::ios::trunc) << content;
    EXPECT_EQ(::chmod(path("written").c_str(), mode), 0);
    return path("written");
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
  }

  std::string folder_;
  PrivateBundle bundle_;
  KeyDirectory directory_{kSystem, kEpoch};
};

TEST_F(SiteKeyStoreTest, bundles_come_back_as_they_were_saved_and_still_sign) {
  (void)saved_private();
  (void)saved_public();
  const Result<PrivateBundle> bundle = load_private(path("private"));
  const Result<KeyDirectory> directory = load_public(path("public"));
  ASSERT_TRUE(bundle.ok() && directory.ok());
  EXPECT_EQ(directory.value().site_keys(), directory_.site_keys());
  for (const SiteKeyKind kind : kSiteKeyKinds) {
    EXPECT_TRUE(equal(bundle.value().site_secrets.at(kind).view(), bundle_.site_secrets.at(kind).view()));
  }
  EXPECT_TRUE(check_belongs(bundle.value(), directory.value()).ok());
  struct stat status {};
  ASSERT_EQ(::stat(path("private").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(SiteKeyStoreTest, private_files_that_others_may_use_are_refused) {
  const std::string good = saved_private();
  for (const mode_t mode : {0604U, 0640U, 0602U, 0660U, 0644U, 0777U}) {
    EXPECT_FALSE(load_private(write(good, mode)).ok()) << mode;
  }
  EXPECT_TRUE(load_private(write(good)).ok());
}

TEST_F(SiteKeyStoreTest, every_truncation_of_a_private_file_is_refused) {
  const std::string good = saved_private();
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(load_private(write(good.substr(0, size))).ok()) << size;
  }
}

TEST_F(SiteKeyStoreTest, a_public_file_cut_at_any_line_is_refused) {
  const std::string good = saved_public();
  for (std::size_t end = good.find('\n'); end + 1 < good.size(); end = good.find('\n', end + 1)) {
    EXPECT_FALSE(load_public(write(good.substr(0, end + 1))).ok());
  }
  EXPECT_TRUE(load_public(write(good)).ok());
}

TEST_F(SiteKeyStoreTest, malformed_entries_are_refused) {
  const std::string secrets = saved_private();
  const std::pair<const char*, const char*> private_changes[] = {{"site-key one-correct", "site-key some-correct"},
                                                                 {"site-key one-correct", "site-key quorum"},
                                                                 {"site-key one-correct", "site-key"},
                                                                 {"site-key one-correct\n", ""},
                                                                 {"site-key quorum", "agreement quorum"},
                                                                 {"part ", "part x"},
                                                                 {"part ", "pint "}};
  for (const auto& [from, to] : private_changes)
    EXPECT_FALSE(load_private(write(replaced(secrets, from, to))).ok()) << to;
  const std::string open = saved_public();
  const std::pair<const char*, const char*> public_changes[] = {
      {"site-key 3 one-correct", "site-key 3 quorum"},
      {"site-key 3 one-correct", "site-key one-correct"},
      {"site-key 3 one-correct", "site-key 3"},
      {"site-key 3 one-correct", "site-key 65536 one-correct"},
      {"scheme shoup-rsa1024", "scheme shoup-rsa2048"},
      {"scheme shoup-rsa1024", "scheme rsa2048"},
      {"k 2", "k 1"},
      {"k 2", "k 5"},
      {"k 2", "k 02"},
      {"n 4", "n 5"},
      {"n 4", "n 65540"},
      {"key ", "key 00"},
      {"key ", "key x"}};
  for (const auto& [from, to] : public_changes) EXPECT_FALSE(load_public(write(replaced(open, from, to))).ok()) << to;
}

TEST_F(SiteKeyStoreTest, keys_that_protect_nothing_are_neither_saved_nor_loaded) {
  const ThresholdScheme scheme = ThresholdScheme::modelled_rsa1024;
  KeyDirectory directory(kSystem, kEpoch);
  const DealtThresholdKey dealt = deal_modelled_key(scheme, 2, 4, kSystem, SiteId(3), SiteKeyKind::quorum).value();
  ASSERT_TRUE(directory.add_site_key({SiteId(3), SiteKeyKind::quorum}, dealt.key).ok());
  EXPECT_FALSE(save_public(path("modelled"), directory).ok());

  const std::string open = saved_public();
  const std::size_t scheme_at = open.find("scheme shoup-rsa1024");
  const std::size_t key_at = open.find("\nkey ", scheme_at) + 5;
  std::string hex;
  for (const std::uint8_t byte : dealt.key.encoded) {
    hex += "0123456789abcdef"[byte >> 4U];
    hex += "0123456789abcdef"[byte & 15U];
  }
  std::string modelled = open;
  modelled.replace(key_at, open.find('\n', key_at) - key_at, hex);
  modelled = replaced(modelled, "scheme shoup-rsa1024", "scheme modelled-rsa1024");
  const Result<KeyDirectory> loaded = load_public(write(modelled));
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message.find("scheme"), std::string::npos) << loaded.error().message;
}

TEST_F(SiteKeyStoreTest, parts_belong_to_their_server_and_are_all_there) {
  ASSERT_TRUE(check_belongs(bundle_, directory_).ok());
  const auto belongs = [&](const auto& change) {
    PrivateBundle changed = bundle_;
    change(changed.site_secrets);
    return check_belongs(changed, directory_).ok();
  };
  EXPECT_TRUE(belongs([](auto&) {}));
  EXPECT_FALSE(belongs([](auto& secrets) { secrets.erase(SiteKeyKind::quorum); }));
  EXPECT_FALSE(belongs([](auto& secrets) { secrets.clear(); }));
  EXPECT_FALSE(belongs([](auto& secrets) { secrets.at(SiteKeyKind::quorum) = dealt(kScheme, 3, 4).secrets[2]; }));
  EXPECT_FALSE(
      belongs([](auto& secrets) { std::swap(secrets.at(SiteKeyKind::quorum), secrets.at(SiteKeyKind::one_correct)); }));
  EXPECT_FALSE(belongs([](auto& secrets) { secrets.at(SiteKeyKind::quorum) = SecretBytes(); }));
  KeyDirectory without(kSystem, kEpoch);
  ASSERT_TRUE(without.add(kServer, *directory_.find(kServer)).ok());
  EXPECT_FALSE(check_belongs(bundle_, without).ok());
}

TEST_F(SiteKeyStoreTest, the_directory_takes_one_sound_key_of_a_kind_and_site) {
  const ThresholdPublicKey key = dealt(kScheme, 2, 4).key;
  EXPECT_FALSE(directory_.add_site_key({kSite, SiteKeyKind::quorum}, key).ok());
  ThresholdPublicKey unsound = key;
  unsound.k = 9;
  EXPECT_FALSE(directory_.add_site_key({SiteId(4), SiteKeyKind::quorum}, unsound).ok());
  EXPECT_EQ(directory_.find_site_key({SiteId(4), SiteKeyKind::quorum}), nullptr);
  EXPECT_TRUE(directory_.add_site_key({SiteId(4), SiteKeyKind::quorum}, key).ok());
}

}  // namespace
}  // namespace garrison::crypto
