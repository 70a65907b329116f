#pragma once
// Times as an Entry holds them.

#include <cstdint>

namespace twsync {

/// A time that 64 bits of nanoseconds don't hold counts as the first or last that they do: 1677-09-21 and 2262-04-11.
constexpr int64_t kFirstTime = INT64_MIN;
constexpr int64_t kLastTime = INT64_MAX;
constexpr bool is_exact_time(int64_t ns) {
  return ns != kFirstTime && ns != kLastTime;
}

}  // namespace twsync
