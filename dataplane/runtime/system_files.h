// What the kernel says of the machine in /sys and /proc, read below a root that tests choose. Files come and go with
// drivers and kernels, so every answer may be missing, and what cannot be understood counts as missing.
//
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace garrison::runtime {

inline constexpr unsigned kMaxCpus = 4096;  // in a list of the kernel

class SystemFiles {
 public:
  SystemFiles() = default;
  explicit SystemFiles(std::string root) : root_(std::move(root)) {}

  // `path` is as on the machine: "/proc/cmdline". The text comes without white space at its end, and is cut at 1 MiB.
  [[nodiscard]] std::optional<std::string> text(const std::string& path) const;
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& path) const;
  // "0-3,8", ascending; an empty file is an empty list.
  [[nodiscard]] std::optional<std::vector<unsigned>> cpus(const std::string& path) const;
  // Of a directory, sorted; empty when there is none.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;
  // The last component of what a symbolic link points to.
  [[nodiscard]] std::optional<std::string> link(const std::string& path) const;
  // Where it is once every symbolic link is followed, below the root.
  [[nodiscard]] std::optional<std::string> resolved(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
  [[nodiscard]] std::string real(const std::string& path) const { return root_ + path; }

 private:
  std::string root_;
};

[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);
// nullopt: not a list of CPUs below kMaxCpus.
[[nodiscard]] std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text);
[[nodiscard]] std::string cpu_list(const std::vector<unsigned>& ascending);  // "0-3,8"; "none"

}  // namespace garrison::runtime
