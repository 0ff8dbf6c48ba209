// What would put a machine right, as steps that are shown as the shell has them and carried out without one: names in
// them come from files that people write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/runtime/system_files.h"

namespace garrison::host {

struct Step {
  enum class Kind : std::uint8_t { write, append, run };
  Kind kind = Kind::run;
  std::string path{};                // of write and append
  std::string text{};                // likewise, less the line end
  std::vector<std::string> words{};  // of run: a program and its arguments
  std::vector<Step> undo{};          // when a later step of the same fix fails
};

[[nodiscard]] Step write_step(std::string path, std::string text);
[[nodiscard]] Step append_step(std::string path, std::string text);
[[nodiscard]] Step run_step(std::vector<std::string> words);

// "echo 44 > /sys/...", "ip link set dev eth1 up".
[[nodiscard]] std::string shell_text(const Step& step);

struct Fix {
  std::vector<Step> steps{};           // none: there is only the advice
  std::string advice{};                // what remains for a person; with steps, what to do after them
  std::vector<std::string> touches{};  // interfaces and PCI addresses that the steps change
};

// Who carries steps out.
class Actions {
 public:
  Actions() = default;
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  virtual ~Actions() = default;
  virtual Result<void> write(const std::string& path, const std::string& text, bool append) = 0;
  virtual Result<void> run(const std::vector<std::string>& words) = 0;
};

// On this machine; files below the root.
class SystemActions : public Actions {
 public:
  explicit SystemActions(runtime::SystemFiles files) : files_(std::move(files)) {}
  Result<void> write(const std::string& path, const std::string& text, bool append) override;
  Result<void> run(const std::vector<std::string>& words) override;

 private:
  runtime::SystemFiles files_;
};

}  // namespace garrison::host
