#include "control/config/key_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "control/config/names.h"
#include "control/config/parallel_jobs.h"
#include "crypto/agreement.h"
#include "crypto/key_store.h"

namespace garrison::config {
namespace {

using crypto::KeyDirectory;
using crypto::Principal;
using crypto::PrivateBundle;
using crypto::PublicKeys;
using crypto::SecretBytes;

std::string reason(int error) { return std::generic_category().message(error); }

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Result<void> prepare_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{fmt::format("{}: cannot be made: {}; name a directory that can be", directory, reason(errno))};
  }
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{fmt::format("{}: not a directory; name another", directory)};
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{fmt::format("{}: others may write there and swap keys; 'chmod go-w' it or name another", directory)};
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return Error{fmt::format("{}: cannot be written: {}; name another directory", directory, reason(errno))};
  }
  return {};
}

// Everything that was made, each by a job of its own.
struct Dealt {
  explicit Dealt(const Topology& of) : topology(of), principals(of.principals()) {
    bundles.resize(principals.size());
    keys.resize(principals.size());
    if (topology.site_scheme()) site_keys.resize(topology.sites.size() * std::size(crypto::kSiteKeyKinds));
  }

  // Site keys first: they take longest by far.
  [[nodiscard]] std::vector<Job> jobs() {
    std::vector<Job> all;
    for (std::size_t i = 0; i < site_keys.size(); ++i) {
      all.emplace_back([this, i] { return deal_site_key(i); });
    }
    for (std::size_t i = 0; i < principals.size(); ++i) {
      all.emplace_back([this, i] { return deal_bundle(i); });
    }
    return all;
  }

  // Once all jobs are done: to each server its parts of site keys, and what everybody may know.
  Result<KeyDirectory> hand_out() {
    KeyDirectory directory(topology.system, topology.crypto.epoch);
    for (std::size_t i = 0; i < principals.size(); ++i) {
      if (auto added = directory.add(principals[i], keys[i]); !added) return added.error();
      if (site_keys.empty() || principals[i].kind != Principal::Kind::server) continue;
      for (const crypto::SiteKeyKind kind : crypto::kSiteKeyKinds) {
        SecretBytes& part = site_key(principals[i].site, kind).secrets.at(principals[i].index);
        bundles[i]->site_secrets.emplace(kind, std::move(part));
      }
    }
    for (std::size_t i = 0; i < site_keys.size(); ++i) {
      const SiteSettings& site = topology.sites[i / std::size(crypto::kSiteKeyKinds)];
      if (auto added = directory.add_site_key({site.id, kind_of(i)}, site_keys[i].key); !added) return added.error();
    }
    return directory;
  }

  const Topology& topology;
  std::vector<Principal> principals;
  std::vector<std::optional<PrivateBundle>> bundles;  // by principal, as are the keys
  std::vector<PublicKeys> keys;
  std::vector<crypto::DealtThresholdKey> site_keys;  // by site, then kind

 private:
  static crypto::SiteKeyKind kind_of(std::size_t i) {
    return crypto::kSiteKeyKinds[i % std::size(crypto::kSiteKeyKinds)];
  }
  crypto::DealtThresholdKey& site_key(SiteId site, crypto::SiteKeyKind kind) {
    std::size_t i = site.index() * std::size(crypto::kSiteKeyKinds);
    while (kind_of(i) != kind) ++i;
    return site_keys.at(i);
  }
  Result<void> deal_bundle(std::size_t i) {
    auto made = crypto::make_bundle(topology.system, topology.crypto.epoch, principals[i],
                                    topology.scheme_of(principals[i]), keys[i]);
    if (!made) return Error{fmt::format("keys of {}: {}", principal_name(principals[i]), made.error().message)};
    bundles[i] = std::move(made).value();
    return {};
  }
  Result<void> deal_site_key(std::size_t i) {
    const SiteSettings& site = topology.sites[i / std::size(crypto::kSiteKeyKinds)];
    const std::size_t k = crypto::threshold_of(kind_of(i), site.f);
    auto made = crypto::deal_threshold_key(*topology.site_scheme(), k, site.n());
    if (!made) return Error{fmt::format("{} key of site {}: {}", name(kind_of(i)), site.name, made.error().message)};
    site_keys[i] = std::move(made).value();
    return {};
  }
};

// Writes everything, or removes what it wrote. Private files go first: public.keys says that all of them are there.
Result<void> write_all(const std::string& directory, const Dealt& dealt, const KeyDirectory& public_keys) {
  std::vector<std::string> written;
  const auto undo = [&](const Error& error) {
    for (const std::string& path : written) ::unlink(path.c_str());
    return error;
  };
  for (std::size_t i = 0; i < dealt.principals.size(); ++i) {
    const std::string path = private_key_path(directory, dealt.principals[i]);
    if (auto saved = crypto::save_private(path, *dealt.bundles[i]); !saved) return undo(saved.error());
    written.push_back(path);
  }
  if (auto saved = crypto::save_public(public_keys_path(directory), public_keys); !saved) return undo(saved.error());
  return {};
}

// Whether the private halves belong to the public ones; what is wrong otherwise.
std::optional<std::string> mismatch(const PrivateBundle& bundle, const PublicKeys& keys) {
  if (bundle.self.signs()) {
    const auto signing = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
    if (!signing) return signing.error().message;
    if (signing.value().public_key().encoded() != keys.signing) return "its signing key is not the one in public.keys";
  }
  const auto agreement = crypto::agreement_public_key(bundle.agreement);
  if (!agreement) return agreement.error().message;
  if (agreement.value() != keys.agreement) return "its agreement key is not the one in public.keys";
  return std::nullopt;
}

// Each site has its keys of the size that the topology says, and no other site has any.
void check_site_keys(const Topology& topology, const KeyDirectory& keys, const std::string& path,
                     std::vector<std::string>& findings) {
  const std::optional<crypto::ThresholdScheme> scheme = topology.site_scheme();
  std::size_t expected = 0;
  for (const SiteSettings& site : topology.sites) {
    if (!scheme) break;
    for (const crypto::SiteKeyKind kind : crypto::kSiteKeyKinds) {
      const crypto::ThresholdPublicKey* const found = keys.find_site_key({site.id, kind});
      if (found == nullptr) {
        findings.push_back(
            fmt::format("{}: no {} key of site {}; deal keys for this topology", path, name(kind), site.name));
        continue;
      }
      ++expected;
      const std::size_t k = crypto::threshold_of(kind, site.f);
      if (found->scheme != *scheme || found->k != k || found->n != site.n()) {
        findings.push_back(
            fmt::format("{}: the {} key of site {} is {}, {} of {}; the topology says {}, {} of {}; deal "
                        "new keys",
                        path, name(kind), site.name, crypto::name(found->scheme), found->k, found->n,
                        crypto::name(*scheme), k, site.n()));
      }
    }
  }
  if (keys.site_keys().size() > expected) {
    findings.push_back(
        fmt::format("{}: keys of sites that the topology does not ask for; deal keys for this topology", path));
  }
}

void check_public(const Topology& topology, const KeyDirectory& keys, const std::string& path,
                  std::vector<std::string>& findings) {
  if (keys.system() != topology.system) {
    findings.push_back(fmt::format("{}: made for system {:#x}, the topology is {:#x}; deal keys for this topology",
                                   path, keys.system().value(), topology.system.value()));
  }
  if (keys.epoch() != topology.crypto.epoch) {
    findings.push_back(fmt::format("{}: of key epoch {}, the topology says {}; correct key_epoch or deal new keys",
                                   path, keys.epoch().value(), topology.crypto.epoch.value()));
  }
  for (const Principal principal : topology.principals()) {
    const PublicKeys* const found = keys.find(principal);
    if (found == nullptr) {
      findings.push_back(
          fmt::format("{}: no keys of {}; deal keys for this topology", path, principal_name(principal)));
    } else if (found->scheme != topology.scheme_of(principal)) {
      findings.push_back(fmt::format("{}: {} signs with {}, the topology says {}; deal new keys", path,
                                     principal_name(principal), crypto::name(found->scheme),
                                     crypto::name(topology.scheme_of(principal))));
    }
  }
  check_site_keys(topology, keys, path, findings);
  for (const auto& [principal, unused] : keys.all()) {
    if (!topology.has(principal)) {
      findings.push_back(fmt::format("{}: keys of {}, whom the topology does not name; deal keys for this topology",
                                     path, principal_name(principal)));
    }
  }
}

void check_private(const KeyDirectory* keys, const std::string& path, Principal principal,
                   std::vector<std::string>& findings) {
  const auto bundle = crypto::load_private(path);
  if (!bundle) {
    findings.push_back(bundle.error().message);
    return;
  }
  const auto find = [&](const std::string& what) { findings.push_back(fmt::format("{}: {}", path, what)); };
  const PrivateBundle& found = bundle.value();
  if (found.self != principal) {
    return find(fmt::format("holds the keys of {}; put the right file here", principal_name(found.self)));
  }
  const PublicKeys* const published = keys != nullptr ? keys->find(principal) : nullptr;
  if (published == nullptr) return;  // said of public.keys already
  if (found.system != keys->system() || found.epoch != keys->epoch() || found.scheme != published->scheme) {
    return find("of another system, key epoch or scheme than public.keys; use files of one dealing");
  }
  if (const auto wrong = mismatch(found, *published)) return find(*wrong + "; use files of one dealing");
  if (const auto parts = crypto::check_site_secrets(found, *keys); !parts) find(parts.error().message);
}

}  // namespace

std::string public_keys_path(const std::string& directory) { return directory + "/public.keys"; }

std::string private_key_path(const std::string& directory, Principal principal) {
  return fmt::format("{}/{}.key", directory, principal_name(principal));
}

Result<DealtKeys> deal_keys_in_memory(const Topology& topology, const DealingProgress& progress) {
  Dealt dealt(topology);
  if (auto done = run_jobs(dealt.jobs(), progress); !done) return done.error();
  Result<KeyDirectory> public_keys = dealt.hand_out();
  if (!public_keys) return public_keys.error();
  DealtKeys made{std::move(public_keys).value(), {}};
  for (std::optional<PrivateBundle>& bundle : dealt.bundles) made.bundles.push_back(std::move(*bundle));
  return made;
}

Result<void> deal_keys(const Topology& topology, const std::string& directory, const DealingProgress& progress) {
  if (auto prepared = prepare_directory(directory); !prepared) return prepared.error();
  Dealt dealt(topology);
  std::vector<std::string> paths{public_keys_path(directory)};
  for (const Principal principal : dealt.principals) paths.push_back(private_key_path(directory, principal));
  for (const std::string& path : paths) {
    if (exists(path)) return Error{fmt::format("{}: exists already; deal into an empty directory", path)};
  }
  if (auto done = run_jobs(dealt.jobs(), progress); !done) return done.error();
  const auto public_keys = dealt.hand_out();
  if (!public_keys) return public_keys.error();
  return write_all(directory, dealt, public_keys.value());
}

std::vector<std::string> check_keys(const Topology& topology, const std::string& directory,
                                    std::optional<Principal> only) {
  std::vector<std::string> findings;
  const std::string path = public_keys_path(directory);
  const auto loaded = crypto::load_public(path);
  const KeyDirectory* const keys = loaded ? &loaded.value() : nullptr;
  if (keys != nullptr) {
    check_public(topology, *keys, path, findings);
  } else {
    findings.push_back(loaded.error().message);
  }
  for (const Principal principal : topology.principals()) {
    if (only && *only != principal) continue;
    check_private(keys, private_key_path(directory, principal), principal, findings);
  }
  return findings;
}

}  // namespace garrison::config
