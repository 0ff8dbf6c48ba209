#include "apps/node/evidence_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "control/config/names.h"
#include "control/message/messages.h"

namespace garrison::node {

namespace {

std::string reason() {
  std::array<char, 128> text{};
  return strerror_r(errno, text.data(), text.size());
}

std::string hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return text;
}

std::string signer_name(const crypto::Principal& signer) {
  return signer.kind == crypto::Principal::Kind::site
             ? "site " + config::site_name(signer.site)
             : config::server_name(signer.site, ServerId(static_cast<std::uint16_t>(signer.index)));
}

bool write_line(int fd, const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote = write(fd, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return fsync(fd) == 0;
}

}  // namespace

nlohmann::json to_json(const site::Conviction& conviction) {
  nlohmann::json servers = nlohmann::json::array();
  conviction.servers.for_each(
      [&](ServerId server) { servers.push_back(config::server_name(conviction.site, server)); });
  nlohmann::json messages = nlohmann::json::array();
  for (const Bytes& bytes : conviction.evidence) {
    const auto envelope = message::decode_envelope(bytes);
    CHECK(envelope.has_value());  // it was verified, or made here
    messages.push_back({{"name", message::name(envelope->type)},
                        {"signer", signer_name(envelope->envelope.signer)},
                        {"signed", bytes.size() > envelope->content_bytes},
                        {"hex", hex(bytes)}});
  }
  return {{"site", config::site_name(conviction.site)},
          {"servers", std::move(servers)},
          {"offence", name(conviction.offence)},
          {"text", text(conviction.offence)},
          {"messages", std::move(messages)}};
}

Result<std::unique_ptr<EvidenceFile>> EvidenceFile::open(const std::string& state_directory, const std::string& server,
                                                         SystemId system, KeyEpoch epoch) {
  if (mkdir(state_directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{state_directory + ": " + reason() + "; choose another with --state"};
  }
  const std::string path = state_directory + "/" + server + "-" + std::to_string(system.value()) + "-" +
                           std::to_string(epoch.value()) + ".evidence";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return Error{path + ": " + reason()};
  return std::unique_ptr<EvidenceFile>(new EvidenceFile(path, fd));
}

EvidenceFile::EvidenceFile(std::string path, int fd)
    : path_(std::move(path)), fd_(fd), writer_([this] { write_all(); }) {}

EvidenceFile::~EvidenceFile() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  writer_.join();
  close(fd_);
}

void EvidenceFile::keep(const site::Conviction& conviction) {
  {
    const std::lock_guard lock(mutex_);
    all_.push_back(conviction);
  }
  changed_.notify_one();
}

std::vector<site::Conviction> EvidenceFile::all() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

std::string EvidenceFile::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void EvidenceFile::write_all() {
  std::size_t written = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ends_ || written < all_.size(); });
    if (written == all_.size()) return;
    const site::Conviction next = all_[written++];
    lock.unlock();
    const std::string line = to_json(next).dump() + "\n";
    const std::string why = write_line(fd_, line) ? "" : path_ + ": " + reason();
    lock.lock();
    if (!why.empty()) trouble_ = why;
  }
}

}  // namespace garrison::node
