// What only the driver of an interface knows: SIOCETHTOOL. Behind an interface, so that tests need no NIC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace garrison::host {

struct Rings {
  std::uint32_t rx = 0, rx_max = 0;
  std::uint32_t tx = 0, tx_max = 0;
};

struct PauseFrames {
  bool autonegotiated = false;
  bool rx = false;
  bool tx = false;
};

// nullopt: the driver does not tell, or there is no such interface. Any thread.
class Ethtool {
 public:
  Ethtool() = default;
  Ethtool(const Ethtool&) = delete;
  Ethtool& operator=(const Ethtool&) = delete;
  virtual ~Ethtool() = default;
  [[nodiscard]] virtual std::optional<Rings> rings(const std::string& interface) const = 0;
  [[nodiscard]] virtual std::optional<PauseFrames> pause(const std::string& interface) const = 0;
};

// Of this process's network namespace.
class KernelEthtool : public Ethtool {
 public:
  [[nodiscard]] std::optional<Rings> rings(const std::string& interface) const override;
  [[nodiscard]] std::optional<PauseFrames> pause(const std::string& interface) const override;
};

}  // namespace garrison::host
