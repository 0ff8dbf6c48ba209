#include "dataplane/runtime/system_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace garrison::runtime {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kWhite{" \t\r\n\0", 5};
  const std::size_t last = text.find_last_not_of(kWhite);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

template <typename T>
std::optional<T> whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) { return whole<std::int64_t>(text); }

std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
  std::vector<unsigned> cpus;
  while (!text.empty()) {
    const std::string_view range = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), range.size() + 1));
    const std::size_t dash = range.find('-');
    const auto first = whole<unsigned>(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : whole<unsigned>(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last >= kMaxCpus) return std::nullopt;
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  std::ranges::sort(cpus);
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string cpu_list(const std::vector<unsigned>& ascending) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t end = i + 1;
    while (end < ascending.size() && ascending[end] == ascending[end - 1] + 1) ++end;
    text += (text.empty() ? "" : ",") + std::to_string(ascending[i]);
    if (end > i + 1) text += "-" + std::to_string(ascending[end - 1]);
    i = end;
  }
  return text.empty() ? "none" : text;
}

std::optional<std::string> SystemFiles::text(const std::string& path) const {
  std::error_code error;
  if (std::filesystem::is_directory(real(path), error)) return std::nullopt;
  std::ifstream file(real(path), std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kMaxFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  return std::string(trimmed(text));
}

std::optional<std::int64_t> SystemFiles::number(const std::string& path) const {
  const auto written = text(path);
  return written ? parse_number(*written) : std::nullopt;
}

std::optional<std::vector<unsigned>> SystemFiles::cpus(const std::string& path) const {
  const auto written = text(path);
  return written ? parse_cpu_list(*written) : std::nullopt;
}

std::vector<std::string> SystemFiles::names(const std::string& path) const {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(real(path), error), end; !error && entry != end;
       entry.increment(error)) {
    found.push_back(entry->path().filename());
  }
  std::ranges::sort(found);
  return found;
}

std::optional<std::string> SystemFiles::link(const std::string& path) const {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(real(path), error);
  if (error || target.filename().empty()) return std::nullopt;
  return target.filename();
}

std::optional<std::string> SystemFiles::resolved(const std::string& path) const {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(real(path), error);
  return error ? std::nullopt : std::optional(target.string());
}

bool SystemFiles::exists(const std::string& path) const {
  std::error_code error;
  return std::filesystem::exists(real(path), error);
}

}  // namespace garrison::runtime
