#include "crypto/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace garrison::crypto {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

Error cannot(const char* action, const std::string& path) {
  const int code = errno;
  return Error{path + ": cannot " + action + ": " + std::generic_category().message(code)};
}

bool write_all(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

// Bytes read until `out` is full or the file ends; none on an error.
std::optional<std::size_t> read_up_to(int fd, MutableBytes out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::read(fd, out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

bool sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const Descriptor directory(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.valid() && ::fsync(directory.get()) == 0;
}

// Everything up to the rename. The umask can only take rights away, so the mode is set once more.
Result<void> write_new(const std::string& path, ByteView content, mode_t mode) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!file.valid() && errno == EEXIST) {
    return Error{path + ": left over from an interrupted run; run: rm " + path};
  }
  if (!file.valid()) return cannot("create", path);
  if (::fchmod(file.get(), mode) != 0 || !write_all(file.get(), content) || ::fsync(file.get()) != 0 || !file.close()) {
    const Error error = cannot("write", path);
    ::unlink(path.c_str());
    return error;
  }
  return {};
}

std::string octal(mode_t mode) {
  char digits[8];
  std::snprintf(digits, sizeof digits, "%04o", static_cast<unsigned>(mode & 07777));
  return digits;
}

Result<void> check_trusted(const std::string& path, const struct stat& status, KeyFileKind kind) {
  if (!S_ISREG(status.st_mode)) return Error{path + ": not a regular file; name the key file itself"};
  const uid_t self = ::geteuid();
  const bool root_may_own = kind == KeyFileKind::open;
  if (status.st_uid != self && !(root_may_own && status.st_uid == 0)) {
    return Error{path + ": owned by user " + std::to_string(status.st_uid) + "; run: chown " + std::to_string(self) +
                 " " + path};
  }
  if (kind == KeyFileKind::secret && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{path + ": others may use this private key (mode " + octal(status.st_mode) + "); run: chmod 600 " +
                 path};
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{path + ": others may change this key file (mode " + octal(status.st_mode) + "); run: chmod go-w " +
                 path};
  }
  return {};
}

}  // namespace

Result<void> create_key_file(const std::string& path, ByteView content, KeyFileKind kind) {
  const std::string fresh = path + ".new";
  const mode_t mode = kind == KeyFileKind::secret ? 0600 : 0644;
  if (const Result<void> written = write_new(fresh, content, mode); !written) return written.error();
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
    const Error error =
        errno == EEXIST ? Error{path + ": exists already; move it away first"} : cannot("rename to it", path);
    ::unlink(fresh.c_str());
    return error;
  }
  if (!sync_directory_of(path)) return cannot("sync the directory of it", path);
  return {};
}

Result<SecretBytes> read_key_file(const std::string& path, std::size_t limit, KeyFileKind kind) {
  // Non-blocking, so that a pipe in place of the file cannot hold us.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return cannot("open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return cannot("examine", path);
  if (const Result<void> trusted = check_trusted(path, status, kind); !trusted) return trusted.error();
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > limit) {
    return Error{path + ": longer than any key file (" + std::to_string(limit) + " bytes); name the right file"};
  }
  SecretBytes content(size);
  std::uint8_t beyond = 0;
  const std::optional<std::size_t> got = read_up_to(file.get(), content.writable());
  const std::optional<std::size_t> more = read_up_to(file.get(), {&beyond, 1});
  if (!got || !more) return cannot("read", path);
  if (*got != size || *more != 0) return Error{path + ": changed while it was read; try again"};
  return content;
}

}  // namespace garrison::crypto
