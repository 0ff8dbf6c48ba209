#include "control/config/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace garrison::config {

namespace {
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20U;
}  // namespace

Result<std::string> read_text_file(const std::string& path, std::string_view advice) {
  const auto unreadable = [&](int error) {
    return Error{fmt::format("{}: cannot be read: {}; {}", path, std::generic_category().message(error), advice)};
  };
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return unreadable(errno);
  std::string text(kMaxFileBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return unreadable(errno);
  if (text.size() > kMaxFileBytes) {
    return Error{fmt::format("{}: larger than {} bytes; {}", path, kMaxFileBytes, advice)};
  }
  return text;
}

}  // namespace garrison::config
