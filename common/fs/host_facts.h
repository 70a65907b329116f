#pragma once
// What a host says about itself, as an interface so that tests can change it.

#include <string>

namespace twsync {

class HostFacts {
 public:
  virtual ~HostFacts() = default;
  virtual std::string host_name() = 0;
  virtual std::string boot_id() = 0;  ///< changes with every boot; empty = unknown
};

/// The kernel's own answers. Any thread.
class SystemHostFacts final : public HostFacts {
 public:
  std::string host_name() override;
  std::string boot_id() override;
};

}  // namespace twsync
