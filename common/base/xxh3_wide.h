#pragma once
// XXH3's long inner loop with 256-bit registers. Used by hasher.cc only.

#include <cstddef>

namespace twsync {

/// XXH3_128bits_update of `state` (an XXH3_state_t) for processors that can; null = this one cannot. The same digest.
using Xxh3Update = void (*)(void* state, const void* bytes, size_t size);
Xxh3Update wide_xxh3_update();

}  // namespace twsync
