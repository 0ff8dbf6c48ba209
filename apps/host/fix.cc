#include "apps/host/fix.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace garrison::host {
namespace {

std::string quoted(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:=,+@").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Step write_step(std::string path, std::string text) {
  Step step;
  step.kind = Step::Kind::write;
  step.path = std::move(path);
  step.text = std::move(text);
  return step;
}

Step append_step(std::string path, std::string text) {
  Step step = write_step(std::move(path), std::move(text));
  step.kind = Step::Kind::append;
  return step;
}

Step run_step(std::vector<std::string> words) {
  Step step;
  step.words = std::move(words);
  return step;
}

std::string shell_text(const Step& step) {
  if (step.kind != Step::Kind::run) {
    return fmt::format("echo{} {} {}", step.text.empty() ? "" : " " + quoted(step.text),
                       step.kind == Step::Kind::write ? ">" : ">>", quoted(step.path));
  }
  std::string text;
  for (const std::string& word : step.words) text += (text.empty() ? "" : " ") + quoted(word);
  return text;
}

Result<void> SystemActions::write(const std::string& path, const std::string& text, bool append) {
  const int flags = append ? O_WRONLY | O_APPEND | O_CREAT : O_WRONLY;
  const int file = ::open(files_.real(path).c_str(), flags | O_CLOEXEC, 0644);
  if (file < 0) return Error{fmt::format("{} cannot be opened: {}", path, reason(errno))};
  const std::string line = text + "\n";
  // One write: what the kernel refuses of a setting, it refuses here.
  const ssize_t wrote = ::write(file, line.data(), line.size());
  const int error = wrote < 0 ? errno : 0;
  ::close(file);
  if (error != 0) return Error{fmt::format("{} refuses \"{}\": {}", path, text, reason(error))};
  if (static_cast<std::size_t>(wrote) != line.size()) return Error{fmt::format("{} took a part of \"{}\"", path, text)};
  return {};
}

Result<void> SystemActions::run(const std::vector<std::string>& words) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments.front(), nullptr, nullptr, arguments.data(), environ);
  if (error != 0) return Error{fmt::format("{} cannot be run: {}", words.front(), reason(error))};
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Error{fmt::format("{}: {}", words.front(), reason(errno))};
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error{WIFEXITED(status) ? fmt::format("{} ended with status {}", words.front(), WEXITSTATUS(status))
                                 : fmt::format("{} was killed by signal {}", words.front(), WTERMSIG(status))};
}

}  // namespace garrison::host
