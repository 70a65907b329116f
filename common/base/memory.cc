#include "common/base/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "common/base/spare_blocks.h"

namespace twsync {

namespace {

constexpr int64_t kWorthIt = 1 << 20;
constexpr int64_t kNews = kWorthIt / 4;

/// Resident bytes that no file holds; 0 when the kernel doesn't say.
int64_t own_memory() {
  std::ifstream file("/proc/self/statm");
  int64_t whole = 0, resident = 0, shared = 0;
  const bool read = static_cast<bool>(file >> whole >> resident >> shared);
  return read && resident > shared ? (resident - shared) * ::sysconf(_SC_PAGESIZE) : 0;
}

/// What is resident and not in use, but for what was never touched of what is.
int64_t slack() {
  const struct mallinfo2 heap = ::mallinfo2();
  return own_memory() - static_cast<int64_t>(heap.uordblks + heap.hblkhd);
}

}  // namespace

void return_free_memory() {
  // What a first call found in use may be free by the second, without one resident byte more or less: so slack, not
  // size. What no call could give back counts once.
  static std::atomic<int64_t> least{0};
  static std::atomic<int64_t> last{0};
  SpareBlocks::shared().clear();
  const int64_t now = slack();
  if (now < least + kWorthIt || std::abs(now - last) < kNews) return;
  ::malloc_trim(0);
  last = slack();
  least = least == 0 ? last.load() : std::min(least.load(), last.load());
}

void use_one_arena() {
  ::mallopt(M_ARENA_MAX, 1);
}

void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
  ::mallopt(M_TOP_PAD, 4 << 20);
}

}  // namespace twsync
