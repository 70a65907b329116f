#include "common/base/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <fstream>

namespace twsync {

namespace {

constexpr size_t kWorthIt = 4U << 20U;

/// Resident bytes that no file holds; 0 when the kernel doesn't say.
size_t own_memory() {
  std::ifstream file("/proc/self/statm");
  size_t whole = 0, resident = 0, shared = 0;
  const bool read = static_cast<bool>(file >> whole >> resident >> shared);
  return read && resident > shared ? (resident - shared) * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace

void return_free_memory() {
  static std::atomic<size_t> left_over{0};
  if (own_memory() < left_over + kWorthIt) return;
  ::malloc_trim(0);
  left_over = own_memory();
}

}  // namespace twsync
