#include "crypto/key_store.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "crypto/agreement.h"
#include "crypto/key_file.h"

namespace garrison::crypto {

namespace {

constexpr std::string_view kPrivateTitle = "garrison-private-keys";
constexpr std::string_view kPublicTitle = "garrison-public-keys";
constexpr unsigned kFormat = 1;
constexpr std::size_t kMaxPrivateFileBytes = std::size_t{16} * 1024;
static_assert(kMaxPrivateFileBytes > 4 * std::size(kSiteKeyKinds) * kMaxThresholdSecretBytes + 8 * 1024);
constexpr std::size_t kMaxPublicFileBytes = std::size_t{64} * 1024 * 1024;
// What an entry takes besides the hex of its keys, and more.
constexpr std::size_t kEntryTextBytes = 256;

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Writes `name value` lines into memory of the caller, so that no reallocation leaves a copy of a secret behind.
class LineWriter {
 public:
  explicit LineWriter(MutableBytes out) : out_(out) {}

  LineWriter& line(std::string_view name, std::string_view value) {
    out_.bytes(as_bytes(name)).u8(' ').bytes(as_bytes(value)).u8('\n');
    return *this;
  }
  LineWriter& hex(std::string_view name, ByteView value) {
    out_.bytes(as_bytes(name)).u8(' ');
    for (const std::uint8_t byte : value) {
      out_.u8(static_cast<std::uint8_t>(kHexDigits[byte >> 4U]));
      out_.u8(static_cast<std::uint8_t>(kHexDigits[byte & 15U]));
    }
    out_.u8('\n');
    return *this;
  }
  LineWriter& head(std::string_view title, SystemId system, KeyEpoch epoch) {
    line(title, std::to_string(kFormat));
    return line("system", std::to_string(system.value())).line("epoch", std::to_string(epoch.value()));
  }
  LineWriter& end() {
    out_.bytes(as_bytes(std::string_view("end\n")));
    return *this;
  }
  [[nodiscard]] std::size_t used() const { return out_.used(); }

 private:
  Writer out_;
};

// Reads what LineWriter wrote, and nothing else. As with Reader the first mistake makes it bad for good; its place
// stands in error().
class LineReader {
 public:
  LineReader(const std::string& path, ByteView content)
      : path_(path), rest_(reinterpret_cast<const char*>(content.data()), content.size()) {}

  std::string_view value(std::string_view name) {
    const std::string_view line = take_line();
    if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != ' ') return wrong(name), "";
    return line.substr(name.size() + 1);
  }
  template <typename T>
  T number(std::string_view name) {
    return parse_number<T>(value(name), name);
  }
  void head(std::string_view title, SystemId& system, KeyEpoch& epoch) {
    if (number<unsigned>(title) != kFormat) wrong(title);
    system = SystemId(number<SystemId::rep>("system"));
    epoch = KeyEpoch(number<KeyEpoch::rep>("epoch"));
  }
  Principal principal() {
    std::string_view words = value("principal");
    const std::string_view kind = take_word(words);
    if (kind == "client") return Principal::client(ClientId(parse_number<ClientId::rep>(words, "principal")));
    if (kind != "server" && kind != "forwarder") wrong("principal");
    const SiteId site(parse_number<SiteId::rep>(take_word(words), "principal"));
    if (kind == "forwarder") return Principal::forwarder(site, parse_number<std::uint32_t>(words, "principal"));
    return Principal::server(site, ServerId(parse_number<ServerId::rep>(words, "principal")));
  }
  Scheme scheme() {
    const std::optional<Scheme> scheme = scheme_from_name(value("scheme"));
    if (!scheme || is_modelled(*scheme)) return wrong("scheme"), Scheme::ed25519;
    return *scheme;
  }
  SiteKeyKind site_key_kind(std::string_view words) {
    const std::optional<SiteKeyKind> kind = site_key_kind_from_name(words);
    if (!kind) return wrong("site-key"), SiteKeyKind{};
    return *kind;
  }
  KeyDirectory::SiteKeyId site_key() {
    std::string_view words = value("site-key");
    const SiteId site(parse_number<SiteId::rep>(take_word(words), "site-key"));
    return {site, site_key_kind(words)};
  }
  ThresholdPublicKey threshold_key() {
    ThresholdPublicKey key;
    const std::optional<ThresholdScheme> scheme = threshold_scheme_from_name(value("scheme"));
    if (!scheme || is_modelled(*scheme)) return wrong("scheme"), key;
    key.scheme = *scheme;
    key.k = number<std::uint16_t>("k");
    key.n = number<std::uint16_t>("n");
    key.encoded = to_bytes(hex("key").view());
    return key;
  }
  SecretBytes hex(std::string_view name) {
    const std::string_view digits = value(name);
    SecretBytes bytes(digits.size() / 2);
    if (digits.size() % 2 != 0) wrong(name);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t high = kHexDigits.find(digits[2 * i]);
      const std::size_t low = kHexDigits.find(digits[2 * i + 1]);
      if (high == std::string_view::npos || low == std::string_view::npos) return wrong(name), SecretBytes();
      bytes.writable()[i] = static_cast<std::uint8_t>(high << 4U | low);
    }
    return bytes;
  }
  [[nodiscard]] bool more(std::string_view name) const { return !error_ && rest_.starts_with(name); }
  void end() {
    if (take_line() != "end" || !rest_.empty()) wrong("end");
  }

  // Only the first mistake counts. It never quotes the file, which may be secret.
  void fail(const std::string& what) {
    if (!error_) {
      error_ = Error{path_ + ":" + std::to_string(line_) + ": " + what + "; restore the file or deal new keys"};
    }
    rest_ = {};
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  void wrong(std::string_view name) { fail("the line `" + std::string(name) + "` is missing or malformed"); }

  std::string_view take_line() {
    ++line_;
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return rest_ = {};
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }
  static std::string_view take_word(std::string_view& words) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    return word;
  }
  // Decimal digits only, without leading zeros.
  template <typename T>
  T parse_number(std::string_view digits, std::string_view name) {
    T number{};
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, number);
    const bool padded = digits.size() > 1 && digits.front() == '0';
    if (digits.empty() || error != std::errc() || end != last || padded) return wrong(name), T{};
    return number;
  }

  const std::string& path_;
  std::string_view rest_;
  std::size_t line_ = 0;
  std::optional<Error> error_;
};

Error refuse_modelled(const std::string& path) {
  return Error{path + ": keys of a modelled scheme protect nothing and are never stored; choose another scheme"};
}

}  // namespace

Result<PrivateBundle> make_bundle(SystemId system, KeyEpoch epoch, Principal self, Scheme scheme, PublicKeys& keys) {
  Result<AgreementKeyPair> agreement = generate_agreement_key();
  if (!agreement) return agreement.error();
  if (!self.signs()) {
    keys = {.scheme = scheme, .signing = {}, .agreement = agreement.value().public_key};
    return PrivateBundle{.system = system,
                         .epoch = epoch,
                         .self = self,
                         .scheme = scheme,
                         .signing = {},
                         .agreement = std::move(agreement).value().secret};
  }
  const Result<PrivateKey> signing = PrivateKey::generate(scheme);
  if (!signing) return signing.error();
  keys = {
      .scheme = scheme, .signing = signing.value().public_key().encoded(), .agreement = agreement.value().public_key};
  return PrivateBundle{.system = system,
                       .epoch = epoch,
                       .self = self,
                       .scheme = scheme,
                       .signing = signing.value().encoded(),
                       .agreement = std::move(agreement).value().secret};
}

Result<void> check_belongs(const PrivateBundle& bundle, const KeyDirectory& directory) {
  const std::string self = text(bundle.self);
  if (bundle.system != directory.system() || bundle.epoch != directory.epoch()) {
    return Error{"the private keys of " + self + " are of system " + std::to_string(bundle.system.value()) +
                 ", epoch " + std::to_string(bundle.epoch.value()) + ", the public keys of system " +
                 std::to_string(directory.system().value()) + ", epoch " + std::to_string(directory.epoch().value()) +
                 "; use files dealt together"};
  }
  const PublicKeys* const keys = directory.find(bundle.self);
  if (keys == nullptr) return Error{"no public keys of " + self + "; use files dealt together"};
  Bytes signing;
  if (bundle.self.signs()) {
    const Result<PrivateKey> key = PrivateKey::parse(bundle.scheme, bundle.signing);
    if (!key) return Error{"signing key of " + self + ": " + key.error().message};
    signing = key.value().public_key().encoded();
  }
  const Result<Bytes> agreement = agreement_public_key(bundle.agreement);
  if (!agreement) return Error{"agreement key of " + self + ": " + agreement.error().message};
  if (bundle.scheme != keys->scheme || signing != keys->signing || agreement.value() != keys->agreement) {
    return Error{"the private keys of " + self + " do not belong to its public keys; use files dealt together"};
  }
  return check_site_secrets(bundle, directory);
}

Result<void> check_site_secrets(const PrivateBundle& bundle, const KeyDirectory& directory) {
  for (const SiteKeyKind kind : kSiteKeyKinds) {
    const auto secret = bundle.site_secrets.find(kind);
    const bool has_secret = secret != bundle.site_secrets.end();
    const bool server = bundle.self.kind == Principal::Kind::server;
    const ThresholdPublicKey* const key = server ? directory.find_site_key({bundle.self.site, kind}) : nullptr;
    const std::string what = "the part of " + text(bundle.self) + " of the " + std::string(name(kind)) + " key";
    if (has_secret != (key != nullptr)) {
      return Error{what + (has_secret ? " has no public key" : " is missing") + "; use files dealt together"};
    }
    if (!has_secret) continue;
    const ServerId self(static_cast<ServerId::rep>(bundle.self.index));
    if (const auto signer = make_signer(*key, self, secret->second); !signer) {
      return Error{what + ": " + signer.error().message + "; use files dealt together"};
    }
  }
  return {};
}

Result<void> save_private(const std::string& path, const PrivateBundle& bundle) {
  if (is_modelled(bundle.scheme)) return refuse_modelled(path);
  std::size_t bound = 2 * kEntryTextBytes + 2 * (bundle.signing.size() + bundle.agreement.size());
  for (const auto& [kind, secret] : bundle.site_secrets) bound += kEntryTextBytes + 2 * secret.size();
  SecretBytes content(bound);
  LineWriter out(content.writable());
  out.head(kPrivateTitle, bundle.system, bundle.epoch);
  out.line("principal", text(bundle.self));
  if (bundle.self.signs()) out.line("scheme", name(bundle.scheme)).hex("signing", bundle.signing.view());
  out.hex("agreement", bundle.agreement.view());
  for (const auto& [kind, secret] : bundle.site_secrets) out.line("site-key", name(kind)).hex("part", secret.view());
  out.end();
  return create_key_file(path, content.view().first(out.used()), KeyFileKind::secret);
}

Result<PrivateBundle> load_private(const std::string& path) {
  const Result<SecretBytes> content = read_key_file(path, kMaxPrivateFileBytes, KeyFileKind::secret);
  if (!content) return content.error();
  LineReader in(path, content.value().view());
  PrivateBundle bundle{};
  in.head(kPrivateTitle, bundle.system, bundle.epoch);
  bundle.self = in.principal();
  if (bundle.self.signs()) {
    bundle.scheme = in.scheme();
    bundle.signing = in.hex("signing");
  }
  if (!in.error() && bundle.self.signs()) {
    const Result<PrivateKey> key = PrivateKey::parse(bundle.scheme, bundle.signing);
    if (!key) in.fail(key.error().message);
  }
  bundle.agreement = in.hex("agreement");
  if (bundle.agreement.size() != kAgreementKeyBytes) in.fail("an X25519 secret is 32 bytes long");
  while (in.more("site-key")) {
    const SiteKeyKind kind = in.site_key_kind(in.value("site-key"));
    if (!bundle.site_secrets.emplace(kind, in.hex("part")).second) in.fail("two parts of one site key");
  }
  in.end();
  if (in.error()) return *in.error();
  return bundle;
}

Result<void> save_public(const std::string& path, const KeyDirectory& directory) {
  std::size_t bound = kEntryTextBytes;
  for (const auto& [principal, keys] : directory.all()) {
    if (is_modelled(keys.scheme)) return refuse_modelled(path);
    bound += kEntryTextBytes + 2 * (keys.signing.size() + keys.agreement.size());
  }
  for (const auto& [id, key] : directory.site_keys()) {
    if (is_modelled(key.scheme)) return refuse_modelled(path);
    bound += kEntryTextBytes + 2 * key.encoded.size();
  }
  Bytes content(bound);
  LineWriter out(content);
  out.head(kPublicTitle, directory.system(), directory.epoch());
  for (const auto& [principal, keys] : directory.all()) {
    out.line("principal", text(principal));
    if (principal.signs()) out.line("scheme", name(keys.scheme)).hex("signing", keys.signing);
    out.hex("agreement", keys.agreement);
  }
  for (const auto& [id, key] : directory.site_keys()) {
    out.line("site-key", std::to_string(id.first.value()) + " " + std::string(name(id.second)));
    out.line("scheme", name(key.scheme)).line("k", std::to_string(key.k)).line("n", std::to_string(key.n));
    out.hex("key", key.encoded);
  }
  const std::size_t size = out.end().used();
  if (size > kMaxPublicFileBytes) return Error{path + ": too many principals for one file of public keys"};
  return create_key_file(path, ByteView(content).first(size), KeyFileKind::open);
}

Result<KeyDirectory> load_public(const std::string& path) {
  const Result<SecretBytes> content = read_key_file(path, kMaxPublicFileBytes, KeyFileKind::open);
  if (!content) return content.error();
  LineReader in(path, content.value().view());
  SystemId system;
  KeyEpoch epoch;
  in.head(kPublicTitle, system, epoch);
  KeyDirectory directory(system, epoch);
  while (in.more("principal")) {
    const Principal principal = in.principal();
    PublicKeys keys{};
    if (principal.signs()) {
      keys.scheme = in.scheme();
      keys.signing = to_bytes(in.hex("signing").view());
    }
    keys.agreement = to_bytes(in.hex("agreement").view());
    if (in.error()) break;
    if (const Result<void> added = directory.add(principal, std::move(keys)); !added) in.fail(added.error().message);
  }
  while (in.more("site-key")) {
    const KeyDirectory::SiteKeyId id = in.site_key();
    ThresholdPublicKey key = in.threshold_key();
    if (in.error()) break;
    if (const Result<void> added = directory.add_site_key(id, std::move(key)); !added) in.fail(added.error().message);
  }
  in.end();
  if (in.error()) return *in.error();
  return directory;
}

}  // namespace garrison::crypto
