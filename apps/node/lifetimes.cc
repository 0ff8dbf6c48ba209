#include "apps/node/lifetimes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace garrison::node {

namespace {
std::string reason() {
  std::array<char, 128> text{};
  return strerror_r(errno, text.data(), text.size());
}

Result<void> sync_directory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const std::string why = synced ? "" : reason();
  if (fd >= 0) close(fd);
  if (!synced) return Error{directory + ": " + why};
  return {};
}
}  // namespace

Result<void> begin_life(const std::string& state_directory, const std::string& server, SystemId system,
                        KeyEpoch epoch) {
  if (mkdir(state_directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{state_directory + ": " + reason() + "; choose another with --state"};
  }
  const std::string path = state_directory + "/" + server + "-" + std::to_string(system.value()) + "-" +
                           std::to_string(epoch.value()) + ".ran";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) {
    return Error{server + " has run before under these keys (" + path +
                 "), and what it promised then was not kept on disk; to start the site afresh, deal new keys with a "
                 "higher [crypto] key_epoch for all servers"};
  }
  if (fd < 0) return Error{path + ": " + reason()};
  const std::string note = server + " has run\n";
  const bool written = write(fd, note.data(), note.size()) == static_cast<ssize_t>(note.size()) && fsync(fd) == 0;
  const std::string why = written ? "" : reason();
  close(fd);
  if (!written) {
    unlink(path.c_str());
    return Error{path + ": " + why};
  }
  return sync_directory(state_directory);
}

}  // namespace garrison::node
