#include "control/config/key_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "control/config/names.h"
#include "crypto/agreement.h"
#include "crypto/key_store.h"

namespace garrison::config {
namespace {

using crypto::KeyDirectory;
using crypto::Principal;
using crypto::PrivateBundle;
using crypto::PublicKeys;

constexpr std::size_t kDealers = 2;

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

struct Dealt {
  std::optional<PrivateBundle> bundle;
  PublicKeys keys;
};

// Hands principals to dealer threads one by one and reports their progress on the calling thread.
class Dealing {
 public:
  Dealing(const Topology& topology, const std::vector<Principal>& principals)
      : topology_(topology), principals_(principals), dealt_(principals.size()) {}

  Result<void> run(const DealingProgress& progress) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kDealers; ++i) threads.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    for (std::size_t reported = 0; reported < dealt_.size() && !error_;) {
      changed_.wait(lock, [&] { return done_ > reported || error_; });
      if (error_) break;
      reported = done_;
      lock.unlock();
      if (progress) progress(reported, dealt_.size());
      lock.lock();
    }
    lock.unlock();
    threads.clear();  // joins
    if (error_) return *error_;
    return {};
  }

  [[nodiscard]] const std::vector<Dealt>& dealt() const { return dealt_; }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (next_ < dealt_.size() && !error_) {
      const std::size_t mine = next_++;
      lock.unlock();
      Dealt made;
      auto bundle = crypto::make_bundle(topology_.system, topology_.crypto.epoch, principals_[mine],
                                        topology_.scheme_of(principals_[mine]), made.keys);
      std::optional<Error> failed;
      if (bundle) {
        made.bundle = std::move(bundle).value();
      } else {
        failed = Error{fmt::format("keys of {}: {}", principal_name(principals_[mine]), bundle.error().message)};
      }
      lock.lock();
      if (failed) error_ = std::move(failed);
      dealt_[mine] = std::move(made);
      ++done_;
      changed_.notify_one();
    }
  }

  const Topology& topology_;
  const std::vector<Principal>& principals_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::optional<Error> error_;
  std::vector<Dealt> dealt_;
};

// Writes everything, or removes what it wrote. Private files go first: public.keys says that all of them are there.
Result<void> write_all(const std::string& directory, const std::vector<Principal>& principals,
                       const std::vector<Dealt>& dealt, const KeyDirectory& public_keys) {
  std::vector<std::string> written;
  const auto undo = [&](const Error& error) {
    for (const std::string& path : written) ::unlink(path.c_str());
    return error;
  };
  for (std::size_t i = 0; i < principals.size(); ++i) {
    const std::string path = private_key_path(directory, principals[i]);
    if (auto saved = crypto::save_private(path, *dealt[i].bundle); !saved) return undo(saved.error());
    written.push_back(path);
  }
  if (auto saved = crypto::save_public(public_keys_path(directory), public_keys); !saved) return undo(saved.error());
  return {};
}

// Whether the private halves belong to the public ones; what is wrong otherwise.
std::optional<std::string> mismatch(const PrivateBundle& bundle, const PublicKeys& keys) {
  const auto signing = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  if (!signing) return signing.error().message;
  if (signing.value().public_key().encoded() != keys.signing) return "its signing key is not the one in public.keys";
  const auto agreement = crypto::agreement_public_key(bundle.agreement);
  if (!agreement) return agreement.error().message;
  if (agreement.value() != keys.agreement) return "its agreement key is not the one in public.keys";
  return std::nullopt;
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
  if (const auto wrong = mismatch(found, *published)) find(*wrong + "; use files of one dealing");
}

}  // namespace

std::string public_keys_path(const std::string& directory) { return directory + "/public.keys"; }

std::string private_key_path(const std::string& directory, Principal principal) {
  return fmt::format("{}/{}.key", directory, principal_name(principal));
}

Result<void> deal_keys(const Topology& topology, const std::string& directory, const DealingProgress& progress) {
  if (auto prepared = prepare_directory(directory); !prepared) return prepared.error();
  const std::vector<Principal> principals = topology.principals();
  std::vector<std::string> paths{public_keys_path(directory)};
  for (const Principal principal : principals) paths.push_back(private_key_path(directory, principal));
  for (const std::string& path : paths) {
    if (exists(path)) return Error{fmt::format("{}: exists already; deal into an empty directory", path)};
  }

  Dealing dealing(topology, principals);
  if (auto done = dealing.run(progress); !done) return done.error();
  KeyDirectory public_keys(topology.system, topology.crypto.epoch);
  for (std::size_t i = 0; i < principals.size(); ++i) {
    if (auto added = public_keys.add(principals[i], dealing.dealt()[i].keys); !added) return added.error();
  }
  return write_all(directory, principals, dealing.dealt(), public_keys);
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
