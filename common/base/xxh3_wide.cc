// Compiled with -mavx2 (CMakeLists.txt), where there is that. Nothing but xxHash and plain calls in this file: an
// inline function of another header, compiled here for newer processors, might be the copy that the linker keeps for
// all.
#include "common/base/xxh3_wide.h"

#ifdef __AVX2__
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace twsync {

namespace {

void update(void* state, const void* bytes, size_t size) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

}  // namespace

Xxh3Update wide_xxh3_update() {
  return __builtin_cpu_supports("avx2") ? update : nullptr;
}

}  // namespace twsync
#else
namespace twsync {

Xxh3Update wide_xxh3_update() {
  return nullptr;
}

}  // namespace twsync
#endif
