#include "crypto/key_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

constexpr SystemId kSystem{0xfeed'beef'0000'0001};
constexpr KeyEpoch kEpoch{4};
const Principal kServer = Principal::server(SiteId(2), ServerId(5));
const Principal kClient = Principal::client(ClientId(70'000));

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

// One line that names the path.
template <typename T>
void expect_refused(const Result<T>& result, const std::string& path, const std::string& why) {
  ASSERT_FALSE(result.ok());
  const std::string& message = result.error().message;
  EXPECT_TRUE(message.starts_with(path)) << message;
  EXPECT_NE(message.find(why), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

class KeyStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "garrison-keys-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& content, mode_t mode = 0600) {
    const std::string at = path("written");
    std::ofstream(at, std::ios::binary | std::ios::trunc) << content;
    EXPECT_EQ(::chmod(at.c_str(), mode), 0);
    return at;
  }
  static PrivateBundle bundle(Scheme scheme = Scheme::ed25519) {
    return {.system = kSystem,
            .epoch = kEpoch,
            .self = kServer,
            .scheme = scheme,
            .signing = secret_of(scheme),
            .agreement = SecretBytes(ByteView(Bytes(32, 0x42)))};
  }
  static KeyDirectory directory() {
    KeyDirectory made(kSystem, kEpoch);
    EXPECT_TRUE(made.add(kServer, public_keys(Scheme::rsa2048)).ok());
    EXPECT_TRUE(made.add(kClient, public_keys(Scheme::ed25519)).ok());
    return made;
  }
  // A good private file's text, with one piece replaced.
  std::string private_text(const std::string& from = "", const std::string& to = "") {
    const std::string good = path("good");
    if (!std::filesystem::exists(good)) {
      EXPECT_TRUE(save_private(good, bundle()).ok());
    }
    std::string text = content_of(good);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, from.size(), to);
  }

 private:
  std::string folder_;
};

TEST_F(KeyStoreTest, a_private_bundle_comes_back_as_it_was_saved) {
  for (const Scheme scheme : {Scheme::ed25519, Scheme::rsa2048, Scheme::rsa3072}) {
    const std::string at = path(std::string(name(scheme)));
    const PrivateBundle saved = bundle(scheme);
    ASSERT_TRUE(save_private(at, saved).ok());
    EXPECT_EQ(mode_of(at), 0600U);
    EXPECT_FALSE(std::filesystem::exists(at + ".new"));
    const Result<PrivateBundle> loaded = load_private(at);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded.value().system, kSystem);
    EXPECT_EQ(loaded.value().epoch, kEpoch);
    EXPECT_EQ(loaded.value().self, kServer);
    EXPECT_EQ(loaded.value().scheme, scheme);
    EXPECT_EQ(vec(loaded.value().signing.view()), vec(saved.signing.view()));
    EXPECT_EQ(vec(loaded.value().agreement.view()), vec(saved.agreement.view()));
  }
}

TEST_F(KeyStoreTest, a_directory_comes_back_as_it_was_saved) {
  const std::string at = path("public");
  const KeyDirectory saved = directory();
  ASSERT_TRUE(save_public(at, saved).ok());
  const Result<KeyDirectory> loaded = load_public(at);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded.value().system(), kSystem);
  EXPECT_EQ(loaded.value().epoch(), kEpoch);
  ASSERT_EQ(loaded.value().all().size(), 2U);
  for (const Principal& principal : {kServer, kClient}) {
    ASSERT_NE(loaded.value().find(principal), nullptr);
    EXPECT_EQ(loaded.value().find(principal)->scheme, saved.find(principal)->scheme);
    EXPECT_EQ(loaded.value().find(principal)->signing, saved.find(principal)->signing);
    EXPECT_EQ(loaded.value().find(principal)->agreement, saved.find(principal)->agreement);
  }
}

TEST_F(KeyStoreTest, an_existing_file_is_never_replaced) {
  const std::string at = write("precious");
  expect_refused(save_private(at, bundle()), at, "exists already");
  expect_refused(save_public(at, directory()), at, "exists already");
  EXPECT_EQ(content_of(at), "precious");
  EXPECT_FALSE(std::filesystem::exists(at + ".new"));
}

TEST_F(KeyStoreTest, a_leftover_of_an_interrupted_run_is_not_written_over) {
  const std::string at = path("keys");
  std::ofstream(at + ".new") << "leftover";
  expect_refused(save_private(at, bundle()), at + ".new", "run: rm");
  EXPECT_EQ(content_of(at + ".new"), "leftover");
  EXPECT_FALSE(std::filesystem::exists(at));
}

TEST_F(KeyStoreTest, a_link_in_place_of_the_temporary_file_is_not_followed) {
  const std::string at = path("keys");
  ASSERT_EQ(::symlink(path("elsewhere").c_str(), (at + ".new").c_str()), 0);
  EXPECT_FALSE(save_private(at, bundle()).ok());
  EXPECT_FALSE(std::filesystem::exists(path("elsewhere")));
}

TEST_F(KeyStoreTest, saving_where_there_is_no_folder_says_so) {
  const std::string at = path("no/such");
  expect_refused(save_private(at, bundle()), at, "cannot create");
  expect_refused(load_private(at), at, "cannot open");
}

TEST_F(KeyStoreTest, refuses_a_private_file_that_others_may_read_or_write) {
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0777U}) {
    const std::string at = write(private_text(), mode);
    expect_refused(load_private(at), at, "run: chmod 600 " + at);
  }
  for (const mode_t mode : {0600U, 0400U}) EXPECT_TRUE(load_private(write(private_text(), mode)).ok());
}

TEST_F(KeyStoreTest, refuses_a_public_file_that_others_may_write) {
  const std::string at = path("public");
  ASSERT_TRUE(save_public(at, directory()).ok());
  ASSERT_EQ(::chmod(at.c_str(), 0664), 0);
  expect_refused(load_public(at), at, "run: chmod go-w " + at);
  ASSERT_EQ(::chmod(at.c_str(), 0644), 0);
  EXPECT_TRUE(load_public(at).ok());
}

TEST_F(KeyStoreTest, refuses_a_file_of_another_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string at = write(private_text());
  ASSERT_EQ(::chown(at.c_str(), 12'345, 12'345), 0);
  expect_refused(load_private(at), at, "owned by user 12345; run: chown 0");
  expect_refused(load_public(at), at, "owned by user 12345; run: chown 0");
}

TEST_F(KeyStoreTest, refuses_what_is_not_a_regular_file) {
  const std::string pipe = path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(load_private(pipe), pipe, "not a regular file");
  const std::string folder = path("folder");
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  expect_refused(load_public(folder), folder, "not a regular file");
}

TEST_F(KeyStoreTest, refuses_an_oversized_file) {
  const std::string at = write(std::string(16 * 1024 + 1, 'a'));
  expect_refused(load_private(at), at, "longer than any key file");
}

TEST_F(KeyStoreTest, refuses_every_truncation_of_a_private_file) {
  const std::string good = private_text();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string at = write(good.substr(0, size));
    expect_refused(load_private(at), at, "restore the file");
  }
}

TEST_F(KeyStoreTest, refuses_every_line_missing_and_every_line_twice) {
  const std::string good = private_text();
  for (std::size_t from = 0; from < good.size();) {
    const std::size_t next = good.find('\n', from) + 1;
    const std::string line = good.substr(from, next - from);
    EXPECT_FALSE(load_private(write(good.substr(0, from) + good.substr(next))).ok()) << line.substr(0, 9);
    EXPECT_FALSE(load_private(write(good.substr(0, next) + line + good.substr(next))).ok()) << line.substr(0, 9);
    from = next;
  }
}

TEST_F(KeyStoreTest, refuses_malformed_values) {
  const std::pair<const char*, const char*> changes[] = {
      {"garrison-private-keys 1", "garrison-private-keys 2"},
      {"garrison-private-keys 1", "garrison-public-keys 1"},
      {"epoch 4", "epoch 04"},
      {"epoch 4", "epoch +4"},
      {"epoch 4", "epoch -4"},
      {"epoch 4", "epoch 4 "},
      {"epoch 4", "epoch  4"},
      {"epoch 4", "epoch 4294967296"},
      {"epoch 4", "epoch"},
      {"epoch 4\n", "epoch 4\r\n"},
      {"server 2 5", "server 2"},
      {"server 2 5", "server 2 65536"},
      {"server 2 5", "server 65536 5"},
      {"server 2 5", "server 2 5 7"},
      {"server 2 5", "client 2 5"},
      {"server 2 5", "nobody 2"},
      {"scheme ed25519", "scheme modelled"},
      {"scheme ed25519", "scheme rsa2048"},
      {"scheme ed25519", "scheme none"},
      {"agreement 42", "agreement 4"},
      {"agreement 42", "agreement "},
      {"agreement 42", "agreement 4242"},
      {"agreement 42", "agreement 4G"},
      {"agreement 42", "agreement 4A"},
      {"end\n", "end\nmore\n"},
      {"end\n", "end\n\n"},
  };
  for (const auto& [from, to] : changes) {
    const std::string at = write(private_text(from, to));
    expect_refused(load_private(at), at + ":", "restore the file");
  }
}

TEST_F(KeyStoreTest, refuses_garbage_and_never_quotes_it) {
  std::string garbage(3000, '\0');
  std::uint32_t state = 1;
  for (char& c : garbage) c = static_cast<char>((state = state * 1'664'525U + 1'013'904'223U) >> 24U);
  const std::string at = write(garbage);
  expect_refused(load_private(at), at + ":1:", "garrison-private-keys");
  expect_refused(load_public(at), at + ":1:", "garrison-public-keys");
  const std::string secret = "signing 0123456789abcdefsecret";
  const Result<PrivateBundle> refused = load_private(write(private_text("signing ", secret)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message.find("0123"), std::string::npos);
}

TEST_F(KeyStoreTest, refuses_a_public_file_cut_at_a_line_or_with_a_principal_twice) {
  const std::string at = path("public");
  ASSERT_TRUE(save_public(at, directory()).ok());
  const std::string good = content_of(at);
  for (std::size_t end = good.find('\n'); end + 1 < good.size(); end = good.find('\n', end + 1)) {
    EXPECT_FALSE(load_public(write(good.substr(0, end + 1))).ok());
  }
  const std::size_t entry = good.find("principal");
  const std::size_t tail = good.rfind("end\n");
  const std::string twice = good.substr(0, tail) + good.substr(entry);
  const std::string again = write(twice);
  expect_refused(load_public(again), again + ":", "two entries for server 2 5");
}

TEST_F(KeyStoreTest, an_empty_directory_is_a_directory) {
  const std::string at = path("public");
  ASSERT_TRUE(save_public(at, KeyDirectory(kSystem, kEpoch)).ok());
  EXPECT_TRUE(load_public(at).value().all().empty());
}

TEST_F(KeyStoreTest, modelled_keys_are_never_stored) {
  const std::string at = path("keys");
  expect_refused(save_private(at, bundle(Scheme::modelled)), at, "modelled");
  KeyDirectory modelled(kSystem, kEpoch);
  ASSERT_TRUE(modelled.add(kServer, public_keys(Scheme::modelled)).ok());
  expect_refused(save_public(at, modelled), at, "modelled");
  EXPECT_FALSE(std::filesystem::exists(at));
}

TEST_F(KeyStoreTest, a_made_bundle_belongs_to_its_public_keys_and_to_no_others) {
  PublicKeys keys;
  const PrivateBundle made = make_bundle(kSystem, kEpoch, kServer, Scheme::ed25519, keys).value();
  KeyDirectory own(kSystem, kEpoch);
  ASSERT_TRUE(own.add(kServer, keys).ok());
  EXPECT_TRUE(check_belongs(made, own).ok());

  const auto with = [&](SystemId system, KeyEpoch epoch, Principal principal, const PublicKeys& of) {
    KeyDirectory other(system, epoch);
    EXPECT_TRUE(other.add(principal, of).ok());
    return check_belongs(made, other).ok();
  };
  PublicKeys other_agreement = keys;
  other_agreement.agreement[0] ^= 1;
  PublicKeys other_signing = public_keys(Scheme::ed25519);
  other_signing.agreement = keys.agreement;
  EXPECT_TRUE(with(kSystem, kEpoch, kServer, keys));
  EXPECT_FALSE(with(SystemId(1), kEpoch, kServer, keys));
  EXPECT_FALSE(with(kSystem, KeyEpoch(5), kServer, keys));
  EXPECT_FALSE(with(kSystem, kEpoch, kClient, keys));
  EXPECT_FALSE(with(kSystem, kEpoch, kServer, other_agreement));
  EXPECT_FALSE(with(kSystem, kEpoch, kServer, other_signing));
}

}  // namespace
}  // namespace garrison::crypto
