// What convicts faulty servers and sites, on disk: a line of JSON for each conviction, in the state directory beside
// what says that the server has run. Somebody may want to see the signed messages long after the server is gone.
//
// keep() hands over to a thread of its own, which writes and syncs: the control thread never waits for a disk.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "apps/server/evidence.h"
#include "dataplane/base/result.h"

namespace garrison::node {

// Who did what, and the messages that prove it: name, signer, bytes in hex.
[[nodiscard]] nlohmann::json to_json(const site::Conviction& conviction);

class EvidenceFile final : public server::EvidenceStore {
 public:
  // DIRECTORY/SERVER-SYSTEM-EPOCH.evidence, which it appends to, in a directory that it makes.
  [[nodiscard]] static Result<std::unique_ptr<EvidenceFile>> open(const std::string& state_directory,
                                                                  const std::string& server, SystemId system,
                                                                  KeyEpoch epoch);
  ~EvidenceFile() override;  // writes what is left

  void keep(const site::Conviction& conviction) override;
  [[nodiscard]] std::vector<site::Conviction> all() const override;
  // Why something could not be written; empty: all was. Any thread.
  [[nodiscard]] std::string trouble() const;

 private:
  EvidenceFile(std::string path, int fd);
  void write_all();

  const std::string path_;
  const int fd_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<site::Conviction> all_;
  std::string trouble_;
  bool ends_ = false;
  std::thread writer_;
};

}  // namespace garrison::node
