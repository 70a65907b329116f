#include "common/fs/host_facts.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/fs/unique_fd.h"

namespace twsync {

std::string SystemHostFacts::host_name() {
  char buffer[256] = {};
  if (gethostname(buffer, sizeof buffer - 1) != 0) return "unknown";
  return buffer;
}

std::string SystemHostFacts::boot_id() {
  const UniqueFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char buffer[64];
  const ssize_t got = fd ? ::read(fd.get(), buffer, sizeof buffer) : -1;
  std::string id(buffer, got > 0 ? static_cast<size_t>(got) : 0);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace twsync
