#pragma once
// What a host says about itself and about where a root lies, as an interface so that tests can change it.

#include <cstdint>
#include <string>

namespace twsync {

/// What cannot be told is empty.
struct MountFacts {
  std::string
      file_system_id;  ///< of the file system itself: outlives a boot, changes when another one is mounted there
  std::string mount;   ///< changes when it is mounted anew; compared only within one boot
};

class HostFacts {
 public:
  virtual ~HostFacts() = default;
  virtual std::string host_name() = 0;
  virtual std::string boot_id() = 0;  ///< changes with every boot; empty = unknown
  virtual int64_t booted_ns() = 0;    ///< wall clock of the last boot, as the clock goes now; 0 = unknown
  virtual MountFacts mount_of(int fd) = 0;
};

/// The kernel's own answers. Any thread.
class SystemHostFacts final : public HostFacts {
 public:
  std::string host_name() override;
  std::string boot_id() override;
  int64_t booted_ns() override;
  MountFacts mount_of(int fd) override;
};

}  // namespace twsync
